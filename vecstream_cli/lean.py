"""What a process of our own leaves out of what a library imports on behalf of others."""

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_ours = False
_one_task = False


def this_process_is_ours(*, one_task: bool = False) -> None:
    """Say that only vecstream's code runs here, so that `leave_out` and `put_off` may act.

    `one_task`: nor will it import anything but what a stage of the ring needs.
    """
    global _ours, _one_task
    _ours, _one_task = True, one_task


def leave_out(*, hollow: str, absent: str) -> None:
    """From here on the package `hollow` has nothing in it, and `absent` is as if not installed.

    Whatever is imported from a hollow package is a class that cannot be instantiated: enough for
    annotations. A package is absent only in a process of one task: where transformers, say, finds
    pandas installed, it insists on it. In a process that is not ours nothing changes.
    """
    if _ours and not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder(hollow, absent if _one_task else None))


def put_off(name: str) -> None:
    """The module `name`, which a library imports for its sake alone, is not loaded by that.

    It is at the first look into it, or by `bring_in`, which whoever needs more of the library
    calls first. In a process that is not ours nothing changes.
    """
    if _ours:
        sys.modules.setdefault(name, _PutOff(name))


def bring_in(name: str) -> None:
    """Load the module `name` now, where it was put off and this release of the library has it."""
    if isinstance(sys.modules.get(name), _PutOff):
        del sys.modules[name]
        if importlib.util.find_spec(name) is not None:
            importlib.import_module(name)


class _PutOff(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        bring_in(self.__name__)
        return getattr(sys.modules[self.__name__], name)


class _Finder(MetaPathFinder):
    def __init__(self, hollow: str, absent: str | None) -> None:
        self._hollow = hollow
        self._absent = absent

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package = name.partition(".")[0]
        if package == self._absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return ModuleSpec(name, _Hollow(), is_package=True) if package == self._hollow else None


class _Hollow(Loader):
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _HollowModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing in it."""


class _HollowModule(ModuleType):
    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        left_out = type(name, (), {"__module__": self.__name__, "__init__": _refuse})
        setattr(self, name, left_out)
        return left_out


def _refuse(self: object, *_: Any, **__: Any) -> None:
    raise NotImplementedError(f"{type(self).__qualname__} was left out of this process.")

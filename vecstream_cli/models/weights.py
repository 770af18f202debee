"""Model weights by name, mapped from their files and not read before they are used."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from vecstream_cli.errors import ModelError

# Checkpoints converted from TensorFlow name the parts of a layer norm so.
_RENAMED = ((".gamma", ".weight"), (".beta", ".bias"))


class Weights(Mapping[str, torch.Tensor]):
    """The tensors of a model's files, less the prefix that a task head puts before them.

    A tensor of a safetensors file is a view of the mapped file: clean pages that processes share
    and the kernel may drop. They stay counted in the process as long as any of their file's
    tensors lives; so open a second `Weights` for what is only read once.
    """

    def __init__(self, files: Sequence[Path], *, anchor: str | None = None) -> None:
        """`anchor` is a name that every such model has, to find the prefix by."""
        self._tensors: dict[str, Any] = {}
        self._stack = ExitStack()
        for file in files:
            try:
                self._open(file)
            except Exception as error:  # whatever a library says of a damaged file
                raise ModelError(
                    f"The weights {file} cannot be read: {error}.",
                    hint="Fetch the model again.",
                ) from error
        prefix = ""
        if anchor is not None:
            heads = (name.removesuffix(anchor) for name in self._tensors if name.endswith(anchor))
            prefix = next(heads, "")
        self._names = {_renamed(k.removeprefix(prefix)): k for k in self._tensors}

    def _open(self, file: Path) -> None:
        if file.suffix == ".safetensors":
            from safetensors import safe_open

            handle = self._stack.enter_context(safe_open(file, framework="pt", device="cpu"))
            self._tensors.update(dict.fromkeys(handle.keys(), handle))
        else:
            loaded = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
            self._tensors.update({key: {key: tensor} for key, tensor in loaded.items()})

    def __getitem__(self, name: str) -> torch.Tensor:
        key = self._names[name]
        holder = self._tensors[key]
        tensor: torch.Tensor = holder[key] if isinstance(holder, dict) else holder.get_tensor(key)
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _renamed(name: str) -> str:
    for old, new in _RENAMED:
        if name.endswith(old):
            return name.removesuffix(old) + new
    return name

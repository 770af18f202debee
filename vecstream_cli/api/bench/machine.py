"""This machine and the libraries on it, as a benchmark records them."""

import contextlib
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from vecstream_cli.core.benchmark import Host
from vecstream_cli.pipeline.memory import this_machine
from vecstream_cli.settings import cores

_LIBRARIES = (
    "vecstream", "torch", "transformers", "tokenizers", "numpy", "pyarrow", "lancedb", "pypdfium2",
    "selectolax", "trafilatura", "markdown-it-py", "psutil",
)  # fmt: skip
_GPUS = Path("/proc/driver/nvidia/gpus")


def host() -> Host:
    """The machine that this process runs on."""
    memory = psutil.virtual_memory().total
    allowed = this_machine().memory
    return Host(
        cpu=_cpu(),
        cores=cores(),
        memory_bytes=memory,
        cgroup_bytes=allowed if allowed < memory else None,
        system=f"{_system()}, {platform.system()} {platform.release()} {platform.machine()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        gpu=_gpu(),
        load=round(os.getloadavg()[0], 2),
    )


def versions() -> dict[str, str]:
    """What is installed of the libraries that the work is done by."""
    found = {}
    for name in _LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _cpu() -> str:
    for line in _lines(Path("/proc/cpuinfo")):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine() or "unknown"


def _system() -> str:
    with contextlib.suppress(OSError):
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return platform.system()


def _gpu() -> str | None:
    """The names of NVIDIA cards, from the driver itself: no library is loaded for it."""
    names = [
        line.split(":", 1)[1].strip()
        for file in sorted(_GPUS.glob("*/information"))
        for line in _lines(file)
        if line.startswith("Model:")
    ]
    return ", ".join(names) or None


def _lines(file: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    return []

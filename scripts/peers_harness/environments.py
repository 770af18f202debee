"""One virtual environment for each library, made once and kept in the cache folder."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from peers_harness.contenders import REPOSITORY, Environment

# Named in the results; everything else follows from these.
_TOLD = (
    *("embed_anything", "fastembed", "lancedb", "llama-index-core", "onnxruntime", "pypdf"),
    *("sentence-transformers", "torch", "transformers"),
)


class Unwanted(RuntimeError):
    """An environment got what it must not have, such as a CUDA build."""


def make(environment: Environment, folder: Path) -> Path:
    """The environment's folder below `folder`, installed unless it already is as wanted."""
    home = folder / environment.name
    limits = _limits(environment)
    wanted = hashlib.sha256("\n".join((*environment.packages, *limits)).encode()).hexdigest()
    stamp = home / "installed"
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return home
    subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
    constraints = home / "constraints.txt"
    constraints.write_text("".join(f"{line}\n" for line in limits), "utf-8")
    python = home / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", str(constraints), *environment.packages], check=True)
    cuda = [name for name in versions(python, every=True) if name.lower().startswith("nvidia")]
    if cuda:
        raise Unwanted(f"{environment.name}: pip chose a CUDA build ({', '.join(cuda)})")
    stamp.write_text(wanted, "utf-8")
    return home


def versions(python: Path, *, every: bool = False) -> dict[str, str]:
    """What is installed beside `python`, by name; without `every` only what results name."""
    listing = [str(python), "-m", "pip", "list", "--disable-pip-version-check", "--format", "json"]
    printed = subprocess.run(listing, check=True, capture_output=True, text=True).stdout
    found = {package["name"]: package["version"] for package in json.loads(printed)}
    return {name: v for name, v in found.items() if every or name in _TOLD}


def _limits(environment: Environment) -> list[str]:
    """The lines of constraints.txt that hold for this environment."""
    lines = (REPOSITORY / "constraints.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line.partition("==")[0] in environment.pinned]

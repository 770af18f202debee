"""One encoder serves several threads at once, each with a CPU thread of its own."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from tiny_models import sentence_model

from vecstream_cli.models.encoder import Encoder
from vecstream_cli.models.spec import read_spec

LANES = 4


@pytest.fixture(autouse=True)
def _hurried_threads():
    """Threads change places as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.parametrize("kind", ["bert", "mpnet", "electra"])
def test_threads_get_the_vectors_that_one_thread_gets(tmp_path, kind):
    spec = read_spec(sentence_model(tmp_path / "m", kind))
    random = np.random.default_rng(2)
    batches = [
        [random.integers(4, 14, size=n, dtype=np.int32) for n in random.integers(1, 60, size=5)]
        for _ in range(40)
    ]
    alone = Encoder.load(spec, device="cpu", threads=1)
    expected = [alone.embed(batch) for batch in batches]
    shared = Encoder.load(spec, device="cpu", threads=1)

    with ThreadPoolExecutor(LANES) as lanes:
        made = list(lanes.map(shared.embed, batches))

    for ours, theirs in zip(made, expected, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


_LANES = f"""
import os, sys, threading
import torch
from pathlib import Path
from vecstream_cli.models.encoder import Encoder
from vecstream_cli.models.spec import read_spec

os.sched_getaffinity = lambda pid: range(8)  # as on a machine of more cores than this one
encoder = Encoder.load(read_spec(Path(sys.argv[1])), device="cpu", threads=1)
ids = [torch.full((60,), 5, dtype=torch.int32)] * 200
before = len(os.listdir("/proc/self/task"))
barrier = threading.Barrier({LANES} + 1)

def lane():
    encoder.embed(ids)
    barrier.wait()  # all have computed
    barrier.wait()  # the threads have been counted

for _ in range({LANES}):
    threading.Thread(target=lane).start()
barrier.wait()
print(len(os.listdir("/proc/self/task")) - before)
barrier.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_a_lane_starts_no_threads_of_its_own(tmp_path):
    folder = sentence_model(tmp_path / "m")
    command = [sys.executable, "-c", _LANES, str(folder)]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={"OMP_NUM_THREADS": "8"}
    )

    assert int(done.stdout) == LANES

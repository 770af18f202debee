"""The ceiling holds, measured from outside; what eats memory or time costs itself alone."""

import re
import threading
import zlib
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import pytest
from conftest import Finished, Running, Vecstream, write_documents

MIB = 1 << 20
CEILING = 1300 * MIB
# Of the shorter run's own memory. The longer one meets more of the 15 sizes that a batch can have,
# and oneDNN keeps about a MiB for each.
GROWTH = 0.08
TIMES = 50

pytestmark = pytest.mark.timeout(400)  # seconds on a quiet machine, minutes on a busy one

SLOW_ADAPTER = f"""
import time
from vecstream_cli.adapters.lance.adapter import LanceAdapter

def slowed(method):
    def call(self, batch):
        began = time.monotonic()
        method(self, batch)
        # bounded, for a machine so busy that writing is slow by itself
        time.sleep(min({TIMES - 1} * (time.monotonic() - began), 1.0))
    return call

class SlowAdapter(LanceAdapter):
    name = "slow"
    append = slowed(LanceAdapter.append)
    merge = slowed(LanceAdapter.merge)
"""


class Meter(threading.Thread):
    """Sums the PSS of a run's whole process tree every 50 ms; the arena counts once, in full.

    `own` leaves out the pages of program files, whose share depends on what else runs on this
    machine and maps the same libraries: it is what can be compared with another run.
    """

    def __init__(self, run: Running) -> None:
        super().__init__(name="meter", daemon=True)
        self._root = psutil.Process(run.pid)
        self._over = threading.Event()
        self.peak = self.own = self.samples = 0

    def run(self) -> None:
        while not self._over.wait(0.05):
            total, own = self._sum()
            self.peak, self.own = max(self.peak, total), max(self.own, own)
            self.samples += 1

    def _sum(self) -> tuple[int, int]:
        total = own = 0
        try:
            tree = [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return 0, 0
        for process in tree:
            try:
                rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
            except OSError:  # it ended since it was listed
                continue
            kib = {name: int(size) for name, size in re.findall(r"(\w+): +(\d+) kB", rollup)}
            total += kib.get("Pss", 0) << 10
            own += (kib.get("Pss_Anon", 0) + kib.get("Pss_Shmem", 0)) << 10
        return total, own

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self.join()


def measured(
    vecstream: Vecstream, *arguments: str | Path, **environment: str
) -> tuple[Finished, Meter]:
    """A run under the ceiling to its end, and what it took."""
    limit = ["--max-memory", f"{CEILING // MIB}M"]
    run = vecstream.start(*arguments, *limit, **environment)
    with Meter(run) as meter:
        done = run.finish(180)
    assert meter.samples > 20
    assert meter.peak < CEILING
    print(f"peak {meter.peak / MIB:.0f} MiB, own {meter.own / MIB:.0f} MiB: {done.summary}")
    return done, meter


def chunks(done: Finished) -> int:
    written = done.summary["chunks_written"]
    assert isinstance(written, int)
    return written


def test_ten_times_the_documents_take_no_more_memory(vecstream: Vecstream) -> None:
    few, many = vecstream.folder / "few", vecstream.folder / "many"
    write_documents(few, 40, words=4000)
    write_documents(many, 400, words=4000)

    one = ["--parsers", "1"]  # the shorter run is over before it needs a second

    small, low = measured(vecstream, few, *one)
    vecstream.database = vecstream.folder / "many.lance"
    large, high = measured(vecstream, many, *one)

    assert (small.code, large.code) == (0, 0), small.err + large.err
    assert chunks(large) > 9 * chunks(small)
    assert high.own - low.own < GROWTH * low.own
    # and the run's own account of it is true
    assert high.peak == pytest.approx(large.summary["peak_memory_bytes"], rel=0.1)
    assert large.summary["max_memory_bytes"] == CEILING


@pytest.mark.thorough
def test_with_a_writer_slowed_fifty_times_the_others_wait_for_it(vecstream: Vecstream) -> None:
    docs = vecstream.folder / "docs"
    write_documents(docs, 40, words=4000)
    package = vecstream.folder / "package"
    (package / "slow-0.dist-info").mkdir(parents=True)
    (package / "slow_adapter.py").write_text(SLOW_ADAPTER)
    (package / "slow-0.dist-info" / "METADATA").write_text("Name: slow\nVersion: 0\n")
    (package / "slow-0.dist-info" / "entry_points.txt").write_text(
        "[vecstream.adapters]\nslow = slow_adapter:SlowAdapter\n"
    )

    quick, low = measured(vecstream, docs, "--buffer", "8")
    vecstream.database = vecstream.folder / "slow.lance"
    slow, high = measured(vecstream, docs, "--buffer", "8", "--db", "slow", PYTHONPATH=str(package))

    assert slow.code == 0, slow.err
    assert chunks(slow) == chunks(quick) == len(vecstream.rows("id"))
    assert high.own - low.own < GROWTH * low.peak
    # again and again every slot waits to be written, and a parser that is reading for a slot
    full = [line for line in slow.lines if line.get("slots_free") == 0 and line["stage"] == "write"]
    assert len(full) >= 3
    assert any(line["current"] and line["slots_parsing"] == 0 for line in full)


def test_a_decompression_bomb_costs_its_own_document_and_nothing_else(
    vecstream: Vecstream,
) -> None:
    docs = vecstream.folder / "docs"
    write_documents(docs, 20, words=1000)
    (docs / "bomb.pdf").write_bytes(bomb(1500))
    assert (docs / "bomb.pdf").stat().st_size < 8 * MIB

    done, _ = measured(vecstream, docs)

    assert (done.code, done.err) == (3, "")
    assert (done.summary["documents_new"], done.summary["documents_failed"]) == (20, 1)
    (failure,) = (line for line in done.lines if line.get("outcome") == "failed")
    assert failure["path"] == "bomb.pdf"
    assert failure["reason"] == "crashed"  # PDFium takes a refusal of memory badly
    assert {row["path"] for row in vecstream.rows("path")} == {
        path.name for path in docs.glob("*.md")
    }
    assert_set_aside(vecstream, docs)


def test_a_document_that_makes_no_progress_is_set_aside_after_its_second_try(
    vecstream: Vecstream,
) -> None:
    """An extractor ponders so many paragraphs for six times as long, without a word."""
    docs = vecstream.folder / "docs"
    write_documents(docs, 5)
    (docs / "slow.html").write_text("<html><body>" + "<p>a</p>" * 200_000 + "</body></html>")

    done = vecstream.index(docs, "--document-timeout", "3")

    assert done.code == 3, done.err
    assert done.summary["documents_new"] == 5
    assert done.summary["parsers_replaced"] == 2
    (tried,) = (line for line in done.lines if line["type"] == "notice")
    (failure,) = (line for line in done.lines if line.get("outcome") == "failed")
    assert (tried["path"], tried["reason"]) == ("slow.html", "timeout")
    assert (failure["path"], failure["reason"]) == ("slow.html", "timeout")
    assert "no progress for 3 s" in failure["message"]
    assert_set_aside(vecstream, docs)


def assert_set_aside(vecstream: Vecstream, docs: Path) -> None:
    """One more run does not open the document that failed, and says so."""
    again = vecstream.index(docs)
    assert again.code == 0, again.out
    assert again.summary["documents_quarantined"] == 1
    assert again.summary["documents_unchanged"] == len(list(docs.iterdir())) - 1
    assert again.summary["parsers_replaced"] == again.summary["chunks_written"] == 0


def bomb(mebibytes: int) -> bytes:
    """A PDF of one page whose content inflates to so many MiB of text operators."""
    line = b"BT /F1 12 Tf 72 700 Td (ring holds slots) Tj ET\n"
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(line * (MIB // len(line))) + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush the same bytes may be repeated; PDFium does not ask for the checksum.
    content = b"\x78\xda" + piece * mebibytes + packer.flush()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 6\n0000000000 65535 f \n"
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(out) + b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % table

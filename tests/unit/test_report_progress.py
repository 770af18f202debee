"""The live lines fit any terminal, tell the truth, and leave nothing behind."""

import re

import pytest
from reports import HALFWAY, HOSTILE, STARTED, console, progress, written
from rich.cells import cell_len

from vecstream_cli.pipeline.events import Stage
from vecstream_cli.report.pace import Pace, Speeds, fraction
from vecstream_cli.report.progress import LiveProgress, lines

SPEEDS = Speeds(chunks=412.0, tokens=63_100.0, seconds_left=42.0)


def shown(width: int, **changes: object) -> str:
    return "\n".join(line.plain for line in lines(progress(**changes), SPEEDS, width))


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    long = progress(current=("日本語/" * 40 + HOSTILE,), documents_pending=10**9, tokens=10**12)
    for line in lines(long, SPEEDS, width):
        assert cell_len(line.plain) <= width


def test_at_100_columns_a_person_sees_everything_in_four_lines() -> None:
    text = shown(100)
    assert text.count("\n") == 3
    for fact in (
        "61%",
        "42 s left",
        "1,204 of 1,970 documents, 2 failed",
        "412/s, 63.1k tokens/s",
        "812 MiB of 2.0 GiB",
        "9 of 16 slots",
        "embedding is the slowest: embedding 3 batches",
        "rotating-the-keys.md",
    ):
        assert fact in text


def test_at_60_columns_nothing_is_lost_but_the_beginning_of_the_path() -> None:
    text = shown(60)
    for fact in ("61%", "42 s left", "2 failed", "63.1k", "2.0 GiB", "9 of 16", "the-keys.md"):
        assert fact in text


def test_while_the_scan_goes_on_there_is_no_percentage_to_believe() -> None:
    text = shown(100, scan_done=False, stage=Stage.SCAN)
    assert "%" not in text
    assert "1,970 files found" in text


def test_before_anything_moves_there_is_one_line_and_no_row_of_zeros() -> None:
    text = shown(60, stage=Stage.STARTING, scanned=0, waiting_for="opening the database")
    assert text == "Starting: opening the database, 1 min 00 s"


def test_a_path_that_the_reason_names_is_not_said_twice() -> None:
    text = shown(200, waiting_for="reading a/b.md", current=("a/b.md",))
    assert text.count("a/b.md") == 1


def test_a_path_being_read_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in shown(200, current=(HOSTILE,), waiting_for=HOSTILE)


def test_memory_near_the_ceiling_is_red() -> None:
    calm, tight = progress(), progress(memory_bytes=HALFWAY.max_memory_bytes - 1)
    styles = [
        {str(span.style) for line in lines(each, SPEEDS, 100) for span in line.spans}
        for each in (calm, tight)
    ]
    assert "cyan" in styles[0]
    assert "cyan" not in styles[1]


def test_a_terminal_without_unicode_gets_ascii() -> None:
    text = "".join(line.plain for line in lines(HALFWAY, SPEEDS, 60, ascii_only=True))
    assert text.isascii()


def test_a_run_that_reuses_vectors_says_how_many() -> None:
    assert "18,220 chunks embedded, 1,500 reused, 412/s" in shown(100, chunks_reused=1500)
    assert "18,220 chunks, 412/s" in shown(100)


def test_the_lines_are_gone_when_the_run_is_over() -> None:
    # given a terminal
    target = console(80, terminal=True)
    live = LiveProgress(target)
    # when a run is shown and ends
    live.hear(STARTED)
    live.hear(HALFWAY)
    live.close()
    # then the cursor is back where it began, visible, and the lines are erased
    text = written(target)
    assert "61%" in text
    assert text.endswith(("\x1b[?25h", "\x1b[2K"))
    assert "\x1b[?25h" in text
    assert len(re.findall(r"\x1b\[1A", text)) >= 3


def test_closing_before_anything_was_shown_draws_nothing() -> None:
    target = console(80, terminal=True)
    LiveProgress(target).close()
    assert "\n" not in written(target)


def test_speeds_are_those_of_the_last_seconds_not_of_the_whole_run() -> None:
    pace = Pace()
    # given a run that embeds 100 chunks a second for a minute, then 10
    chunks = 0
    for second in range(90):
        speeds = pace.update(progress(seconds=float(second), chunks_embedded=chunks, tokens=chunks))
        chunks += 100 if second < 60 else 10
    assert speeds.chunks == pytest.approx(10)
    assert speeds.tokens == pytest.approx(10)


def test_time_left_follows_from_the_bytes_that_are_left() -> None:
    pace = Pace()
    for second in range(11):
        speeds = pace.update(
            progress(seconds=float(second), bytes_done=1000 * second, bytes_total=30_000)
        )
    assert speeds.seconds_left == pytest.approx(20)


@pytest.mark.parametrize(
    "changes", [{"scan_done": False}, {"bytes_done": 0}, {"seconds": 1.0}, {"bytes_done": 10**9}]
)
def test_time_left_is_unknown_until_something_is_known(changes: dict[str, object]) -> None:
    pace = Pace()
    pace.update(progress(seconds=0.0, bytes_done=0))
    assert pace.update(progress(**({"seconds": 10.0} | changes))).seconds_left is None


def test_a_stalled_run_shows_no_speed() -> None:
    pace = Pace()
    for second in range(30):
        speeds = pace.update(progress(seconds=float(second)))
    assert speeds.chunks == 0


def test_pace_remembers_little_of_a_long_run() -> None:
    pace = Pace()
    for step in range(10_000):
        pace.update(progress(seconds=step / 10))
    assert len(pace._samples) < 200


def test_nothing_counts_as_more_than_done() -> None:
    assert fraction(progress(bytes_done=2, bytes_total=1, documents_pending=0)) == 1.0
    assert fraction(progress(bytes_done=2, bytes_total=1, documents_pending=1)) == 0.99
    assert fraction(progress(bytes_total=0)) is None

"""What a run leaves on paper: plain lines, JSON lines, the closing summary."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from reports import DONE, FAILED, HALFWAY, HOSTILE, NEW, PAGE_LOST, STARTED, console, written

from vecstream_cli.errors import CollectionNotFound, ExitCode
from vecstream_cli.pipeline.events import Event, Summary
from vecstream_cli.report.jsonl import JsonLines
from vecstream_cli.report.plain import PlainLines
from vecstream_cli.report.streams import Guarded
from vecstream_cli.report.summary import print_summary
from vecstream_cli.report.tally import SHOWN, Tally


def plain(*events: Event, only_failures: bool = False) -> list[str]:
    target = console(10_000)
    lines = PlainLines(lambda line: target.print(line), only_failures=only_failures)
    for event in events:
        lines.hear(event)
    return written(target).splitlines()


def json_lines(*events: Event, code: ExitCode = ExitCode.DONE, **options: Any) -> list[Any]:
    stream = io.StringIO()
    lines = JsonLines(Guarded(stream), **options)
    for event in events:
        lines.hear(event)
    lines.close(code)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def summary(*events: Event, code: ExitCode = ExitCode.DONE, width: int = 100) -> str:
    target = console(width)
    tally = Tally()
    for event in events:
        tally.hear(event)
    print_summary(target, tally, code)
    return written(target)


# Plain lines


def test_a_log_gets_the_plan_the_failures_and_the_notices() -> None:
    lines = plain(STARTED, NEW, FAILED, PAGE_LOST)
    assert [line.split(" ")[0] for line in lines] == ["Indexing", "failed", "notice"]
    assert lines[1] == "failed /data/docs/secret.pdf: encrypted: The document is encrypted."


def test_a_log_gets_one_line_a_minute_of_where_the_run_stands() -> None:
    quarters = [replace(HALFWAY, seconds=float(second)) for second in range(0, 181, 15)]
    lines = plain(*quarters)
    assert [line.split(":")[0] for line in lines] == ["1 min 00 s", "2 min 00 s", "3 min 00 s"]


def test_a_quiet_log_gets_only_what_failed() -> None:
    assert plain(STARTED, NEW, HALFWAY, FAILED, PAGE_LOST, only_failures=True) == [
        "failed /data/docs/secret.pdf: encrypted: The document is encrypted."
    ]


def test_a_hostile_name_or_message_takes_one_harmless_line_of_a_log() -> None:
    lines = plain(replace(FAILED, path=HOSTILE, reason=HOSTILE, message=HOSTILE))
    assert len(lines) == 1
    assert "\x1b" not in lines[0]
    assert "\x9b" not in lines[0]


# JSON lines


def test_every_kind_of_line_is_one_object_and_the_summary_is_the_last() -> None:
    lines = json_lines(STARTED, HALFWAY, NEW, FAILED, PAGE_LOST, DONE)
    kinds = ["status", "status", "document", "document", "notice", "summary"]
    assert [line["type"] for line in lines] == kinds
    assert lines[3]["outcome"] == "failed"
    assert lines[3]["reason"] == "encrypted"


def test_the_summary_has_every_field_of_the_run() -> None:
    last = json_lines(DONE, code=ExitCode.DOCUMENTS_FAILED)[-1]
    assert last == {"type": "summary"} | DONE.as_dict()


def test_the_exit_code_of_the_summary_is_the_one_the_command_ends_with() -> None:
    # given a run whose summary was fine, when its command fails after that
    last = json_lines(replace(DONE, exit_code=0), code=ExitCode.FAILED)[-1]
    assert last["exit_code"] == 1


def test_where_the_run_stands_is_said_once_a_second_at_most() -> None:
    tenths = [replace(HALFWAY, seconds=second / 10) for second in range(50)]
    assert len(json_lines(*tenths)) == 5 + 1


def test_statuses_can_be_left_out() -> None:
    lines = json_lines(STARTED, HALFWAY, FAILED, statuses=False)
    assert [line["type"] for line in lines] == ["document", "summary"]


def test_the_lines_are_ascii_whatever_a_document_holds() -> None:
    stream = io.StringIO()
    JsonLines(Guarded(stream)).hear(replace(FAILED, path=HOSTILE, message="日本語\u2028"))
    assert stream.getvalue().isascii()
    assert stream.getvalue().count("\n") == 1
    assert json.loads(stream.getvalue())["message"] == "日本語\u2028"


def test_a_name_that_is_not_utf_8_is_valid_json() -> None:
    name = b"caf\xe9.md".decode("utf-8", "surrogateescape")
    line = json_lines(replace(FAILED, path=name))[0]
    assert line["path"] == r"caf\xe9.md"


def test_an_error_line_says_what_and_what_to_do() -> None:
    stream = io.StringIO()
    JsonLines(Guarded(stream)).error(CollectionNotFound("There is no collection x."))
    line = json.loads(stream.getvalue())
    assert (line["type"], line["error"], line["exit_code"]) == ("error", "CollectionNotFound", 10)
    assert line["message"] == "There is no collection x."
    assert line["hint"]


# The closing summary


def test_the_summary_tells_what_happened_to_every_document() -> None:
    text = summary(STARTED, FAILED, DONE, code=ExitCode.DOCUMENTS_FAILED)
    for fact in (
        "Indexed 1,216 documents in 4 min 12 s",
        "/data/vecstream.lance · collection documents",
        "1,204 new · 12 changed · 750 unchanged · 3 removed · 1 failed",
        "18,220 written · 18,000 embedded · 220 reused · 130 deleted",
        "2,861,022 · 11.4k tokens/s",
        "embedding 98% of the time · reading 31% · writing 2% · embedding set the pace",
        "1.3 GiB at the peak · ceiling 2.0 GiB",
        "/data/docs/secret.pdf  encrypted  The document is encrypted.",
    ):
        assert fact in text


def test_a_rerun_that_did_nothing_says_so() -> None:
    text = summary(STARTED, Summary(documents_unchanged=1970, seconds=0.8))
    assert text.startswith("Nothing new: nothing was embedded")
    assert "1,970 unchanged" in text
    assert "chunks" not in text


def test_an_empty_folder_is_nothing_to_index() -> None:
    assert summary(STARTED, Summary()) == "Nothing to index.\n"
    assert summary(STARTED, Summary(documents_skipped=1)) == "Nothing to index (1 file skipped).\n"


def test_an_interrupted_run_says_that_its_work_is_kept() -> None:
    text = summary(STARTED, replace(DONE, exit_code=130), code=ExitCode.INTERRUPT)
    assert text.startswith("Interrupted after 4 min 12 s; what was written is kept.")


def test_a_run_whose_time_was_over_says_that_it_is_not_done() -> None:
    text = summary(STARTED, replace(DONE, exit_code=0, stopped="max-duration"))
    assert text.startswith("Stopped after 4 min 12 s (--max-duration); the next run goes on.")


def test_a_failed_run_never_looks_like_a_success() -> None:
    text = summary(STARTED, replace(DONE, exit_code=0), code=ExitCode.FAILED)
    assert text.startswith("Failed after")


def test_held_deletions_are_explained() -> None:
    held = Summary(documents_unchanged=5, deletions_held=21, exit_code=25)
    assert "21 deletions held back" in summary(STARTED, held, code=ExitCode.DELETIONS_HELD)


def test_of_many_failures_the_first_are_named_and_the_rest_counted() -> None:
    failures = [replace(FAILED, path=f"{n}.pdf") for n in range(SHOWN + 5)]
    text = summary(STARTED, *failures, replace(DONE, documents_failed=SHOWN + 5))
    assert f"{SHOWN + 5} documents failed" in text
    assert text.count(".pdf") == SHOWN
    assert f"and 5 more ({SHOWN + 5} encrypted in all)" in text
    assert "vecstream status" in text


@pytest.mark.parametrize("width", [40, 60, 100])
def test_the_summary_fits_the_terminal_and_leaves_no_blanks_behind(width: int) -> None:
    long = replace(FAILED, path="long/" * 30, message="word " * 100)
    text = summary(STARTED, long, PAGE_LOST, DONE, width=width)
    assert all(len(line) <= width for line in text.splitlines())
    assert all(line == line.rstrip() for line in text.splitlines())


def test_a_hostile_name_cannot_steer_the_terminal_from_the_summary() -> None:
    text = summary(
        replace(STARTED, collection=HOSTILE, database="/" + HOSTILE),
        replace(FAILED, path=HOSTILE, reason=HOSTILE, message=HOSTILE),
        replace(PAGE_LOST, path=HOSTILE, reason=HOSTILE, message=HOSTILE),
        DONE,
    )
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert "\u202e" not in text

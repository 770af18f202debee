"""What `status` shows of each collection."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import cast

from rich.console import Console
from rich.text import Text

from vecstream_cli.errors import ExitCode
from vecstream_cli.report.escape import one_line, printable
from vecstream_cli.report.figures import count, duration, moment, plural, size
from vecstream_cli.report.layout import print_listing, print_row
from vecstream_cli.report.places import folder, place
from vecstream_cli.state.entries import FailedDocument, RunRecord
from vecstream_cli.state.overview import CollectionOverview

_SHOWN = 20  # failures of a collection on a terminal; --json has them all


def print_collections(console: Console, collections: Sequence[CollectionOverview]) -> None:
    """One block a collection."""
    for number, collection in enumerate(collections):
        if number:
            console.print()
        name, where = printable(collection.name), folder(collection.database)
        console.print(Text.assemble((name, "bold"), (f"  {where}", "dim")))
        _print_figures(console, collection)
        _print_failures(console, collection.failures)


def print_failures(console: Console, collections: Sequence[CollectionOverview]) -> None:
    """Every document that failed."""
    for collection in collections:
        lines = list(map(_failure, collection.failures))
        title = plural(len(lines), "document") + f" failed in {printable(collection.name)}"
        print_listing(console, Text(title, "red" if lines else ""), lines)


def failures_as_json(collection: CollectionOverview) -> Iterator[dict[str, object]]:
    """The same, each as a run would tell of it."""
    for failure in collection.failures:
        yield {
            "source": failure.source,
            "path": os.fsdecode(failure.relative),
            "outcome": "failed",
            "chunks": 0,
            "reason": failure.reason,
            "message": failure.message,
            "collection": collection.name,
            "count": failure.count,
            "failed_at": failure.failed_at,
            "kept": failure.kept,
        }


def as_json(collection: CollectionOverview) -> dict[str, object]:
    """The same facts for a program, every failure included."""
    run = collection.last_run
    return {
        "name": collection.name,
        "database": collection.database,
        "uuid": collection.record.uuid,
        "created_at": collection.record.created_at,
        "dimension": collection.record.dimension,
        "facts": dict(collection.record.facts),
        **asdict(collection.counts),
        "disk_bytes": collection.disk_bytes,
        "sources": [
            {"name": source.name, "listed_at": source.listed_at} for source in collection.sources
        ],
        "rebuilt": None if collection.rebuilt is None else asdict(collection.rebuilt),
        "last_run": None if run is None else asdict(run),
        "failures": [
            {
                "source": failure.source,
                "path": os.fsdecode(failure.relative),
                "reason": failure.reason,
                "message": failure.message,
                "count": failure.count,
                "failed_at": failure.failed_at,
                "kept": failure.kept,
            }
            for failure in collection.failures
        ],
    }


def _print_figures(console: Console, collection: CollectionOverview) -> None:
    counts = collection.counts
    print_row(console, "documents", count(counts.documents))
    print_row(console, "chunks", count(counts.chunks), plural(counts.tokens, "token"))
    if counts.pending:
        print_row(console, "unfinished", Text(plural(counts.pending, "document"), "yellow"))
    print_row(console, "model", *_model(collection))
    for source in collection.sources:
        print_row(console, "source", folder(source.name))
    print_row(console, "last run", *_last_run(collection.last_run))
    if (rebuilt := collection.rebuilt) is not None:
        so_far = f"unfinished: {plural(rebuilt.documents, 'document')} so far"
        print_row(console, "rebuild", so_far, "`vecstream index … --rebuild` goes on with it")
    if collection.disk_bytes is not None:
        print_row(console, "on disk", size(collection.disk_bytes))


def _model(collection: CollectionOverview) -> Iterator[str]:
    facts = collection.record.facts
    yield printable(facts.get("model", "unknown"))
    yield f"{collection.record.dimension} dimensions"
    if size_in_tokens := facts.get("chunk size"):
        yield f"chunks of {printable(size_in_tokens)} tokens"


def _last_run(run: RunRecord | None) -> Iterator[Text]:
    if run is None:
        yield Text("none")
        return
    yield Text(moment(run.started_at))
    if run.finished_at is None or run.exit_code is None:
        yield Text("not finished: under way, or killed", "yellow")
        return
    stopped = run.summary.get("stopped")
    ended = f"stopped by --{stopped}" if stopped else _ended(run.exit_code)
    whole = run.exit_code == ExitCode.DONE and not stopped
    took = f"{ended} after {_between(run.started_at, run.finished_at)}"
    yield Text(took, "" if whole else "yellow")
    changes = [
        f"{count(int(number))} {word}"
        for word in ("new", "changed", "removed", "failed")
        if (number := _number(run.summary, f"documents_{word}"))
    ]
    yield Text(", ".join(changes) or "nothing new")


def _between(start: str, end: str) -> str:
    seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    return duration(max(0.0, seconds), tenths=False)


def _ended(code: int) -> str:
    try:
        return ExitCode(code).meaning
    except ValueError:  # of a newer vecstream
        return f"exit code {code}"


def _number(summary: Mapping[str, object], key: str) -> float:
    return float(cast(float, summary.get(key) or 0))


def _print_failures(console: Console, failures: Sequence[FailedDocument]) -> None:
    if not failures:
        return
    lines = [_failure(failure) for failure in failures[:_SHOWN]]
    rest = len(failures) - len(lines)
    more = f"… and {count(rest)} more; `status --failed` lists them all" if rest else None
    title = Text(f"  {plural(len(failures), 'document')} failed", "red")
    print_listing(console, title, lines, more, indent=4)


def _failure(failure: FailedDocument) -> Text:
    return Text.assemble(
        (place(failure.source, os.fsdecode(failure.relative)), "bold"),
        (f"  {printable(failure.reason)}", "yellow"),
        f"  {one_line(failure.message)}",
        ("  (an older version is kept)" if failure.kept else "", "dim"),
    )

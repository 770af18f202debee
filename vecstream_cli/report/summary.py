"""The closing summary of a run: what a person reads first the next morning."""

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from vecstream_cli.errors import ExitCode
from vecstream_cli.pipeline.events import DocumentDone, Notice, RunStarted, Stage, Summary
from vecstream_cli.report.escape import one_line, printable
from vecstream_cli.report.figures import count, duration, plural, rate, size
from vecstream_cli.report.layout import print_listing, print_row
from vecstream_cli.report.places import folder, place
from vecstream_cli.report.tally import Tally

_INTERRUPTED = frozenset({ExitCode.HANGUP, ExitCode.INTERRUPT, ExitCode.TERMINATED})

_TO_THE_END = frozenset({ExitCode.DONE, ExitCode.DOCUMENTS_FAILED, ExitCode.DELETIONS_HELD})


def print_summary(console: Console, tally: Tally, code: ExitCode) -> None:
    """The headline, the figures, then what failed and what is worth knowing."""
    summary = tally.summary
    if summary is None:
        return
    console.print(_headline(summary, code))
    if not _found_nothing(summary):
        _print_figures(console, summary, tally.started)
    _print_list(
        console,
        Text(plural(tally.failures_by_reason.total(), "document") + " failed", "bold red"),
        [_failure(event) for event in tally.failures],
        tally.failures_by_reason,
    )
    _print_list(
        console,
        Text(plural(tally.notices_by_reason.total(), "notice"), "bold yellow"),
        [_notice(event) for event in tally.notices],
        tally.notices_by_reason,
    )
    for text in _afterwords(summary, len(tally.failures)):
        console.print(text)


def _found_nothing(summary: Summary) -> bool:
    return not any(
        (
            summary.documents_new,
            summary.documents_changed,
            summary.documents_unchanged,
            summary.documents_removed,
            summary.documents_failed,
            summary.documents_quarantined,
            summary.deletions_held,
        )
    )


def _headline(summary: Summary, code: ExitCode) -> Text:
    took = duration(summary.seconds)
    if code in _INTERRUPTED:
        return _said("Interrupted", f" after {took}; what was written is kept.", "yellow")
    if code not in _TO_THE_END:
        return _said("Failed", f" after {took}; what was written is kept.", "red")
    if summary.stopped:
        return _said(
            "Stopped", f" after {took} (--{summary.stopped}); the next run goes on.", "yellow"
        )
    if _found_nothing(summary):
        skipped = plural(summary.documents_skipped, "file")
        return _said(
            "Nothing to index", f" ({skipped} skipped)." if summary.documents_skipped else "."
        )
    style = "green" if code is ExitCode.DONE else "yellow"
    if indexed := summary.documents_new + summary.documents_changed:
        return _said("Indexed", f" {plural(indexed, 'document')} in {took}.", style)
    if removed := summary.documents_removed:
        return _said("Removed", f" {plural(removed, 'document')} in {took}.", style)
    return _said("Nothing new", f": nothing was embedded, in {took}.", style)


def _said(word: str, rest: str, style: str = "") -> Text:
    return Text.assemble((word, f"bold {style}".strip()), rest)


def _print_figures(console: Console, summary: Summary, started: RunStarted | None) -> None:
    if started is not None:
        where = f"collection {printable(started.collection)}"
        print_row(console, "database", folder(started.database), where)
    print_row(console, "documents", *_documents(summary))
    if summary.chunks_written or summary.chunks_deleted or summary.chunks_embedded:
        print_row(console, "chunks", *_chunks(summary))
    if summary.tokens:
        print_row(console, "tokens", *_tokens(summary))
    if summary.limited_by:
        print_row(console, "busy", *_busy(summary))
    if summary.peak_memory_bytes:
        print_row(console, "memory", *_memory(summary))


def _documents(summary: Summary) -> Iterator[Text]:
    always = [
        (summary.documents_new, "new", ""),
        (summary.documents_changed, "changed", ""),
        (summary.documents_unchanged, "unchanged", ""),
        (summary.documents_removed, "removed", ""),
        (summary.documents_failed, "failed", "red"),
    ]
    for number, word, style in always:
        yield Text(f"{count(number)} {word}", style if number else "dim")
    seldom = [
        (summary.documents_quarantined, "failed before and unchanged since", "yellow"),
        (summary.documents_empty, "without text", ""),
        (summary.documents_skipped, "skipped", "dim"),
    ]
    for number, word, style in seldom:
        if number:
            yield Text(f"{count(number)} {word}", style)


def _chunks(summary: Summary) -> Iterator[str]:
    yield f"{count(summary.chunks_written)} written"
    yield f"{count(summary.chunks_embedded)} embedded"
    if summary.images_embedded:
        yield f"{count(summary.images_embedded)} of them images"
    if summary.chunks_reused:
        yield f"{count(summary.chunks_reused)} reused"
    if summary.chunks_deleted:
        yield f"{count(summary.chunks_deleted)} deleted"
    if summary.seconds > 0 and summary.chunks_embedded:
        yield f"{rate(summary.chunks_embedded / summary.seconds)} chunks/s"


def _tokens(summary: Summary) -> Iterator[str]:
    yield count(summary.tokens)
    if summary.seconds > 0:
        yield f"{rate(summary.tokens / summary.seconds)} tokens/s"


def _busy(summary: Summary) -> Iterator[str]:
    """How much of the time between the first and the last batch each stage worked."""
    yield f"embedding {summary.inference_busy:.0%} of the time"
    yield f"reading {summary.parsers_busy:.0%}"
    yield f"writing {summary.writer_busy:.0%}"
    if (slowest := _PACE.get(summary.limited_by or "")) is not None:
        yield f"{slowest} set the pace"


_PACE = {Stage.EMBED.value: "embedding", Stage.PARSE.value: "reading", Stage.WRITE.value: "writing"}


def _memory(summary: Summary) -> Iterator[str]:
    yield f"{size(summary.peak_memory_bytes)} at the peak"
    if summary.max_memory_bytes:
        yield f"ceiling {size(summary.max_memory_bytes)}"


def _print_list(
    console: Console, title: Text, lines: Sequence[Text], reasons: Counter[str]
) -> None:
    if not lines:
        return
    console.print()
    more = reasons.total() - len(lines)
    by_reason = ", ".join(f"{count(n)} {printable(reason)}" for reason, n in reasons.most_common(8))
    rest = f"… and {count(more)} more ({by_reason} in all)" if more else None
    print_listing(console, title, lines, rest)


def _failure(event: DocumentDone) -> Text:
    return _told(place(event.source, event.path), event.reason or "unknown", event.message)


def _notice(event: Notice) -> Text:
    where = "" if event.path is None else printable(event.path)
    return _told(where, event.reason, event.message)


def _told(where: str, reason: str, message: str | None) -> Text:
    text = Text()
    if where:
        text.append(where, "bold")
        text.append("  ")
    text.append(printable(reason), "yellow")
    if message:
        text.append("  " + one_line(message))
    return text


def _afterwords(summary: Summary, listed: int) -> Iterator[Text]:
    if summary.deletions_held:
        yield Text()
        yield Text(
            f"{plural(summary.deletions_held, 'deletion')} held back: so many documents of one "
            "source are gone that it may not be mounted. Pass --allow-mass-delete to delete them.",
            "yellow",
        )
    if summary.documents_failed > listed or summary.documents_quarantined:
        yield Text()
        yield Text("`vecstream status` lists every document that failed.", "dim")

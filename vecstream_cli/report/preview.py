"""What a dry run says: how much would be done to which documents, and how long it may take."""

from collections import Counter
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.text import Text

from vecstream_cli.pipeline.events import Action, Event, Notice, Planned, Preview
from vecstream_cli.report.escape import one_line, printable
from vecstream_cli.report.figures import count, duration, plural, size
from vecstream_cli.report.jsonl import JsonLines
from vecstream_cli.report.layout import print_listing, print_row
from vecstream_cli.report.places import folder, place
from vecstream_cli.report.tally import SHOWN

_MARKS = {
    Action.NEW: ("new", "green"),
    Action.CHANGED: ("changed", "green"),
    Action.MAYBE_CHANGED: ("maybe changed", "cyan"),
    Action.RETRIED: ("tried again", "yellow"),
    Action.REMOVED: ("removed", "red"),
    Action.HELD: ("gone, kept", "yellow"),
}
_WIDTH = max(len(word) for word, _ in _MARKS.values()) + 2


class Foreseen:
    """Hears a dry run: passes its events to `lines`, or keeps the first few to be shown."""

    def __init__(self, lines: JsonLines | None) -> None:
        self._lines = lines
        self.documents: list[Planned] = []
        self.actions: Counter[Action] = Counter()
        self.notices: list[Notice] = []

    def hear(self, event: Event) -> None:
        """A document, a notice or the preview."""
        if self._lines is not None:
            self._lines.hear(event)
        elif isinstance(event, Planned):
            self.actions[event.action] += 1
            if self.actions[event.action] <= SHOWN:
                self.documents.append(event)
        elif isinstance(event, Notice) and len(self.notices) < SHOWN:
            self.notices.append(event)


def print_preview(console: Console, preview: Preview, foreseen: Foreseen) -> None:
    """The headline, the figures, the first documents of each kind, then what is worth knowing."""
    console.print(_headline(preview))
    where = f"collection {printable(preview.collection)}"
    state = [] if preview.exists else [Text("not there yet", "dim")]
    print_row(console, "database", folder(preview.database), where, *state)
    print_row(console, "documents", *_documents(preview))
    if parts := list(_estimate(preview)):
        print_row(console, "estimate", *parts)
    if lines := [_document(each) for each in foreseen.documents]:
        console.print()
        more = foreseen.actions.total() - len(lines)
        rest = f"… and {count(more)} more; --json lists them all" if more else None
        print_listing(console, Text("What would be done", "bold"), lines, rest)
    if foreseen.notices:
        console.print()
        title = Text(plural(len(foreseen.notices), "notice"), "bold yellow")
        print_listing(console, title, [_notice(each) for each in foreseen.notices])
    if preview.run_under_way:
        console.print()
        console.print(Text("A run is under way; what it has done by now is not in this.", "yellow"))


def _headline(preview: Preview) -> Text:
    surely = preview.documents_new + preview.documents_changed + preview.documents_retried
    amount = preview.bytes_new + preview.bytes_changed + preview.bytes_retried
    if not surely + preview.documents_maybe_changed + preview.documents_removed:
        return Text.assemble(("Nothing would be done", "bold"), ".")
    removed = f", and remove {count(preview.documents_removed)}" * bool(preview.documents_removed)
    what = f" {plural(surely, 'document')} ({size(amount)}){removed}. Nothing was done."
    return Text.assemble(("Would index", "bold"), what)


def _documents(preview: Preview) -> Iterator[Text]:
    for number, amount, word in (
        (preview.documents_new, preview.bytes_new, "new"),
        (preview.documents_changed, preview.bytes_changed, "changed"),
        (preview.documents_maybe_changed, preview.bytes_maybe_changed, "maybe changed"),
        (preview.documents_retried, preview.bytes_retried, "tried again"),
    ):
        if number:
            yield Text(f"{count(number)} {word} ({size(amount)})")
    for number, word, style in (
        (preview.documents_removed, "removed", ""),
        (preview.deletions_held, "gone, kept", "yellow"),
        (preview.documents_quarantined, "failed before and unchanged since", "yellow"),
        (preview.documents_skipped, "skipped", "dim"),
    ):
        if number:
            yield Text(f"{count(number)} {word}", style)
    yield Text(f"{count(preview.documents_unchanged)} unchanged", "dim")


def _estimate(preview: Preview) -> Iterator[str]:
    """As earlier runs of this collection went; nothing where there were none."""
    if preview.tokens or preview.tokens_maybe:
        tokens = _range(preview.tokens, preview.tokens_maybe, lambda number: count(round(number)))
        yield f"{tokens} tokens"
    if preview.seconds or preview.seconds_maybe:
        yield _range(preview.seconds, preview.seconds_maybe, duration)


def _range(surely: float | None, maybe: float | None, said: Callable[[float], str]) -> str:
    least, most = said(surely or 0), said((surely or 0) + (maybe or 0))
    return f"about {least}" if least == most else f"{least} to {most}"


def _document(planned: Planned) -> Text:
    word, style = _MARKS[planned.action]
    return Text.assemble((f"{word:<{_WIDTH}}", style), place(planned.source, planned.path))


def _notice(notice: Notice) -> Text:
    where = "" if notice.path is None else f"{printable(notice.path)}  "
    return Text.assemble((where, "bold"), (printable(notice.reason), "yellow"),
                         "  " + one_line(notice.message))  # fmt: skip

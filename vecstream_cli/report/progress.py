"""A run as a person watches it: a few lines at the bottom of the terminal, redrawn in place."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.live import Live
from rich.text import Text

from vecstream_cli.pipeline.events import Event, Progress, RunStarted, Stage
from vecstream_cli.report.escape import printable
from vecstream_cli.report.figures import chunk_counts, count, duration, plural, rate, size
from vecstream_cli.report.layout import SEPARATOR, flow
from vecstream_cli.report.pace import Pace, Speeds, fraction

_METER_CELLS = 8
_TIGHT, _FULL = 0.85, 0.95  # of the memory ceiling: yellow, then red
_MIN_BAR = 8


class LiveProgress:
    """Draws on a terminal; `close` leaves nothing behind."""

    def __init__(self, console: Console) -> None:
        self._live = Live(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False
        )
        self._console = console
        self._pace = Pace()

    def hear(self, event: Event) -> None:
        """Redraw."""
        if isinstance(event, RunStarted):
            self._show([starting(event)])
        elif isinstance(event, Progress):
            options = self._console.options
            self._show(
                lines(
                    event,
                    self._pace.update(event),
                    self._console.width,
                    ascii_only=options.ascii_only,
                )
            )

    def close(self) -> None:
        """Take the lines away."""
        self._live.stop()

    def _show(self, texts: Sequence[Text]) -> None:
        self._live.start()
        self._live.update(Text("\n").join(texts), refresh=True)


def starting(started: RunStarted) -> Text:
    """What is shown until the first progress."""
    return Text(
        f"Starting {plural(started.parsers, 'parser')} and {printable(started.model)} "
        f"on {printable(started.device)} …",
        "dim",
        no_wrap=True,
        overflow="ellipsis",
    )


def lines(now: Progress, speeds: Speeds, width: int, *, ascii_only: bool = False) -> list[Text]:
    """Where the run stands, in lines of at most `width` columns."""
    marks = _ASCII if ascii_only else _UNICODE
    if now.stage is Stage.STARTING and not now.scanned:
        passed = duration(now.seconds, tenths=False)
        return [_cut(Text(f"Starting: {printable(now.waiting_for)}, {passed}"), width, marks)]
    parts = [_documents(now), _chunks(now, speeds), _memory(now, marks), _buffer(now, marks)]
    return [
        _bar_line(now, speeds, width, marks),
        *(_cut(line, width, marks) for line in flow(parts, width, marks.separator)),
        _waiting(now, width, marks),
    ]


@dataclass(frozen=True, slots=True)
class _Marks:
    """The characters that a display is drawn with."""

    bar: str
    rest: str
    full: str
    empty: str
    dots: str
    separator: str


_UNICODE = _Marks("━", "━", "■", "□", "…", SEPARATOR)
_ASCII = _Marks("#", "-", "#", ".", "...", " | ")


def _bar_line(now: Progress, speeds: Speeds, width: int, marks: _Marks) -> Text:
    """``61% ━━━━━━━━━━━━━━━━━━━━━  42 s left``, or what the scan has found so far."""
    done = fraction(now)
    if done is None:
        found = f"Scanning: {plural(now.scanned, 'file')} found"
        return _cut(Text(f"{found}, {duration(now.seconds, tenths=False)}"), width, marks)
    percent = f"{int(done * 100)}% "
    left = speeds.seconds_left
    after = f"  {duration(now.seconds, tenths=False)}"
    if left is not None:
        after = f"  {duration(max(1.0, left), tenths=False)} left"
    cells = max(_MIN_BAR, width - len(percent) - len(after))
    filled = round(cells * done)
    bar = Text.assemble((percent, "bold"))
    bar.append(marks.bar * filled, "green")
    bar.append(marks.rest * (cells - filled), "bright_black")
    bar.append(after)
    return _cut(bar, width, marks)


def _documents(now: Progress) -> Text:
    total = now.documents_done + now.documents_pending
    text = Text(f"{count(now.documents_done)} of {plural(total, 'document')}")
    if not now.scan_done:
        text = Text(plural(now.documents_done, "document") + " done")
    if now.documents_failed:
        text.append(f", {count(now.documents_failed)} failed", "red")
    return text


def _chunks(now: Progress, speeds: Speeds) -> Text:
    tokens = f", {rate(speeds.tokens)} tokens/s" if now.tokens else ""  # images have none
    chunks = chunk_counts(now.chunks_embedded, now.chunks_reused)
    return Text(f"{chunks}, {rate(speeds.chunks)}/s{tokens}")


def _memory(now: Progress, marks: _Marks) -> Text:
    share = now.memory_bytes / now.max_memory_bytes if now.max_memory_bytes else 0.0
    style = "red" if share >= _FULL else "yellow" if share >= _TIGHT else "cyan"
    text = Text("memory ")
    text.append_text(_meter(share, style, marks))
    text.append(f" {size(now.memory_bytes)} of {size(now.max_memory_bytes)}")
    return text


def _buffer(now: Progress, marks: _Marks) -> Text:
    filled = now.slots_parsing + now.slots_embedding + now.slots_writing
    total = filled + now.slots_free
    text = Text("buffer ")
    text.append_text(_meter(filled / total if total else 0.0, "magenta", marks))
    text.append(f" {filled} of {plural(total, 'slot')}")
    return text


def _meter(share: float, style: str, marks: _Marks) -> Text:
    filled = min(_METER_CELLS, max(0, round(share * _METER_CELLS)))
    text = Text(marks.full * filled, style)
    return text.append(marks.empty * (_METER_CELLS - filled), "bright_black")


def _waiting(now: Progress, width: int, marks: _Marks) -> Text:
    text = Text.assemble((_STAGES[now.stage], "bold"))
    if now.waiting_for:
        text.append(f": {printable(now.waiting_for)}")
    if now.current and now.current[0] not in now.waiting_for:
        text.append(marks.separator, "bright_black")
        room = width - cell_len(text.plain)
        text.append(_last_of(printable(now.current[0]), room, marks), "dim")
    return _cut(text, width, marks)


_STAGES = {
    Stage.STARTING: "starting",
    Stage.SCAN: "scanning",
    Stage.WAIT: "nothing is begun",
    Stage.PARSE: "parsing is the slowest",
    Stage.EMBED: "embedding is the slowest",
    Stage.WRITE: "writing is the slowest",
    Stage.FINISH: "finishing",
}


def _last_of(path: str, room: int, marks: _Marks) -> str:
    """The end of a path, which tells more than its beginning."""
    if cell_len(path) <= room or room <= len(marks.dots):
        return path
    wide = room - len(marks.dots)
    tail = path[-wide:]
    while cell_len(tail) > wide:
        tail = tail[1:]
    return marks.dots + tail


def _cut(text: Text, width: int, marks: _Marks) -> Text:
    if cell_len(text.plain) > width:
        text.truncate(width)
        text.plain = set_cell_size(text.plain, max(0, width - len(marks.dots))) + marks.dots
    return text

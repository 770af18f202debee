"""Lines that break where a person would break them, and end without blanks."""

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

SEPARATOR = " · "
_LABEL = 11  # columns: the longest label and a gap


def flow(parts: Iterable[Text], width: int, separator: str = SEPARATOR) -> list[Text]:
    """The parts one after another, in lines of `width` that break only between parts."""
    lines: list[Text] = []
    for part in parts:
        if lines and cell_len(lines[-1].plain + separator + part.plain) <= width:
            lines[-1].append(separator, "bright_black").append_text(part)
        else:
            lines.append(Text().append_text(part))
    return lines


def print_row(console: Console, label: str, *parts: Text | str, indent: int = 2) -> None:
    """A figure: its label, then its parts, further lines below the first."""
    head = f"{label:<{_LABEL}}"
    texts = [Text(part) if isinstance(part, str) else part for part in parts]
    for line in flow(texts, console.width - indent - _LABEL, separator(console)):
        console.print(Text.assemble(" " * indent, (head, "dim"), line))
        head = " " * _LABEL


def print_indented(
    console: Console, text: Text, indent: int = 2, *, first: Text | None = None
) -> None:
    """A text of any length, every line of it indented; `first` stands in the first indent."""
    head = first or Text(" " * indent)
    for line in text.wrap(console, max(20, console.width - indent)):
        line.rstrip()
        if line:  # two blanks where a line broke leave one that is empty
            console.print(Text.assemble(head, line))
            head = Text(" " * indent)


def print_listing(
    console: Console, title: Text, lines: Sequence[Text], more: str | None = None, indent: int = 2
) -> None:
    """A title, the lines below it, and what is not listed."""
    console.print(title)
    for line in lines:
        print_indented(console, line, indent)
    if more is not None:
        print_indented(console, Text(more, "dim"), indent)


def separator(console: Console) -> str:
    """What stands between two parts, in characters that the console has."""
    return " | " if console.options.ascii_only else SEPARATOR

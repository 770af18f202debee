"""Numbers as a person reads them."""

from datetime import datetime

_UNITS = ("KiB", "MiB", "GiB", "TiB")


def count(number: int) -> str:
    """``1,234``."""
    return f"{number:,}"


def plural(number: int, noun: str) -> str:
    """``1 chunk``, ``1,234 chunks``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def chunk_counts(embedded: int, reused: int) -> str:
    """``1,234 chunks``, or ``1,234 chunks embedded, 220 reused``."""
    text = plural(embedded, "chunk")
    return f"{text} embedded, {reused:,} reused" if reused else text


def size(number: int) -> str:
    """Bytes: ``512 B``, ``3.4 MiB``, ``12 GiB``."""
    if number < 1024:
        return f"{number} B"
    value = float(number)
    for unit in _UNITS:
        value /= 1024
        if value < 1023.5 or unit == _UNITS[-1]:
            break
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:,.0f} {unit}"


def rate(number: float) -> str:
    """A figure per second, three digits of it: ``4.2``, ``412``, ``63.1k``."""
    if number < 9.95:
        return f"{number:.1f}"
    if number < 999.5:
        return f"{number:.0f}"
    return f"{number / 1000:.1f}k" if number < 99_950 else f"{number / 1000:,.0f}k"


def duration(seconds: float, *, tenths: bool = True) -> str:
    """``0.4 s``, ``42 s``, ``4 min 12 s``, ``1 h 04 min``; tenths only of a few seconds."""
    if tenths and seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60:,} h {minutes % 60:02} min"


def moment(iso: str) -> str:
    """An ISO 8601 time as the clock on this wall shows it; anything else as it is."""
    try:
        then = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return then.astimezone().strftime("%Y-%m-%d %H:%M")

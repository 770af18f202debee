"""Subtitles (SubRip and WebVTT): cues put together to sentences, with the time they begin at."""

import html
import re
from collections.abc import Iterator

from vecstream_cli.core.blocks import Block, BlockKind, OpenDocument, ReaderWarning
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers import lines as cutting
from vecstream_cli.readers.encoding import decoded
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.silence import noticed
from vecstream_cli.readers.source import SourceFile

_MAX_CHARS = 500  # of cues put together that hold no end of a sentence
_MAX_CUE_CHARS = 1 << 16
_PAUSE = 4.0  # seconds of silence that end a sentence, too

_TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]*)>")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<\d[\d:.]*>|\{\\[^{}]*\}")
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’»)\]]*\Z")


def read_subtitles(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open subtitles. DocumentError ``malformed`` where no line gives a time."""
    warnings: list[ReaderWarning] = []
    lines = cutting.lines(decoded(file, reading.progress))
    return OpenDocument({}, noticed(_blocks(_cues(lines)), warnings), warnings)


def _blocks(cues: Iterator[tuple[float, float, str]]) -> Iterator[Block]:
    held, began, ended, any_cue = "", 0.0, 0.0, False
    for start, end, text in cues:
        any_cue = True
        if held and (start - ended > _PAUSE or len(held) > _MAX_CHARS):
            yield from _block(held, began)
            held = ""
        if not text:
            continue
        if not held:
            began = start
        # Captions of live broadcasts roll: a cue repeats the one before it and goes on.
        if text.startswith(held):
            held = text
        elif not held.endswith(text):
            held = f"{held} {text}"
        ended = end
        if _SENTENCE_END.search(held):
            yield from _block(held, began)
            held = ""
    if held:
        yield from _block(held, began)
    if not any_cue:
        raise DocumentError("malformed", "The file has no line with times, as subtitles have.")


def _block(text: str, seconds: float) -> Iterator[Block]:
    minutes, second = divmod(int(seconds), 60)
    time = f"{minutes // 60:02}:{minutes % 60:02}:{second:02}"
    yield from cutting.blocks(text + "\n", BlockKind.PARAGRAPH, position={"time": time})


def _cues(lines: Iterator[str]) -> Iterator[tuple[float, float, str]]:
    """(start, end, text) of each cue; numbers and notes between them are not text."""
    start = end = 0.0
    text: list[str] | None = None
    size = 0
    for line in lines:
        times = _TIMES.match(line)
        if times is not None or line.isspace() or size > _MAX_CUE_CHARS:
            if text is not None:
                yield start, end, _plain(" ".join(text))
            text, size = None if times or line.isspace() else [], 0
        if times is not None:
            start, end = _seconds(times.groups()[:4]), _seconds(times.groups()[4:])
            text = []
        elif text is not None:
            text.append(line.strip())
            size += len(line)
    if text is not None:
        yield start, end, _plain(" ".join(text))


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, thousandths = (int(part or 0) for part in parts)
    return hours * 3600 + minutes * 60 + seconds + thousandths / 1000


def _plain(text: str) -> str:
    voiced = _VOICE.sub(lambda found: f"{found[1]}: ", text)
    return " ".join(html.unescape(_TAG.sub("", voiced)).replace("\0", "").split())

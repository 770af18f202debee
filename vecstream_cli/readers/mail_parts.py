"""A message's own words and what is attached to it, as blocks."""

import mimetypes
import re
from collections.abc import Iterator
from contextlib import suppress
from email.message import EmailMessage

from vecstream_cli.core.blocks import Block, BlockKind, Picture, Position
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers import lines as cutting
from vecstream_cli.readers.encoding import decoded
from vecstream_cli.readers.inside import inside, lost
from vecstream_cli.readers.outline import one_line
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.silence import Losses
from vecstream_cli.readers.source import InnerFile

_MAX_DEPTH = 8  # of messages forwarded within messages
_MAX_PARTS = 2000
_SHOWN = ("From", "To", "Cc", "Date")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_BLANK = re.compile(r"\n(?:[^\S\n]*\n)+")


def header(message: EmailMessage, name: str) -> str | None:
    """A header as text on one line, None where it is missing or beyond reading."""
    try:
        found = message[name]
    except Exception:  # noqa: BLE001 (the parser of headers fails in many ways)
        found = next((raw for key, raw in message.raw_items() if key.lower() == name.lower()), None)
    return one_line(_clean(str(found)), 1000) or None if found is not None else None


def message_blocks(
    message: EmailMessage,
    reading: Reading,
    losses: Losses,
    number: int | None = None,
    depth: int = 0,
) -> Iterator[Block | Picture]:
    """The subject as heading, who wrote to whom, the words, then the attachments."""
    named = header(message, "Message-ID")
    where: dict[str, str | int] = {"message": named.strip("<>")} if named else {}
    if number is not None and not named:
        where = {"message": number}
    subject = header(message, "Subject")
    heading = (one_line(subject),) if subject else ()
    if subject:
        yield Block(f"{subject}\n\n", BlockKind.HEADING, heading, position=where)
    shown = ((name, header(message, name)) for name in _SHOWN)
    about = " | ".join(f"{name}: {value}" for name, value in shown if value)
    if about:
        yield from cutting.blocks(f"{about}\n\n", heading=heading, position=where)
    for count, part in enumerate(_parts(message)):
        reading.progress()
        if count >= _MAX_PARTS:
            losses.add("too-large", f"Only the first {_MAX_PARTS} parts are read.")
            return
        name = _file_name(part)
        try:
            if part.get_content_type() == "message/rfc822":
                yield from _forwarded(part, reading, losses, depth)
            elif _is_words(part):
                yield from _words(part, reading, losses, heading, where)
            else:
                yield from _attached(part, name, reading, losses, heading, where)
        except DocumentError as error:
            losses.add(error.reason, f"{name}: {error.message}")


def page_of(message: EmailMessage) -> EmailMessage | None:
    """The first HTML in a message."""
    for part in message.walk():
        if part.get_content_type() == "text/html" and isinstance(part, EmailMessage):
            return part
    return None


def web_page(part: EmailMessage) -> InnerFile:
    """A part's HTML as a file, in UTF-8 where its header names how it is encoded."""
    data = _payload(part)
    charset = part.get_content_charset()
    if charset:
        # an encoding that nobody knows: the reader looks for itself
        with suppress(LookupError, ValueError):
            data = b"\xef\xbb\xbf" + data.decode(charset, "replace").encode("utf-8", "replace")
    return InnerFile(data, b"page.html")


def _parts(message: EmailMessage) -> Iterator[EmailMessage]:
    """What is to be read of a message, in order; of alternatives the one that reads best."""
    if message.get_content_type() == "message/rfc822" or not message.is_multipart():
        yield message
        return
    stack = [iter([message])]
    while stack:
        part = next(stack[-1], None)
        if part is None:
            stack.pop()
        elif part.get_content_type() == "message/rfc822" or not part.is_multipart():
            yield part
        else:
            inner = [each for each in part.iter_parts() if isinstance(each, EmailMessage)]
            if part.get_content_type() == "multipart/alternative":
                inner = _best(inner)
            if len(stack) < 100:
                stack.append(iter(inner))


def _best(alternatives: list[EmailMessage]) -> list[EmailMessage]:
    """Plain text where there is any, else the last, which by the standard is the richest."""
    for part in alternatives:
        if part.get_content_type() == "text/plain" and _payload(part).strip():
            return [part]
    readable = [p for p in alternatives if p.get_content_type() != "text/calendar"]
    return (readable or alternatives)[-1:]


def _is_words(part: EmailMessage) -> bool:
    return (
        part.get_content_type() in ("text/plain", "text/html")
        and part.get_content_disposition() != "attachment"
        and not part.get_filename()
    )


def _words(
    part: EmailMessage,
    reading: Reading,
    losses: Losses,
    heading: tuple[str, ...],
    where: Position,
) -> Iterator[Block | Picture]:
    if part.get_content_type() == "text/html":
        document = reading.inner(web_page(part))
        yield from inside(document, "", heading, where)
        lost(document, "The HTML", losses)
        return
    text = _clean(_plain(part, reading)).replace("\r\n", "\n").strip()
    for paragraph in _BLANK.split(text):
        if paragraph:
            yield from cutting.blocks(paragraph + "\n\n", heading=heading, position=where)


def _plain(part: EmailMessage, reading: Reading) -> str:
    data = _payload(part)
    try:
        return data.decode(part.get_content_charset() or "", "replace")
    except (LookupError, ValueError):
        return "".join(decoded(InnerFile(data, b"message.txt"), reading.progress)) if data else ""


def _forwarded(
    part: EmailMessage, reading: Reading, losses: Losses, depth: int
) -> Iterator[Block | Picture]:
    if depth >= _MAX_DEPTH:
        raise DocumentError("nested-too-deep", "It is forwarded within too many messages.")
    for inner in part.iter_parts() if part.is_multipart() else []:
        if isinstance(inner, EmailMessage):
            yield from message_blocks(inner, reading, losses, depth=depth + 1)


def _attached(
    part: EmailMessage,
    name: str,
    reading: Reading,
    losses: Losses,
    heading: tuple[str, ...],
    where: Position,
) -> Iterator[Block | Picture]:
    data = _payload(part)
    if not data:
        return
    document = reading.inner(InnerFile(data, name.encode("utf-8", "replace")))
    place = {**where, "member": name}
    yield from inside(document, name, (*heading, one_line(name)), place)
    lost(document, name, losses)


def _payload(part: EmailMessage) -> bytes:
    try:
        found = part.get_payload(decode=True)
    except Exception as error:  # transfer encodings fail in many ways
        raise DocumentError("malformed", "Its transfer encoding is broken.") from error
    return found if isinstance(found, bytes) else b""


def _file_name(part: EmailMessage) -> str:
    try:
        name = part.get_filename()
    except Exception:  # noqa: BLE001 (a header beyond parsing is a part without a name)
        name = None
    if name:
        return one_line(_clean(name).replace("\\", "/").rpartition("/")[2]) or "attachment"
    kind = part.get_content_type()
    return "attachment" + (mimetypes.guess_extension(kind) or "")


def _clean(text: str) -> str:
    return _CONTROL.sub("", text)

"""Mail: one message (EML), a web page saved as one (MHTML), or a mailbox of them (mbox).

Python's own parser holds a message as text; a mailbox is read message by message.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import EmailPolicy
from typing import Any

from vecstream_cli.core.blocks import Block, OpenDocument, Picture, ReaderWarning
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers.failures import document_errors
from vecstream_cli.readers.mail_parts import header, message_blocks, page_of, web_page
from vecstream_cli.readers.metadata import bounded
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.silence import Losses, noticed
from vecstream_cli.readers.source import SourceFile

MAX_MESSAGE_BYTES = 32 << 20

# Its time grows with the square of the marks that part a header; 20,000 of them take a minute.
_MAX_HEADER_CHARS = 2000
_MAX_SPECIAL = 200
_SPECIAL = (";", ",", "<", "(", "=", '"', "@", "[", ".", "\\")

_FROM = re.compile(rb"(?:\A|(?<=\n))From [^\r\n]*\d{4}[^\r\n]*\r?\n(?=[!-9;-~]+:)")


def read_mail(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open a message; its attachments are read as documents in it, or are warnings."""
    if file.size > MAX_MESSAGE_BYTES:
        raise _too_large()
    message = _parsed(file.at(0, file.size))
    reading.progress()
    if page_of(message) is not None and header(message, "From") is None:
        return _page(message, reading)
    warnings: list[ReaderWarning] = []
    blocks = message_blocks(message, reading, Losses(warnings))
    return OpenDocument(_facts(message), noticed(blocks, warnings, "The message"), warnings)


def read_mhtml(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open a web page that was saved with what it shows; only its HTML is read."""
    if file.size > MAX_MESSAGE_BYTES:
        raise _too_large()
    message = _parsed(file.at(0, file.size))
    reading.progress()
    return _page(message, reading)


def read_mbox(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open a mailbox; a message that cannot be read is a warning."""
    warnings: list[ReaderWarning] = []
    losses = Losses(warnings)
    return OpenDocument({}, noticed(_mailbox(file, reading, losses), warnings), warnings)


def _mailbox(file: SourceFile, reading: Reading, losses: Losses) -> Iterator[Block | Picture]:
    number = 0
    for data in _messages(file, reading):
        number += 1
        try:
            if data is None:
                raise _too_large()
            yield from message_blocks(_parsed(data), reading, losses, number)
        except DocumentError as error:
            losses.add(error.reason, f"Message {number}: {error.message}")
    if not number:
        raise DocumentError("malformed", "The file has no message that starts with a From line.")


def _messages(file: SourceFile, reading: Reading) -> Iterator[bytes | None]:
    """The bytes of each message after its From line; None for one that is too large."""
    held, too_large, begun = b"", False, False
    for piece in file.pieces():
        reading.progress()
        searched = max(0, len(held) - 1024)  # a From line may lie across the joint
        held += piece
        start = 0
        while (found := _FROM.search(held, max(start, searched))) is not None:
            if begun:
                yield None if too_large else held[start : found.start()]
            start, too_large, begun = found.end(), False, True
        held = held[start:]
        if len(held) > MAX_MESSAGE_BYTES:
            held, too_large = held[-1024:], True
    if begun:
        yield None if too_large else held


def _page(message: EmailMessage, reading: Reading) -> OpenDocument:
    page = page_of(message)
    if page is None:
        raise DocumentError("malformed", "The file holds no HTML page.")
    document = reading.inner(web_page(page))
    facts = {"title": header(message, "Subject"), "created": _created(message)}
    document.metadata = bounded({**facts, **document.metadata})
    return document


class _Bounded(EmailPolicy):
    """Headers as the standard has them, up to what its slow parser takes a moment for."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        special = sum(map(value.count, _SPECIAL))
        limit = _MAX_HEADER_CHARS if special <= _MAX_SPECIAL else _MAX_SPECIAL
        return super().header_fetch_parse(name, value[:limit])


_POLICY = _Bounded()


def _parsed(data: bytes) -> EmailMessage:
    with document_errors("the message"):
        message = BytesParser(policy=_POLICY).parsebytes(data)
        if not message.keys():
            raise DocumentError("malformed", "The file has no header lines, as a message has.")
        assert isinstance(message, EmailMessage)
        return message


def _facts(message: EmailMessage) -> dict[str, object]:
    return bounded({
        "title": header(message, "Subject"),
        "author": header(message, "From"),
        "created": _created(message),
        "language": header(message, "Content-Language"),
        "keywords": header(message, "Keywords"),
    })  # fmt: skip


def _created(message: EmailMessage) -> datetime | None:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(header(message, "Date") or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _too_large() -> DocumentError:
    return DocumentError("too-large", f"The message has more than {MAX_MESSAGE_BYTES >> 20} MiB.")

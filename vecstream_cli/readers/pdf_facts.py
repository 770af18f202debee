"""What a PDF says about itself: title, author, dates, language, page labels and bookmarks.

All through PDFium, from an opened document.
"""

import ctypes
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from vecstream_cli.readers.source import Progress

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument  # type: ignore[import-untyped]

_FACTS = {"Title": "title", "Author": "author", "Subject": "subject", "Keywords": "keywords"}
_MOMENTS = {"CreationDate": "created", "ModDate": "modified"}
_MAX_BOOKMARKS = 10_000
_MAX_DEPTH = 8
_MAX_LABEL_CHARS = 40
_MAX_LANGUAGE_CHARS = 40

_MOMENT = re.compile(
    r"\s*(?:D:)?(\d{4})(\d\d)?(\d\d)?(?:(\d\d)(\d\d)?(\d\d)?)?\s*"
    r"(?:(Z)|([+-])(\d\d)'?(\d\d)?'?)?"
)


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A heading of the PDF's own outline; `level` 0 is the uppermost."""

    level: int
    title: str


def facts(document: "PdfDocument") -> dict[str, object]:
    """The document's metadata by our names, dates in ISO 8601; None where it says nothing."""
    known = document.get_metadata_dict()
    found: dict[str, object] = {name: known.get(key) for key, name in _FACTS.items()}
    found |= {name: moment(known.get(key) or "") for key, name in _MOMENTS.items()}
    return found | {"language": _language(document), "pages": len(document)}


def moment(raw: str) -> str | None:
    """``D:20260130121500+01'00'`` as ISO 8601, as exact as it is; None where it is no date."""
    match = _MOMENT.match(raw)
    if match is None:
        return None
    year, month, day, hour, minute, second, utc, sign, ahead, minutes = match.groups()
    try:
        zone = UTC if utc else None
        if sign:
            offset = timedelta(hours=int(ahead), minutes=int(minutes or 0))
            zone = timezone(-offset if sign == "-" else offset)
        exact = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            tzinfo=zone,
        )
    except ValueError:
        return None
    if hour is not None:
        return exact.isoformat()
    return "-".join(part for part in (year, month, day) if part)


def label(document: "PdfDocument", number: int) -> str | None:
    """What the PDF calls a page, such as ``iv``; None where that is its number, or nothing."""
    found = str(document.get_page_label(number - 1)).strip().replace("\0", "")
    return found[:_MAX_LABEL_CHARS] if found and found != str(number) else None


def bookmarks(document: "PdfDocument", progress: Progress) -> dict[int, list[Bookmark]]:
    """The PDF's outline, by the number of the page that each entry leads to, in its order."""
    found: dict[int, list[Bookmark]] = {}
    for count, each in enumerate(document.get_toc(max_depth=_MAX_DEPTH)):
        if count >= _MAX_BOOKMARKS:
            break
        if count % 100 == 0:
            progress()
        target = each.get_dest()
        index = None if target is None else target.get_index()
        if index is not None:
            title = each.get_title().encode("utf-8", "replace").decode()
            found.setdefault(index + 1, []).append(Bookmark(each.level, title))
    return found


def _language(document: "PdfDocument") -> str | None:
    """The catalog's language, such as ``en-GB``."""
    from pypdfium2 import raw

    if not hasattr(raw, "FPDFCatalog_GetLanguage"):
        return None
    size = raw.FPDFCatalog_GetLanguage(document, None, 0)
    if not 2 < size <= 2 * _MAX_LANGUAGE_CHARS:
        return None
    units = (ctypes.c_ushort * (size // 2))()
    raw.FPDFCatalog_GetLanguage(document, units, size)
    return bytes(units)[:-2].decode("utf-16-le", "replace").strip() or None

"""What an image says about itself: size and kind, title, author, date and keywords, if it does."""

import re
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Exif, Image

_EXIF_BLOCK = 0x8769
_ORIENTATION = 0x0112
_SIDEWAYS = frozenset({5, 6, 7, 8})

# Tags of EXIF; those that Windows writes hold UTF-16.
_TITLE = (0x010E, 0x9C9B)
_AUTHOR = (0x013B, 0x9C9D)
_KEYWORDS = (0x9C9E,)
_TAKEN, _TAKEN_OFFSET = 0x9003, 0x9011
_WRITTEN = 0x0132
_FIRST_OF_WINDOWS = 0x9C00

_DATE = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d:\d\d:\d\d)")
_OFFSET = re.compile(r"[+-]\d\d:\d\d")
_NO_TITLE = re.compile(r"(?i)OLYMPUS DIGITAL CAMERA|SONY DSC|DCIM.*|Screenshot|untitled")


def facts_of(image: "Image") -> dict[str, object]:
    """The facts under the names that all documents' metadata has; width and height as it is seen.

    Places are left out: where a photograph was taken is nobody's business in a table of texts.
    """
    exif = image.getexif()
    more = exif.get_ifd(_EXIF_BLOCK)
    width, height = image.size
    if exif.get(_ORIENTATION) in _SIDEWAYS:
        width, height = height, width
    told = {str(k).lower(): v for k, v in image.info.items() if isinstance(v, str)}
    title = _first(exif, _TITLE) or told.get("title", "")
    taken = str(more.get(_TAKEN) or exif.get(_WRITTEN) or told.get("creation time") or "")
    return {
        "title": None if _NO_TITLE.fullmatch(title.strip()) else title.strip(),
        "author": (_first(exif, _AUTHOR) or told.get("author", "")).strip(),
        "created": _date(taken, str(more.get(_TAKEN_OFFSET) or "")),
        "keywords": _first(exif, _KEYWORDS).strip(),
        "width": width,
        "height": height,
        "format": image.format,
    }


def _first(exif: "Exif", tags: tuple[int, ...]) -> str:
    """The first of these tags that says anything."""
    for tag in tags:
        value = exif.get(tag)
        if isinstance(value, bytes):
            codec = "utf-16-le" if tag >= _FIRST_OF_WINDOWS else "utf-8"
            value = value.decode(codec, "replace")
        if isinstance(value, str) and value.strip("\0 "):
            return value.strip("\0 ")
    return ""


def _date(taken: str, offset: str) -> str | None:
    """ISO 8601 of a date as EXIF writes it; None for anything else."""
    found = _DATE.match(taken)
    if found is None:
        return None
    text = f"{found[1]}-{found[2]}-{found[3]}T{found[4]}"
    text += offset if _OFFSET.fullmatch(offset) else ""
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:  # cameras that do not know the date write zeros
        return None

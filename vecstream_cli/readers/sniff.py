"""What a file is, by its first bytes and its name: the bytes win where the name lies."""

import re

from vecstream_cli.errors import DocumentError
from vecstream_cli.readers.containers import old_document, zip_document
from vecstream_cli.readers.formats import BY_SUFFIX
from vecstream_cli.readers.source import SourceFile

HEAD_BYTES = 4096

# A signature table of our own: puremagic 1.30 takes 73 of our corpora's 3,805 files of Markdown,
# reStructuredText and plain text for HTML, and "BMW is a car maker." for a BMP image.
# First bytes, the format whose reader takes them, and what such a file is.
_SIGNATURES: tuple[tuple[bytes, str | None, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image", "a PNG image"),
    (b"\xff\xd8\xff", "image", "a JPEG image"),
    (b"GIF87a", "image", "a GIF image"),
    (b"GIF89a", "image", "a GIF image"),
    (b"II*\0", "image", "a TIFF image"),
    (b"MM\0*", "image", "a TIFF image"),
    (b"II+\0\x08\0", "image", "a TIFF image"),
    (b"MM\0+\0\x08", "image", "a TIFF image"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "image", "a JPEG 2000 image"),
    (b"8BPS\0", None, "a Photoshop image"),
    (b"PK\x03\x04", "archive", "a ZIP archive or an office document"),
    (b"PK\x05\x06", "archive", "an empty ZIP archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", None, "an old office document"),
    (b"{\\rtf", "rtf", "an RTF document"),
    (b"%!PS", None, "a PostScript document"),
    (b"\x1f\x8b\x08", "archive", "gzip data"),
    (b"BZh", "archive", "bzip2 data"),
    (b"\xfd7zXZ\0", "archive", "xz data"),
    (b"(\xb5/\xfd", None, "Zstandard data"),
    (b"7z\xbc\xaf\x27\x1c", None, "a 7-Zip archive"),
    (b"Rar!\x1a\x07", None, "a RAR archive"),
    (b"\x7fELF", None, "a program"),
    (b"MZ\x90\0", None, "a program"),
    (b"\xcf\xfa\xed\xfe", None, "a program"),
    (b"\xca\xfe\xba\xbe", None, "a program"),
    (b"\0asm", None, "a WebAssembly program"),
    (b"SQLite format 3\0", None, "an SQLite database"),
    (b"PAR1", None, "a Parquet table"),
    (b"RIFF", None, "sound or video"),
    (b"OggS\0", None, "sound or video"),
    (b"fLaC\0", None, "sound"),
    (b"ID3\x03", None, "sound"),
    (b"ID3\x04", None, "sound"),
    (b"\x1aE\xdf\xa3", None, "video"),
    (b"wOFF", None, "a font"),
    (b"wOF2", None, "a font"),
)

# What is known by more than its first bytes.
_MARKED: tuple[tuple[re.Pattern[bytes], str | None, str], ...] = (
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image", "a WebP image"),
    (
        re.compile(rb"BM.{4}\0{4}.{4}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0{3}", re.DOTALL),
        "image",
        "a BMP image",
    ),
    (re.compile(rb".{4}ftypavi[fs]", re.DOTALL), "image", "an AVIF image"),
    (re.compile(rb".{4}ftyp(?:hei[cxms]|hev[cx]|mif1|msf1)", re.DOTALL), None, "a HEIC image"),
)

_ZIP = b"PK\x03\x04"
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_RTF = b"{\\rtf"

_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,1000}?-->\s*)?"
    rb"<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
# Text about HTML, or with some in it, may begin like a page.
_MAY_OPEN_WITH_HTML = frozenset({"text", "markdown", "rst", "code", "latex", "notebook"})

_XML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml\s")
_MBOX = re.compile(rb"From \S[^\n]* \d{4}\r?\n[!-9;-~]+:")
_FIELDS = re.compile(rb"(?:[A-Za-z][A-Za-z0-9-]*:[^\n]*\n(?:[ \t][^\n]*\n)*)+")
_MAIL_FIELD = re.compile(
    rb"^(?:Received|Return-Path|Message-ID|MIME-Version|Delivered-To|From|DKIM-Signature):",
    re.IGNORECASE | re.MULTILINE,
)


def reader_name(file: SourceFile) -> str:
    """Which format's reader takes a file, by its first bytes and its name.

    Raises DocumentError ``unsupported`` where the bytes are of a kind no reader takes. Whether
    bytes without a signature are text at all is for the text readers to find out.
    """
    head, named = file.at(0, HEAD_BYTES), named_reader(file.name)
    if not head:
        return "text"
    if b"%PDF-" in head[:1024] and (named in (None, "pdf") or _starts_like_pdf(head)):
        return "pdf"
    if head.startswith(_ZIP) and (found := zip_document(file, named)) is not None:
        return found
    if head.startswith(_COMPOUND):
        raise old_document(file)
    if head.lstrip().startswith(_RTF):
        return "rtf"
    if named == "image":
        named = None  # every image has a mark: without one the name lies
    if (known := _known(head)) is not None:
        reader, what = known
        if reader is None:
            raise DocumentError("unsupported", f"The file is {what}, which no reader takes.")
        return reader
    if named not in _MAY_OPEN_WITH_HTML and _HTML.match(head):
        return "html"
    return _unnamed(head) if named in (None, "rtf") else named


def described(file: SourceFile) -> str:
    """What a file is by its first bytes, such as "a PNG image"; "a document" where none tell."""
    known = _known(file.at(0, HEAD_BYTES))
    return "a document" if known is None else known[1]


def _known(head: bytes) -> tuple[str | None, str] | None:
    """The reader and the kind of what has a mark of its own."""
    for mark, reader, what in _MARKED:
        if mark.match(head):
            return reader, what
    for signature, reader, what in _SIGNATURES:
        if head.startswith(signature):
            return reader, what
    return None


def _unnamed(head: bytes) -> str:
    """What a file is whose name says nothing: only what no text begins with by chance."""
    if head[257:262] == b"ustar":
        return "archive"
    if _XML.match(head):
        return "xml"
    if _MBOX.match(head):
        return "mbox"
    fields = _FIELDS.match(head)
    if fields is not None and len(_MAIL_FIELD.findall(fields[0])) > 1:
        return "mail"
    return "text"


def named_reader(name: bytes) -> str | None:
    """The reader that a file's name speaks for, unopened."""
    return BY_SUFFIX.get(suffix(name))


def suffix(name: bytes) -> str:
    """The lower-case suffix with its dot, or an empty string."""
    base = name.rpartition(b"/")[2]
    stem, dot, last = base.rpartition(b".")
    return (dot + last).decode("latin-1").lower() if stem else ""


def _starts_like_pdf(head: bytes) -> bool:
    """True where nothing but stray bytes comes before the mark, as in text about PDF it would."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n\0").startswith(b"%PDF-")

"""Which document a ZIP file or an old compound file holds, told by what is in it."""

from vecstream_cli.errors import DocumentError
from vecstream_cli.readers.failures import document_errors
from vecstream_cli.readers.source import SourceFile
from vecstream_cli.readers.zip_guard import GuardedZip, checked_zip

_MIME = {
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.oasis.opendocument.text-template": "odt",
    "application/vnd.oasis.opendocument.text-master": "odt",
    "application/vnd.oasis.opendocument.presentation": "odp",
    "application/vnd.oasis.opendocument.presentation-template": "odp",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/vnd.oasis.opendocument.spreadsheet-template": "ods",
    "application/epub+zip": "epub",
}
# The main part tells; where it has another name than usual, the folder does.
_STARTS = (
    ("word/document", "docx"),
    ("ppt/presentation", "pptx"),
    ("xl/workbook", "xlsx"),
    ("word/", "docx"),
    ("ppt/", "pptx"),
    ("xl/", "xlsx"),
)
READERS = frozenset({*_MIME.values(), *(reader for _, reader in _STARTS)})
_MAX_MIME_BYTES = 200

_SCANNED_BYTES = 64 << 20
_NAME_BYTES = 64  # of an entry in a compound file's directory, filled up with NULs
# An entry's name, the suffix, what such a file is, and with what it becomes what a reader takes.
_OLD = (
    ("EncryptedPackage", b"", "", "", ""),
    (
        "WordDocument", b".doc", "a Word document of the kind before 2007 (.doc)",
        "LibreOffice", ".docx",
    ),
    (
        "Workbook", b".xls", "an Excel workbook of the kind before 2007 (.xls)",
        "LibreOffice", ".xlsx",
    ),
    ("Book", b".xls", "an Excel workbook of the kind before 1997 (.xls)", "LibreOffice", ".xlsx"),
    (
        "PowerPoint Document", b".ppt", "a presentation of the kind before 2007 (.ppt)",
        "LibreOffice", ".pptx",
    ),
    ("__nameid_version1.0", b".msg", "an Outlook message (.msg)", "Outlook or Thunderbird", ".eml"),
)  # fmt: skip


def zip_document(file: SourceFile, named: str | None) -> str | None:
    """The reader for the office document or book in a ZIP file; None where it holds none.

    Raises DocumentError where the file cannot be looked into, and is `named` to be one of those.
    """
    try:
        with checked_zip(file) as archive:
            found = _found(archive)
    except DocumentError:
        if named not in READERS:
            return None
        raise
    if found == "xlsb":
        raise DocumentError(
            "unsupported",
            "The file is a binary Excel workbook (.xlsb), which no reader takes; "
            "save it as .xlsx with Excel or LibreOffice.",
        )
    return found


def _found(archive: GuardedZip) -> str | None:
    names = [name.replace("\\", "/").lstrip("/") for name in archive.namelist()]
    if "mimetype" in archive.NameToInfo:
        with document_errors("the ZIP file"), archive.open("mimetype") as stream:
            known = _MIME.get(stream.read(_MAX_MIME_BYTES).decode("ascii", "replace").strip())
        if known is not None:
            return known
    if "[Content_Types].xml" not in names:
        return "epub" if "META-INF/container.xml" in names else None
    if "xl/workbook.bin" in names:
        return "xlsb"
    for start, reader in _STARTS:
        if any(name.startswith(start) for name in names):
            return reader
    return None


def old_document(file: SourceFile) -> DocumentError:
    """What is wrong with a compound file: ``encrypted`` or, as one of old, ``unsupported``."""
    wanted = [name.encode("utf-16-le").ljust(_NAME_BYTES, b"\0") for name, *_ in _OLD]
    found: set[int] = set()
    tail = b""
    for count, piece in enumerate(file.pieces()):
        data = tail + piece
        found.update(at for at, name in enumerate(wanted) if name in data)
        tail = data[-_NAME_BYTES:]
        if 0 in found or count * len(piece) > _SCANNED_BYTES:
            break
    if not found:
        what = "an old compound file, which no reader takes"
        return DocumentError("unsupported", f"The file is {what}.")
    if 0 in found:
        return DocumentError("encrypted", "The document is encrypted and asks for a password.")
    # Documents lie in documents: where several kinds are found, the name tells which is outside.
    named = {at for at in found if file.name.lower().endswith(_OLD[at][1])}
    _, _, what, program, suffix = _OLD[min(named or found)]
    return DocumentError(
        "unsupported",
        f"The file is {what}, which no reader takes; convert it with {program} to {suffix}.",
    )

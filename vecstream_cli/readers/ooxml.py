"""Office Open XML packages: what they say about themselves, and a copy that libraries can take."""

import io
import posixpath
import re
import zipfile

from vecstream_cli.errors import DocumentError
from vecstream_cli.readers import safe_xml
from vecstream_cli.readers.zip_guard import GuardedZip

_CONTENT_TYPES = "[Content_Types].xml"
_FACTS = {
    "title": "title",
    "creator": "author",
    "subject": "subject",
    "keywords": "keywords",
    "language": "language",
    "created": "created",
    "modified": "modified",
}
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?")
# Strict documents name the same things by other addresses.
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/(?!2006)")
_TRANSITIONAL = rb"http://schemas.openxmlformats.org/\1/2006/"
# Templates, shows and documents with macros are read like the documents they make.
_MAIN = re.compile(
    rb"application/vnd\.(?:ms-word|ms-powerpoint|openxmlformats-officedocument\.\w+)"
    rb"\.(?:document|template|presentation|slideshow)(?:\.macroEnabled(?:Template)?)?(\.main\+xml)"
)


def facts(archive: GuardedZip) -> dict[str, object]:
    """Title, author, subject, keywords, language and dates; none where they cannot be read."""
    part = next((name for name in archive.namelist() if name.endswith("docProps/core.xml")), None)
    if part is None or archive.getinfo(part).file_size > 1 << 20:
        return {}
    try:
        root = safe_xml.tree(archive.read(part))
    except (SyntaxError, zipfile.BadZipFile):
        return {}
    found: dict[str, object] = {}
    for element in root:
        key = _FACTS.get(safe_xml.local(element))
        value = (element.text or "").strip()
        if key is None or (key in ("created", "modified") and not _DATE.fullmatch(value)):
            continue
        found[key] = value
    return found


def xml_size(archive: GuardedZip) -> int:
    """How many bytes of XML, unpacked, a copy by `package` would hold."""
    return sum(member.file_size for member in archive.infolist() if _is_kept(member.filename))


def package(archive: GuardedZip, main: str, limit: int) -> io.BytesIO:
    """A copy of a package in memory, its main part of content type `main` whatever its kind.

    python-docx and python-pptx load all parts, films and pictures too, and fail where a relation
    leads nowhere: here only XML has content, and such relations are gone. Raises DocumentError
    ``too-large`` where the XML takes more than `limit` bytes, unpacked.
    """
    if xml_size(archive) > limit:
        raise DocumentError("too-large", f"It has more than {limit >> 20} MiB of XML.")
    names = {name.replace("\\", "/").lstrip("/"): name for name in archive.namelist()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as copy:
        for name, stored in names.items():
            if name.endswith("/") or _is_dropped(name):
                continue
            data = archive.read(stored) if _is_kept(name) else b""
            if data.find(b"http://purl.oclc.org/ooxml/", 0, 1 << 14) >= 0:
                data = _STRICT.sub(_TRANSITIONAL, data)
            if name == _CONTENT_TYPES:
                data = _typed(data, main, names)
            elif name.endswith(".rels"):
                data = _connected(data, name, names)
            copy.writestr(name, data)
    out.seek(0)
    return out


def _is_kept(name: str) -> bool:
    return name.lower().endswith((".xml", ".rels")) and not _is_dropped(name)


def _is_dropped(name: str) -> bool:
    """Parts that no reader asks for: building blocks, and data that forms are filled from."""
    return name.replace("\\", "/").startswith(("word/glossary/", "customXml/", "docProps/app"))


def _typed(data: bytes, main: str, names: dict[str, str]) -> bytes:
    """The list of content types, with one for every part."""
    from lxml import etree  # type: ignore[import-untyped]

    root = safe_xml.tree(_MAIN.sub(main.encode(), data))
    known = {
        (safe_xml.attribute(each, "Extension") or "").lower()
        for each in root
        if safe_xml.local(each) == "Default"
    }
    for extension in {name.rpartition(".")[2].lower() for name in names if "." in name} - known:
        added = etree.SubElement(root, root.tag.replace("Types", "Default"))
        added.set("Extension", extension)
        added.set("ContentType", "application/octet-stream")
    return bytes(etree.tostring(root))


def _connected(data: bytes, name: str, names: dict[str, str]) -> bytes:
    """A part's relations without those that lead nowhere in the package."""
    from lxml import etree

    root = safe_xml.tree(data)
    folder = posixpath.dirname(posixpath.dirname(name))
    for relation in list(root):
        if (relation.get("TargetMode") or "").lower() == "external":
            continue
        target = (relation.get("Target") or "").replace("\\", "/").partition("#")[0]
        reached = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
        if reached not in names or _is_dropped(reached):
            root.remove(relation)
        else:
            relation.set("Target", f"/{reached}")
    return bytes(etree.tostring(root))

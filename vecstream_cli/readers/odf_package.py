"""OpenDocument packages: opened, what they say about themselves, and what their styles mean."""

from dataclasses import dataclass, field

from vecstream_cli.errors import DocumentError
from vecstream_cli.readers import safe_xml
from vecstream_cli.readers.failures import document_errors
from vecstream_cli.readers.safe_xml import Element, attribute, local
from vecstream_cli.readers.source import SourceFile
from vecstream_cli.readers.zip_guard import GuardedZip, checked_zip

# As a tree, XML takes ten times its size and more; sheets are streamed and know no such limit.
MAX_XML_BYTES = 16 << 20
_MAX_SMALL_BYTES = 4 << 20

_FACTS = {
    "title": "title",
    "initial-creator": "author",
    "subject": "subject",
    "language": "language",
    "creation-date": "created",
    "date": "modified",
}
_MAX_CHAIN = 20


def opened(file: SourceFile) -> GuardedZip:
    """The package. Raises DocumentError ``encrypted`` where its content is."""
    archive = checked_zip(file)
    with document_errors("the document"):
        manifest = _small(archive, "META-INF/manifest.xml")
        if manifest is not None and any(local(e) == "encryption-data" for e in manifest.iter()):
            raise DocumentError("encrypted", "The document is encrypted and asks for a password.")
    return archive


def content(archive: GuardedZip) -> Element:
    """The document as a tree. Raises DocumentError ``too-large`` beyond `MAX_XML_BYTES`."""
    if archive.getinfo("content.xml").file_size > MAX_XML_BYTES:
        raise DocumentError("too-large", f"It has more than {MAX_XML_BYTES >> 20} MiB of XML.")
    return safe_xml.tree(archive.read("content.xml"))


def styles(archive: GuardedZip) -> Element | None:
    """The tree with the styles that have names, and the headers and footers of pages."""
    return _small(archive, "styles.xml")


def facts(archive: GuardedZip) -> dict[str, object]:
    """Title, author, subject, keywords, language and dates."""
    found: dict[str, object] = {}
    keywords = []
    creator = ""
    root = _small(archive, "meta.xml")
    for element in () if root is None else root.iter():
        name, value = local(element), (element.text or "").strip()
        if name in _FACTS and value:
            found.setdefault(_FACTS[name], value)
        elif name == "keyword" and value:
            keywords.append(value)
        elif name == "creator":
            creator = value
    found.setdefault("author", creator)
    if keywords:
        found["keywords"] = ", ".join(keywords)
    return found


@dataclass(slots=True)
class OdfStyles:
    """By the names of styles: the style each is based on, which lists count, which tables hide."""

    parents: dict[str, str] = field(default_factory=dict)
    numbered: dict[str, set[int]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)

    def add(self, element: Element) -> None:
        """Take a `style` or a `list-style`."""
        name = attribute(element, "name") or ""
        if local(element) == "list-style":
            self.numbered[name] = {
                int(level)
                for each in element
                if local(each) == "list-level-style-number"
                and attribute(each, "num-format")
                and (level := attribute(each, "level") or "").isdecimal()
            }
            return
        self.parents[name] = attribute(element, "parent-style-name") or ""
        for each in element:
            if local(each) == "table-properties" and attribute(each, "display") == "false":
                self.hidden.add(name)

    def is_based_on(self, name: str | None, wanted: str) -> bool:
        """Whether a style is `wanted`, or goes back to it."""
        for _ in range(_MAX_CHAIN):
            if not name or name == wanted:
                break
            name = self.parents.get(name)
        return name == wanted


def known_styles(*roots: Element | None) -> OdfStyles:
    """The styles in some trees."""
    found = OdfStyles()
    for root in roots:
        for each in () if root is None else root.iter():
            if local(each) in ("style", "list-style"):
                found.add(each)
    return found


def _small(archive: GuardedZip, name: str) -> Element | None:
    """A part that matters less: None where it is missing, broken or out of proportion."""
    try:
        if archive.getinfo(name).file_size > _MAX_SMALL_BYTES:
            return None
        return safe_xml.tree(archive.read(name))
    except (KeyError, SyntaxError):
        return None

"""XML that strangers wrote: no entities, no network, no depth or length without end."""

from collections.abc import Iterator
from functools import lru_cache
from typing import IO, Any

Element = Any
"""An lxml element; lxml has no types of its own."""

_CAREFUL = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}


def tree(data: bytes) -> Element:
    """The root of a whole document. Raises what lxml raises, for `document_errors` to catch."""
    from lxml import etree  # type: ignore[import-untyped]

    return etree.fromstring(data, etree.XMLParser(**_CAREFUL))


def ended(stream: IO[bytes], *names: str) -> Iterator[Element]:
    """Each element of one of those local names as it ends; its content is dropped afterwards."""
    return (element for _, element in events(stream, ends=names))


def events(
    stream: IO[bytes], *, ends: tuple[str, ...], starts: tuple[str, ...] = ()
) -> Iterator[tuple[str, Element]]:
    """("start" or "end", element) for elements of those local names, in the document's order.

    After its end an element is emptied, and what comes before it is gone.
    """
    from lxml import etree

    tags = [f"{{*}}{name}" for name in {*starts, *ends}]
    kinds = ("start", "end") if starts else ("end",)
    for event, element in etree.iterparse(stream, events=kinds, tag=tags, **_CAREFUL):
        if local(element) in (starts if event == "start" else ends):
            yield event, element
        if event == "end":
            element.clear()
            parent = element.getparent()
            while parent is not None and element.getprevious() is not None:
                del parent[0]


def local(element: Element) -> str:
    """An element's name without its namespace: strict and transitional documents differ in that."""
    tag = element.tag
    return _without_namespace(tag) if isinstance(tag, str) else ""


@lru_cache(maxsize=4096)
def _without_namespace(tag: str) -> str:
    return tag.rpartition("}")[2]


def attribute(element: Element, name: str) -> str | None:
    """An attribute by its local name, whatever its namespace."""
    found: str | None = element.get(name)
    if found is not None:
        return found
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return str(value)
    return None


def related(element: Element, name: str = "id") -> str:
    """The identity of the relation that an element of an office document names: ``r:id``."""
    for key, value in element.attrib.items():
        if key.startswith("{") and key.endswith(f"}}{name}"):
            return str(value)
    return ""


def child(element: Element, name: str) -> Element | None:
    """The first child of that local name."""
    return next(element.iterchildren(f"{{*}}{name}"), None)

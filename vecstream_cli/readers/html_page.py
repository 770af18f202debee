"""A whole page of HTML by selectolax: what it says about itself, and all its text by tag rules."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vecstream_cli.core.blocks import BlockKind
from vecstream_cli.readers.html_parts import LINE_BREAK, Part, part

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_HEAD_CHARS = 1 << 16
_MAIN = ("main", "[role=main]", "article", "body")
_FURNITURE = [
    "script", "style", "noscript", "template", "svg", "iframe", "object", "nav", "footer",
    "aside", "button", "select", "head",
]  # fmt: skip
_KINDS = {
    **{f"h{level}": BlockKind.HEADING for level in range(1, 7)},
    "li": BlockKind.LIST,
    "dt": BlockKind.LIST,
    "pre": BlockKind.CODE,
    "tr": BlockKind.TABLE,
}
_BREAKING = frozenset(_KINDS) | {
    "address", "article", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl",
    "fieldset", "figcaption", "figure", "form", "header", "hr", "main", "ol", "p", "section",
    "summary", "table", "tbody", "tfoot", "thead", "title", "ul",
}  # fmt: skip


def facts(markup: str) -> dict[str, object]:
    """The page's title, author, description and language, where it names them."""
    page = _parse(markup[:_HEAD_CHARS])
    title = page.css_first("head > title") or page.css_first("title")
    html = page.css_first("html")
    return {
        "title": " ".join(title.text().split()) if title is not None else None,
        "author": _named(page, "author"),
        "description": _named(page, "description"),
        "language": html.attributes.get("lang") if html is not None else None,
    }


def parts(markup: str) -> Iterator[Part]:
    """All the text of the page's main element, or of its body, without navigation."""
    page = _parse(markup)
    page.strip_tags(_FURNITURE, recursive=True)
    for selector in _MAIN:
        found = page.css(selector)
        # Several articles are a list of teasers: take what holds them all.
        if len(found) == 1 and found[0].text(deep=True).strip():
            yield from _walk(found[0])
            return


def _walk(root: "LexborNode") -> Iterator[Part]:
    """Text gathered until a tag breaks the line. A loop, not a recursion: pages nest at will."""
    gathered: list[str] = []
    inside: list[tuple[BlockKind, int]] = [(BlockKind.PARAGRAPH, 0)]
    for node, entered in _steps(root):
        tag = node.tag or ""
        if tag == "-text":
            if entered:
                gathered.append(node.text_content or "")
        elif tag == "br" and entered:
            gathered.append("\n" if inside[-1][0] is BlockKind.CODE else LINE_BREAK)
        elif tag in ("td", "th") and entered and any(text.strip() for text in gathered):
            gathered.append(" | ")
        elif tag in _BREAKING:
            found = part(inside[-1][0], "".join(gathered), inside[-1][1])
            gathered.clear()
            if found is not None:
                yield found
            if tag in _KINDS and entered:
                inside.append((_KINDS[tag], int(tag[1]) if tag[1:].isdigit() else 0))
            elif tag in _KINDS:
                inside.pop()
    found = part(inside[-1][0], "".join(gathered), inside[-1][1])
    if found is not None:
        yield found


def _steps(root: "LexborNode") -> Iterator[tuple["LexborNode", bool]]:
    """Each node as it is entered (True) and left (False), in document order."""
    node: LexborNode | None = root
    depth = 0
    while node is not None:
        yield node, True
        child = node.first_child
        if child is not None:
            node, depth = child, depth + 1
            continue
        while True:
            yield node, False
            if depth == 0:
                return
            following = node.next
            if following is not None:
                node = following
                break
            above = node.parent
            if above is None:
                return
            node, depth = above, depth - 1


def _parse(markup: str) -> "LexborHTMLParser":
    from selectolax.lexbor import LexborHTMLParser

    return LexborHTMLParser(markup)


def _named(page: "LexborHTMLParser", name: str) -> str | None:
    tag = page.css_first(f"meta[name={name}]")
    return tag.attributes.get("content") if tag is not None else None

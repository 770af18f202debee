"""HTML: the article by trafilatura, the page by selectolax where there is no article.

The document text is what the blocks say, not the markup; a blank line ends each of them.
"""

from collections.abc import Iterable, Iterator

from vecstream_cli.core.blocks import Block, BlockKind, OpenDocument
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers import html_article, html_page
from vecstream_cli.readers import lines as cutting
from vecstream_cli.readers.encoding import decoded
from vecstream_cli.readers.failures import document_errors
from vecstream_cli.readers.html_parts import Part
from vecstream_cli.readers.metadata import bounded
from vecstream_cli.readers.outline import Outline
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.source import Progress, SourceFile

# A tree takes tens of times the markup's size: beyond the first bound only the leaner parser
# looks at a page, beyond the second none.
MAX_ARTICLE_CHARS = 2 << 20
MAX_HTML_BYTES = 16 << 20


def read_html(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open an HTML page. Raises DocumentError ``too-large`` beyond `MAX_HTML_BYTES`."""
    if file.size > MAX_HTML_BYTES:
        raise DocumentError(
            "too-large", f"The page has more than {MAX_HTML_BYTES >> 20} MiB of HTML."
        )
    progress = reading.progress
    markup = "".join(decoded(file, progress))
    progress()
    with document_errors("the HTML"):
        facts = bounded(html_page.facts(markup))
    return OpenDocument(facts, _blocks(_parts(markup, progress)))


def _parts(markup: str, progress: Progress) -> Iterable[Part]:
    """The page's parts by the first extractor that finds any."""
    found: list[Part] = []
    if len(markup) <= MAX_ARTICLE_CHARS:
        try:
            with document_errors("the HTML"):
                found = list(html_article.parts(markup))
        except DocumentError as error:
            # The other parser builds a tree of its own; only memory is the same for both.
            if error.reason == "out-of-memory":
                raise
    progress()
    if not found:
        with document_errors("the HTML"):
            found = list(html_page.parts(markup))
    return found


def _blocks(parts: Iterable[Part]) -> Iterator[Block]:
    outline = Outline()
    for part in parts:
        if part.kind is BlockKind.HEADING:
            outline.enter(part.level, part.text)
        end = "\n" if part.kind is BlockKind.LIST else "\n\n"
        yield from cutting.blocks(part.text + end, part.kind, outline.path)

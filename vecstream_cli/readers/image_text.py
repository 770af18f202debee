"""The words in an image, where they are wanted: a photographed page, a screenshot, a sign."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vecstream_cli.core.blocks import Block
from vecstream_cli.readers import lines as cutting
from vecstream_cli.readers.ocr import recognised
from vecstream_cli.readers.pdf_text import cleaned, paragraphs, rejoined
from vecstream_cli.readers.pixels import in_rgb, upright
from vecstream_cli.readers.source import Progress

if TYPE_CHECKING:
    from PIL.Image import Image


def words(image: "Image", languages: str, progress: Progress) -> Iterator[Block]:
    """A block for each paragraph that Tesseract finds. Raises DocumentError ``ocr-failed``."""
    text = cleaned(rejoined(recognised(in_rgb(upright(image)), languages, progress)))
    for paragraph in paragraphs(text):
        yield from cutting.blocks(paragraph.rstrip("\n") + "\n\n")

"""The generated corpus: documents of natural lengths in four formats, the same everywhere."""

from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

from vecstream_cli.api.bench import renderings
from vecstream_cli.api.bench.prose import Writer

GENERATED = "generated corpus"

# Of twenty documents: ten Markdown, four HTML, three text, three PDF; PDFs are longer.
_MIX = "mhmtmpmhmtmpmhmtmpmh"
_FOLDERS = ("guides", "notes", "reports", "minutes", "reference")


def write_corpus(folder: Path, documents: int, first: int = 0) -> None:
    """Write documents number `first` up to `documents`; fewer are the beginning of more."""
    for number in range(first, documents):
        suffix, data = document(number)
        place = folder / _FOLDERS[number % len(_FOLDERS)]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:05}{suffix}").write_bytes(data)


def document(number: int) -> tuple[str, bytes]:
    """The suffix and the bytes of a document."""
    writer = Writer(number)
    suffix, middle, render = _KINDS[_MIX[number % len(_MIX)]]
    return suffix, render(writer, writer.length(middle, 1.1))


def digest_of(folder: Path, files: list[bytes]) -> str:
    """A digest of these files' names below the folder and their contents."""
    digest = blake2b(digest_size=8, person=b"vecstream.bench")
    for relative in sorted(files):
        with open(bytes(folder) + b"/" + relative, "rb") as file:
            content = blake2b(digest_size=16)
            while piece := file.read(1 << 20):
                content.update(piece)
        digest.update(blake2b(relative, digest_size=16).digest() + content.digest())
    return digest.hexdigest()


def _markdown(writer: Writer, length: int) -> bytes:
    front_matter = writer.chance(0.5)
    return renderings.markdown(
        writer.title(), list(writer.parts(length)), front_matter=front_matter
    )


def _html(writer: Writer, length: int) -> bytes:
    menu = [writer.title() for _ in range(24)]
    return renderings.html(writer.title(), list(writer.parts(length)), menu=menu)


def _text(writer: Writer, length: int) -> bytes:
    return renderings.text(writer.title(), list(writer.parts(length)))


def _paper(writer: Writer, length: int) -> bytes:
    return renderings.paper(writer.title(), list(writer.parts(length)))


_KINDS: dict[str, tuple[str, int, Callable[[Writer, int], bytes]]] = {
    "m": (".md", 420, _markdown),
    "h": (".html", 500, _html),
    "t": (".txt", 300, _text),
    "p": (".pdf", 1500, _paper),
}

"""The images inside of DOCX, PPTX and other documents that are ZIP files of parts."""

import posixpath
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from vecstream_cli.core.blocks import Picture, Position, ReaderWarning
from vecstream_cli.errors import DocumentError
from vecstream_cli.pixels import ImageInput
from vecstream_cli.readers import safe_xml
from vecstream_cli.readers.embedded import Album, Pixels, decorates
from vecstream_cli.readers.failures import document_errors
from vecstream_cli.readers.image import pixels_of
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.source import InnerFile, SourceFile
from vecstream_cli.readers.zip_guard import checked_zip

if TYPE_CHECKING:
    from vecstream_cli.readers.zip_guard import GuardedZip

_FOLDERS = ("word/media/", "xl/media/", "Pictures/", "media/")
_READ = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".tif", ".tiff", ".webp")
_DRAWN = (".emf", ".wmf", ".svg", ".eps", ".pct", ".pict")
_MOST_BYTES = 64 << 20
_MOST_XML = 16 << 20
_BOOK = "META-INF/container.xml"  # of an EPUB, whose images lie wherever it likes
_SLIDES = "ppt/presentation.xml"


def pictures(
    file: SourceFile, reading: Reading, warnings: list[ReaderWarning]
) -> Iterator[Picture]:
    """A presentation's images slide by slide, another document's in the order of their names."""
    wanted = reading.options.image
    assert wanted is not None
    archive = checked_zip(file)
    album = Album(warnings)
    drawings: set[str] = set()
    for name, where in _named(archive):
        reading.progress()
        if not name.lower().endswith(_READ):
            if name.lower().endswith(_DRAWN):
                drawings.add(name)
            continue
        yield from album.take(partial(_pixels, archive, name, wanted, reading), None, where)
        if album.full:
            return
    if drawings:
        kinds = ", ".join(sorted({posixpath.splitext(name)[1].lower() for name in drawings}))
        album.warn(f"{len(drawings)} drawings of a kind that is not read ({kinds})")


def _named(archive: "GuardedZip") -> Iterator[tuple[str, Position]]:
    """The parts that are images, each with where it stands."""
    names = set(archive.namelist())
    if _SLIDES in names:
        yield from _of_slides(archive, names)
        return
    anywhere = _BOOK in names
    found = [name for name in names if anywhere or name.startswith(_FOLDERS)]
    for number, name in enumerate(sorted(found), start=1):
        yield name, {"image": number}


def _of_slides(archive: "GuardedZip", names: set[str]) -> Iterator[tuple[str, Position]]:
    """Those that slides refer to: the ones of their masters are decoration."""
    with document_errors("the presentation"):
        targets = _targets(archive, _SLIDES)
        shown = [
            targets[relation]
            for each in safe_xml.tree(_small(archive, _SLIDES)).iter()
            if safe_xml.local(each) == "sldId" and (relation := _relation(each)) in targets
        ]
    for number, slide in enumerate(shown, start=1):
        with document_errors(f"slide {number}"):
            parts = set(_targets(archive, slide).values()) & names
        images = sorted(name for name in parts if "/media/" in name)
        for place, name in enumerate(images, start=1):
            yield name, {"slide": number, "image": place}


def _targets(archive: "GuardedZip", part: str) -> dict[str, str]:
    """The parts that a part refers to, by the names of the relations."""
    folder, name = posixpath.split(part)
    relations = f"{folder}/_rels/{name}.rels"
    if relations not in archive.namelist():
        return {}
    return {
        each.get("Id", ""): posixpath.normpath(posixpath.join(folder, each.get("Target", "")))
        for each in safe_xml.tree(_small(archive, relations))
        if each.get("TargetMode") != "External"
    }


def _relation(element: safe_xml.Element) -> str:
    """The name of the relation by which a slide is listed; its plain id is another."""
    return next((str(value) for key, value in element.attrib.items() if key.endswith("}id")), "")


def _small(archive: "GuardedZip", name: str) -> bytes:
    _refuse(archive, name, _MOST_XML)
    data: bytes = archive.read(name)
    return data


def _pixels(
    archive: "GuardedZip", name: str, wanted: ImageInput, reading: Reading
) -> Pixels | None:
    with document_errors("the image"):
        _refuse(archive, name, _MOST_BYTES)
        data = archive.read(name)
    file = InnerFile(data, name.encode("utf-8", "replace"))
    return pixels_of(file, wanted, reading.progress, unless=decorates)


def _refuse(archive: "GuardedZip", name: str, most: int) -> None:
    """Raise DocumentError ``too-large`` where a part declares more bytes than that."""
    if archive.getinfo(name).file_size > most:
        raise DocumentError("too-large", f"{name} has more than {most >> 20} MiB.")

"""A folder of everything that was ever thrown at a reader; each in a folder with two neighbours."""

import gzip
import io
import os
import socket
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

MIB = 1 << 20
SECRET = "the-secret-of-another-file"  # what an external entity would bring in

_ENTITIES = "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">'
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)
LAUGHS = f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "ha">{_ENTITIES}]><r>&j;</r>'
QUADRATIC = (
    f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "{"x" * 50_000}">]><r>{"&a;" * 50_000}</r>'
)
WORD = (
    '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
    "{}</w:body></w:document>"
)
ODT = (
    '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:text>'
    "{}</office:text></office:body></office:document-content>"
)

EPUB = b"application/epub+zip"


def external(path: Path) -> str:
    """XML that asks for another file."""
    return f'<!DOCTYPE r [<!ENTITY x SYSTEM "file://{path}">]><r><p>Asks: &x;</p></r>'


def archive(members: Mapping[str, bytes | int]) -> bytes:
    """A ZIP file; a number is so many bytes of nothing."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            if isinstance(content, bytes):
                made.writestr(name, content, zipfile.ZIP_STORED if name == "mimetype" else None)
                continue
            with made.open(name, "w", force_zip64=True) as member:
                for _ in range(content // MIB):
                    member.write(bytes(MIB))
    return file.getvalue()


def word(content: bytes | int) -> bytes:
    """A DOCX of this document.xml."""
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    return archive(
        {
            "[Content_Types].xml": b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/'
            b'content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-'
            b'package.relationships+xml"/><Override PartName="/word/document.xml" ContentType='
            b'"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>'
            b"</Types>",
            "_rels/.rels": b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
            b'relationships"><Relationship Id="r" Type="' + relation.encode() + b'" Target='
            b'"word/document.xml"/></Relationships>',
            "word/document.xml": content,
        }
    )  # fmt: skip


def odt(content: bytes | int) -> bytes:
    """An ODT of this content.xml."""
    return archive({"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": content})


def nested(depth: int) -> bytes:
    """A ZIP file in a ZIP file in a ZIP file, ten in each; at the bottom 10 MiB of nothing."""
    inner = archive({"zeros.txt": 10 * MIB})
    for _ in range(depth):
        inner = archive({f"{number}.zip": inner for number in range(10)})
    return inner


def lying(content: bytes, says: int) -> bytes:
    """A ZIP file whose directory and header say that its one member has another size."""
    made = bytearray(archive({"a.txt": content}))
    header, directory = made.index(b"PK\x03\x04"), made.index(b"PK\x01\x02")
    struct.pack_into("<I", made, header + 22, says)
    struct.pack_into("<I", made, directory + 24, says)
    return bytes(made)


def overlapping(count: int) -> bytes:
    """A ZIP file whose directory names the same megabytes again and again."""
    whole = archive({"a.txt": 50 * MIB})
    start = whole.index(b"PK\x01\x02")
    end = whole.index(b"PK\x05\x06")
    entry = whole[start:end]
    entries = b"".join(entry.replace(b"a.txt", b"%05d" % number) for number in range(count))
    tail = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, len(entries), start, 0)
    return whole[:start] + entries + tail


def pdf(objects: Iterator[bytes]) -> bytes:
    """A PDF of these objects, numbered from 1; the first is its catalogue."""
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(places) + 1, start)
    return bytes(out)


def _page(contents: bytes, resources: bytes) -> Iterator[bytes]:
    yield b"<</Type/Catalog/Pages 2 0 R>>"
    yield b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
    yield (
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 600]/Contents 4 0 R/Resources<<%s>>>>"
        % resources
    )
    yield b"<</Length %d>>\nstream\n%s\nendstream" % (len(contents), contents)


def million_objects() -> Iterator[bytes]:
    yield from _page(b"BT /F 12 Tf 20 200 Td (a million objects) Tj ET", b"/Font<</F 5 0 R>>")
    yield b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    for _ in range(1_000_000):
        yield b"<<>>"


def endless_page() -> Iterator[bytes]:
    """A page that draws a form 20,000 times, which says nothing in 400,000 instructions."""
    yield from _page(b"/X Do " * 20_000, b"/XObject<</X 5 0 R>>")
    nothing = zlib.compress(b"q Q " * 200_000)
    yield (
        b"<</Type/XObject/Subtype/Form/BBox[0 0 600 600]/Filter/FlateDecode/Length %d>>\n"
        b"stream\n%s\nendstream" % (len(nothing), nothing)
    )


def crashing_page() -> Iterator[bytes]:
    """A page that draws a form ten times, which draws a form ten times, and so on: ten levels."""
    yield from _page(b"/X Do", b"/XObject<</X 5 0 R>>/Font<</F 15 0 R>>")
    for number in range(5, 15):
        last = number == 14
        content = b"BT /F 12 Tf (x) Tj ET " * 10 if last else b"/X Do " * 10
        inner = b"/Font<</F 15 0 R>>" if last else b"/XObject<</X %d 0 R>>" % (number + 1)
        yield (
            b"<</Type/XObject/Subtype/Form/BBox[0 0 600 600]/Resources<<%s>>/Length %d>>\n"
            b"stream\n%s\nendstream" % (inner, len(content), content)
        )
    yield b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"


def png(width: int, height: int) -> bytes:
    """A PNG that says it is so large, with next to nothing in it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(width * 3 + 1) * 8)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def gzipped(size: int) -> bytes:
    file = io.BytesIO()
    with gzip.open(file, "wb") as made:
        for _ in range(size // MIB):
            made.write(bytes(MIB))
    return file.getvalue()


def tar_of(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as made:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        made.addfile(entry, io.BytesIO(content))
    return file.getvalue()


DEEP = 100_000
BOMBS: Mapping[str, Callable[[], bytes]] = {
    "flat.docx": lambda: word(1024 * MIB),
    "flat.xlsx": lambda: archive({"xl/workbook.xml": 100 * MIB, "[Content_Types].xml": b"<a/>"}),
    "flat.odt": lambda: odt(100 * MIB),
    "flat.epub": lambda: archive({"mimetype": EPUB, "META-INF/container.xml": 100 * MIB}),
    "flat.zip": lambda: archive({"a.txt": 1024 * MIB}),
    "nested.zip": lambda: nested(4),
    "lying-small.zip": lambda: lying(bytes(50 * MIB), 10),
    "lying-large.zip": lambda: lying(b"little", 4_000_000_000),
    "overlapping.zip": lambda: overlapping(1000),
    "slip.zip": lambda: archive({"../../../escaped.md": b"slip escaped"}),
    "slip.tar": lambda: tar_of("../../../escaped.md", b"slip escaped"),
    "flat.txt.gz": lambda: gzipped(1024 * MIB),
    "laughs.xml": LAUGHS.encode,
    "laughs.docx": lambda: word(LAUGHS.encode()),
    "laughs.odt": lambda: odt(LAUGHS.encode()),
    "laughs.html": lambda: LAUGHS.replace("<r>", "<html><body><p>").encode(),
    "quadratic.xml": QUADRATIC.encode,
    "deep.json": lambda: b"[" * DEEP + b"]" * DEEP,
    "deep-objects.json": lambda: b'{"text":' * DEEP + b'"x"' + b"}" * DEEP,
    "deep.jsonl": lambda: b"[" * DEEP + b"\n" + b"[" * DEEP + b"]" * DEEP + b"\n",
    "deep.ipynb": lambda: b'{"cells":' + b"[" * DEEP,
    "deep.xml": lambda: b"<a>" * DEEP + b"x" + b"</a>" * DEEP,
    "deep.html": lambda: b"<html><body>" + b"<div>" * DEEP + b"deep text" + b"</div>" * DEEP,
    "deep.docx": lambda: word(WORD.format("<w:p>" * DEEP + "</w:p>" * DEEP).encode()),
    "deep.odt": lambda: odt(ODT.format("<text:span>" * DEEP + "</text:span>" * DEEP).encode()),
    "deep.md": lambda: b"> " * DEEP + b"deep text\n" + b"- " * DEEP + b"list\n",
    "deep.rtf": lambda: b"{\\rtf1 " + b"{" * DEEP + b"deep text" + b"}" * DEEP + b"}",
    "deep.tex": lambda: b"\\begin{itemize}" * DEEP + b"deep text" + b"{" * DEEP,
    "deep.py": lambda: b"(" * DEEP + b"1" + b")" * DEEP,
    "deep.eml": lambda: b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(2000)
    ),
    "attachments.eml": lambda: b"Subject: many\nContent-Type: multipart/mixed; boundary=b\n\n"
    + b"--b\nContent-Type: text/plain\n\nx\n" * 200_000,
    "wide.csv": lambda: b"a," * 200_000 + b"\n" + b"1," * 200_000 + b"\n",
    "quote.csv": lambda: b'a,b\n"' + b"never closed " * 100_000,
    "huge.png": lambda: png(50_000, 50_000),
    "huge.jpg": lambda: png(50_000, 50_000),
    "million.pdf": lambda: pdf(million_objects()),
    "endless.pdf": lambda: pdf(endless_page()),
    "crashing.pdf": lambda: pdf(crashing_page()),
    "line.txt": lambda: b"word " * 400_000,
    "line.md": lambda: b"word" * 250_000,
    "nuls.txt": lambda: b"text\0with\0nuls " * 2000,
    "surrogates.txt": lambda: b"before " + b"\xed\xa0\x80\xed\xb0\x80" + b" after",
    "surrogates.json": lambda: b'{"text": "before \\ud800 after", "\\udfff": "x"}',
    "surrogates.md": lambda: b'---\ntitle: "\\uD800"\n---\nsurrogate text\n',
    "control.txt": lambda: bytes(range(1, 32)) * 20,
    "really-a-pdf.md": lambda: pdf(_page(b"", b"")),
    "really-a-png.txt": lambda: png(1, 1),
    "really-text.docx": lambda: b"only text, whatever the name says",
    "really-text.pdf": lambda: b"only text, whatever the name says",
    "really-a-zip.pptx": lambda: archive({"a.txt": b"only a text"}),
    "really-a-program.txt": lambda: b"\x7fELF" + bytes(4000),
    "empty.pdf": lambda: b"",
    "empty.docx": lambda: b"",
}  # fmt: skip


def plant(folder: Path, prose: Callable[[int, int], str]) -> dict[str, str]:
    """Make the tree; the text of each neighbour by its path."""
    neighbours: dict[str, str] = {}
    seed = 0

    def house(name: str) -> Path:
        nonlocal seed
        home = folder / name
        home.mkdir(parents=True)
        for neighbour in ("before.md", "zafter.md"):
            seed += 1
            neighbours[f"{name}/{neighbour}"] = prose(40, seed)
            (home / neighbour).write_text(neighbours[f"{name}/{neighbour}"])
        return home

    for name, make in BOMBS.items():
        (house(name) / name).write_bytes(make())
    secret = folder.parent / "secret"
    secret.write_text(SECRET)
    for name in ("external.xml", "external.html", "external.svg"):
        (house(name) / name).write_text(external(secret))
    (house("external.docx") / "external.docx").write_bytes(word(external(secret).encode()))
    with (house("sparse.txt") / "sparse.txt").open("wb") as file:
        file.truncate(200 * MIB)
    odd = os.fsencode(house("names"))
    for name in (b"\xed\xa0\x80 surrogate.md", b"\xff\xfe.md", b"new\nline.md", b" .md", b"-rf.md"):
        Path(os.fsdecode(odd + b"/" + name)).write_text("a name\n")
    special = house("special")
    os.mkfifo(special / "fifo.md")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(special / "socket.md"))
    try:
        os.mknod(special / "device.md", stat.S_IFCHR | 0o644, os.makedev(1, 5))  # /dev/zero
    except PermissionError:
        (special / "device.md").symlink_to("/dev/zero")
    (special / "zero.md").symlink_to("/dev/zero")
    (special / "self.md").symlink_to("self.md")
    (special / "loop").symlink_to(special)
    (special / "ping.md").symlink_to("pong.md")
    (special / "pong.md").symlink_to("ping.md")
    return neighbours

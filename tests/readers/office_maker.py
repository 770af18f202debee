"""Office documents made for tests: by the libraries, or from XML where none writes it."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

ODF = "application/vnd.oasis.opendocument."
NAMESPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in {
        "office": "office", "text": "text", "table": "table", "style": "style",
        "draw": "drawing", "presentation": "presentation", "meta": "meta",
        "svg": "svg-compatible", "manifest": "manifest",
    }.items()
) + ' xmlns:dc="http://purl.org/dc/elements/1.1/"'  # fmt: skip


def saved(document: Any) -> bytes:
    """What python-docx, python-pptx and openpyxl save."""
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def changed(data: bytes, members: Mapping[str, str | bytes | None]) -> bytes:
    """A ZIP file with some members replaced or added; those of None are left out."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        kept = {name: archive.read(name) for name in archive.namelist()}
    return zipped({k: v for k, v in {**kept, **members}.items() if v is not None})


def member(data: bytes, name: str) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(name).decode()


def odf(kind: str, body: str, *, automatic: str = "", meta: str = "", styles: str = "") -> bytes:
    """An OpenDocument file whose body holds `body`; `kind` is text, spreadsheet or presentation."""
    content = (
        f"<office:document-content {NAMESPACES}>"
        f"<office:automatic-styles>{automatic}</office:automatic-styles>"
        f"<office:body><office:{kind}>{body}</office:{kind}></office:body>"
        "</office:document-content>"
    )
    return zipped(
        {
            "mimetype": ODF + kind,
            "content.xml": content,
            "meta.xml": f"<office:document-meta {NAMESPACES}><office:meta>{meta}</office:meta>"
            "</office:document-meta>",
            "styles.xml": f"<office:document-styles {NAMESPACES}>{styles}</office:document-styles>",
        }
    )


def epub(
    chapters: Mapping[str, str], *, metadata: str = "", extra: Mapping[str, str] | None = None
) -> bytes:
    """A book of XHTML chapters, by their names in the folder `OEBPS`."""
    items = "".join(
        f'<item id="{name}" href="{name}" media-type="application/xhtml+xml"/>' for name in chapters
    )
    spine = "".join(f'<itemref idref="{name}"/>' for name in chapters)
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0">'
        f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">{metadata}</metadata>'
        f"<manifest>{items}</manifest><spine>{spine}</spine></package>"
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
    )
    pages = {
        f"OEBPS/{name}": f'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">'
        f"<body>{body}</body></html>"
        for name, body in chapters.items()
    }
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "OEBPS/book.opf": package,
            **pages,
            **(extra or {}),
        }
    )

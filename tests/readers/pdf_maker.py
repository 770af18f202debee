"""Makes small PDFs by hand, so that a test decides every object in them."""

from collections.abc import Sequence


def pdf(pages: Sequence[Sequence[str] | None], *, title: str = "") -> bytes:
    """A PDF of `pages`, each a list of lines; None is a page whose object does not exist."""
    font, info = 3, 4
    kids, objects = [], {}
    number = 5
    for lines in pages:
        kids.append(f"{number} 0 R")
        if lines is not None:
            shown = " T* ".join(f"({_escaped(line)}) Tj" for line in lines)
            content = f"BT /F1 12 Tf 72 720 Td 14 TL {shown} ET"
            objects[number] = (
                f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
                f"/Resources << /Font << /F1 {font} 0 R >> >> /Contents {number + 1} 0 R >>"
            )
            objects[number + 1] = f"<< /Length {len(content)} >>\nstream\n{content}\nendstream"
        number += 2
    objects[1] = "<< /Type /Catalog /Pages 2 0 R >>"
    objects[2] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    objects[font] = (
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    )
    objects[info] = f"<< /Title ({_escaped(title)}) >>"
    return _file(objects, number)


def _file(objects: dict[int, str], count: int) -> bytes:
    out = bytearray(b"%PDF-1.4\n")
    table = [b"0000000000 65535 f \n"]
    for number in range(1, count):
        if number in objects:
            table.append(b"%010d 00000 n \n" % len(out))
            out += f"{number} 0 obj\n{objects[number]}\nendobj\n".encode("latin-1")
        else:
            table.append(b"0000000000 65535 f \n")
    start = len(out)
    out += b"xref\n0 %d\n" % count + b"".join(table)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info 4 0 R >>\n" % count
    out += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(out)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")

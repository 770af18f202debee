"""Makes small PDFs by hand, so that a test decides every object in them."""

from collections.abc import Sequence

Placed = tuple[float, float, str]
"""Where a line begins on a page of 612 by 792 points, y from below, and what it says."""

Bookmark = tuple[int, str, int]
"""Its level from 0, its title, and the number of its page."""


def pdf(
    pages: Sequence[Sequence[str | Placed] | None],
    *,
    title: str = "",
    info: str = "",
    labels: str = "",
    bookmarks: Sequence[Bookmark] = (),
) -> bytes:
    """A PDF of `pages`, each a list of lines; None is a page whose object does not exist.

    `info` is more of the information dictionary, `labels` the number tree of the page labels.
    """
    font, about = 3, 4
    kids, objects = [], {}
    number = 5
    for lines in pages:
        kids.append(f"{number} 0 R")
        if lines is not None:
            content = f"BT /F1 12 Tf 72 720 Td 14 TL {' '.join(map(_shown, lines))} ET"
            objects[number] = (
                f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
                f"/Resources << /Font << /F1 {font} 0 R >> >> /Contents {number + 1} 0 R >>"
            )
            objects[number + 1] = f"<< /Length {len(content)} >>\nstream\n{content}\nendstream"
        number += 2
    catalog = "/Type /Catalog /Pages 2 0 R"
    if labels:
        catalog += f" /PageLabels << /Nums [{labels}] >>"
    if bookmarks:
        catalog += f" /Outlines {number} 0 R"
        objects |= _outline(bookmarks, number)
        number += 1 + len(bookmarks)
    objects[1] = f"<< {catalog} >>"
    objects[2] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    objects[font] = (
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    )
    objects[about] = f"<< /Title ({_escaped(title)}) {info} >>"
    return _file(objects, number)


def _shown(line: str | Placed) -> str:
    if isinstance(line, str):
        return f"({_escaped(line)}) Tj T*"
    x, y, text = line
    return f"1 0 0 1 {x} {y} Tm ({_escaped(text)}) Tj"


def _outline(bookmarks: Sequence[Bookmark], root: int) -> dict[int, str]:
    children: dict[int, list[int]] = {}
    parents: list[int] = []
    path = [root]
    for place, (level, _, _) in enumerate(bookmarks):
        del path[level + 1 :]
        parents.append(path[-1])
        children.setdefault(path[-1], []).append(root + 1 + place)
        path.append(root + 1 + place)

    def family(number: int) -> str:
        mine = children.get(number)
        return f"/First {mine[0]} 0 R /Last {mine[-1]} 0 R /Count {len(mine)}" if mine else ""

    objects = {root: f"<< /Type /Outlines {family(root)} >>"}
    for place, (_, title, page) in enumerate(bookmarks):
        number, parent = root + 1 + place, parents[place]
        beside = children[parent]
        at = beside.index(number)
        after = f"/Next {beside[at + 1]} 0 R" if at + 1 < len(beside) else ""
        objects[number] = (
            f"<< /Title ({_escaped(title)}) /Parent {parent} 0 R {after} {family(number)} "
            f"/Dest [{3 + 2 * page} 0 R /Fit] >>"
        )
    return objects


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

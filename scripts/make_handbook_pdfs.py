# /// script
# dependencies = ["fpdf2==2.8.9"]
# ///
"""Make the example handbook's PDFs from the texts beside this script.

Seldom needed, since the PDFs are committed: ``pip install fpdf2==2.8.9`` somewhere, then
``python scripts/make_handbook_pdfs.py``. The same texts give the same bytes.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from fpdf import FPDF

TEXTS = Path(__file__).parent / "handbook_pdfs"
HANDBOOK = Path(__file__).parents[1] / "examples" / "handbook"
FOLDERS = {
    "backups-and-restores": "operations",
    "database-failover": "operations",
    "architecture-overview": "engineering",
}


class Page(FPDF):
    """A5 portrait: small enough that every text runs over several pages."""

    def footer(self) -> None:
        self.set_y(-12)
        self.set_font("helvetica", size=8)
        self.cell(0, 6, f"Harbourline engineering handbook, page {self.page_no()}", align="C")


def render(text: str) -> FPDF:
    """A document of `text`: lines that start with ``# `` or ``## `` are headings."""
    pdf = Page(format=(148, 210))
    pdf.set_margin(16)
    pdf.set_auto_page_break(auto=True, margin=18)
    # A fixed date, so that making them again changes nothing.
    pdf.set_creation_date(datetime(2025, 4, 1, tzinfo=UTC))
    pdf.set_author("Harbourline platform team")
    pdf.add_page()
    for line in text.splitlines():
        if line.startswith("# "):
            pdf.set_title(line[2:])
            pdf.set_font("helvetica", style="B", size=18)
            pdf.multi_cell(0, 10, line[2:], new_x="LMARGIN", new_y="NEXT")
        elif line.startswith("## "):
            pdf.ln(3)
            pdf.set_font("helvetica", style="B", size=13)
            pdf.multi_cell(0, 8, line[3:], new_x="LMARGIN", new_y="NEXT")
        else:
            pdf.set_font("times", size=12.5)
            pdf.multi_cell(0, 6.2, line, new_x="LMARGIN", new_y="NEXT")
        pdf.ln(2)
    return pdf


def main() -> int:
    for source in sorted(TEXTS.glob("*.txt")):
        pdf = render(source.read_text("utf-8"))
        target = HANDBOOK / FOLDERS[source.stem] / f"{source.stem}.pdf"
        pdf.output(str(target))
        print(f"{target.relative_to(HANDBOOK.parents[1])}: {pdf.page} pages")
    return 0


if __name__ == "__main__":
    sys.exit(main())

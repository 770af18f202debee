"""Where a hit stands is told as a person would say it, and cannot steer a terminal."""

import json

import pytest
from reports import HOSTILE

from vecstream_cli.report.positions import located, position


@pytest.mark.parametrize(
    ("document", "page", "facts", "shown"),
    [
        ("report.pdf", 3, None, "report.pdf p. 3"),
        ("report.pdf", 3, {"page_end": 5}, "report.pdf p. 3–5"),
        ("report.pdf", 4, {"page_label": "iv"}, "report.pdf p. iv (4)"),
        ("deck.pptx", None, {"slide": 4}, "deck.pptx slide 4"),
        ("deck.pptx", None, {"slide": 4, "slide_end": 6}, "deck.pptx slide 4–6"),
        ("costs.xlsx", None, {"sheet": "Costs", "columns": "A:D", "row": 7, "row_end": 9},
         "costs.xlsx Costs!A7:D9"),
        ("costs.xlsx", None, {"sheet": "Costs", "columns": "A:D", "row": 7},
         "costs.xlsx Costs!A7:D7"),
        ("costs.xlsx", None, {"sheet": "Costs", "columns": "A", "row": 7},
         "costs.xlsx Costs!A7:A7"),
        ("costs.xlsx", None, {"sheet": "Costs", "cell": "B7"}, "costs.xlsx Costs!B7"),
        ("report.docx", None, {"table": 2, "row": 3}, "report.docx table 2 row 3"),
        ("costs.xlsx", None, {"sheet": "Costs"}, "costs.xlsx Costs"),
        ("costs.xlsx", None, {"sheet": "Costs", "row": 7}, "costs.xlsx Costs row 7"),
        ("costs.xlsx", None,
         {"sheet": "Q1", "row": 7, "columns": "A:B", "sheet_end": "Q2", "row_end": 2},
         "costs.xlsx Q1!A7 – Q2 row 2"),
        ("people.csv", None, {"row": 2, "row_end": 14}, "people.csv row 2–14"),
        ("a.py", None, {"line": 10, "line_end": 42}, "a.py:10-42"),
        ("a.py", None, {"line": 10, "line_end": 10}, "a.py:10"),
        ("mail.eml", None, {"message": "<4711@example.org>"}, "mail.eml <4711@example.org>"),
        ("x.zip", None, {"member": "inner/a.md"}, "x.zip » inner/a.md"),
        ("x.zip", 2, {"member": "a.pdf"}, "x.zip » a.pdf p. 2"),
        ("x.zip", None, {"member": "a.py", "line": 1, "line_end": 3}, "x.zip » a.py:1-3"),
        ("x.new", None, {"verse": 3, "verse_end": 4}, "x.new verse 3–4"),
        ("plain.md", None, {"last": True}, "plain.md"),
    ],
)  # fmt: skip
def test_a_place(document: str, page: int | None, facts: object, shown: str) -> None:
    assert located(document, page, None if facts is None else json.dumps(facts)) == shown


def test_the_mark_of_the_last_row_is_no_place() -> None:
    assert position('{"line": 1, "last": true}') == {"line": 1}
    assert position('{"last": true}') is None
    assert position(None) is None


@pytest.mark.parametrize("stored", ["not json", "[1]", "3", '""'])
def test_what_is_no_position_is_none(stored: str) -> None:
    assert located("a.md", None, stored) == "a.md"


@pytest.mark.parametrize("name", ["sheet", "member", "message", "page_label", "row", HOSTILE])
def test_a_document_cannot_steer_the_terminal(name: str) -> None:
    shown = located("a", 1, json.dumps({name: HOSTILE, f"{name}_end": HOSTILE}))

    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\n"} & set(shown)

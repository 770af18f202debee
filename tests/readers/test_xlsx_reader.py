"""Workbooks: every row a line that names its columns, values as a person reads them."""

import datetime

import openpyxl
import pytest
from office_maker import changed, member, saved
from openpyxl.comments import Comment

from vecstream_cli.errors import DocumentError
from vecstream_cli.readers import xlsx_workbook
from vecstream_cli.readers.number_formats import shown


@pytest.fixture
def book():
    return openpyxl.Workbook()


def fill(sheet, *rows) -> None:
    for row in rows:
        sheet.append(row)


def test_every_row_names_its_columns_and_its_place(read, book) -> None:
    book.active.title = "Costs"
    fill(book.active, ("Name", "Role", "Since"), ("Alice", "admin", 2021), ("Bob", None, 2022))
    found = read("a.xlsx", saved(book))
    assert found.text == (
        "Costs\n\nName | Role | Since\nName: Alice | Role: admin | Since: 2021\n"
        "Name: Bob | Since: 2022\n"
    )
    assert dict(found.blocks[0].position) == {"sheet": "Costs"}
    assert dict(found.blocks[2].position) == {"sheet": "Costs", "columns": "A:C", "row": 2}
    assert found.under("Name: Bob") == ("Costs",)


def test_what_stands_above_the_header_is_no_header(read, book) -> None:
    fill(book.active, ("Budget of 2024",), (), ("Item", "Price"), ("Tea", 3), ("Milk", 2))
    text = read("a.xlsx", saved(book)).text
    assert text.endswith(
        "Budget of 2024\nItem | Price\nItem: Tea | Price: 3\nItem: Milk | Price: 2\n"
    )


def test_numbers_alone_have_no_header(read, book) -> None:
    fill(book.active, (1, 2), (3, 4))
    assert read("a.xlsx", saved(book)).text == "Sheet\n\n1 | 2\n3 | 4\n"


def test_a_second_table_below_has_a_header_of_its_own(read, book) -> None:
    fill(book.active, ("Item", "Price"), ("Tea", 3), ("Milk", 2), (), ("City", "Land", "Size"))
    fill(book.active, ("Bern", "CH", 1), ("Graz", "AT", 2))
    assert "City: Graz | Land: AT | Size: 2\n" in read("a.xlsx", saved(book)).text


def test_a_table_goes_on_after_an_empty_row(read, book) -> None:
    fill(book.active, ("Name", "City"), ("Ann", "Bern"), ("Bea", "Graz"), (), ("Cleo", "Linz"))
    fill(book.active, ("Dora", "Wien"))
    assert "Name: Dora | City: Wien\n" in read("a.xlsx", saved(book)).text


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (None, "General", ""),
        (True, "General", "TRUE"),
        ("words", "0.00", "words"),
        (0.1 + 0.2, "General", "0.3"),
        (1234567, "General", "1234567"),
        (3.0, "General", "3"),
        (0.125, "0%", "12%"),
        (0.125, "0.0%", "12.5%"),
        (1234.5, "#,##0.00", "1,234.50"),
        (-1234.5, "#,##0.00", "-1,234.50"),
        (-5, "0;(0)", "(5)"),
        (0, '0;-0;"none"', "0"),
        (1234.5, '"$"#,##0.00', "$1,234.50"),
        (1234.5, "#,##0.00 [$€-407]", "1,234.50 €"),
        (12, '0 "kg"', "12 kg"),
        (12345678, "0.00E+00", "1.23E+07"),
        (1500000, '0.0,,"M"', "1.5M"),
        (0.5, "# ?/?", "0.5"),
        (7, "@", "7"),
        (datetime.datetime(2024, 3, 1), "dd/mm/yy", "2024-03-01"),
        (datetime.datetime(2024, 3, 1, 14, 30), "dd/mm/yy h:mm", "2024-03-01 14:30"),
        (datetime.datetime(2024, 3, 1, 14, 30, 5), "dd/mm/yy h:mm", "2024-03-01 14:30:05"),
        (datetime.time(14, 30), "h:mm", "14:30:00"),
        (datetime.timedelta(hours=30, minutes=5), "[h]:mm", "30:05:00"),
    ],
)
def test_a_value_is_shown_in_its_format(value, number_format: str, text: str) -> None:
    assert shown(value, number_format) == text


def test_dates_percents_and_currencies_come_through_a_workbook(read, book) -> None:
    sheet = book.active
    sheet["A1"], sheet["B1"], sheet["C1"] = datetime.date(2024, 3, 1), 0.25, 1234.5
    sheet["B1"].number_format, sheet["C1"].number_format = "0%", '"$"#,##0.00'
    assert read("a.xlsx", saved(book)).text == "Sheet\n\n2024-03-01 | 25% | $1,234.50\n"


def test_a_formula_counts_with_the_value_it_had(read, book) -> None:
    book.active["A1"] = "=1+1"
    data = saved(book)
    sheet = (
        member(data, "xl/worksheets/sheet1.xml")
        .replace("<v/>", "<v>2</v>")
        .replace("<v></v>", "<v>2</v>")
    )
    assert read("a.xlsx", changed(data, {"xl/worksheets/sheet1.xml": sheet})).text == "Sheet\n\n2\n"


def test_formulas_that_were_never_calculated_are_told(read, book) -> None:
    fill(book.active, ("=1+1", 3))
    found = read("a.xlsx", saved(book))
    assert found.text == "Sheet\n\n3\n"
    assert [warning.reason for warning in found.warnings] == ["formulas"]


def test_a_cell_merged_over_rows_stands_in_each_of_them(read, book) -> None:
    fill(book.active, ("Area", "Task"), ("House", "sweep"), (None, "mop"), (None, "dust"))
    book.active.merge_cells("A2:A3")
    text = read("a.xlsx", saved(book)).text
    assert "Area: House | Task: mop\n" in text
    assert text.endswith("\nTask: dust\n")


def test_hidden_sheets_are_left_out_and_named(read, book) -> None:
    fill(book.active, ("seen",))
    secret = book.create_sheet("Secret")
    fill(secret, ("unseen",))
    secret.sheet_state = "veryHidden"
    found = read("a.xlsx", saved(book))
    assert "unseen" not in found.text
    assert [(warning.reason, "Secret" in warning.message) for warning in found.warnings] == [
        ("hidden", True)
    ]


def test_comments_follow_the_cells(read, book) -> None:
    book.active["B2"] = 7
    book.active["B2"].comment = Comment("Who says so?", "Ann")
    found = read("a.xlsx", saved(book))
    assert found.text == "Sheet\n\n7\n\nComment on B2: Who says so?\n"
    assert dict(found.blocks[-1].position) == {"sheet": "Sheet", "cell": "B2"}


@pytest.mark.parametrize("claim", ["A1:XFD1048576", "A1", "nonsense"])
def test_what_a_sheet_claims_as_its_size_is_not_believed(read, book, claim: str) -> None:
    fill(book.active, ("a", "b"), ("c", 1))
    data = saved(book)
    sheet = member(data, "xl/worksheets/sheet1.xml").replace('ref="A1:B2"', f'ref="{claim}"')
    found = read("a.xlsx", changed(data, {"xl/worksheets/sheet1.xml": sheet}))
    assert found.text == "Sheet\n\na | b\na: c | b: 1\n"
    assert found.beats < 50


def test_a_row_at_the_end_of_the_world_costs_no_rows_before_it(read, book) -> None:
    book.active["A1"], book.active.cell(1_048_576, 16_384).value = "first", "last"
    found = read("a.xlsx", saved(book))
    assert found.text == "Sheet\n\nfirst\nlast\n"
    assert dict(found.blocks[-1].position)["columns"] == "XFD"


def test_a_cell_that_cannot_be_read_costs_only_itself(read, book) -> None:
    fill(book.active, (1, 2), (3, 4))
    data = saved(book)
    sheet = member(data, "xl/worksheets/sheet1.xml").replace("<v>3</v>", "<v>three</v>")
    found = read("a.xlsx", changed(data, {"xl/worksheets/sheet1.xml": sheet}))
    assert found.text == "Sheet\n\n1 | 2\n4\n"
    assert [warning.reason for warning in found.warnings] == ["cells"]


def test_a_broken_sheet_costs_only_itself(read, book) -> None:
    fill(book.active, ("one",))
    fill(book.create_sheet("Other"), ("two",))
    data = changed(saved(book), {"xl/worksheets/sheet1.xml": "<worksheet><sheetData><row>"})
    found = read("a.xlsx", data)
    assert found.text == "Other\n\ntwo\n"
    assert [warning.reason for warning in found.warnings] == ["sheet"]


def test_more_strings_than_a_parser_may_hold_are_refused_unread(read, monkeypatch, book) -> None:
    monkeypatch.setattr(xlsx_workbook, "MAX_STRINGS_BYTES", 1000)
    strings = "".join(f"<si><t>string {number}</t></si>" for number in range(100))
    data = changed(saved(book), {"xl/sharedStrings.xml": f"<sst>{strings}</sst>"})
    with pytest.raises(DocumentError) as caught:
        read("a.xlsx", data)
    assert caught.value.reason == "too-large"


def test_a_strict_workbook_is_told_what_to_do(read, book) -> None:
    data = saved(book)
    strict = member(data, "xl/workbook.xml").replace(
        "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        "http://purl.oclc.org/ooxml/spreadsheetml/main",
    )
    with pytest.raises(DocumentError) as caught:
        read("a.xlsx", changed(data, {"xl/workbook.xml": strict}))
    assert caught.value.reason == "unsupported"
    assert "ordinary" in caught.value.message


def test_a_remark_below_a_table_is_no_value_of_it(read, book) -> None:
    fill(book.active, ("Item", "Price"), ("Tea", 3), ("Milk", 2), (), ("All prices in euros.",))
    assert read("a.xlsx", saved(book)).text.endswith("\nAll prices in euros.\n")


def test_a_string_is_read_without_the_readings_above_it(read, book) -> None:
    book.active["A1"] = 0
    data = saved(book)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    strings = (
        '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si>'
        "<r><t>東</t></r><r><t>京</t></r><rPh><t>とうきょう</t></rPh></si></sst>"
    )
    types = member(data, "[Content_Types].xml")
    if kind not in types:
        part = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'
        types = types.replace("</Types>", part)
    sheet = member(data, "xl/worksheets/sheet1.xml")
    cell = sheet[sheet.index("<c ") : sheet.index("</c>")]
    changes = {
        "[Content_Types].xml": types,
        "xl/sharedStrings.xml": strings,
        "xl/worksheets/sheet1.xml": sheet.replace(cell, '<c r="A1" t="s"><v>0</v>'),
    }
    assert read("a.xlsx", changed(data, changes)).text == "Sheet\n\n東京\n"


def test_an_empty_workbook_says_so(read, book) -> None:
    found = read("a.xlsx", saved(book))
    assert found.blocks == []
    assert [warning.reason for warning in found.warnings] == ["no-text"]


def test_what_the_workbook_says_about_itself_is_metadata(read, book) -> None:
    book.properties.title, book.properties.creator = "Costs", "Ann"
    fill(book.active, ("words",))
    found = read("a.xlsx", saved(book)).metadata
    assert found["title"] == "Costs"
    assert found["author"] == "Ann"

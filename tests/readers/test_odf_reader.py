"""OpenDocument text, presentations and spreadsheets."""

import pytest
from office_maker import NAMESPACES, changed, odf

from vecstream_cli.core.blocks import BlockKind
from vecstream_cli.errors import DocumentError


def p(text: str) -> str:
    return f"<text:p>{text}</text:p>"


def row(*cells: str, attributes: str = "") -> str:
    inner = "".join(
        cell if cell.startswith("<") else f"<table:table-cell>{p(cell)}</table:table-cell>"
        for cell in cells
    )
    return f"<table:table-row {attributes}>{inner}</table:table-row>"


def table(*rows: str, attributes: str = 'table:name="Costs"') -> str:
    return f"<table:table {attributes}>{''.join(rows)}</table:table>"


def test_headings_make_the_path_of_what_stands_under_them(read) -> None:
    found = read(
        "a.odt",
        odf(
            "text",
            '<text:p text:style-name="P1">Handbook</text:p>'
            '<text:h text:outline-level="1">Keys</text:h>'
            f'<text:section><text:h text:outline-level="2">Rotation</text:h>{p("Often.")}'
            "</text:section>",
            automatic='<style:style style:name="P1" style:parent-style-name="Title"/>',
        ),
    )
    assert found.under("Often.") == ("Handbook", "Keys", "Rotation")
    assert found.text == "Handbook\n\nKeys\n\nRotation\n\nOften.\n"


def test_space_is_what_the_document_says_it_is(read) -> None:
    text = 'one<text:s text:c="3"/>two<text:tab/>three<text:line-break/>\n   '
    text += "<text:span>four</text:span>"
    assert read("a.odt", odf("text", p(text))).text == "one   two\tthree\n four\n"


def test_lists_are_numbered_where_their_style_says_so(read) -> None:
    style = (
        '<text:list-style style:name="L1"><text:list-level-style-number text:level="1" '
        'style:num-format="1"/></text:list-style>'
    )
    inner = f"<text:list><text:list-item>{p('deep')}</text:list-item></text:list>"
    items = f"<text:list-item>{p('one')}{inner}</text:list-item>"
    items += f"<text:list-item>{p('two')}</text:list-item>"
    body = f'<text:list text:style-name="L1">{items}</text:list>'
    found = read("a.odt", odf("text", body, automatic=style))
    assert found.text == "1. one\n- deep\n2. two\n"
    assert found.kind("1. one") is BlockKind.LIST


def test_every_row_of_a_table_has_the_words_of_its_header(read) -> None:
    body = table(
        f"<table:table-header-rows>{row('Name', 'Role')}</table:table-header-rows>",
        row("Alice", "admin"),
    )
    found = read("a.odt", odf("text", body))
    assert found.text == "Name | Role\nName: Alice | Role: admin\n"
    assert dict(found.blocks[-1].position) == {"table": 1, "row": 2}


def test_notes_and_comments_follow_and_deleted_text_is_left_out(read) -> None:
    body = (
        "<text:tracked-changes><text:changed-region><text:deletion>"
        f"{p('deleted')}</text:deletion></text:changed-region></text:tracked-changes>"
        + p(
            "A claim<text:note><text:note-citation>1</text:note-citation><text:note-body>"
            f"{p('See the annex.')}</text:note-body></text:note>."
            f"<office:annotation><dc:creator>Ann</dc:creator>{p('Really?')}</office:annotation>"
        )
    )
    found = read("a.odt", odf("text", body))
    assert found.text == "A claim[1].\n\n[1] See the annex.\n\nComment by Ann: Really?\n"


def test_text_boxes_footers_and_metadata_are_read(read) -> None:
    styles = (
        "<office:master-styles><style:master-page><style:footer>"
        f"{p('Confidential')}</style:footer></style:master-page></office:master-styles>"
    )
    meta = (
        "<dc:title>A title</dc:title><meta:initial-creator>Ann</meta:initial-creator>"
        "<dc:creator>Bob</dc:creator><meta:creation-date>2024-03-01T12:00:00</meta:creation-date>"
        "<meta:keyword>one</meta:keyword><meta:keyword>two</meta:keyword>"
    )
    body = p(f"Beside.<draw:frame><draw:text-box>{p('In the box.')}</draw:text-box></draw:frame>")
    found = read("a.odt", odf("text", body, styles=styles, meta=meta))
    assert found.text == "Beside.\n\nIn the box.\n\nFooter: Confidential\n"
    assert found.metadata == {
        "title": "A title",
        "author": "Ann",
        "created": "2024-03-01T12:00:00",
        "keywords": "one, two",
    }


def test_slides_have_their_title_first_and_their_notes_last(read) -> None:
    def frame(kind: str, top: str, text: str) -> str:
        return (
            f'<draw:frame presentation:class="{kind}" svg:y="{top}" svg:x="1cm">'
            f"<draw:text-box>{p(text)}</draw:text-box></draw:frame>"
        )

    page = (
        "<draw:page>"
        + frame("outline", "8cm", "Below.")
        + frame("subtitle", "4cm", "Above.")
        + frame("title", "6cm", "Costs")
        + frame("footer", "9cm", "Every page")
        + f"<presentation:notes>{frame('notes', '1cm', 'Speak slowly.')}</presentation:notes>"
        + "</draw:page>"
    )
    found = read("a.odp", odf("presentation", page + page))
    slide = "Costs\n\nAbove.\n\nBelow.\n\nNotes: Speak slowly.\n"
    assert found.text == f"{slide}\n{slide}"
    assert dict(found.blocks[-1].position) == {"slide": 2}
    assert found.under("Notes") == ("Costs",)


def test_every_row_of_a_sheet_names_its_columns_and_its_place(read) -> None:
    date = (
        '<table:table-cell office:value-type="date" office:date-value="2024-03-01">'
        f"{p('01.03.24')}</table:table-cell>"
    )
    found = read("a.ods", odf("spreadsheet", table(row("Item", "Bought"), row("Tea", date))))
    assert found.text == "Costs\n\nItem | Bought\nItem: Tea | Bought: 2024-03-01\n"
    assert dict(found.blocks[-1].position) == {"sheet": "Costs", "columns": "A:B", "row": 2}


def test_repeated_rows_and_cells_are_counted_and_not_made(read) -> None:
    empty = '<table:table-cell table:number-columns-repeated="16000"/>'
    far = row("<table:table-cell/>", attributes='table:number-rows-repeated="1048000"')
    twice = f'<table:table-cell table:number-columns-repeated="2">{p("x")}</table:table-cell>'
    found = read("a.ods", odf("spreadsheet", table(row(twice, empty, "end"), far, row("last"))))
    assert found.text == "Costs\n\nx | x | end\nlast\n"
    assert [dict(block.position) for block in found.blocks[1:]] == [
        {"sheet": "Costs", "columns": "A:WQM", "row": 1},
        {"sheet": "Costs", "columns": "A", "row": 1_048_002},
    ]


def test_a_cell_merged_over_rows_stands_in_each_of_them(read) -> None:
    merged = f'<table:table-cell table:number-rows-spanned="2">{p("House")}</table:table-cell>'
    covered = "<table:covered-table-cell/>"
    rows = row("Area", "Task"), row(merged, "sweep"), row(covered, "mop"), row("Barn", "dust")
    found = read("a.ods", odf("spreadsheet", table(*rows)))
    assert "Area: House | Task: mop\nArea: Barn | Task: dust\n" in found.text


def test_hidden_sheets_are_left_out_and_named(read) -> None:
    display = '<style:table-properties table:display="false"/>'
    style = f'<style:style style:name="ta2">{display}</style:style>'
    body = table(row("unseen"), attributes='table:name="Secret" table:style-name="ta2"')
    found = read("a.ods", odf("spreadsheet", body + table(row("seen")), automatic=style))
    assert found.text == "Costs\n\nseen\n"
    assert [warning.reason for warning in found.warnings] == ["hidden"]


@pytest.mark.parametrize(("kind", "name"), [("text", "a.odt"), ("spreadsheet", "a.ods")])
def test_an_encrypted_document_is_told(read, kind: str, name: str) -> None:
    manifest = (
        f"<manifest:manifest {NAMESPACES}><manifest:file-entry>"
        "<manifest:encryption-data/></manifest:file-entry></manifest:manifest>"
    )
    with pytest.raises(DocumentError) as caught:
        read(name, changed(odf(kind, p("x")), {"META-INF/manifest.xml": manifest}))
    assert caught.value.reason == "encrypted"


@pytest.mark.parametrize("kind", ["text", "spreadsheet", "presentation"])
def test_a_document_without_text_says_so(read, kind: str) -> None:
    found = read("a.odt", odf(kind, ""))
    assert found.blocks == []
    assert [warning.reason for warning in found.warnings] == ["no-text"]

"""Word documents: what a person reads, under its headings, and nothing that was deleted."""

import datetime
import re

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.oxml.parser import OxmlElement
from office_maker import changed, member, saved

from vecstream_cli.core.blocks import BlockKind
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers import docx as reader

W = nsdecls("w")


def with_body(xml: str) -> bytes:
    """A document with this XML at the end of its body."""
    document = docx.Document()
    for element in parse_xml(f"<w:body {W}>{xml}</w:body>"):
        document.element.body.insert(len(document.element.body) - 1, element)
    return saved(document)


def test_headings_make_the_path_of_what_stands_under_them(read) -> None:
    document = docx.Document()
    document.add_heading("Handbook", 0)
    document.add_heading("Keys", 1)
    document.add_heading("Rotation", 2)
    document.add_paragraph("Every ninety days.")
    document.add_heading("Doors", 1)
    document.add_paragraph("Locked at night.")
    found = read("a.docx", saved(document))
    assert found.under("Every ninety") == ("Handbook", "Keys", "Rotation")
    assert found.under("Locked") == ("Handbook", "Doors")
    assert found.kind("Rotation") is BlockKind.HEADING


def test_a_publishers_own_headings_are_known_by_their_names(read) -> None:
    document = docx.Document()
    for name in ("ChapterTitle", "HeadA", "HeadB", "CodeWide"):
        document.styles.add_style(name, 1)
        document.add_paragraph(f"in {name}", style=name)
    found = read("a.docx", saved(document))
    assert found.under("in CodeWide") == ("in ChapterTitle", "in HeadA", "in HeadB")
    assert found.kind("in CodeWide") is BlockKind.CODE


def test_a_style_is_a_heading_where_the_one_it_is_based_on_is(read) -> None:
    document = docx.Document()
    style = document.styles.add_style("Ours", 1)
    style.base_style = document.styles["Heading 2"]
    document.add_paragraph("Words", style="Ours")
    assert read("a.docx", saved(document)).headings == [("Words",)]


def test_items_have_the_numbers_that_word_shows(read) -> None:
    document = docx.Document()
    for text in ("Open the box.", "Take it out."):
        document.add_paragraph(text, style="List Number")
    document.add_paragraph("A note.", style="List Bullet")
    found = read("a.docx", saved(document))
    assert found.text == "1. Open the box.\n2. Take it out.\n- A note.\n"
    assert {block.kind for block in found.blocks} == {BlockKind.LIST}


def test_nested_numbers_count_as_word_counts(read) -> None:
    levels = "".join(
        f'<w:lvl w:ilvl="{at}"><w:start w:val="1"/><w:numFmt w:val="{form}"/>'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
        for at, (form, text) in enumerate([("decimal", "%1"), ("lowerLetter", "%1.%2)")])
    )
    document = docx.Document()
    numbering = document.part.numbering_part.element
    numbering.insert(
        0, parse_xml(f'<w:abstractNum {W} w:abstractNumId="90">{levels}</w:abstractNum>')
    )
    numbering.append(parse_xml(f'<w:num {W} w:numId="91"><w:abstractNumId w:val="90"/></w:num>'))
    for depth, text in ((0, "one"), (1, "one a"), (1, "one b"), (0, "two"), (1, "two a")):
        paragraph = document.add_paragraph(text)
        paragraph._p.get_or_add_pPr().append(
            parse_xml(f'<w:numPr {W}><w:ilvl w:val="{depth}"/><w:numId w:val="91"/></w:numPr>')
        )
    found = read("a.docx", saved(document))
    assert found.text == "1 one\n1.a) one a\n1.b) one b\n2 two\n2.a) two a\n"


def test_every_row_of_a_table_has_the_words_of_its_header(read) -> None:
    document = docx.Document()
    document.add_paragraph("Before.")
    table = document.add_table(3, 2)
    for row, values in zip(
        table.rows, (("Name", "Role"), ("Alice", "admin"), ("Bob", "")), strict=True
    ):
        for cell, value in zip(row.cells, values, strict=True):
            cell.text = value
    document.add_paragraph("After.")
    found = read("a.docx", saved(document))
    assert found.text == "Before.\n\nName | Role\nName: Alice | Role: admin\nName: Bob\n\nAfter.\n"
    rows = [block for block in found.blocks if block.kind is BlockKind.TABLE]
    assert [dict(row.position) for row in rows] == [{"table": 1, "row": n} for n in (1, 2, 3)]


def test_a_cell_merged_over_rows_stands_in_each_of_them(read) -> None:
    document = docx.Document()
    table = document.add_table(3, 2)
    for at, (one, other) in enumerate((("Area", "Task"), ("House", "sweep"), ("", "mop"))):
        table.cell(at, 0).text, table.cell(at, 1).text = one, other
    table.cell(1, 0).merge(table.cell(2, 0))
    found = read("a.docx", saved(document))
    assert "Area: House | Task: mop\n" in found.text


def test_a_title_over_all_columns_is_no_header(read) -> None:
    document = docx.Document()
    table = document.add_table(3, 2)
    rows = (("Staff", ""), ("Name", "Role"), ("Alice", "admin"))
    for row, values in zip(table.rows, rows, strict=True):
        for cell, value in zip(row.cells, values, strict=True):
            cell.text = value
    table.cell(0, 0).merge(table.cell(0, 1))
    text = read("a.docx", saved(document)).text
    assert text == "Staff\nName | Role\nName: Alice | Role: admin\n"


def test_values_that_are_the_same_stand_side_by_side(read) -> None:
    document = docx.Document()
    table = document.add_table(2, 2)
    for row in table.rows:
        for cell in row.cells:
            cell.text = "7"
    assert read("a.docx", saved(document)).text.endswith("7 | 7\n")


def test_labels_with_colons_name_what_is_beside_them(read) -> None:
    document = docx.Document()
    table = document.add_table(2, 2)
    for row, values in zip(table.rows, (("Name:", "Alice"), ("Role:", "admin")), strict=True):
        for cell, value in zip(row.cells, values, strict=True):
            cell.text = value
    assert read("a.docx", saved(document)).text == "Name: | Alice\nRole: | admin\n"


def test_a_table_of_one_column_is_read_as_what_stands_in_it(read) -> None:
    document = docx.Document()
    cell = document.add_table(1, 1).cell(0, 0)
    cell.text = "Boxed words."
    found = read("a.docx", saved(document))
    assert found.text == "Boxed words.\n"
    assert found.kind("Boxed") is BlockKind.PARAGRAPH


def test_deleted_and_hidden_text_is_left_out_and_inserted_text_is_not(read) -> None:
    data = with_body(
        '<w:p><w:r><w:t xml:space="preserve">It is </w:t></w:r>'
        '<w:del w:author="a" w:id="1"><w:r><w:delText>not </w:delText></w:r></w:del>'
        '<w:ins w:author="a" w:id="2"><w:r><w:t xml:space="preserve">very </w:t></w:r></w:ins>'
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>secretly </w:t></w:r>"
        '<w:moveFrom w:id="3"><w:r><w:t>moved </w:t></w:r></w:moveFrom>'
        "<w:r><w:t>good.</w:t></w:r></w:p>"
    )
    assert read("a.docx", data).text == "It is very good.\n"


def test_links_fields_and_controls_are_read_by_what_they_show(read) -> None:
    data = with_body(
        "<w:p><w:hyperlink><w:r><w:t>a link</w:t></w:r></w:hyperlink>"
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>PAGE</w:instrText></w:r>'
        '<w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>, page 7</w:t></w:r>'
        "<w:sdt><w:sdtPr><w:alias w:val='x'/></w:sdtPr><w:sdtContent><w:r><w:t>, chosen</w:t></w:r>"
        "</w:sdtContent></w:sdt><w:r><w:tab/><w:t>end</w:t></w:r></w:p>"
    )
    assert read("a.docx", data).text == "a link, page 7, chosen\tend\n"


def test_a_text_box_is_read_once_after_the_paragraph_it_hangs_on(read) -> None:
    box = "<w:txbxContent><w:p><w:r><w:t>In the box.</w:t></w:r></w:p></w:txbxContent>"
    data = with_body(
        '<w:p xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
        'xmlns:v="urn:schemas-microsoft-com:vml"><w:r><w:t>Beside it.</w:t></w:r><w:r>'
        f"<mc:AlternateContent><mc:Choice Requires='wps'><w:drawing>{box}</w:drawing></mc:Choice>"
        f"<mc:Fallback><w:pict><v:textbox>{box}</v:textbox></w:pict></mc:Fallback>"
        "</mc:AlternateContent></w:r></w:p>"
    )
    assert read("a.docx", data).text == "Beside it.\n\nIn the box.\n"


def test_comments_and_footnotes_follow_what_they_are_about(read) -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("A claim.")
    document.add_comment(paragraph.runs, "Really?", author="Ann")
    note = OxmlElement("w:footnoteReference")
    note.set(qn("w:id"), "2")
    paragraph.add_run()._r.append(note)
    data = saved(document)
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
    types = member(data, "[Content_Types].xml").replace(
        "</Types>", f'<Override PartName="/word/footnotes.xml" ContentType="{kind}"/></Types>'
    )
    relations = member(data, "word/_rels/document.xml.rels").replace(
        "</Relationships>",
        '<Relationship Id="rId90" Target="footnotes.xml" Type="http://schemas.openxmlformats.org/'
        'officeDocument/2006/relationships/footnotes"/></Relationships>',
    )
    footnotes = (
        f'<w:footnotes {W}><w:footnote w:id="2"><w:p><w:r><w:t>See the annex.</w:t></w:r></w:p>'
        "</w:footnote></w:footnotes>"
    )
    data = changed(
        data,
        {
            "[Content_Types].xml": types,
            "word/_rels/document.xml.rels": relations,
            "word/footnotes.xml": footnotes,
        },
    )
    found = read("a.docx", data)
    assert found.text == "A claim.[2]\n\nComment by Ann: Really?\n\n[2] See the annex.\n"


def test_headers_and_footers_come_once_at_the_end(read) -> None:
    document = docx.Document()
    document.add_paragraph("Words.")
    document.sections[0].header.paragraphs[0].text = "Confidential"
    document.sections[0].footer.paragraphs[0].text = "7"
    assert read("a.docx", saved(document)).text == "Words.\n\nHeader: Confidential\n"


def test_what_the_document_says_about_itself_is_metadata(read) -> None:
    document = docx.Document()
    document.add_paragraph("Words.")
    said = document.core_properties
    said.title, said.author, said.language = "A title", "Ann", "de-DE"
    said.keywords, said.subject = "one, two", ""
    said.created = datetime.datetime(2024, 3, 1, 12, 0, tzinfo=datetime.UTC)
    found = read("a.docx", saved(document)).metadata
    assert found["title"] == "A title"
    assert found["author"] == "Ann"
    assert found["language"] == "de-DE"
    assert found["keywords"] == "one, two"
    assert found["created"] == "2024-03-01T12:00:00Z"
    assert "subject" not in found


@pytest.mark.parametrize("kind", ["template.main", "document.macroEnabled.main"])
def test_templates_and_documents_with_macros_are_read_too(read, kind: str) -> None:
    document = docx.Document()
    document.add_paragraph("Words.")
    data = saved(document)
    types = member(data, "[Content_Types].xml")
    if "macro" in kind:
        types = types.replace(
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main",
            f"application/vnd.ms-word.{kind}",
        )
    else:
        types = types.replace("wordprocessingml.document.main", f"wordprocessingml.{kind}")
    assert kind in types
    assert read("a.docm", changed(data, {"[Content_Types].xml": types})).text == "Words.\n"


def test_a_strict_document_is_read_like_any_other(read) -> None:
    document = docx.Document()
    document.add_heading("Title", 1)
    data = saved(document)
    strict = {}
    for name in (
        "word/document.xml",
        "_rels/.rels",
        "word/_rels/document.xml.rels",
        "word/styles.xml",
    ):
        strict[name] = re.sub(
            r"http://schemas\.openxmlformats\.org/(officeDocument|wordprocessingml)/2006/",
            r"http://purl.oclc.org/ooxml/\1/",
            member(data, name),
        )
    assert read("a.docx", changed(data, strict)).headings == [("Title",)]


def test_a_relation_that_leads_nowhere_costs_nothing(read) -> None:
    document = docx.Document()
    document.add_paragraph("Words.")
    data = saved(document)
    relations = member(data, "word/_rels/document.xml.rels").replace(
        "</Relationships>",
        '<Relationship Id="rId90" Target="NULL" Type="http://schemas.openxmlformats.org/'
        'officeDocument/2006/relationships/image"/></Relationships>',
    )
    found = read("a.docx", changed(data, {"word/_rels/document.xml.rels": relations}))
    assert found.text == "Words.\n"


def test_a_document_without_text_says_so(read) -> None:
    found = read("a.docx", saved(docx.Document()))
    assert found.blocks == []
    assert [warning.reason for warning in found.warnings] == ["no-text"]


def test_more_xml_than_a_parser_may_hold_is_refused_unread(read, monkeypatch) -> None:
    monkeypatch.setattr(reader, "MAX_XML_BYTES", 10_000)
    with pytest.raises(DocumentError) as caught:
        read("a.docx", with_body("<w:p><w:r><w:t>words</w:t></w:r></w:p>" * 1000))
    assert caught.value.reason == "too-large"


def test_an_entity_bomb_is_not_expanded(read) -> None:
    entities = "".join(
        f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "lol" * 10}">' for n in range(9)
    )
    data = with_body("<w:p><w:r><w:t>marker</w:t></w:r></w:p>")
    body = member(data, "word/document.xml").split("?>", 1)[1].replace("marker", "&e8;")
    bomb = f"<!DOCTYPE w:document [{entities}]>{body}"
    try:
        found = read("a.docx", changed(data, {"word/document.xml": bomb})).text
    except DocumentError as error:
        found = error.reason
    assert found in ("", "malformed")

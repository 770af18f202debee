"""Presentations: each slide under its title, from top to bottom, with its notes."""

import pptx
import pytest
from office_maker import changed, member, saved
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from vecstream_cli.core.blocks import BlockKind
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers import pptx as reader


def box(slide, text: str, top: float, left: float = 1.0) -> None:
    shape = slide.shapes.add_textbox(Inches(left), Inches(top), Inches(2), Inches(0.5))
    shape.text_frame.text = text


@pytest.fixture
def deck():
    return pptx.Presentation()


@pytest.fixture
def slide(deck):
    """A slide with nothing but a title on it."""
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Costs"
    return slide


def test_a_slide_is_a_heading_a_position_and_its_items(read, deck) -> None:
    for title in ("First", "Second"):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = f"{title} one\n{title} two"
    found = read("a.pptx", saved(deck))
    assert found.text == (
        "First\n\n- First one\n- First two\n\nSecond\n\n- Second one\n- Second two\n"
    )
    assert found.headings == [("First",), ("Second",)]
    assert found.under("- Second two") == ("Second",)
    assert [dict(block.position) for block in found.blocks] == [{"slide": 1}] * 3 + [
        {"slide": 2}
    ] * 3
    assert found.metadata["slides"] == 2


def test_a_slide_without_a_title_does_not_stand_under_the_one_before(read, deck, slide) -> None:
    other = deck.slides.add_slide(deck.slide_layouts[6])
    box(other, "Alone", 1)
    assert read("a.pptx", saved(deck)).under("Alone") == ()


def test_a_title_of_any_length_is_read_whole(read, deck, slide) -> None:
    slide.shapes.title.text = "word " * 100
    found = read("a.pptx", saved(deck))
    assert found.text.count("word") == 100
    assert len(found.headings[0][0]) <= 200


def test_shapes_are_read_from_top_to_bottom_and_from_left_to_right(read, deck, slide) -> None:
    box(slide, "low", 5)
    box(slide, "right", 3, left=5)
    box(slide, "left", 3.05)
    group = slide.shapes.add_group_shape()
    box(group, "grouped", 2)
    text = read("a.pptx", saved(deck)).text
    assert text == "Costs\n\ngrouped\n\nleft\n\nright\n\nlow\n"


def test_the_notes_come_after_the_slide_and_are_called_so(read, deck, slide) -> None:
    slide.notes_slide.notes_text_frame.text = "Speak slowly."
    found = read("a.pptx", saved(deck))
    assert found.text == "Costs\n\nNotes: Speak slowly.\n"
    assert found.under("Notes") == ("Costs",)


def test_every_row_of_a_table_has_the_words_of_its_header(read, deck, slide) -> None:
    table = slide.shapes.add_table(3, 2, Inches(1), Inches(2), Inches(4), Inches(2)).table
    for row, values in enumerate((("Item", "Price"), ("Tea", "3"), ("Milk", "2"))):
        for column, value in enumerate(values):
            table.cell(row, column).text = value
    found = read("a.pptx", saved(deck))
    assert found.text == "Costs\n\nItem | Price\nItem: Tea | Price: 3\nItem: Milk | Price: 2\n"
    assert dict(found.blocks[-1].position) == {"slide": 1, "table": 1, "row": 3}


def test_a_chart_is_its_title_and_its_values(read, deck, slide) -> None:
    data = CategoryChartData()
    data.categories = ["East", "West"]
    data.add_series("Sales", (19.2, 21.4))
    chart = slide.shapes.add_chart(
        XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(1), Inches(2), Inches(4), Inches(3), data
    ).chart
    chart.has_title = True
    chart.chart_title.text_frame.text = "By region"
    text = read("a.pptx", saved(deck)).text
    assert text == "Costs\n\nChart: By region\n\nEast | Sales: 19.2\nWest | Sales: 21.4\n"


def test_footers_dates_and_slide_numbers_are_left_out(read, deck, slide) -> None:
    data = saved(deck)
    xml = member(data, "ppt/slides/slide1.xml").replace('type="title"', 'type="ftr"')
    assert "Costs" not in read("a.pptx", changed(data, {"ppt/slides/slide1.xml": xml})).text


def test_comments_are_read(read, deck, slide) -> None:
    data = saved(deck)
    relations = member(data, "ppt/slides/_rels/slide1.xml.rels").replace(
        "</Relationships>",
        '<Relationship Id="rId90" Target="../comments/comment1.xml" Type="http://schemas.'
        'openxmlformats.org/officeDocument/2006/relationships/comments"/></Relationships>',
    )
    comments = (
        '<p:cmLst xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main">'
        "<p:cm><p:text>Too long?</p:text></p:cm></p:cmLst>"
    )
    data = changed(
        data,
        {"ppt/slides/_rels/slide1.xml.rels": relations, "ppt/comments/comment1.xml": comments},
    )
    assert "Comment: Too long?" in read("a.pptx", data).text


def test_a_slide_that_cannot_be_read_costs_only_itself(read, deck, slide) -> None:
    data = saved(deck)
    relations = member(data, "ppt/_rels/presentation.xml.rels")
    found = read(
        "a.pptx",
        changed(
            data,
            {
                "ppt/_rels/presentation.xml.rels": relations.replace(
                    "slides/slide1.xml", "gone.xml"
                ),
            },
        ),
    )
    assert [warning.reason for warning in found.warnings] == ["slide", "no-text"]


def test_films_are_never_unpacked(read, deck, slide) -> None:
    data = changed(saved(deck), {"ppt/media/film.mp4": bytes(3_000_000)})
    assert read("a.pptx", data).text == "Costs\n"


def test_more_xml_than_a_parser_may_hold_is_refused_unread(read, monkeypatch, deck) -> None:
    monkeypatch.setattr(reader, "MAX_XML_BYTES", 10_000)
    with pytest.raises(DocumentError) as caught:
        read("a.pptx", saved(deck))
    assert caught.value.reason == "too-large"


def test_a_presentation_without_text_says_so(read, deck) -> None:
    found = read("a.pptx", saved(deck))
    assert [warning.reason for warning in found.warnings] == ["no-text"]
    assert found.blocks == []


def test_items_of_a_slide_are_a_list(read, deck) -> None:
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.placeholders[1].text = "one\ntwo"
    assert read("a.pptx", saved(deck)).kind("- one") is BlockKind.LIST

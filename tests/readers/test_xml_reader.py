"""XML of any kind: element paths are headings, and no entity is ever expanded."""

import pytest

from vecstream_cli.errors import DocumentError

CATALOG = """<?xml version="1.0"?>
<catalog>
  <book id="bk1" label="A long label"><author>Gambardella</author><price>44.95</price></book>
  <book id="bk2"><author>Ralls</author></book>
</catalog>
"""
BOMB = (
    '<!DOCTYPE lolz [<!ENTITY a "ha">'
    + "".join(
        f'<!ENTITY {n} "{f"&{m};" * 10}">' for m, n in zip("abcdefghi", "bcdefghij", strict=True)
    )
    + "]>"
)


def lines(found) -> list[str]:
    return [line for line in found.text.splitlines() if line]


def test_short_values_name_their_element_under_its_path(read) -> None:
    found = read("a.xml", CATALOG)
    assert lines(found) == [
        "label: A long label", "author: Gambardella", "price: 44.95", "author: Ralls"
    ]  # fmt: skip
    assert found.under("author: Ralls") == ("catalog", "book")


def test_blocks_tell_the_line_they_start_on(read) -> None:
    assert read("a.xml", CATALOG).at("label: A") == {"line": 3}


def test_mixed_content_is_told_as_a_whole(read) -> None:
    found = read("a.xml", "<d><b><p>The <i>quick</i> fox <i>runs</i>.</p></b></d>")
    assert lines(found) == ["The quick fox runs."]


def test_text_after_a_leading_child_is_not_torn_from_it(read) -> None:
    assert lines(read("a.xml", "<d><b><p><i>Quick</i> foxes.</p></b></d>")) == ["Quick foxes."]


def test_a_title_names_the_element_it_is_in(read) -> None:
    source = "<book><section><title>Roots</title><para>They grow.</para></section></book>"
    found = read("a.xml", source)
    assert found.under("Roots") == ("book", "Roots")
    assert "They grow." in found.text


def test_title_and_language_are_metadata(read) -> None:
    found = read("a.xml", '<d xml:lang="de"><title>Wurzeln</title><p>Text</p></d>')
    assert found.metadata == {"language": "de", "title": "Wurzeln"}


def test_ids_and_links_are_no_text(read) -> None:
    assert lines(read("a.xml", '<d><a id="x1" href="http://x.y/z">Word</a></d>')) == ["a: Word"]


def test_cdata_is_text(read) -> None:
    assert lines(read("a.xml", "<d><code><![CDATA[a < b]]></code></d>")) == ["code: a < b"]


def test_entities_are_not_expanded(read) -> None:
    found = read("a.xml", BOMB + "<d><p>kept</p><q>&j;</q></d>")
    assert "kept" in found.text
    assert "haha" not in found.text
    assert found.reasons == ["malformed", "entities"]


def test_entities_in_attributes_are_no_bomb(read) -> None:
    found = read("a.xml", BOMB + '<d><p>kept</p><q title="&j;"/></d>')
    assert len(found.text) < 100
    assert "malformed" in found.reasons


def test_no_file_is_fetched(read, tmp_path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hidden words")
    entity = f'<!ENTITY x SYSTEM "{secret.as_uri()}">'
    found = read("a.xml", f"<!DOCTYPE d [{entity}]><d><p>a &x;</p></d>")
    assert "hidden" not in found.text


def test_what_breaks_keeps_what_came_before(read) -> None:
    found = read("a.xml", "<d><p>kept</p><p>also</p><q></d>")
    assert "kept" in found.text
    assert found.reasons == ["malformed"]


@pytest.mark.parametrize("text", ["<d", "words", "<a></b>", "<d>" * 5000])
def test_what_is_no_xml_fails(read, text: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read("a.xml", text)
    assert caught.value.reason == "malformed"


@pytest.mark.parametrize("text", ["<d/>", "<d> <e id='3'/> </d>"])
def test_xml_without_text_is_reported(read, text: str) -> None:
    assert read("a.xml", text).reasons == ["no-text"]


def test_a_page_named_xml_is_read_as_a_page(read) -> None:
    found = read("a.xml", "<!DOCTYPE html><html><body><p>Words on a page.</p></body></html>")
    assert found.version.startswith("html/")


def test_many_elements_take_little_time_and_all_come(read) -> None:
    found = read("a.xml", "<d>" + "<r><n>x y</n></r>" * 50_000 + "</d>")
    assert found.text.count("n: x y") == 50_000


@pytest.mark.parametrize("codec", ["cp866", "koi8-r", "big5", "utf-16", "cp1251"])
@pytest.mark.parametrize("named", ["utf-8", "x-nobody-knows", "big5"])
def test_an_encoding_that_is_not_the_one_named_is_found(read, codec: str, named: str) -> None:
    words = "大樹在森林裡生長了三百年" if codec == "big5" else "Дуб стоит в лесу уже триста лет"
    document = f'<?xml version="1.0" encoding="{named}"?>\n<d><p>{(words + ". ") * 40}</p></d>'
    assert words in read("a.xml", document.encode(codec)).text


def test_what_follows_a_mistake_is_read(read) -> None:
    found = read("a.xml", "<d><p>one &nbsp; two</p><p>three & four</p><p>five</p></d>")
    assert "five" in found.text
    assert found.reasons == ["malformed"]

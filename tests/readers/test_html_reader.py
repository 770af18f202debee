"""HTML: the article's parts under their headings, or the whole page's where there is no article."""

import pytest

from vecstream_cli.core.blocks import BlockKind
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers import html, html_page

ARTICLE = """<!DOCTYPE html><html lang="en"><head><title>Errors &amp; more</title>
<meta name="author" content="A. Writer"></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/x">Elsewhere</a></li></ul></nav>
<div role="main"><h1>Errors<a class="headerlink" href="#e">¶</a></h1>
<p>Until now error messages have not been more than mentioned, but if you have tried
out the examples you have probably seen some of them on your own screen.</p>
<h2>Syntax</h2><p>Syntax errors are perhaps the most common kind of complaint you get while
you are still learning the language, and they name the line that they were found in.</p>
<pre>while True:
    print('Hello')</pre>
<ul><li>The first clause of the statement is executed.</li>
<li>If no exception occurs, the other clause is skipped.</li></ul>
</div><script>var hidden = 1;</script><footer>Copyright</footer></body></html>"""


@pytest.fixture(params=["article", "page"])
def extractor(request, monkeypatch) -> str:
    """Both extractors, each on its own."""
    if request.param == "page":
        monkeypatch.setattr(html.html_article, "parts", lambda markup: iter(()))
    else:
        monkeypatch.setattr(html_page, "parts", lambda markup: iter(()))
    return request.param


def test_parts_stand_under_their_headings(read, extractor: str) -> None:
    found = read("a.html", ARTICLE)
    assert found.headings == [("Errors",), ("Errors", "Syntax")]
    assert found.under("Until now") == ("Errors",)
    assert found.under("Syntax errors") == ("Errors", "Syntax")


def test_code_keeps_its_lines_and_text_does_not(read, extractor: str) -> None:
    found = read("a.html", ARTICLE)
    assert found.kind("while True:\n    print('Hello')\n") is BlockKind.CODE
    assert found.kind("- The first clause") is BlockKind.LIST
    assert "tried out the examples" in found.text


def test_navigation_and_scripts_are_left_out(read, extractor: str) -> None:
    found = read("a.html", ARTICLE).text
    assert "Elsewhere" not in found
    assert "hidden" not in found


def test_the_page_says_its_title_and_author(read) -> None:
    assert read("a.html", ARTICLE).metadata == {
        "title": "Errors & more",
        "author": "A. Writer",
        "language": "en",
    }


def test_a_page_without_an_article_is_still_read(read) -> None:
    assert read("a.html", "<body>only<br>words</body>").text.split() == ["only", "words"]


def test_cells_of_a_table_stay_apart(read, monkeypatch) -> None:
    monkeypatch.setattr(html.html_article, "parts", lambda markup: iter(()))
    page = "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>"
    found = read("a.html", page)
    assert found.kind("a | b") is BlockKind.TABLE
    assert found.kind("1 | 2") is BlockKind.TABLE


@pytest.mark.parametrize("page", ["<html></html>", "<html><script>1</script></html>", "   "])
def test_a_page_without_text_has_no_blocks(read, page: str) -> None:
    assert read("a.html", page).blocks == []


@pytest.mark.parametrize("tag", ["div", "b", "ul><li", "table><tr><td", "blockquote"])
def test_deep_nesting_neither_crashes_nor_loses_the_text(read, tag: str) -> None:
    found = read("a.html", "<html><body>" + f"<{tag}>" * 3000 + "the words inside")
    assert "the words inside" in found.text


def test_a_page_beyond_the_bound_is_refused(read, monkeypatch) -> None:
    monkeypatch.setattr(html, "MAX_HTML_BYTES", 100)
    with pytest.raises(DocumentError) as caught:
        read("a.html", ARTICLE)
    assert caught.value.reason == "too-large"


def test_a_failing_article_extractor_costs_nothing(read, monkeypatch) -> None:
    def broken(markup: str) -> object:
        raise KeyError("a bug of the library")

    monkeypatch.setattr(html.html_article, "parts", broken)
    assert "Until now" in read("a.html", ARTICLE).text


def test_the_declared_encoding_of_a_page_is_used(read) -> None:
    words = "Съешь же ещё этих мягких французских булок, да выпей же чаю. " * 4
    page = f'<html><head><meta charset="koi8-r"></head><body><p>{words}</p></body></html>'
    assert "мягких французских" in read("a.html", page.encode("koi8-r")).text

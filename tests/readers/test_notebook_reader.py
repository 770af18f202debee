"""Notebooks: cells as text and code, outputs in short, cells by number."""

import json

import pytest

from vecstream_cli.core.blocks import BlockKind
from vecstream_cli.errors import DocumentError


def notebook(*cells: dict[str, object], **metadata: object) -> str:
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def md(*source: str) -> dict[str, object]:
    return {"cell_type": "markdown", "source": list(source)}


def code(source: str, *outputs: dict[str, object]) -> dict[str, object]:
    return {"cell_type": "code", "source": source, "outputs": list(outputs)}


def test_code_stands_under_the_headings_of_markdown_cells(read) -> None:
    found = read("a.ipynb", notebook(md("# Trees\n", "\n", "Words."), code("grow(3)\n")))
    assert found.under("grow") == ("Trees",)
    assert found.kind("grow") is BlockKind.CODE
    assert found.metadata["title"] == "Trees"


def test_blocks_tell_their_cell(read) -> None:
    found = read("a.ipynb", notebook(md("# A"), code("one()"), code("two()")))
    assert found.at("two()") == {"cell": 3}


def test_what_a_cell_printed_is_text(read) -> None:
    outputs = (
        {"output_type": "stream", "text": ["printed\n"]},
        {"output_type": "execute_result", "data": {"text/plain": "42", "image/png": "iVBOR"}},
        {"output_type": "error", "ename": "KeyError", "evalue": "'x'", "traceback": ["\x1b[31m"]},
    )
    found = read("a.ipynb", notebook(code("run()", *outputs)))
    assert found.text.split() == ["run()", "printed", "42", "KeyError:", "'x'"]


def test_long_outputs_are_cut(read) -> None:
    found = read("a.ipynb", notebook(code("run()", {"text": "x " * 100_000})))
    assert len(found.text) < 2100


def test_authors_and_title_are_metadata(read) -> None:
    found = read("a.ipynb", notebook(md("x"), title="T", authors=[{"name": "A"}, {"name": "B"}]))
    assert found.metadata == {"title": "T", "author": "A, B"}


def test_notebooks_of_version_3_are_read(read) -> None:
    old = {"worksheets": [{"cells": [
        {"cell_type": "heading", "level": 2, "source": ["Old"]},
        {"cell_type": "code", "input": "run()", "outputs": []},
    ]}], "nbformat": 3}  # fmt: skip
    assert read("a.ipynb", json.dumps(old)).under("run()") == ("Old",)


@pytest.mark.parametrize("text", ["{}", "[]", "{", '{"cells": 3}', "[" * 200_000])
def test_what_is_no_notebook_fails(read, text: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read("a.ipynb", text)
    assert caught.value.reason == "malformed"


def test_cells_of_wrong_types_are_passed_over(read) -> None:
    cells = [3, None, {"cell_type": "code", "source": 7}, {"source": None}, md("Words.")]
    assert read("a.ipynb", json.dumps({"cells": cells})).text.strip() == "Words."


def test_an_empty_notebook_is_reported(read) -> None:
    assert read("a.ipynb", notebook()).reasons == ["no-text"]

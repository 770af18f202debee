"""LaTeX: sections are headings, markup is gone, tables say their columns."""

import pytest

from vecstream_cli.core.blocks import BlockKind

PAPER = r"""\documentclass{article}
\title{On \emph{Trees}}
\author{A. Meyer \and B. Li}
\date{2021-03-04}
\begin{document}
\maketitle
% a remark
\section{Roots}\label{sec:roots}
They \textbf{grow} 50\% in na\"\i ve soil~\cite{li}, see $E=mc^2$. % aside

\subsection[short]{Of \texttt{oak}}
\begin{itemize}
\item First thing
\item Second thing
\end{itemize}
\begin{tabular}{l|r}
\hline
Name & Age \\
\hline
Oak & 300 \\ Elm & 120 \\
\end{tabular}
\begin{verbatim}
x % y
\end{verbatim}
\end{document}
ignored
"""


def test_sections_are_headings(read) -> None:
    found = read("a.tex", PAPER)
    assert found.headings == [("Roots",), ("Roots", "Of oak")]
    assert found.at("Roots") == {"line": 8}


def test_markup_and_comments_are_gone_and_formulas_stay(read) -> None:
    found = read("a.tex", PAPER)
    assert "They grow 50% in naïve soil, see $E=mc^2$." in found.text
    assert "remark" not in found.text
    assert "aside" not in found.text
    assert "ignored" not in found.text


def test_items_are_list_blocks(read) -> None:
    found = read("a.tex", PAPER)
    assert found.kind("- First thing") is BlockKind.LIST
    assert "- Second thing\n" in found.text


def test_rows_of_a_table_carry_its_header(read) -> None:
    found = read("a.tex", PAPER)
    assert "Name: Oak | Age: 300\nName: Elm | Age: 120\n" in found.text
    assert found.kind("Name: Oak") is BlockKind.TABLE


def test_verbatim_code_is_kept_as_it_is(read) -> None:
    found = read("a.tex", PAPER)
    assert found.kind("x % y") is BlockKind.CODE


def test_the_preamble_is_metadata(read) -> None:
    assert read("a.tex", PAPER).metadata == {
        "title": "On Trees", "author": "A. Meyer, B. Li", "created": "2021-03-04"
    }  # fmt: skip


def test_a_part_without_a_preamble_is_read(read) -> None:
    found = read("a.tex", "\\chapter{Leaves}\nThey fall.\n")
    assert found.under("They fall.") == ("Leaves",)


@pytest.mark.parametrize("text", [
    "{" * 50_000 + "words", "\\begin{a}" * 5000 + "words", "$" * 9999 + " words", "\\" * 10_001,
    "\\section{words", "\\begin{tabular}{ll} words & " * 500, "\\begin{verbatim}\nwords",
    "}" * 500 + "words",
])  # fmt: skip
def test_hostile_source_is_read_or_reported(read, text: str) -> None:
    found = read("a.tex", text)
    assert "words" in found.text or found.reasons == ["no-text"] or "words" not in text


def test_a_paper_without_words_is_reported(read) -> None:
    paper = "\\documentclass{a}\n\\begin{document}\n\\end{document}\n"
    assert read("a.tex", paper).reasons == ["no-text"]

"""Source code: the text is the file, cut at classes and functions, whose names are headings."""

from pathlib import Path

import pytest

from vecstream_cli.readers import code_grammars

pytest.importorskip("tree_sitter", reason="the extra `code` is not installed")

PYTHON = '''"""A module."""

import os


class Tree:
    """It grows."""

    height = 0

    # how it grows
    @property
    def grown(self) -> int:
        def inner():
            return 1
        return inner()

    async def cut(self):
        pass


def plant():
    return Tree()


plant()
'''


def test_the_text_is_the_file_with_its_lines(read, tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(PYTHON)
    with read.opened(path, "a.py") as (_, document):
        assert document.lines
        assert "".join(block.text for block in document.blocks) == PYTHON


def test_functions_stand_under_their_class(read) -> None:
    found = read("a.py", PYTHON)
    assert [block.heading for block in found.blocks] == [
        (), ("Tree",), ("Tree", "grown"), ("Tree", "cut"), ("plant",), ()
    ]  # fmt: skip


def test_comments_and_decorators_go_with_what_they_are_about(read) -> None:
    found = read("a.py", PYTHON)
    grown = next(block.text for block in found.blocks if block.heading == ("Tree", "grown"))
    assert grown.startswith("    # how it grows\n    @property\n")


@pytest.mark.parametrize(
    ("name", "source", "headings"),
    [
        ("a.js", "export class A {\n  run() {\n    1\n  }\n}\nconst f = () => {\n  2\n}\n",
         {("A", "run"), ("f",)}),
        ("a.ts", "interface I {\n  x: number\n}\nexport function f(): void {\n  g()\n}\n",
         {("I",), ("f",)}),
        ("a.tsx", "export function App() {\n  return <p>x</p>\n}\n", {("App",)}),
        ("a.go", "package a\n\ntype S struct {\n\tx int\n}\n\nfunc (s *S) Run() {\n\ts.x = 1\n}\n",
         {("S",), ("S", "Run")}),
        ("a.rs", "struct S;\n\nimpl Clone for S {\n  fn clone(&self) -> S {\n    S\n  }\n}\n",
         {("Clone for S",), ("Clone for S", "clone")}),
        ("A.java", "class A {\n  void run() {\n    int x;\n  }\n}\n", {("A", "run")}),
        ("a.c", "static int *add(int a) {\n  return 0;\n}\nstruct s {\n  int x;\n};\n",
         {("add",), ("s",)}),
        ("a.cpp", "namespace n {\nclass A {\n  void run() {\n  }\n};\n}\nvoid n::A::go() {\n}\n",
         {("n", "A", "run"), ("n::A::go",)}),
        ("a.rb", "module M\n  class A\n    def run\n      1\n    end\n  end\nend\n",
         {("M", "A", "run")}),
        ("a.sh", "run() {\n  echo 1\n}\n", {("run",)}),
        ("a.cs", "namespace N {\n  class A {\n    void Run() {\n    }\n  }\n}\n",
         {("N", "A", "Run")}),
        ("a.php", "<?php\nclass A {\n  function run() {\n    return 1;\n  }\n}\n", {("A", "run")}),
    ],
)  # fmt: skip
def test_every_grammar_names_what_it_holds(read, name: str, source: str, headings) -> None:
    found = read(name, source)
    assert headings <= {block.heading for block in found.blocks}
    assert found.text == source


def test_without_a_grammar_code_is_cut_at_gaps(read, monkeypatch) -> None:
    monkeypatch.setattr(code_grammars, "grammar", lambda suffix: None)
    source = "".join(f"def f{n}():\n" + "    pass\n" * 30 + "\n\n" for n in range(5))
    found = read("a.py", source)
    assert found.text == source
    assert [block.text.split("(")[0] for block in found.blocks] == [f"def f{n}" for n in range(5)]


def test_a_language_without_a_grammar_is_read(read) -> None:
    assert read("a.sql", "select 1;\n").text == "select 1;\n"


@pytest.mark.parametrize("source", [
    "((" * 50_000, "x = " + "[" * 20_000, "class A" * 20_000, "x = 1\0\n" * 100,
    "def f(:\n" * 2000, "x" * 1_000_000,
])  # fmt: skip
@pytest.mark.parametrize("name", ["a.py", "a.js", "a.cpp"])
def test_hostile_code_comes_back_as_it_is(read, name: str, source: str) -> None:
    assert read(name, source).text == source.replace("\0", "\ufffd")


def test_old_line_ends_are_kept(read) -> None:
    source = "def f():\r    pass\r\rdef g():\r    pass\r"
    assert read("a.py", source).text == source


def test_an_empty_file_is_reported(read) -> None:
    assert read("a.py", "\n\n").reasons == ["no-text"]

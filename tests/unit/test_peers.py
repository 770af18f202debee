"""The comparison with other libraries: what it copies, measures, merges and writes down."""

from pathlib import Path

import pytest
from peers_harness import corpus
from peers_harness.contenders import CONTENDERS, ON_REQUEST, PROGRAMS, Place, named
from peers_harness.results import (
    AGAIN,
    CHANGED,
    FIRST,
    Mismatch,
    Record,
    Run,
    merge,
    summarize,
)
from peers_harness.tables import BEGIN, END, put, render

SCRIPTS = Path(__file__).parents[2] / "scripts"


def a_run(contender: str, phase: str = FIRST, **other: object) -> Run:
    facts: dict[str, object] = {
        "round": 0,
        "exit_code": 0,
        "seconds": 20.0,
        "cpu_seconds": 38.0,
        "peak_bytes": 700 << 20,
        "first_rows_seconds": 5.0,
        "model_load_seconds": 2.0,
        "rows": 100,
        "documents": 10,
        "tokens": 20_000,
        "longest": 256,
    }
    return Run(contender=contender, phase=phase, **{**facts, **other})  # type: ignore[arg-type]


def a_record(*runs: Run, **other: object) -> Record:
    facts: dict[str, object] = {
        "date": "2026-01-02",
        "machine": "2 cores",
        "commit": "abc",
        "corpus": "10 texts",
        "digest": "d1",
        "files": 10,
        "changed_files": 1,
        "size": 50_000,
    }
    return Record(runs=runs, **{**facts, **other})  # type: ignore[arg-type]


def test_a_contenders_figures_are_the_middle_of_its_rounds_with_their_ends():
    runs = [a_run("vecstream", seconds=seconds) for seconds in (20.0, 10.0, 40.0)]

    row = summarize(runs)

    assert (row.seconds.middle, row.seconds.least, row.seconds.most) == (20.0, 10.0, 40.0)
    assert (row.tokens_per_second.middle, row.tokens_per_second.most) == (1000.0, 2000.0)


def test_records_of_one_corpus_merge_and_count_their_rounds_on(tmp_path: Path):
    monday = a_record(a_run("vecstream"), agreement={"vecstream": 1.0})
    tuesday = a_record(a_run("vecstream"), a_run("fastembed"), agreement={"fastembed": 0.99})
    for name, record in (("monday", monday), ("tuesday", tuesday)):
        record.save(tmp_path / name)

    merged = merge(Record.load(tmp_path / name) for name in ("monday", "tuesday"))

    assert [(run.contender, run.round) for run in merged.runs] == [
        ("vecstream", 0),
        ("vecstream", 1),
        ("fastembed", 1),
    ]
    assert merged.agreement == {"vecstream": 1.0, "fastembed": 0.99}


@pytest.mark.parametrize("name", ["digest", "machine", "commit"])
def test_records_of_different_things_are_not_told_in_one_table(name: str):
    with pytest.raises(Mismatch, match=name):
        merge([a_record(), a_record(**{name: "another"})])


def test_the_tables_compare_with_vecstream_and_show_rows_that_doubled():
    record = a_record(
        a_run("vecstream"),
        a_run("vecstream", AGAIN, seconds=0.5),
        a_run("vecstream", CHANGED, rows=101),
        a_run("embed-anything-onnx", seconds=40.0),
        a_run("embed-anything-onnx", AGAIN, rows=200),
        a_run("embed-anything-onnx", CHANGED, rows=301),
        agreement={"vecstream": 0.999999},
    )

    lines = {
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in render(record).splitlines()
        if line.startswith("|")
    }

    first = {line[0]: line for line in lines if len(line) == 9}
    assert first["vecstream"][4:6] == ("1,000", "1.00")
    assert first["EmbedAnything, ONNX"][4:6] == ("500", "0.50")
    again = {line[0]: line for line in lines if len(line) == 6}
    assert again["vecstream"][1:5] == ("0.5", "100", "20.0", "101")
    assert again["EmbedAnything, ONNX"][2:5] == ("200", "20.0", "301")


def test_a_run_that_failed_is_told_and_not_counted():
    failed = a_run("fastembed", exit_code=1, complaint="Traceback\nMemoryError: no more")
    rendered = render(a_record(a_run("vecstream"), failed))

    assert "- fastembed, first: ended with 1: MemoryError: no more" in rendered
    assert "| fastembed" not in rendered


def test_only_what_stands_between_the_markers_is_replaced(tmp_path: Path):
    document = tmp_path / "benchmarks.md"
    document.write_text(f"above\n{BEGIN}\nold\n{END}\nbelow\n")

    put(document, "new")
    put(document, "newer")

    assert document.read_text() == f"above\n{BEGIN}\nnewer\n{END}\nbelow\n"
    with pytest.raises(ValueError, match="has no"):
        put(SCRIPTS / "peers.py", "new")


def test_the_published_page_has_a_place_for_the_tables():
    page = (SCRIPTS.parent / "docs" / "benchmarks.md").read_text("utf-8")

    assert page.index(BEGIN) < page.index(END)


def test_one_in_a_hundred_files_changes_and_at_least_one(tmp_path: Path):
    for number in range(200):
        (tmp_path / f"{number:03}.md").write_text("a text\n")

    changed = corpus.change(tmp_path)

    assert len(changed) == 2
    assert sum(file.read_text() != "a text\n" for file in tmp_path.iterdir()) == 2


def test_everybody_reads_copies_whose_suffix_everybody_knows(tmp_path: Path):
    folder = tmp_path / "given"
    folder.mkdir()
    for name in ("a.md", "b.rst", "c.txt", "d.docx"):
        (folder / name).write_text("a text\n")

    chosen = corpus.choose(folder, quick=False)
    chosen.stage(tmp_path / "copy")

    assert sorted(file.name for file in (tmp_path / "copy").iterdir()) == ["a.md", "b.txt", "c.txt"]
    assert chosen.digest() == corpus.choose(folder, quick=False).digest()


def test_the_corpora_give_a_hundred_files_with_names_of_their_own(corpora: Path):
    chosen = corpus.choose(None, quick=False)

    assert len({name for _, name in chosen.files}) == len(chosen.files) == 100
    there = corpora.resolve()
    assert all(original.resolve().is_relative_to(there) for original, _ in chosen.files)


def test_every_contenders_program_is_there():
    assert all(named(name) for name in ON_REQUEST)
    place = Place(Path("documents"), Path("database"), Path("hub"), Path("snapshot"))
    for contender in CONTENDERS:
        if contender.environment is not None:
            assert (PROGRAMS / Path(contender.command(place)[0]).name).is_file()

"""A tree of everything hostile: each file costs at most itself, and says why."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conftest import Finished, Vecstream, prose
from hostile_tree import BOMBS, SECRET, plant

from vecstream_cli.readers.formats import suffixes
from vecstream_cli.settings import ReadingOptions

CEILING = 2 << 30
DEADLINE = 2
READ = "read"

# What may become of a file: read (with whatever text there is), or failed for one of these reasons.
DAMAGED = {"malformed"}
BOMB = {"too-large"}
DEEP = {READ, "malformed", "timeout"}
EXPECTED: dict[str, set[str]] = {
    "flat": BOMB, "nested": {READ, "too-large", "nested-too-deep"},
    "overlapping": {READ} | BOMB | DAMAGED,
    "lying-small": {READ} | DAMAGED | BOMB, "lying-large": BOMB, "slip": {READ},
    "laughs": {READ} | DAMAGED | BOMB, "quadratic": {READ} | DAMAGED | BOMB,
    "external": {READ} | DAMAGED, "deep": DEEP, "deep-objects": DEEP,
    "attachments": {READ, "timeout"} | BOMB,
    "wide": {READ} | BOMB, "quote": {READ} | DAMAGED, "huge": {"too-large", "unsupported"},
    "million": {READ}, "endless": {"timeout"},
    "crashing": {"crashed", "out-of-memory", "timeout"}, "line": {READ}, "sparse": {"unsupported"},
    "nuls": {READ}, "surrogates": {READ}, "control": {READ, "unsupported"},
    "really-a-pdf": {READ}, "really-a-png": {"unsupported"},
    "really-text": {READ} | DAMAGED | {"unsupported"}, "really-a-zip": {READ},
    "really-a-program": {"unsupported"}, "empty": {READ} | DAMAGED,
}  # fmt: skip


@dataclass
class Survey:
    """A run over the tree."""

    vecstream: Vecstream
    folder: Path
    done: Finished
    neighbours: dict[str, str]
    texts: dict[str, list[str]] = field(default_factory=dict)

    @property
    def outcomes(self) -> dict[str, str]:
        """By path: read, or the reason."""
        return {
            line["path"]: line["reason"] or READ
            for line in self.done.lines
            if line["type"] == "document"
        }

    def notices(self) -> dict[str, str]:
        return {n["path"]: n["reason"] for n in self.done.lines if n["type"] == "notice"}


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Survey:
    home = tmp_path_factory.mktemp("hostile")
    neighbours = plant(home / "tree", prose)
    vecstream = Vecstream(home, tiny_model)
    command = vecstream.command(
        home / "tree", "--max-memory", str(CEILING), "--document-timeout", str(DEADLINE),
        "--follow-links", "--parsers", "2", *_switches(),
    )  # fmt: skip
    found = Survey(vecstream, home / "tree", vecstream.run(command, seconds=800), neighbours)
    for row in vecstream.rows("path", "text"):
        found.texts.setdefault(row["path"], []).append(row["text"])
    return found


def _switches() -> list[str]:
    return ["--archives"]


def looked_for(name: str) -> bool:
    """Whether a folder is searched for such files, with the switches of this test."""
    return name.endswith(tuple(suffixes(ReadingOptions(archives=True))))


pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_the_run_comes_to_its_end_and_says_that_some_failed(survey: Survey) -> None:
    assert (survey.done.code, survey.done.err) == (3, "")


def test_every_neighbour_is_indexed_whole_and_alone(survey: Survey) -> None:
    for path, text in survey.neighbours.items():
        assert survey.outcomes.get(path) == READ, path
        assert "".join("".join(survey.texts[path]).split()) == "".join(text.split()), path


def test_the_ceiling_holds(survey: Survey) -> None:
    assert 0 < survey.done.summary["peak_memory_bytes"] <= CEILING


@pytest.mark.parametrize(
    "name", [*BOMBS, "sparse.txt", "external.xml", "external.html", "external.docx"]
)
def test_each_is_read_or_fails_for_its_reason(survey: Survey, name: str) -> None:
    if not looked_for(name):
        pytest.skip(f"{name} is of a format that is not read")
    outcome = survey.outcomes.get(f"{name}/{name}")
    assert outcome in EXPECTED[name.partition(".")[0]], outcome


def test_no_document_brings_in_another_file(survey: Survey) -> None:
    assert not [path for path, texts in survey.texts.items() if any(SECRET in t for t in texts)]


def test_no_archive_leaves_its_place(survey: Survey) -> None:
    assert not list(survey.folder.parent.rglob("escaped.md"))


def test_odd_names_are_indexed(survey: Survey) -> None:
    odd = {path for path in survey.texts if path.startswith("names/")} - set(survey.neighbours)
    assert odd == {
        "names/\\xed\\xa0\\x80 surrogate.md", "names/\\xff\\xfe.md", "names/new\nline.md",
        "names/ .md", "names/-rf.md",
    }  # fmt: skip


def test_what_is_no_file_is_never_opened(survey: Survey) -> None:
    assert {path for path in survey.outcomes if path.startswith("special/")} == {
        "special/before.md", "special/zafter.md"
    }  # fmt: skip


def test_nothing_is_lost_without_a_word(survey: Survey) -> None:
    silent = {
        path
        for path, outcome in survey.outcomes.items()
        if outcome == READ and not survey.texts.get(path)
    }
    assert silent <= set(survey.notices())


def test_a_second_run_tries_none_of_them_again(survey: Survey) -> None:
    failed = [path for path, outcome in survey.outcomes.items() if outcome != READ]

    done = survey.vecstream.run(
        survey.vecstream.command(survey.folder, "--follow-links", *_switches()), seconds=100
    )

    assert [line for line in done.lines if line["type"] == "document"] == []
    assert done.summary["documents_quarantined"] == len(failed)


def test_every_encoding_is_read_or_reported(
    vecstream: Vecstream, corpora: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "encodings"
    folder.mkdir()
    files = sorted(path for path in (corpora / "encodings").rglob("*") if path.is_file())
    for number, path in enumerate(files):
        shutil.copy(path, folder / f"{number:03}.txt")

    done = vecstream.index(folder, "--max-memory", str(CEILING))

    assert done.code in {0, 3}, done.err
    told = {line["path"]: line["reason"] for line in done.lines if line["type"] == "document"}
    assert len(told) == len(files)
    assert set(told.values()) <= {None, "unsupported"}
    assert sum(reason is None for reason in told.values()) > 0.95 * len(files)
    assert not [row["path"] for row in vecstream.rows() if "\ufffd" * 20 in row["text"]]


@pytest.mark.thorough
def test_ten_thousand_files_in_one_folder_are_all_indexed(
    vecstream: Vecstream, tmp_path: Path
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(10_000):
        (folder / f"{number:05}.md").write_text(f"the ring holds slot {number}\n")

    done = vecstream.run(vecstream.command(folder, "--max-memory", str(CEILING)), seconds=500)

    assert (done.code, done.err) == (0, "")
    assert done.summary["documents_new"] == 10_000
    assert {row["path"] for row in vecstream.rows("path")} == {f"{n:05}.md" for n in range(10_000)}


@pytest.fixture(autouse=True, scope="module")
def _room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The sparse file and the tree take 300 MB of disk."""
    yield
    for path in tmp_path_factory.getbasetemp().glob("hostile*"):
        shutil.rmtree(path, ignore_errors=True)

"""Whatever is wrong with the input costs a sentence and the right exit code, and nothing else."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import Finished, Vecstream, prose, write_documents
from hardship import SmallDisk, powerless, stopped_while_reading

HANDBOOK = Path(__file__).parents[2] / "examples" / "handbook"
FACTS = ("id", "path", "ordinal", "char_start", "char_end", "text", "chunk_key", "content_hash")
NOT_UTF8 = b"caf\xe9 \xff.md"
CONTROL = b"control\x01\x1b[31m\n.md"
WORD = "abcdefghi" * 11_112  # 100,008 characters


@dataclass(slots=True)
class Library:
    """Ten documents, indexed once; tests work on copies of the database."""

    vecstream: Vecstream
    docs: Path
    rows: list[dict[str, Any]]

    def copy(self, folder: Path) -> Vecstream:
        """The command on a database of the same content, below `folder`."""
        copied = Vecstream(folder, self.vecstream.model)
        shutil.copytree(self.vecstream.database, copied.database)
        return copied


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Library:
    folder = tmp_path_factory.mktemp("library")
    write_documents(folder / "docs", 10, words=4000)
    vecstream = Vecstream(folder, tiny_model)
    done = vecstream.index(folder / "docs")
    assert done.code == 0, done.err
    return Library(vecstream, folder / "docs", vecstream.rows(*FACTS))


def verb(vecstream: Vecstream, *arguments: str) -> list[str]:
    """The command line of another verb on the same database."""
    return [sys.executable, "-m", "vecstream_cli", *arguments, "--db-uri", str(vecstream.database)]


def assert_one_sentence(done: Finished, code: int, *words: str) -> None:
    """Two lines on standard error, what and what to do, and the same for a program."""
    assert done.code == code, done.err
    what, hint = done.err.splitlines()
    assert what.startswith("Error: ")
    assert all(word in f"{what}\n{hint}" for word in words), done.err
    assert hint.endswith((".", "?"))
    assert done.summary["exit_code"] == code
    (error,) = (line for line in done.lines if line["type"] == "error")
    assert (f"Error: {error['message']}", error["exit_code"]) == (what, code)


def assert_holds(rows: list[dict[str, Any]], path: str, text: str) -> None:
    """The rows of `path` are `text`, each in its place, with nothing but space left out."""
    at = 0
    for row in (row for row in rows if row["path"] == path):
        assert not text[at : row["char_start"]].strip()
        assert text[row["char_start"] : row["char_end"]] == row["text"]
        at = row["char_end"]
    assert at > 0
    assert not text[at:].strip()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nowhere"], 2, ["nowhere", "No such file"]),
        (["docs", "--db", "lanse"], 2, ["'lanse'", "Did you mean --db lance?"]),
        (["docs", "--max-memory", "100M"], 14, ["--max-memory of 100 MiB is too small"]),
        (["docs", "--files-from", "no-list"], 2, ["no-list"]),
        (["docs", "--chunk-overlap", "60"], 2, ["--chunk-overlap", "64 tokens"]),
    ],
    ids=["folder", "database", "ceiling", "list", "overlap"],
)
def test_what_cannot_be_done_is_refused_before_anything_is_made(
    vecstream: Vecstream, arguments: list[str], code: int, words: list[str]
) -> None:
    write_documents(vecstream.folder / "docs", 1)

    done = vecstream.index(*arguments)

    assert_one_sentence(done, code, *words)
    assert not vecstream.database.exists()


@pytest.mark.parametrize(
    ("model", "words"),
    [("/no/model", "no model folder /no/model"), ("nobody/no-model", "is not on this machine")],
)
def test_a_model_that_is_not_there_is_refused(
    vecstream: Vecstream, docs: Path, model: str, words: str
) -> None:
    vecstream.model = Path(model)

    assert_one_sentence(vecstream.index(docs, HF_HUB_OFFLINE="1"), 1, model, words)

    assert not vecstream.database.exists()


def test_the_smallest_ceiling_that_is_named_is_the_smallest_that_works(
    vecstream: Vecstream,
) -> None:
    empty = vecstream.folder / "empty"
    empty.mkdir()
    refused = vecstream.index(empty, "--max-memory", "100M")
    (named,) = re.findall(r"works here is --max-memory (\d+)M", refused.err)

    assert vecstream.index(empty, "--max-memory", f"{int(named) - 1}M").code == 14
    assert vecstream.index(empty, "--max-memory", f"{named}M").code == 0


def test_searching_a_collection_that_is_not_there_makes_none(library: Library) -> None:
    database = library.vecstream.database
    before = sorted(database.iterdir())
    search = verb(library.vecstream, "search", "keys", "--collection", "other", "--json")

    assert_one_sentence(library.vecstream.run(search), 10, "no collection 'other'", "index PATH")

    assert sorted(database.iterdir()) == before


def test_an_empty_folder_is_nothing_to_index_and_makes_no_database(vecstream: Vecstream) -> None:
    (vecstream.folder / "empty" / "below").mkdir(parents=True)

    done = vecstream.index("empty")

    assert (done.code, done.err) == (0, "")
    assert done.summary["chunks_written"] == done.summary["documents_new"] == 0
    assert not vecstream.database.exists()


def test_a_read_only_database_folder_is_left_as_it_was(library: Library, tmp_path: Path) -> None:
    vecstream = library.copy(tmp_path)
    folders = [vecstream.database, *vecstream.database.rglob("*")]
    for path in folders:
        path.chmod(0o555 if path.is_dir() else 0o444)

    done = vecstream.run(powerless(vecstream.command(library.docs)))

    assert_one_sentence(done, 1, str(vecstream.database), "Permission denied", "permissions")
    assert vecstream.rows(*FACTS) == library.rows
    assert vecstream.run(powerless(verb(vecstream, "status"))).code == 0
    for path in folders:
        path.chmod(0o755)


def test_a_table_that_cannot_be_written_ends_the_run_and_the_next_one_goes_on(
    library: Library, tmp_path: Path
) -> None:
    vecstream = library.copy(tmp_path)
    more = tmp_path / "more"
    write_documents(more, 3)
    table = [path for path in vecstream.database.rglob("documents.lance/**/*") if path.is_dir()]
    for path in table:
        path.chmod(0o555)

    done = vecstream.run(powerless(vecstream.command(more)))

    assert_one_sentence(done, 1, "permission is denied")
    assert vecstream.rows(*FACTS) == library.rows
    for path in table:
        path.chmod(0o755)
    again = vecstream.index(more)
    assert (again.code, again.summary["documents_new"]) == (0, 3)


def test_a_full_disk_loses_nothing(
    library: Library, vecstream: Vecstream, small_disk: SmallDisk
) -> None:
    """The first sizes are too small for the manifest, the others for the table."""
    command = vecstream.command(library.docs)
    command[command.index("--db-uri") + 1] = str(small_disk.folder / "db")
    for size, words in [("40k", "the disk is full"), ("230k", "space"), ("300k", "space")]:
        small_disk.resize(size)
        assert_one_sentence(vecstream.run(small_disk.inside(command)), 1, words)

    small_disk.resize("200M")
    done = vecstream.run(small_disk.inside(command))

    assert done.code == 0, done.err
    vecstream.run(small_disk.inside(["cp", "-r", f"{small_disk.folder}/db", vecstream.database]))
    assert vecstream.rows(*FACTS) == library.rows


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with SmallDisk(tmp_path / "small") as disk:
        yield disk


@dataclass(slots=True)
class Oddities:
    """One run over a folder of everything odd."""

    vecstream: Vecstream
    folder: Path
    done: Finished
    rows: list[dict[str, Any]]
    fifo_was_opened: bool

    def reasons(self, kind: str) -> dict[str, str]:
        """Path to reason, of the JSON lines of one type."""
        lines = (line for line in self.done.lines if line["type"] == kind)
        return {line["path"]: line["reason"] for line in lines if line["reason"]}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Oddities:
    vecstream = Vecstream(tmp_path_factory.mktemp("odd"), tiny_model)
    folder = vecstream.folder / "docs"
    write_documents(folder, 2)
    base = os.fsencode(folder) + b"/"
    for name in (NOT_UTF8, CONTROL):
        Path(os.fsdecode(base + name)).write_text("# Ring\n\nslots of text\n")
        Path(os.fsdecode(base + b"image " + name)).write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
    (folder / "empty.md").touch()
    (folder / "blank.txt").write_text("\n \n")
    (folder / "closed.md").write_text("# Closed\n")
    (folder / "closed.md").chmod(0)
    (folder / "locked").mkdir(mode=0)
    shutil.copy(next(HANDBOOK.rglob("*.pdf")), folder / "really-a-pdf.txt")
    (folder / "word.txt").write_text(f"before {WORD} after\n")
    (folder / "nul.txt").write_bytes(
        b"the ring\0 holds\x01\x1b[31m slots\x7f of text \xf0\x9f\x98\x80\n"
    )
    os.mkfifo(folder / "fifo.md")
    with socket.socket(socket.AF_UNIX) as listening:
        at = os.open(folder, os.O_RDONLY)
        listening.bind(f"/proc/self/fd/{at}/socket.md")  # its path must be a short one
        os.close(at)
    (folder / "dangling.md").symlink_to("nowhere.md")
    writing = subprocess.Popen(["sh", "-c", "echo > fifo.md"], cwd=folder)  # until it is opened
    done = vecstream.run(powerless(vecstream.command(folder)))
    opened = writing.poll() is not None
    writing.kill()
    writing.wait()
    return Oddities(vecstream, folder, done, vecstream.rows(), opened)


def test_the_run_goes_on_to_its_end_and_says_that_some_failed(odd: Oddities) -> None:
    assert (odd.done.code, odd.done.err) == (3, "")
    for path in ("doc-0000.md", "doc-0001.md"):
        assert_holds(odd.rows, path, (odd.folder / path).read_text())


def test_what_cannot_be_read_is_reported_with_its_reason(odd: Oddities) -> None:
    assert odd.reasons("document") == {
        "closed.md": "unreadable",
        "image caf\\xe9 \\xff.md": "unsupported",
        "image control\x01\x1b[31m\n.md": "unsupported",
    }
    assert odd.reasons("notice") == {
        "locked": "unreadable",
        "empty.md": "empty",
        "blank.txt": "empty",
    }
    assert odd.done.summary["documents_failed"] == 3
    assert odd.done.summary["documents_empty"] == 2


def test_what_is_no_file_is_skipped_and_never_opened(odd: Oddities) -> None:
    assert odd.done.summary["documents_skipped"] == 3
    assert not odd.fifo_was_opened
    paths = {row["path"] for row in odd.rows}
    assert paths.isdisjoint({"fifo.md", "socket.md", "dangling.md", "nowhere.md"})


def test_a_name_that_is_not_utf8_is_indexed_and_shown_escaped(odd: Oddities) -> None:
    assert_holds(odd.rows, "caf\\xe9 \\xff.md", "# Ring\n\nslots of text\n")
    shown = odd.vecstream.run(verb(odd.vecstream, "status"))
    assert "image caf\\xe9 \\xff.md" in shown.out


def test_control_characters_in_a_name_reach_the_table_but_no_terminal(odd: Oddities) -> None:
    assert_holds(odd.rows, CONTROL.decode(), "# Ring\n\nslots of text\n")
    shown = odd.vecstream.run(verb(odd.vecstream, "status"))
    assert "image control\\x01\\x1b[31m\\n.md" in shown.out
    assert "\x1b" not in shown.out


def test_content_decides_where_the_name_lies(odd: Oddities) -> None:
    pages = [row["page"] for row in odd.rows if row["path"] == "really-a-pdf.txt"]
    assert pages
    assert None not in pages


def test_a_word_without_end_is_indexed_whole(odd: Oddities) -> None:
    assert_holds(odd.rows, "word.txt", f"before {WORD} after\n")
    assert sum(row["path"] == "word.txt" for row in odd.rows) > len(WORD) // 200


def test_control_characters_in_text_stay_where_they_are_and_a_nul_is_replaced(
    odd: Oddities,
) -> None:
    text = (odd.folder / "nul.txt").read_text()
    assert_holds(odd.rows, "nul.txt", text.replace("\0", "\ufffd"))


def test_a_second_run_opens_none_of_them_but_the_unreadable(odd: Oddities) -> None:
    done = odd.vecstream.run(powerless(odd.vecstream.command(odd.folder)))

    assert done.code == 3
    names = ("new", "changed", "unchanged", "failed", "quarantined")
    assert [done.summary[f"documents_{name}"] for name in names] == [0, 0, 9, 1, 2]
    assert odd.vecstream.rows("id") == [{"id": row["id"]} for row in odd.rows]


def test_files_that_change_while_they_are_read_end_as_they_are(vecstream: Vecstream) -> None:
    """One parser is stopped in the middle of each file, so that the changes come then."""
    docs = vecstream.folder / "docs"
    write_documents(docs, 1)
    for number, name in enumerate(("a-grows", "b-vanishes", "c-shrinks"), start=50):
        (docs / f"{name}.txt").write_text(prose(60_000, number))
    (docs / "z-queued.md").write_text("# Never read\n")
    grown, shrunk, vanished = prose(60_000, 50), prose(300, 9), prose(60_000, 51)
    run = vecstream.start(docs, "--parsers", "1", "--buffer", "4")

    with stopped_while_reading(run.pid, docs / "a-grows.txt"):
        with (docs / "a-grows.txt").open("a") as file:
            file.write("and more\n")
        (docs / "z-queued.md").unlink()
    with stopped_while_reading(run.pid, docs / "b-vanishes.txt"):
        (docs / "b-vanishes.txt").unlink()
    with stopped_while_reading(run.pid, docs / "c-shrinks.txt"):
        (docs / "c-shrinks.txt").write_text(shrunk)
    done = run.finish()

    assert (done.code, done.err) == (0, "")
    assert (done.summary["documents_new"], done.summary["documents_failed"]) == (4, 0)
    (notice,) = (line for line in done.lines if line["type"] == "notice")
    assert (notice["path"], notice["reason"]) == ("z-queued.md", "vanished")
    rows = vecstream.rows()
    assert_holds(rows, "a-grows.txt", grown)
    assert_holds(rows, "b-vanishes.txt", vanished)
    assert_holds(rows, "c-shrinks.txt", shrunk)

    again = vecstream.index(docs)

    assert again.code == 0, again.err
    names = ("new", "changed", "unchanged", "removed", "failed")
    assert [again.summary[f"documents_{name}"] for name in names] == [0, 1, 2, 1, 0]
    rows = vecstream.rows()
    assert_holds(rows, "a-grows.txt", grown + "and more\n")
    assert {row["path"] for row in rows} == {"a-grows.txt", "c-shrinks.txt", "doc-0000.md"}

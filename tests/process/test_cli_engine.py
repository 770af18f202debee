"""The verbs together on a real collection: index, search, status, rm, and what a person sees."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest
from conftest import Vecstream, wait_until, write_documents

QUERY = "keys rotate once a quarter"


def verb(vecstream: Vecstream, *arguments: str) -> list[str]:
    """The command line of a verb on the test's database."""
    return [sys.executable, "-m", "vecstream_cli", *arguments, "--db-uri", str(vecstream.database)]


def on_a_terminal(vecstream: Vecstream, *arguments: str) -> "pexpect.spawn[str]":
    """`vecstream index` on a terminal of 100 columns."""
    command = vecstream.command(*arguments, json_lines=False)
    return pexpect.spawn(
        command[0],
        command[1:],
        cwd=str(vecstream.folder),
        env=vecstream._env({"TERM": "xterm-256color"}),
        dimensions=(30, 100),
        encoding="utf-8",
        timeout=100,
    )


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Vecstream:
    """Twenty documents in a database, to be read only."""
    folder = tmp_path_factory.mktemp("indexed")
    write_documents(folder / "docs", 20)
    vecstream = Vecstream(folder, tiny_model)
    done = vecstream.index(folder / "docs")
    assert done.code == 0, done.err
    return vecstream


def test_what_was_indexed_is_found(indexed: Vecstream) -> None:
    # given the text of a chunk
    row = indexed.rows()[5]
    # when it is searched by the collection's own model
    done = indexed.run(verb(indexed, "search", row["text"], "-k", "3", "--json"))
    # then that chunk is the first, the others follow by their scores, and the summary is last
    assert done.code == 0, done.err
    assert [line["type"] for line in done.lines] == ["hit", "hit", "hit", "summary"]
    scores = [line["score"] for line in done.lines[:3]]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(1, abs=1e-5)
    for name in ("id", "path", "heading", "text", "page", "char_start", "char_end"):
        assert done.lines[0][name] == row[name]
    assert done.summary == {"type": "summary", "exit_code": 0, "hits": 3}


def test_a_search_into_head_is_quiet(indexed: Vecstream) -> None:
    command = " ".join(f"'{word}'" for word in verb(indexed, "search", QUERY, "-k", "20"))
    done = indexed.run(["bash", "-o", "pipefail", "-c", f"{command} | head -1"])
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(r" 1\. .*docs/doc-\d+\.md:\d+-\d+\n", done.out)


def test_another_model_is_not_searched_with(indexed: Vecstream) -> None:
    done = indexed.run(verb(indexed, "search", QUERY, "--model", "minilm"))
    assert done.code == 13
    assert "was made with another model" in done.err


def test_a_query_longer_than_the_model_reads_is_refused(indexed: Vecstream) -> None:
    done = indexed.run(verb(indexed, "search", "key " * 100))
    assert done.code == 2
    assert "tokens long" in done.err


def test_a_signal_ends_a_search_without_a_word(indexed: Vecstream) -> None:
    # given a search that is loading its model
    searching = subprocess.Popen(
        verb(indexed, "search", QUERY),
        cwd=indexed.folder,
        env=indexed._env({}),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        wait_for_library(searching.pid, "libtorch_cpu")
        # when Ctrl-C is pressed
        searching.send_signal(signal.SIGINT)
        out, err = searching.communicate(timeout=60)
    finally:
        searching.kill()
    # then it ends with nothing but its code
    assert (searching.returncode, out, err) == (130, "", "")


def wait_for_library(pid: int, name: str) -> None:
    wait_until(lambda: name in Path(f"/proc/{pid}/maps").read_text())


def test_a_document_that_was_removed_comes_back_with_the_next_run(
    vecstream: Vecstream, docs: Path
) -> None:
    vecstream.index(docs)
    removed = vecstream.run(verb(vecstream, "rm", str(docs / "doc-0003.md"), "--yes", "--json"))
    assert removed.summary["documents_removed"] == 1
    assert removed.summary["chunks_deleted"] > 0
    assert len({row["path"] for row in vecstream.rows("path")}) == 19
    again = vecstream.index(docs)
    assert again.summary["documents_new"] == 1
    assert again.summary["documents_unchanged"] == 19
    assert len({row["path"] for row in vecstream.rows("path")}) == 20


def test_status_agrees_with_the_table(indexed: Vecstream) -> None:
    done = indexed.run(verb(indexed, "status", "--json"))
    assert done.lines[0]["documents"] == 20
    assert done.lines[0]["chunks"] == len(indexed.rows("id"))
    assert done.lines[0]["last_run"]["exit_code"] == 0


def test_an_empty_folder_is_nothing_to_index(vecstream: Vecstream, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = vecstream.run(vecstream.command(tmp_path / "empty", json_lines=False))
    assert (done.code, done.out) == (0, "Nothing to index.\n")
    assert not vecstream.database.exists()


def test_a_person_sees_progress_and_then_only_the_summary(
    vecstream: Vecstream, tmp_path: Path
) -> None:
    # given a folder that takes a while
    write_documents(tmp_path / "docs", 60, words=2000)
    # when it is indexed on a terminal
    with on_a_terminal(vecstream, "docs") as child:
        child.expect("of 60 documents")
        child.expect("Indexed")  # the word is bold, so the line is not one run of text
        child.expect(" 60 documents in ")
        child.expect(pexpect.EOF)
        rest = str(child.before)
    # then the summary is the last word
    assert child.exitstatus == 0
    assert "60 new" in rest
    assert "at the peak" in rest


def test_a_reader_of_the_json_lines_that_leaves_does_not_end_the_run(
    vecstream: Vecstream, docs: Path
) -> None:
    command = " ".join(f"'{word}'" for word in vecstream.command(docs))
    done = vecstream.run(["bash", "-o", "pipefail", "-c", f"{command} | head -1"])
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["stage"] == "starting"
    assert len({row["path"] for row in vecstream.rows("path")}) == 20


def test_ctrl_c_on_a_terminal_keeps_what_was_done_and_says_so(
    vecstream: Vecstream, tmp_path: Path
) -> None:
    write_documents(tmp_path / "docs", 300, words=3000)
    with on_a_terminal(vecstream, "docs") as child:
        child.expect(re.compile(r"[1-9]\d* of \d+ documents"))
        child.sendintr()
        child.expect("Interrupted")
        child.expect(pexpect.EOF)
        rest = str(child.before)
    assert child.exitstatus == 130
    assert "what was written is kept" in rest
    assert "Traceback" not in rest
    assert "Error" not in rest

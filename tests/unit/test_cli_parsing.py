"""The command line is understood, and where it is wrong it says how to put it right."""

import inspect
import json
import subprocess
import sys

import pytest

from vecstream_cli.cli.app import VERBS
from vecstream_cli.cli.main import main
from vecstream_cli.keys import KEYS, NAMES, NEVER_FLAGS

HEAVY = {
    "torch", "transformers", "tokenizers", "lancedb", "pyarrow", "numpy", "pypdfium2", "pdfminer",
    "trafilatura", "chardet", "pathspec", "platformdirs", "psutil", "yaml", "multiprocessing",
    "sqlite3", "rich", "pydantic",
}  # fmt: skip


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit code and what stands on standard error."""
    code = main(arguments)
    return code, capsys.readouterr().err


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_of_a_verb_is_a_setting_or_its_own(verb: str) -> None:
    own = {"context", "config", "job", "json", "quiet", "yes", "query", "top", "where", "path"}
    own |= {"at", "every", "kind", "name", "install", "action", "dry_run"}
    own |= {"quick", "minutes", "against", "repeat", "report", "write_config", "compare"}
    own |= {"sample", "read_source", "repair", "failed", "dry_run", "image", "hybrid"}
    names = set(inspect.signature(VERBS[verb][0]).parameters)
    assert {name.replace("_", "-") for name in names - own} <= set(NAMES)


def test_every_setting_can_be_given_to_index() -> None:
    flags = {name.replace("_", "-") for name in inspect.signature(VERBS["index"][0]).parameters}
    given = {NAMES[name][0] for name in NAMES if name in flags and name not in NEVER_FLAGS}
    assert given == set(KEYS)


def test_what_nobody_may_read_in_a_list_of_processes_is_no_flag() -> None:
    for function, _ in VERBS.values():
        names = {name.replace("_", "-") for name in inspect.signature(function).parameters}
        assert not names & NEVER_FLAGS


@pytest.mark.parametrize("verb", VERBS)
def test_help_fits_80_columns_and_shows_every_option(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([verb, "--help"]) == 0
    text = capsys.readouterr().out
    assert all(len(line) <= 80 for line in text.splitlines())
    where = ("--db", "--db-uri") if verb not in ("schedule", "adapters") else ()
    settings = ("--config", "--job") if verb != "adapters" else ()
    for option in (*where, *settings, "--json", "--quiet", "--debug", "--help"):
        assert f"{option} " in text


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_without_a_verb_the_verbs_are_listed(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert all(f"  {verb} " in text for verb in VERBS)


@pytest.mark.parametrize("arguments", [["--help"], ["index", "--help"], ["--version"]])
def test_help_loads_nothing_that_takes_its_time(arguments: list[str]) -> None:
    # given a fresh interpreter
    program = (
        "import sys\nfrom vecstream_cli.cli.main import main\n"
        f"main({arguments!r})\n"
        f"print(*{HEAVY!r} & sys.modules.keys(), file=sys.stderr)"
    )
    # when it shows a help screen
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    # then nothing heavy came along
    assert done.stdout
    assert done.stderr.split() == []


def test_a_mistyped_option_is_answered_with_the_right_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert refused(capsys, "index", ".", "--colection", "x") == (
        2,
        "Error: There is no option --colection in `vecstream index`.\nDid you mean --collection?\n",
    )


def test_a_mistyped_verb_is_answered_with_the_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = refused(capsys, "serch", "x")
    assert code == 2
    assert "Did you mean `vecstream search`?" in text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["index"], "Nothing was named to index."),
        (["index", "--limit"], "requires an argument"),
        (["index", ".", "--limit", "two"], "--limit must be a whole number, not 'two'."),
        (["index", ".", "--chunk-size", "3"], "--chunk-size must be at least 8 tokens."),
        (["index", ".", "--max-memory", "lots"], "--max-memory must be a size"),
        (["index", ".", "--device", "tpu"], "--device 'tpu' is not known."),
        (["search"], "There is nothing to search for."),
        (["search", "x", "--image", "x.png"], "not by both"),
        (["search", " "], "The query is empty."),
        (["search", "x", "--top", "0"], "--top"),
        (["search", "x", "--db", "lanc"], "There is no database named 'lanc'."),
        (["check", "--sample", "1"], "--sample '1' is no share of the rows."),
        (["check", "--sample", "0%"], "--sample '0%' is no share of the rows."),
        (["prune", "--dry-run"], "Nothing says which sources are to stay."),
        (["drop"], "Missing argument 'COLLECTION'."),
        (["drop", "../x", "--yes"], "'../x' cannot name a collection."),
        (["status", "--config", "none.toml"], "There is no configuration file none.toml."),
    ],
)
def test_a_wrong_command_line_is_one_sentence_a_hint_and_exit_code_2(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = refused(capsys, *arguments)
    assert code == 2
    assert sentence in text
    assert len(text.splitlines()) == 2
    assert text.startswith("Error: ")


@pytest.mark.parametrize("verb", ["rm", "drop", "prune"])
def test_without_a_terminal_to_ask_on_nothing_is_deleted(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = refused(capsys, verb, "x")
    assert code == 2
    assert "Pass --yes" in text


@pytest.mark.parametrize(
    "arguments", [["index", "--json"], ["index", "--json", "--bogus"], ["rm", "x", "--json"]]
)
def test_with_json_an_error_and_the_summary_are_lines_too(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    lines = [json.loads(line) for line in captured.out.splitlines()]
    assert [line["type"] for line in lines] == ["error", "summary"]
    assert [line["exit_code"] for line in lines] == [2, 2]
    assert captured.err.startswith("Error: ")


def test_the_summary_of_a_refused_run_has_every_count(capsys: pytest.CaptureFixture[str]) -> None:
    main(["index", "--json"])
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["documents_new"] == last["chunks_embedded"] == last["peak_memory_bytes"] == 0


def test_a_hostile_argument_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    _, text = refused(capsys, "index", "--\x1b[2J\x07")
    assert "\x1b" not in text
    assert "\x07" not in text


def test_a_flag_can_overrule_the_configuration_file() -> None:
    for option in ("--no-hidden", "--no-strict", "--no-checksum", "--no-follow-links"):
        assert main(["index", option]) == 2  # understood: what is missing is a path

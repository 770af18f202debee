"""Real runs of the real command: a tiny random model, a folder of documents, a fresh database."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from json_schemas import complaints

if TYPE_CHECKING:
    from crash_tree import Stock

    from vecstream_cli.settings import Settings

TEXT = (
    "the ring holds slots of text and vectors until a database has written every row it was given "
    "while parsers read documents and keys rotate once a quarter on the first monday of the month"
)
WORDS = TEXT.split()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers with random weights, saved as sentence-transformers saves one."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("tiny-model")
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=400, special_tokens=special)
    tokenizer.train_from_iterator(
        [" ".join(WORDS), "abcdefghijklmnopqrstuvwxyz 0123456789"], trainer
    )
    ends = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=ends
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=32, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=64, max_position_embeddings=128,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    (folder / "1_Pooling").mkdir()
    files: dict[str, object] = {
        "modules.json": [
            {"path": "", "type": "sentence_transformers.models.Transformer"},
            {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
        ],
        "1_Pooling/config.json": {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True},
        "sentence_bert_config.json": {"max_seq_length": 64},
    }  # fmt: skip
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    return folder


def prose(words: int, seed: int = 0) -> str:
    """`words` words in paragraphs, different for every seed."""
    picked = [WORDS[(i * 7 + i * i * 3 + seed * 11 + i // 13) % len(WORDS)] for i in range(words)]
    picked[:1] = [f"document {seed}"]
    lines = [" ".join(picked[i : i + 12]) for i in range(0, words, 12)]
    return "\n".join(line + (".\n" if n % 5 == 4 else "") for n, line in enumerate(lines)) + "\n"


def write_documents(folder: Path, count: int, words: int = 200) -> None:
    """`count` Markdown documents with one heading each."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"doc-{number:04}.md").write_text(f"# Title {number}\n\n{prose(words, number)}")


@dataclass(slots=True)
class Finished:
    """A run that has ended; `lines` are what --json printed."""

    code: int
    out: str
    err: str
    lines: list[dict[str, Any]] = field(default_factory=list)

    @property
    def summary(self) -> dict[str, Any]:
        """The closing line."""
        assert self.lines, self.err
        assert self.lines[-1]["type"] == "summary"
        return self.lines[-1]


class Vecstream:
    """Runs the installed command in `folder`, with a database below it."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder = folder
        self.model = model
        self.database = folder / "db.lance"
        self.collection = "documents"
        self.environment: dict[str, str] = {}

    def command(self, *arguments: str | Path, json_lines: bool = True) -> list[str]:
        """The command line of `vecstream index` with this database and the tiny model."""
        given = [str(argument) for argument in arguments]
        return [
            sys.executable, "-m", "vecstream_cli", "index", *given, *self.place(), "--model",
            str(self.model), *(["--json"] if json_lines else []),
        ]  # fmt: skip

    def place(self) -> list[str]:
        """The options that name the database and the collection."""
        return ["--db-uri", str(self.database)]

    def settings(self) -> "Settings":
        """The same as settings."""
        from vecstream_cli.settings import Settings

        return Settings(db_uri=str(self.database))

    @property
    def manifests(self) -> Path:
        """Where the manifest and the lock lie."""
        return self.database / ".vecstream"

    @contextlib.contextmanager
    def elsewhere(self) -> Iterator[None]:
        """Another place that nothing is in, for as long."""
        kept, self.database = self.database, self.folder / "scratch"
        yield
        self.database = kept

    def forget(self) -> None:
        """Take the collection away, as somebody else might."""
        shutil.rmtree(self.database, ignore_errors=True)

    def exists(self) -> bool:
        """Whether there is a collection."""
        return (self.database / "documents.lance").exists()

    def is_tidy(self) -> bool:
        """Whether nothing of ours lies beside the collection but the manifest and the lock."""
        names = {path.name for path in self.database.iterdir()}
        return names == {".vecstream", "documents.lance"}

    def index(self, *arguments: str | Path, **environment: str) -> Finished:
        """Run `vecstream index` to its end."""
        return self.run(self.command(*arguments), environment)

    def run(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        seconds: float = 100,
    ) -> Finished:
        """Run any command to its end, which comes within so many seconds."""
        done = subprocess.run(
            command, cwd=self.folder, env=self._env(environment or {}), capture_output=True,
            text=True, timeout=seconds, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        return finished(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str | Path, **environment: str) -> "Running":
        """Start `vecstream index` and return at once."""
        return Running(self.command(*arguments), self.folder, self._env(environment))

    def rows(self, *columns: str) -> list[dict[str, Any]]:
        """The table as plain LanceDB reads it, sorted by path and ordinal."""
        import lancedb

        table = lancedb.connect(str(self.database)).open_table("documents").to_arrow()
        rows: list[dict[str, Any]] = table.sort_by(
            [("source", "ascending"), ("path", "ascending"), ("ordinal", "ascending")]
        ).to_pylist()
        return [{name: row[name] for name in columns} for row in rows] if columns else rows

    def _env(self, more: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, "_VECSTREAM_POISON_SLOTS": "1", **self.environment, **more}


class Running:
    """A run under way; what it prints goes to files, so that it never waits for a reader."""

    def __init__(self, command: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
        self._out, self._err = folder / "stdout", folder / "stderr"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=out, stderr=err,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        self.pid = self._process.pid

    def lines(self, kind: str) -> list[dict[str, Any]]:
        """The JSON lines of one type so far."""
        text = self._out.read_text()
        whole = text[: text.rfind("\n") + 1].splitlines()
        return [line for line in map(json.loads, whole) if line["type"] == kind]

    def send(self, number: int) -> None:
        """Send the supervisor a signal."""
        self._process.send_signal(number)

    def output(self) -> bytes:
        """What it has printed so far."""
        return self._out.read_bytes()

    def wait(self) -> int:
        """Wait for its end, however it left its output."""
        return self._process.wait(60)

    def finish(self, timeout: float = 100) -> Finished:
        """Wait for its end."""
        code = self._process.wait(timeout)
        return finished(code, self._out.read_text(), self._err.read_text())


def finished(code: int, out: str, err: str) -> Finished:
    """What a process left, its JSON lines read and held to docs/json.md."""
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert not list(complaints(lines))
    return Finished(code, out, err, lines)


@pytest.fixture
def vecstream(tmp_path: Path, tiny_model: Path) -> Vecstream:
    """The command, in a folder of its own."""
    return Vecstream(tmp_path, tiny_model)


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> "Stock":
    """What the documents of a tree that is edited at random are made of."""
    from crash_tree import Stock

    folder = tmp_path_factory.mktemp("stock")
    return Stock(Vecstream(folder, tiny_model), folder / "stock")


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder of twenty documents."""
    folder = tmp_path / "docs"
    write_documents(folder, 20)
    return folder


def wait_until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """The first true value of `condition`; fails where it never comes."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if value := condition():
            return value
        time.sleep(0.02)
    pytest.fail(f"this never came true: {condition}")


def shared_memory() -> set[str]:
    """The names in shared memory, but those of a PostgreSQL that another test may have started."""
    names = {path.name for path in Path("/dev/shm").iterdir()}
    return {name for name in names if not name.startswith("PostgreSQL.")}


def children_of(pid: int) -> list[psutil.Process]:
    """Every descendant that lives."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def child_named(pid: int, entry: str) -> psutil.Process | None:
    """The descendant whose ring role is `entry`: parser, inference or writer.

    Roles are told by what a process has loaded: only inference maps torch, only the writer Lance.
    """
    marks = {"inference": "libtorch_cpu", "writer": "lancedb", "parser": "tokenizers"}
    for process in children_of(pid):
        try:
            maps = Path(f"/proc/{process.pid}/maps").read_text()
        except OSError:
            continue
        found = {role for role, mark in marks.items() if mark in maps}
        if entry == "parser" and found == {"parser"}:
            return process
        if entry != "parser" and entry in found:
            return process
    return None


@pytest.fixture(autouse=True, scope="session")
def _signals_are_heard() -> None:
    """The tests may run under nohup or in a shell's background, and every child would inherit
    the SIGHUP or SIGINT that is ignored there."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    """Whatever a test does, nothing of a ring outlives it."""
    yield
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            line = " ".join(process.cmdline())
            if "vecstream_cli" in line or "spawn_main" in line:
                process.kill()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Figures: how many kills and what they came to, what a slow server costs."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name in ("crash", "slow server") and report.when == "call":
                    terminalreporter.write_line(value, bold=True)

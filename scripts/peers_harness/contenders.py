"""Who is measured: each contender's packages, command and the settings it runs with."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PROGRAMS = REPOSITORY / "scripts" / "peers"
TABLE = "documents"


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment: its folder's name, what is installed, what must be held back."""

    name: str
    packages: tuple[str, ...]
    pinned: tuple[str, ...]  # the names taken from constraints.txt


@dataclass(frozen=True, slots=True)
class Place:
    """Where one run reads and writes, and the model's files."""

    folder: Path
    database: Path
    hub: Path  # HF_HOME: a hub cache that holds the model
    snapshot: Path  # the model's own folder in it


@dataclass(frozen=True, slots=True)
class Contender:
    """`command` gives the words after the interpreter; `environment` None is this one's own."""

    name: str
    title: str
    setting: str  # what was chosen for it, in words
    environment: Environment | None
    command: Callable[[Place], list[str]]
    reruns: str  # what its program does the second time, in words

    def variables(self, place: Place) -> Mapping[str, str]:
        """What is set beside the user's own environment; offline, and all cores to each."""
        offline = {"HF_HOME": str(place.hub), "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
        if self.environment is None:  # decides on its threads by itself
            return {**offline, "PYTHONPATH": str(REPOSITORY)}
        threads = {"OMP_NUM_THREADS": str(cores()), "RAYON_NUM_THREADS": str(cores())}
        return {**offline, **threads, "TOKENIZERS_PARALLELISM": "true"}


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_SHARED = ("lancedb", "pyarrow", "numpy")
_TORCH = (*_SHARED, "torch", "transformers", "sentence-transformers", "tokenizers")

SENTENCE_TRANSFORMERS = Environment(
    "sentence-transformers",
    (
        *("sentence-transformers", "torch", "lancedb", "pypdf", "langchain-text-splitters"),
        *("onnx", "onnxscript"),  # these export the weights for the others
    ),
    _TORCH,
)
LLAMA_INDEX = Environment(
    "llama-index",
    (
        *("llama-index-core", "llama-index-embeddings-huggingface", "llama-index-readers-file"),
        *("llama-index-vector-stores-lancedb", "torch"),
    ),
    _TORCH,
)
EMBED_ANYTHING = Environment("embed-anything", ("embed-anything==0.7.1", "lancedb"), _SHARED)
FASTEMBED = Environment(
    "fastembed", ("fastembed", "lancedb", "pypdf", "langchain-text-splitters"), _SHARED
)

_REBUILDS = "embeds everything again and replaces the table"
_DOUBLES = "embeds everything again and adds the rows once more"
_UPSERTS = "reads everything, embeds the documents whose hash is new"
_RESUMES = "opens what changed, embeds the chunks that are new"


def _vecstream(*options: str) -> Callable[[Place], list[str]]:
    return lambda place: [
        *("-m", "vecstream_cli", "index", str(place.folder), "--json", "--model"),
        *("minilm", "--db", "lance", "--db-uri", str(place.database), "--collection", TABLE),
        *options,
    ]


def _program(file: str, *options: str, snapshot: bool = True) -> Callable[[Place], list[str]]:
    def words(place: Place) -> list[str]:
        model = [str(place.snapshot)] if snapshot else []
        return [str(PROGRAMS / file), str(place.folder), str(place.database), *model, *options]

    return words


def _embed_anything(name: str, title: str, backend: str, batch: int) -> Contender:
    return Contender(
        name,
        title,
        f"{backend}, batch {batch}, directory streaming, 1,000 characters a chunk",
        EMBED_ANYTHING,
        _program("embed_anything_lance.py", backend, str(batch), snapshot=False),
        _DOUBLES,
    )


def _fastembed(name: str, title: str, batch: int) -> Contender:
    return Contender(
        name,
        title,
        f"ONNX Runtime, batch {batch}",
        FASTEMBED,
        _program("fastembed_lancedb.py", str(batch), str(cores())),
        _REBUILDS,
    )


CONTENDERS = (
    Contender("vecstream", "vecstream", "as installed", None, _vecstream(), _RESUMES),
    Contender(
        *("vecstream-int8", "vecstream, int8", "--precision int8", None),
        _vecstream("--precision", "int8"),
        _RESUMES,
    ),
    Contender(
        "sentence-transformers",
        "sentence-transformers + LanceDB",
        "`encode` in one call, batch 32",
        SENTENCE_TRANSFORMERS,
        _program("sentence_transformers_lancedb.py"),
        _REBUILDS,
    ),
    _embed_anything("embed-anything-onnx", "EmbedAnything, ONNX", "onnx", 1),
    _embed_anything("embed-anything-candle", "EmbedAnything, candle", "candle", 1),
    _embed_anything("embed-anything-onnx-32", "EmbedAnything, ONNX, batch 32", "onnx", 32),
    _embed_anything("embed-anything-candle-32", "EmbedAnything, candle, batch 32", "candle", 32),
    Contender(
        "llama-index",
        "LlamaIndex IngestionPipeline",
        "HuggingFaceEmbedding, batch 32, docstore with upserts, its store's delete repaired",
        LLAMA_INDEX,
        _program("llama_index_pipeline.py"),
        _UPSERTS,
    ),
    _fastembed("fastembed", "fastembed + LanceDB", 1),
    _fastembed("fastembed-8", "fastembed, batch 8", 8),
    _fastembed("fastembed-32", "fastembed, batch 32", 32),
)
# Settings that are measured only when asked for: each lost to another of the same library.
ON_REQUEST = ("embed-anything-onnx-32", "embed-anything-candle-32", "fastembed-8", "fastembed-32")


def named(name: str) -> Contender:
    """The contender of that name; ValueError lists them where there is none."""
    for contender in CONTENDERS:
        if contender.name == name:
            return contender
    raise ValueError(f"{name!r} is none of: {', '.join(c.name for c in CONTENDERS)}")


def interpreter(contender: Contender, environments: Path) -> Path:
    """The Python that runs it."""
    if contender.environment is None:
        return Path(sys.executable)
    return environments / contender.environment.name / "bin" / "python"

"""Benchmarks on disk: the JSON that `--json` printed, and a configuration file to index with."""

import json
from pathlib import Path

from vecstream_cli.core.benchmark import Bench
from vecstream_cli.core.comparison import Comparison
from vecstream_cli.core.comparison import compare as compared
from vecstream_cli.core.records import from_json
from vecstream_cli.errors import UsageError, VecstreamError
from vecstream_cli.keys import KEYS

_MEASURED_WITH = {"model", "device", "precision", "chunk-size", "chunk-overlap"}


def compare(first: Path, second: Path) -> Comparison:
    """Tell two saved benchmarks apart. Raises UsageError for a file that is none."""
    return compared(load(first), load(second))


def load(path: Path) -> Bench:
    """The benchmark in a file of JSON lines (the line of type ``bench``), or of that line alone."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(
            f"{str(path)!r} cannot be read: {why}.", hint="Save one with `vecstream bench --json`."
        ) from error
    try:
        return from_json(Bench, _bench_line(text))
    except ValueError as error:
        raise UsageError(
            f"{str(path)!r} holds no benchmark of this version: {error}.",
            hint="Save one with `vecstream bench --json > FILE`.",
        ) from error


def config_text(bench: Bench) -> str:
    """The recommended settings as a configuration file for `vecstream index --config`."""
    lines = [
        f"# Recommended by `vecstream bench` on {bench.started[:10]}, from "
        f"{bench.corpus.documents:,} documents,",
        f"# on {bench.host.cores} cores of {bench.host.cpu}.",
        "",
    ]
    for key, value in bench.settings.items():
        if key in _MEASURED_WITH & KEYS.keys():
            lines.append(f"{key} = {_toml(_from_anywhere(value) if key == 'model' else value)}")
    for each in bench.advice:
        lines += ["", f"# {each.why}", f"{each.key} = {_toml(each.value)}"]
    return "\n".join(lines) + "\n"


def save(path: Path, text: str) -> None:
    """Write a result. Raises VecstreamError where that cannot be done."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise VecstreamError(
            f"{str(path)!r} cannot be written: {error.strerror}.", hint="Name another file."
        ) from error


def must_be_writable(path: Path | None) -> None:
    """Raise UsageError now rather than after minutes of measuring."""
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise UsageError(
            f"{str(path)!r} cannot be written.", hint="Name a file in a folder that exists."
        )


def _bench_line(text: str) -> object:
    found: object = None
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        for line in text.splitlines():
            try:
                data = json.loads(line)
            except json.JSONDecodeError:
                raise ValueError("it is not JSON") from None
            if isinstance(data, dict) and data.get("type") == "bench":
                found = data
    if found is None:
        raise ValueError("it has no line of type bench")
    return found


def _from_anywhere(model: str | int) -> str:
    """A model's folder, whole: in the file it would be relative to the file's own folder."""
    folder = Path(str(model)).expanduser()
    return str(folder.resolve()) if folder.is_dir() else str(model)


def _toml(value: str | int) -> str:
    # A JSON string is a basic string of TOML too, but for DEL, which no setting holds.
    return json.dumps(value, ensure_ascii=False)

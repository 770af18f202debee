"""The JSON files of a model's folder, and one sentence for one that is not what it should be."""

import json
from pathlib import Path
from typing import Any

from vecstream_cli.errors import ModelError


def required(path: Path, name: str) -> dict[str, Any]:
    """The JSON object at `path` in the model called `name`; ModelError where there is none."""
    found = optional(path, name)
    if found is None:
        raise ModelError(f"Model {name} has no {path.name} in {path.parent}.")
    return found


def optional(path: Path, name: str) -> dict[str, Any] | None:
    """A JSON object, None where there is no such file."""
    found = _json(path, name)
    if found is not None and not isinstance(found, dict):
        raise ModelError(f"Model {name} has a {path.name} that is not a JSON object.")
    return found


def optional_list(path: Path, name: str) -> list[dict[str, Any]] | None:
    """A JSON list that is not empty, None where there is no such file."""
    found = _json(path, name)
    if found is not None and not (isinstance(found, list) and found):
        raise ModelError(f"Model {name} has a {path.name} that lists no modules.")
    return found


def _json(path: Path, name: str) -> Any:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ModelError(f"Model {name} has an unreadable {path.name}: {error}.") from error

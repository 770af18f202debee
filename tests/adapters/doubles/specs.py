"""The vendors' API descriptions, where somebody has laid copies of them: they are the vendors'.

API_SPECS names a folder; docs/databases.md says which file is published where. A double holds every
request and every answer against the description that lies there. Where there is none it checks only
what stands in its own code.
"""

import json
import os
from pathlib import Path
from typing import Any

import yaml

FOLDER = "API_SPECS"


def published(name: str) -> Any:
    """The description with this name, as JSON or YAML; None where it is not there."""
    folder = os.environ.get(FOLDER)
    if not folder:
        return None
    for file in (Path(folder) / f"{name}.json", Path(folder) / f"{name}.yaml"):
        if file.exists():
            text = file.read_text("utf-8")
            return json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
    return None

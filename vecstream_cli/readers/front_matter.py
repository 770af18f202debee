"""The YAML (or TOML) between two rules at the top of a Markdown file: metadata, not text."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from vecstream_cli.core.blocks import ReaderWarning
from vecstream_cli.readers.failures import silenced

MAX_FRONT_MATTER_CHARS = 64 << 10

_MAX_DEPTH = 20
_FENCES = {"---": ("---", "..."), "+++": ("+++",)}
_KEY = re.compile(r"\s*(?:#.*|[\"']?[\w. -]{1,80}[\"']?\s*[:=](?:\s.*)?)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The raw lines, rules and the blank lines after them included, and what they say."""

    text: str
    facts: dict[str, object]
    warning: ReaderWarning | None = None


def split(lines: Iterator[str]) -> tuple[FrontMatter | None, Iterator[str]]:
    """The front matter, where there is one, and the lines after it (all lines where not)."""
    taken: list[str] = []
    first = next(lines, None)
    if first is None:
        return None, lines
    taken.append(first)
    ends = _FENCES.get(first.rstrip())
    size = 0
    if ends is None:
        return None, chain(taken, lines)
    for line in lines:
        taken.append(line)
        size += len(line)
        if line.rstrip() in ends:
            break
        if size > MAX_FRONT_MATTER_CHARS:
            return None, chain(taken, lines)
    else:
        return None, iter(taken)
    found = _parsed(taken)
    if found is None:
        return None, chain(taken, lines)
    return found, lines


def _parsed(taken: list[str]) -> FrontMatter | None:
    """None where the lines are text between two rules, which Markdown may well start with."""
    text, body = "".join(taken), "".join(taken[1:-1])
    try:
        with silenced():
            facts = tomllib.loads(body) if text.startswith("+++") else _yaml(body)
    except (ValueError, RecursionError) as error:
        if not _KEY.fullmatch(taken[1]):
            return None
        detail = " ".join(str(error).split())[:160]
        return FrontMatter(
            text, {}, ReaderWarning("front-matter", f"The front matter cannot be read: {detail}")
        )
    if not isinstance(facts, dict):
        return None if facts is not None or body.strip() else FrontMatter(text, {})
    return FrontMatter(text, facts)


def _yaml(body: str) -> object:
    """The value, by the safe loader. Raises ValueError for YAML that is wrong or a bomb.

    Aliases are refused: nine lines of them make a billion values.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth = 0
    try:
        for event in yaml.parse(body, Loader=loader):
            if isinstance(event, yaml.AliasEvent):
                raise ValueError("aliases are not allowed")
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > _MAX_DEPTH:
                raise ValueError("it is nested too deep")
        return yaml.load(body, Loader=loader)  # a safe loader, in C where there is one
    except (yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(str(error)) from error

"""Front matter: metadata where it can be read, harmless where it cannot."""

import json

import pytest

from vecstream_cli.core.blocks import BlockKind
from vecstream_cli.readers.metadata import MAX_METADATA_BYTES, bounded


def test_toml_between_plus_signs_is_front_matter(read) -> None:
    assert read("a.md", '+++\ntitle = "T"\n+++\ntext\n').metadata == {"title": "T"}


@pytest.mark.parametrize(
    "text",
    [
        "---\n\nJust a rule, then text.\n\n---\nmore\n",
        "---\nnever: closed\n",
        "text\n---\na: b\n---\n",
    ],
)
def test_text_between_rules_is_text(read, text: str) -> None:
    found = read("a.md", text)
    assert found.text == text
    assert all(block.kind is not BlockKind.SKIPPED for block in found.blocks)


@pytest.mark.parametrize(
    "yaml",
    [
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        "a: " + "[" * 5000 + "\n",
        "a: !!python/object/apply:os.system ['true']\n",
        "a: [unclosed\n",
        "a: 2024-99-99\n",
        "a: " + "9" * 5000 + "\n",
    ],
)
def test_a_bomb_or_an_error_costs_the_metadata_alone(read, yaml: str) -> None:
    found = read("a.md", f"---\n{yaml}---\n# Title\n")
    assert found.metadata == {"title": "Title"}
    assert [warning.reason for warning in found.warnings] == ["front-matter"]
    assert found.kind("---") is BlockKind.SKIPPED


def test_whatever_yaml_makes_is_json(read) -> None:
    yaml = (
        "none:\nnan: .nan\nbig: 99999999999999999999\nwhen: 2024-01-02 03:04:05\n"
        "1: one\nset: !!set {a}\nbytes: !!binary aGk=\nnested: {a: [1, {b: 2}]}\n"
    )
    found = read("a.md", f"---\n{yaml}---\ntext\n")
    assert json.loads(json.dumps(found.metadata, allow_nan=False)) == found.metadata
    assert found.metadata["nested"] == {"a": [1, {"b": 2}]}
    assert found.metadata["1"] == "one"


def test_metadata_is_bounded_and_keeps_what_fits() -> None:
    facts = {"huge": "x" * 5000, **{f"key{n}": "é" * 300 for n in range(100)}, "loop": object()}
    kept = bounded(facts)
    assert "huge" not in kept
    assert len(kept) > 5
    assert len(json.dumps(kept, ensure_ascii=False).encode()) <= MAX_METADATA_BYTES


def test_metadata_holds_no_lone_surrogate_and_no_nul() -> None:
    json.dumps(bounded({"a\ud800": "b\0\udfff"}), ensure_ascii=False).encode()
    assert "\0" not in str(bounded({"a": "b\0"})["a"])

"""JSON as text: lines that name their path, and where in the document they stand."""

import json

import pytest

from vecstream_cli.errors import DocumentError

RECORDS = [{"id": 1, "body": {"text": "First words."}}, {"id": 2, "body": {"text": "Second."}}]


def lines(found) -> list[str]:
    return [line for line in found.text.splitlines() if line]


def test_each_value_names_its_path(read) -> None:
    found = read("a.json", '{"title": "Keys", "server": {"host": "db1", "port": 8080}}')
    assert lines(found) == ["title: Keys", "server.host: db1", "server.port: 8080"]


def test_short_values_of_a_list_share_a_line(read) -> None:
    assert lines(read("a.json", '{"tags": ["red", "green"], "ok": true, "x": null}')) == [
        "tags: red, green",
        "ok: true",
    ]


def test_objects_of_a_list_are_blocks_with_pointers(read) -> None:
    found = read("a.json", '{"people": [{"name": "Alice"}, {"name": "Bob", "a/b": ["x"]}]}')
    assert found.at("people.name: Alice") == {"pointer": "/people/0/name"}
    assert found.at("people.name: Bob") == {"pointer": "/people/1/name"}
    assert "people.a/b: x" in found.text


def test_numbers_stay_as_they_are_written(read) -> None:
    found = read("a.json", '{"a": 1.10, "b": 123456789012345678901234567890, "c": 1e400}')
    assert lines(found) == ["a: 1.10", "b: 123456789012345678901234567890", "c: 1e400"]


def test_nan_and_infinity_are_read(read) -> None:
    assert lines(read("a.json", '{"a": NaN, "b": -Infinity}')) == ["a: NaN", "b: -Infinity"]


def test_a_key_given_twice_keeps_both_values(read) -> None:
    assert lines(read("a.json", '{"a": "one", "a": "two"}')) == ["a: one", "a: two"]


def test_nesting_of_any_depth_is_read(read) -> None:
    depth = 100_000
    found = read("a.json", '{"k":[' * depth + '"deep"' + "]}" * depth)
    assert found.text.rstrip().endswith("k: deep")


def test_comments_and_spare_commas_are_read(read) -> None:
    found = read("a.json", '// settings\n{"a": "x", /* and */ "b": ["y",],}\n')
    assert lines(found) == ["a: x", "b: y"]


def test_long_lists_of_numbers_are_told_in_short(read) -> None:
    found = read("a.json", json.dumps({"vector": list(range(768)), "name": "x"}))
    assert "… (768 in all)" in found.text
    assert len(found.text) < 200


def test_packed_data_is_told_by_its_size(read) -> None:
    found = read("a.json", json.dumps({"image": "iVBORw0KGgo" * 200}))
    assert found.text.strip() == "image: (2,200 characters of data)"


def test_lone_surrogates_are_replaced(read) -> None:
    found = read("a.json", '{"a": "x\\ud800y", "b": "\\ud83d\\ude00"}')
    assert lines(found) == ["a: x\ufffdy", "b: \U0001f600"]


def test_what_comes_before_a_mistake_is_kept(read) -> None:
    found = read("a.json", '{"a": "kept",\n "b": }')
    assert lines(found) == ["a: kept"]
    assert found.reasons == ["malformed"]
    assert "line 2" in found.warnings[0].message


@pytest.mark.parametrize("text", ["{", "]", '{"a" 1}', "<null>", '{"a":', '["a'])
def test_what_is_no_json_fails(read, text: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read("a.json", text)
    assert caught.value.reason == "malformed"


@pytest.mark.parametrize("text", ["{}", "[]", "null", '""', '{"a": null}'])
def test_json_without_text_is_reported(read, text: str) -> None:
    assert read("a.json", text).reasons == ["no-text"]


def test_a_string_without_end_is_refused(read) -> None:
    with pytest.raises(DocumentError) as caught:
        read("a.json", '["' + "x" * (18 << 20))
    assert caught.value.reason == "too-large"


def test_strings_longer_than_a_window_are_whole(read) -> None:
    text = "word \\n" * 50_000
    assert read("a.json", f'{{"a": "{text}"}}').text.count("word") == 50_000


def test_the_pointer_takes_one_text_alone(read) -> None:
    document = json.dumps({"id": 7, "body": {"text": "Only\n\nthis."}})
    found = read("a.json", document, json_text="/body/text")
    assert found.text.strip() == "Only\n\nthis."


def test_the_pointer_applies_to_each_record_of_a_list(read) -> None:
    found = read("a.json", json.dumps(RECORDS), json_text="/body/text")
    assert lines(found) == ["First words.", "Second."]
    assert found.at("Second.") == {"pointer": "/1/body/text"}


def test_a_pointer_to_a_number_takes_one_record(read) -> None:
    assert lines(read("a.json", json.dumps(RECORDS), json_text="/1/body")) == ["text: Second."]


def test_escapes_of_a_pointer_are_undone(read) -> None:
    assert lines(read("a.json", '{"a/b": {"~": "x"}, "c": "y"}', json_text="/a~1b/~0")) == ["x"]


def test_a_pointer_to_nothing_is_reported(read) -> None:
    found = read("a.json", '{"a": "x"}', json_text="/b")
    assert found.reasons == ["no-text"]
    assert "/b" in found.warnings[0].message


def test_each_line_of_jsonl_is_a_block_with_its_line(read) -> None:
    found = read("a.jsonl", '{"t": "one"}\n\n{"t": "two"}\n')
    assert found.at("t: one") == {"line": 1}
    assert found.at("t: two") == {"line": 3}


def test_the_pointer_applies_to_each_line(read) -> None:
    text = "".join(json.dumps(record) + "\n" for record in RECORDS)
    assert lines(read("a.jsonl", text, json_text="/body/text")) == ["First words.", "Second."]


def test_a_broken_line_costs_only_itself(read) -> None:
    found = read("a.jsonl", '{"t": "one"}\n{"t": \n{"t": "three"}\n')
    assert lines(found) == ["t: one", "t: three"]
    assert found.reasons == ["malformed"]
    assert found.warnings[0].message.startswith("Line 2")


def test_warnings_of_many_broken_lines_are_counted(read) -> None:
    found = read("a.jsonl", '{"t": "one"}\n' + "}\n" * 5000)
    assert len(found.warnings) == 51
    assert found.warnings[-1].message == "and 4950 more"


def test_jsonl_without_a_good_line_fails(read) -> None:
    with pytest.raises(DocumentError) as caught:
        read("a.jsonl", "no\njson\n")
    assert caught.value.reason == "malformed"


def test_a_change_of_the_pointer_changes_the_readers_version(read) -> None:
    plain, pointed = read("a.json", '{"a": "x"}'), read("a.json", '{"a": "x"}', json_text="/a")
    assert plain.version != pointed.version
    assert read("a.csv", "x", json_text="/a").version == read("a.csv", "x").version

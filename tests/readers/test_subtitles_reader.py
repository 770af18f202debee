"""Subtitles: cues become sentences with the time they begin at."""

import pytest

from vecstream_cli.errors import DocumentError

SRT = """1
00:01:02,500 --> 00:01:04,000
<i>The oak</i> stands

2
00:01:04,100 --> 00:01:06,000
in the {\\an8}wood. And

3
00:01:06,100 --> 00:01:07,000
it grows.
"""
VTT = """WEBVTT - trees

NOTE not said

STYLE
::cue { color: red }

intro
00:05.000 --> 00:07.000 align:start
<v Ann>Oaks &amp; elms.</v>
"""


def test_cues_are_put_together_to_sentences(read) -> None:
    assert read("a.srt", SRT).text == "The oak stands in the wood. And it grows.\n"


def test_sentences_tell_their_time(read) -> None:
    found = read("a.srt", SRT.replace("wood. And", "wood."))
    assert found.at("The oak") == {"time": "00:01:02"}
    assert found.at("it grows") == {"time": "00:01:06"}


def test_webvtt_names_who_speaks_and_leaves_notes_out(read) -> None:
    found = read("a.vtt", VTT)
    assert found.text == "Ann: Oaks & elms.\n"
    assert found.at("Ann") == {"time": "00:00:05"}


def test_a_long_silence_ends_a_sentence(read) -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\none\n\n2\n00:00:30,000 --> 00:00:31,000\ntwo\n"
    assert read("a.srt", text).text == "one\ntwo\n"


def test_rolling_captions_are_said_once(read) -> None:
    cues = ["the oak", "the oak grows", "the oak grows tall."]
    text = "".join(f"00:00:0{n}.000 --> 00:00:0{n}.900\n{cue}\n\n" for n, cue in enumerate(cues))
    assert read("a.vtt", "WEBVTT\n\n" + text).text == "the oak grows tall.\n"


def test_a_cue_of_one_endless_line_is_read(read) -> None:
    found = read("a.srt", "1\n00:00:01,000 --> 00:00:02,000\n" + "word " * 100_000)
    assert found.text.count("word") == 100_000


def test_what_gives_no_times_fails(read) -> None:
    with pytest.raises(DocumentError) as caught:
        read("a.srt", "just words\n")
    assert caught.value.reason == "malformed"


def test_cues_without_words_are_reported(read) -> None:
    assert read("a.srt", "1\n00:00:01,000 --> 00:00:02,000\n\n").reasons == ["no-text"]

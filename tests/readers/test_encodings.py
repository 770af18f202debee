"""Bytes become the characters their author saw."""

from pathlib import Path

import pytest

from vecstream_cli.errors import DocumentError

RUSSIAN = "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 20
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。" * 20


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("plain", "ascii"),
        ("naïve – café €", "utf-8"),
        ("naïve – café €", "utf-8-sig"),
        ("naïve 😀", "utf-16"),
        ("naïve 😀", "utf-32"),
        ("hello there, this is plain text\r\n" * 9, "utf-16-le"),
        ("hello there, this is plain text\r\n" * 9, "utf-16-be"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (JAPANESE, "iso2022_jp"),
    ],
)
def test_text_is_read_as_its_author_saw_it(read, text: str, codec: str) -> None:
    assert read("a.txt", text.encode(codec)).text == text


def test_windows_quotes_in_latin_text_are_quotes(read) -> None:
    text = "Das ist “schön” – für Ärzte und Bürger, die große Häuser mögen. " * 5
    assert read("a.txt", text.encode("cp1252")).text == text


def test_an_accent_after_a_megabyte_of_ascii_is_not_lost(read) -> None:
    text = "all is plain so far\n" * 50_000 + "voilà, c'est déjà l'été à Besançon\n" * 5
    assert read("a.txt", text.encode("cp1252")).text == text


def test_line_ends_are_kept_as_they_are(read) -> None:
    text = "one\r\ntwo\rthree\n\r\n\nfour"
    assert read("a.txt", text).text == text
    assert read("a.md", text).text == text


def test_one_damaged_byte_does_not_turn_utf8_into_another_encoding(read) -> None:
    good = "zażółć gęślą jaźń. " * 40
    found = read("a.txt", good.encode() + b"\xff" + good.encode()).text
    assert found == good + "\ufffd" + good


def test_a_file_cut_inside_a_character_ends_with_a_replacement(read) -> None:
    found = read("a.txt", ("żółć " * 40 + "€").encode()[:-1]).text
    assert found == "żółć " * 40 + "\ufffd"


def test_no_lone_surrogate_comes_out_of_any_encoding(read) -> None:
    broken = "a".encode("utf-16") + b"\x00\xd8" + "b".encode("utf-16-le")
    found = read("a.txt", broken).text
    assert found == "a\ufffdb"
    read("a.txt", b"\xed\xa0\x80 cesu").text.encode()


@pytest.mark.parametrize("where", [3, 40, 39_000])
@pytest.mark.parametrize("words", ["the ring holds slots of text, ", RUSSIAN])
def test_a_stray_nul_does_not_turn_text_into_another_encoding(read, words: str, where: int) -> None:
    text = words * 2000
    text = text[:where] + "\0\x01\x1b[31m" + text[where:]
    for piece in (text, text[where - 3 : where + 30]):
        assert read("a.txt", piece.encode()).text == piece.replace("\0", "\ufffd")


@pytest.mark.parametrize("text", [RUSSIAN, "ελληνικά, και τίποτε άλλο. " * 9])
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_told_from_text_with_nuls(read, text: str, codec: str) -> None:
    assert read("a.txt", text.encode(codec)).text == text


@pytest.mark.parametrize("name", ["a.md", "a.txt", "a.rst", "a"])
def test_binary_under_a_text_name_is_unsupported(read, name: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read(name, bytes(range(256)) * 64)
    assert caught.value.reason == "unsupported"


def test_every_named_encoding_of_the_corpus_is_read(read, corpora: Path) -> None:
    """At most 2% of the files may differ from what their folder's name says.

    Two of the names mean, to every browser and to their authors, Microsoft's superset.
    """
    widened = {"shift_jis": "cp932", "gb2312": "gb18030"}
    wrong = []
    total = 0
    for folder in sorted((corpora / "encodings").iterdir()):
        if not folder.is_dir() or folder.name == "None":
            continue
        for path in sorted(folder.iterdir()):
            total += 1
            codec = widened.get(folder.name, folder.name)
            expected = path.read_bytes().decode(codec, "replace").removeprefix("\ufeff")
            if read.file(path, "a.txt").text != expected:
                wrong.append(f"{folder.name}/{path.name}")
    assert total > 100
    assert len(wrong) <= total * 0.02, wrong

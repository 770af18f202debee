"""Tables as text: each row says by itself what its values are."""

import pytest

from vecstream_cli.core.blocks import BlockKind


def lines(found) -> list[str]:
    return found.text.splitlines()


def test_every_row_carries_the_headers_words(read) -> None:
    found = read("a.csv", "Name,Role\nAlice,admin\nBob,reader\n")
    assert lines(found) == ["Name | Role", "Name: Alice | Role: admin", "Name: Bob | Role: reader"]
    assert {block.kind for block in found.blocks} == {BlockKind.TABLE}


def test_rows_count_as_a_spreadsheet_counts_them(read) -> None:
    found = read("a.csv", "Name,Role\nAlice,admin\n\nBob,reader\n")
    assert found.at("Name: Alice") == {"row": 2}
    assert found.at("Name: Bob") == {"row": 4}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_the_delimiter_is_found(read, delimiter: str, name: str) -> None:
    rows = [["Name", "Price"], ["Tea", "1.50"], ["Bread", "2.25"]]
    found = read(name, "".join(delimiter.join(row) + "\n" for row in rows))
    assert lines(found)[1] == "Name: Tea | Price: 1.50"


def test_decimal_commas_do_not_part_columns(read) -> None:
    found = read("a.csv", "Ware;Preis\nTee;1,50\nBrot;2,25\n")
    assert lines(found)[1] == "Ware: Tee | Preis: 1,50"


def test_a_file_may_say_its_delimiter(read) -> None:
    found = read("a.csv", "sep=^\nName^Role\nAlice^admin\n")
    assert lines(found)[1] == "Name: Alice | Role: admin"
    assert found.at("Name: Alice") == {"row": 3}


def test_a_quoted_cell_may_hold_line_ends_and_delimiters(read) -> None:
    found = read("a.csv", 'Name,Note\nAlice,"one, two\nthree"\n')
    assert lines(found)[1] == "Name: Alice | Note: one, two three"


def test_a_table_without_a_header_has_plain_rows(read) -> None:
    found = read("a.csv", "1,Alice,2.5\n2,Bob,3.5\n")
    assert lines(found) == ["1 | Alice | 2.5", "2 | Bob | 3.5"]


def test_words_that_come_again_below_are_no_header(read) -> None:
    found = read("a.csv", "red,apple\ngreen,pear\nred,cherry\n")
    assert lines(found)[0] == "red | apple"
    assert lines(found)[1] == "green | pear"


def test_lines_above_the_header_are_text_of_their_own(read) -> None:
    found = read("a.csv", "Squares of numbers,,\n,,\n,Number,Square\n,1,1\n,2,4\n")
    assert lines(found) == [
        "Squares of numbers", "Number | Square", "Number: 1 | Square: 1", "Number: 2 | Square: 4"
    ]  # fmt: skip
    assert found.blocks[0].kind is BlockKind.PARAGRAPH


def test_empty_cells_are_left_out_with_their_names(read) -> None:
    found = read("a.csv", "Name,Role,Since\nAlice,,2021\n")
    assert lines(found)[1] == "Name: Alice | Since: 2021"


def test_cells_beyond_the_header_stand_alone(read) -> None:
    found = read("a.csv", "Name,Role\nAlice,admin,late\n")
    assert lines(found)[1] == "Name: Alice | Role: admin | late"


def test_a_quote_that_is_never_closed_costs_no_row(read) -> None:
    rows = "".join(f"{n},row {n}\n" for n in range(1000))
    found = read("a.csv", f'Id,Note\nx,"open\n{rows}')
    assert "Id: 999 | Note: row 999" in found.text
    assert found.reasons == ["malformed"]


def test_quotes_amiss_are_read_as_they_stand(read) -> None:
    found = read("a.csv", 'Size,Name\n5" pipe,"a"b\n')
    assert 'Size: 5" pipe' in lines(found)[1]
    assert found.reasons == []


def test_one_endless_line_is_read_in_parts(read) -> None:
    found = read("a.csv", "word " * 600_000)
    assert len(found.text) >= 3_000_000 - 10
    assert found.beats > 10


def test_nuls_are_dropped(read) -> None:
    found = read("a.csv", "Name,Role\nAl\0ice,admin\n")
    assert lines(found)[1] == "Name: Alice | Role: admin"


def test_a_table_without_a_cell_is_reported(read) -> None:
    assert read("a.csv", ",,\n,,\n").reasons == ["no-text"]


def test_utf_16_is_read(read) -> None:
    found = read("a.csv", "Name,Größe\nAlice,3\n".encode("utf-16"))
    assert lines(found)[1] == "Name: Alice | Größe: 3"

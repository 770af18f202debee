"""Encrypted PDFs: opened by an empty or the given password, and otherwise told apart by reason."""

import io
from pathlib import Path

import pytest
from pdf_maker import pdf

from vecstream_cli.errors import DocumentError
from vecstream_cli.readers.formats import versions
from vecstream_cli.secret import Secret
from vecstream_cli.settings import ReadingOptions


def locked(password: str, *, owner: str = "the owner's") -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf([["What is inside."]]))))
    writer.encrypt(password, owner, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_an_empty_password_opens_what_only_forbids_copying(read) -> None:
    assert "What is inside." in read("a.pdf", locked("")).text


@pytest.mark.parametrize("password", ["hunter2", "the owner's"])
def test_the_given_password_opens_it(read, password: str) -> None:
    found = read("a.pdf", locked("hunter2"), pdf_password=Secret(password))
    assert "What is inside." in found.text


@pytest.mark.parametrize(
    ("given", "hint"), [(None, "--pdf-password-file"), ("wrong one", "vecstream retry")]
)
def test_without_the_right_password_it_is_encrypted(read, given: str | None, hint: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read("a.pdf", locked("hunter2"), pdf_password=given and Secret(given))
    assert caught.value.reason == "encrypted"
    assert hint in caught.value.message
    assert "wrong one" not in caught.value.message


def test_a_given_password_does_no_harm_to_others(read) -> None:
    found = read("a.pdf", pdf([["Not locked."]]), pdf_password=Secret("hunter2"))
    assert "Not locked." in found.text
    assert found.version == read("a.pdf", pdf([["Not locked."]])).version


def test_what_is_remembered_of_a_password_is_that_there_was_one() -> None:
    one, other = (versions(ReadingOptions(pdf_password=Secret(each))) for each in ("one1", "two2"))
    assert one == other != versions(ReadingOptions())
    assert not any("one1" in each for each in one.values())


@pytest.mark.parametrize(
    "name",
    ["rc4-40", "rc4-128", "aes-128", "aes-128-m", "aes-256", "aes-256-m"],
)
def test_every_kind_of_encryption_is_opened(read, corpora: Path, name: str) -> None:
    path = corpora / f"pdf/pdfminer-samples/samples/encryption/{name}.pdf"
    assert read.file(
        path, pdf_password=Secret("usersecret" if name == "aes-256-r6" else "foo")
    ).text.strip()

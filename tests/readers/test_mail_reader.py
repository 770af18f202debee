"""Mail: headers as metadata, the words that read best, attachments as documents inside."""

from email.message import EmailMessage

import pytest

from vecstream_cli.errors import DocumentError


def message(body: str = "Hello Bob.\n\nThe oak fell.\n", **headers: str) -> EmailMessage:
    mail = EmailMessage()
    told = {"From": "Ann <ann@x.org>", "To": "bob@x.org", "Subject": "The oak",
            "Date": "Wed, 03 Mar 2021 10:00:00 +0100", "Message-ID": "<m1@x.org>"}  # fmt: skip
    for name, value in {**told, **headers}.items():
        mail[name] = value
    mail.set_content(body)
    return mail


def test_headers_are_metadata(read) -> None:
    assert read("a.eml", message().as_bytes()).metadata == {
        "title": "The oak", "author": "Ann <ann@x.org>", "created": "2021-03-03T10:00:00+01:00"
    }  # fmt: skip


def test_the_words_stand_under_the_subject_with_the_messages_id(read) -> None:
    found = read("a.eml", message().as_bytes())
    assert found.under("The oak fell.") == ("The oak",)
    assert found.at("The oak fell.") == {"message": "m1@x.org"}
    assert "From: Ann <ann@x.org> | To: bob@x.org" in found.text


@pytest.mark.parametrize("cte", ["quoted-printable", "base64", "8bit"])
def test_transfer_encodings_are_undone(read, cte: str) -> None:
    mail = message()
    mail.set_content("Grüße, 木 und ein langer Satz. " * 20, cte=cte)
    assert read("a.eml", mail.as_bytes()).text.count("Grüße, 木") == 20


def test_an_encoded_subject_is_decoded(read) -> None:
    assert read("a.eml", message(Subject="Grüße 木").as_bytes()).metadata["title"] == "Grüße 木"


def test_of_alternatives_the_plain_one_is_read(read) -> None:
    mail = message("Plain words.")
    mail.add_alternative("<p>Rich words.</p>", subtype="html")
    found = read("a.eml", mail.as_bytes())
    assert "Plain words." in found.text
    assert "Rich" not in found.text


def test_html_alone_is_read_as_a_page(read) -> None:
    mail = message()
    mail.set_content("<html><body><h2>Roots</h2><p>They grow.</p></body></html>", subtype="html")
    found = read("a.eml", mail.as_bytes())
    assert "They grow." in found.text
    assert "<p>" not in found.text


def test_attachments_are_read_under_their_names(read) -> None:
    mail = message()
    mail.add_attachment(b"Name,Age\nOak,300\n", maintype="text", subtype="csv", filename="t.csv")
    found = read("a.eml", mail.as_bytes())
    assert found.under("Name: Oak") == ("The oak", "t.csv")
    assert found.at("Name: Oak") == {"message": "m1@x.org", "member": "t.csv", "row": 2}


def test_an_attachment_of_another_kind_is_a_warning(read) -> None:
    mail = message()
    mail.add_attachment(b"\x7fELF\0\0", maintype="application", subtype="x", filename="run.bin")
    found = read("a.eml", mail.as_bytes())
    assert "The oak fell." in found.text
    assert found.reasons == ["unsupported"]
    assert found.warnings[0].message.startswith("run.bin: ")


def test_forwarded_messages_are_read(read) -> None:
    mail = message()
    mail.add_attachment(message("Older words.", Subject="Before", **{"Message-ID": "<m0@x>"}))
    found = read("a.eml", mail.as_bytes())
    assert found.at("Older words.") == {"message": "m0@x"}
    assert found.under("Older words.") == ("Before",)


def test_an_unknown_charset_is_guessed(read) -> None:
    mail = message().as_bytes().replace(b'charset="utf-8"', b'charset="x-none"')
    assert "The oak fell." in read("a.eml", mail).text


def test_messages_within_messages_without_end_are_bounded(read) -> None:
    mail = message("Innermost.")
    for _ in range(40):
        outer = message("Outer.")
        outer.add_attachment(mail)
        mail = outer
    found = read("a.eml", mail.as_bytes())
    assert "nested-too-deep" in found.reasons


def test_what_has_no_headers_fails(read) -> None:
    with pytest.raises(DocumentError) as caught:
        read("a.eml", "\njust words\n")
    assert caught.value.reason == "malformed"


def test_a_message_without_words_is_reported(read) -> None:
    assert read("a.eml", "MIME-Version: 1.0\n\n").reasons == ["no-text"]


def test_a_mailbox_is_one_document_of_its_messages(read) -> None:
    box = b"".join(
        b"From ann@x.org Wed Mar  3 10:00:00 2021\n"
        + message(f"Words {n}.\n\nFrom here on.\n", **{"Message-ID": f"<m{n}@x>"}).as_bytes()
        + b"\n"
        for n in range(300)
    )
    found = read("a.mbox", box)
    assert found.at("Words 7.") == {"message": "m7@x"}
    assert found.text.count("From here on.") == 300
    assert read("mailbox", box).version.startswith("mbox/")


def test_a_saved_page_is_read_as_its_html(read) -> None:
    page = EmailMessage()
    page["Subject"] = "Trees"
    page["Date"] = "Wed, 03 Mar 2021 10:00:00 +0100"
    page.set_content(
        "<html lang=en><head><title>On trees</title></head>"
        "<body><main><h1>Oaks</h1><p>Grüße from the wood.</p></main></body></html>",
        subtype="html", charset="iso-8859-1",
    )  # fmt: skip
    page.add_related(b"GIF89a", maintype="image", subtype="gif", cid="x")
    found = read("a.mhtml", page.as_bytes())
    assert "Grüße from the wood." in found.text
    assert found.metadata["title"] == "On trees" or found.metadata["title"] == "Trees"
    assert found.reasons == []


def test_a_message_without_a_suffix_is_known_by_its_headers(read) -> None:
    assert read("message", message().as_bytes()).version.startswith("mail/")


@pytest.mark.parametrize("text", ["Note: a\nFrom: b\nwords\n", "Title: x\n\nwords\n", "From me\n"])
def test_notes_are_no_mail(read, text: str) -> None:
    assert read("note", text).version.startswith("text/")


@pytest.mark.parametrize("data", [
    b"Content-Type: multipart/mixed; boundary=x\n\n--x\n" * 500,
    b"A: b\nContent-Type: multipart/mixed\n\nwords", b"Subject: " + b"=?utf-8?q?" * 5000 + b"\n\nw",
    b"From: " + b"<" * 20_000 + b"\n\nwords", b"Content-Type: " + b";" * 20_000 + b"\n\nwords",
    b"Content-Transfer-Encoding: base64\nX: y\n\n====", b"A:\0\0\n\n\0\0words",
    b"Content-Type: text/plain; charset=utf-7\nX: y\n\n+2AA-words",
])  # fmt: skip
def test_hostile_mail_is_read_or_refused(read, data: bytes) -> None:
    reason = "malformed"
    try:
        read("a.eml", data).text.encode()
    except DocumentError as error:
        reason = error.reason
    assert reason == "malformed"

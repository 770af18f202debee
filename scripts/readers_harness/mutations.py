"""Ways to break a document: bytes anywhere, numbers, nesting, and the members of archives."""

import io
import re
import warnings
import zipfile
from collections.abc import Callable, Sequence

from hypothesis import strategies as st

from readers_harness.child import Document

_MOST_BYTES = 1 << 20
_MOST_MUTATIONS = 4

_TOKENS = (
    b"", b"\0", b"\0" * 64, b"\xff" * 8, b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1b$B",
    b"\r\n\r\n", b"\n" * 200, b" " * 5000, b"A" * 100_000, b"<![CDATA[", b"]]>", b"<!--", b"-->",
    b"&lol;", b"&#x110000;", b"&#xD800;", b'<!DOCTYPE a [<!ENTITY b "c">]>', b"<?xml ", b"</p>",
    b"\\ud800", b"1e999", b"NaN", b"-0", b"{{", b"[[", b"\\", b'"', b"'", b"```",
    b"---\n", b"%PDF-",
    b"endobj", b"stream\n", b"/Length 99999999", b"0 R", b"<<", b">>", b"PK\x03\x04", b"PK\x05\x06",
    b"\\u-1 ", b"\\bin999999999 ", b"{\\rtf", b"Content-Type: multipart/mixed; boundary=b\n\n",
    b"--b\n", b"=?utf-8?q?=FF?=", b"=?x?b?=?=", b"\\begin{", b"\\input{a}",
    b"$$", b"00:00:00,000 --> ",
    "\u202e\u2028\ufeff".encode(), "İßﬁ́".encode() * 20,
)  # fmt: skip
_NUMBERS = (b"0", b"-1", b"65536", b"2147483648", b"4294967295", b"99999999999999999999", b"1e309")
_NESTS = (
    (b"[", b"]"), (b'{"a":', b"}"), (b"<a>", b"</a>"), (b"<div>", b"</div>"), (b"(", b")"),
    (b"{", b"}"), (b"> ", b""), (b"- ", b""), (b"<<", b">>"), (b"**", b"**"), (b"\\begin{a}", b""),
    (b"<table><tr><td>", b""), (b"[", b""), (b"<b>", b""),
)  # fmt: skip
_DEPTHS = (3, 100, 2000, 50_000)
_DIGITS = re.compile(rb"\d+")

_Mutation = Callable[[st.DrawFn, bytes], bytes]


@st.composite
def broken(draw: st.DrawFn, seeds: Sequence[Document], suffixes: Sequence[str]) -> Document:
    """One of the seeds, changed in a few places; at times under another name."""
    seed = draw(st.sampled_from(seeds))
    data = seed.data or b""
    if data.startswith(b"PK\x03\x04") and draw(st.booleans()):
        data = draw(_broken_archive(data))
    else:
        data = draw(_broken_bytes(data))
    name = seed.name
    if draw(st.integers(0, 9)) == 0:
        name = b"a" + draw(st.sampled_from(suffixes)).encode()
    return Document(name, data[:_MOST_BYTES])


@st.composite
def _broken_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    for _ in range(draw(st.integers(1, _MOST_MUTATIONS))):
        data = draw(st.sampled_from(_MUTATIONS))(draw, data)
    return data


@st.composite
def _broken_archive(draw: st.DrawFn, data: bytes) -> bytes:
    """The same members, one of them broken, renamed, doubled or gone."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(each.filename, archive.read(each)) for each in archive.infolist()]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError):
        return draw(_broken_bytes(data))
    if not members:
        return data
    chosen = draw(st.integers(0, len(members) - 1))
    name, content = members[chosen]
    match draw(st.sampled_from(["break", "break", "break", "rename", "double", "drop"])):
        case "break":
            members[chosen] = name, draw(_broken_bytes(content[:_MOST_BYTES]))
        case "rename":
            members[chosen] = (
                draw(st.sampled_from(["../../etc/x", "/x", "", "a" * 300, name + "/"])),
                content,
            )
        case "double":
            members.append((members[draw(st.integers(0, len(members) - 1))][0], content))
        case "drop":
            del members[chosen]
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w") as archive:
        warnings.simplefilter("ignore")  # two members of one name
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name or "x"), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def _place(draw: st.DrawFn, data: bytes) -> int:
    return draw(st.integers(0, len(data)))


def _flip(draw: st.DrawFn, data: bytes) -> bytes:
    if not data:
        return data
    at = draw(st.integers(0, len(data) - 1))
    return data[:at] + bytes([data[at] ^ (1 << draw(st.integers(0, 7)))]) + data[at + 1 :]


def _overwrite(draw: st.DrawFn, data: bytes) -> bytes:
    at, new = _place(draw, data), draw(st.binary(min_size=1, max_size=8))
    return data[:at] + new + data[at + len(new) :]


def _insert(draw: st.DrawFn, data: bytes) -> bytes:
    at = _place(draw, data)
    return data[:at] + draw(st.sampled_from(_TOKENS)) + data[at:]


def _cut(draw: st.DrawFn, data: bytes) -> bytes:
    start, end = sorted((_place(draw, data), _place(draw, data)))
    return data[:start] + data[end:]


def _end(draw: st.DrawFn, data: bytes) -> bytes:
    return data[: _place(draw, data)]


def _repeat(draw: st.DrawFn, data: bytes) -> bytes:
    start = _place(draw, data)
    part = data[start : start + draw(st.integers(1, 400))]
    return data[:start] + part * draw(st.sampled_from([2, 10, 500])) + data[start:]


def _number(draw: st.DrawFn, data: bytes) -> bytes:
    found = list(_DIGITS.finditer(data))
    if not found:
        return data
    match = draw(st.sampled_from(found))
    return data[: match.start()] + draw(st.sampled_from(_NUMBERS)) + data[match.end() :]


def _nest(draw: st.DrawFn, data: bytes) -> bytes:
    opening, closing = draw(st.sampled_from(_NESTS))
    depth = draw(st.sampled_from(_DEPTHS))
    start = _place(draw, data)
    end = min(len(data), start + draw(st.integers(0, 200)))
    return data[:start] + opening * depth + data[start:end] + closing * depth + data[end:]


_MUTATIONS: tuple[_Mutation, ...] = (
    _flip, _overwrite, _insert, _insert, _cut, _end, _repeat, _number, _nest,
)  # fmt: skip

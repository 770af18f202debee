"""Archives (zip, tar, gz, bz2, xz), read in memory: one document of all the documents in them.

Bombs are refused by what an archive declares and by what really comes out of it.
"""

from collections.abc import Iterator

from vecstream_cli.core.blocks import Block, OpenDocument, Picture, ReaderWarning
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers.archive_members import Member, members
from vecstream_cli.readers.formats import suffixes
from vecstream_cli.readers.inside import inside, lost
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.silence import Losses, noticed
from vecstream_cli.readers.sniff import suffix
from vecstream_cli.readers.source import InnerFile, SourceFile

MAX_MEMBERS = 100_000

_NAMED = 20


def read_archive(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open an archive; a member that cannot be read is a warning that names it.

    Where none can, its blocks end with a DocumentError that gives the first one's reason.
    """
    warnings: list[ReaderWarning] = []
    blocks = _blocks(file, reading, Losses(warnings))
    return OpenDocument({}, noticed(blocks, warnings, "The archive"), warnings)


def _blocks(file: SourceFile, reading: Reading, losses: Losses) -> Iterator[Block | Picture]:
    known = suffixes(reading.options)
    others: list[str] = []
    other_count = opened = 0
    first_error: DocumentError | None = None
    try:
        for count, member in enumerate(members(file, reading)):
            if count >= MAX_MEMBERS:
                raise DocumentError("too-large", f"It has more than {MAX_MEMBERS:,} members.")
            if _hidden(member.name):
                continue
            if not member.alone and suffix(_encoded(member.name)) not in known:
                other_count += 1
                others += [member.name] if other_count <= _NAMED else []
                continue
            try:
                yield from _member(member, reading, losses)
                opened += 1
            except DocumentError as error:
                first_error = first_error or error
                losses.add(error.reason, f"{member.name}: {error.message}")
    except DocumentError as error:  # the archive itself breaks off
        if not opened:
            raise
        losses.add(error.reason, f"{error.message} The rest is not read.")
    if first_error is not None and not opened:
        raise DocumentError(
            first_error.reason, f"None of its members can be read; the first: {first_error.message}"
        )
    if other_count:
        more = f" and {other_count - _NAMED} more" if other_count > _NAMED else ""
        losses.add("unsupported", f"Of kinds that are not read: {', '.join(others)}{more}")


def _member(member: Member, reading: Reading, losses: Losses) -> Iterator[Block | Picture]:
    document = reading.inner(InnerFile(member.read(), _encoded(member.name)))
    yield from inside(document, member.name, (member.name,), {"member": member.name})
    lost(document, member.name, losses)


def _hidden(name: str) -> bool:
    parts = name.split("/")
    return parts[0] == "__MACOSX" or any(part.startswith(".") for part in parts)


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "replace")

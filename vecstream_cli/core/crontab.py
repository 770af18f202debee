"""A block of ours in somebody's crontab: put in, replaced, and every other line left as it is."""

from vecstream_cli.errors import UsageError, VecstreamError


def merged(crontab: str, name: str, lines: list[str]) -> str:
    """The crontab with `lines` as the block called `name`, where it stood before, or at the end.

    The first of the lines tells what the block is for. Merging the same again changes nothing.
    Raises VecstreamError where the marks of the block are not a pair, so that nobody can tell
    what is ours, and UsageError where the block is for something else.
    """
    begin, end = f"# BEGIN vecstream {name}", f"# END vecstream {name}"
    old = crontab.splitlines(keepends=True)
    begins = [number for number, line in enumerate(old) if line.rstrip() == begin]
    ends = [number for number, line in enumerate(old) if line.rstrip() == end]
    block = [f"{line}\n" for line in (begin, *lines, end)]
    if not begins and not ends:
        if old and not old[-1].endswith("\n"):
            old[-1] += "\n"
        return "".join((*old, *block))
    if len(begins) != 1 or len(ends) != 1 or begins[0] > ends[0]:
        raise VecstreamError(
            f"The crontab's lines {begin!r} and {end!r} are not a pair.",
            hint="Mend it by `crontab -e`; nothing was changed.",
        )
    if old[begins[0] + 1].rstrip("\n") != lines[0]:
        raise UsageError(
            f"The crontab's block {name!r} was not written for this configuration file.",
            hint="Give this schedule another name by --name.",
        )
    return "".join((*old[: begins[0]], *block, *old[ends[0] + 1 :]))

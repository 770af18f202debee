"""A schedule as text: ready to be copied, or what was written and is left to do."""

from vecstream_cli.core.schedule import CRON, Made
from vecstream_cli.report.streams import Guarded


def print_made(out: Guarded, made: Made) -> None:
    """The text, with what else there is to say in comments, so that it may be taken as it is."""
    for path, text in made.texts.items():
        out.write(text if made.kind == CRON else f"# {path}\n{text}\n")
    if made.commands:
        out.write("".join(f"# then run: {command}\n" for command in made.commands))


def print_installed(out: Guarded, made: Made) -> None:
    """What was written, and what is left to do."""
    if made.kind == CRON:
        what = "Written to" if made.changed else "It stands already in"
        out.write(f"{what} the crontab, between the lines that name {made.name}.\n")
        return
    out.write("".join(f"Wrote {path}\n" for path in made.texts))
    out.write("To start it, and to have it run while you are not logged in:\n")
    out.write("".join(f"  {command}\n" for command in made.commands))

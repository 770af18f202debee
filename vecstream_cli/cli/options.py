"""The options, each defined once; the verbs pick theirs.

None always means: not given, so the layers below a flag decide. Every switch that is a setting
has a ``--no-`` form, to overrule a configuration file.
"""

from typing import Annotated

from typer import Argument, Option

_WHAT = "What to index"
_WHERE = "Database"
_MODEL = "Model and chunks"
_MACHINE = "Memory and processes"
_RERUN = "Runs"
_REPORT = "For cron"
_OUTPUT = "Settings and output"

Paths = Annotated[
    list[str] | None,
    Argument(metavar="PATH", help="Files and folders.", show_default=False),
]
FilesFrom = Annotated[
    str | None,
    Option(
        "--files-from",
        metavar="FILE|-",
        help="Index the files listed in FILE, or on standard input, one a line or NUL-separated.",
        rich_help_panel=_WHAT,
    ),
]
Include = Annotated[
    list[str] | None,
    Option(
        "--include",
        metavar="GLOB",
        help="Take only files that match, whatever their suffix. Repeatable.",
        rich_help_panel=_WHAT,
    ),
]
Exclude = Annotated[
    list[str] | None,
    Option(
        "--exclude",
        metavar="GLOB",
        help="Leave out files and folders that match. Repeatable.",
        rich_help_panel=_WHAT,
    ),
]
Hidden = Annotated[
    bool | None,
    Option("--hidden/--no-hidden", help="Take hidden files too.", rich_help_panel=_WHAT),
]
FollowLinks = Annotated[
    bool | None,
    Option(
        "--follow-links/--no-follow-links", help="Follow symbolic links.", rich_help_panel=_WHAT
    ),
]
Limit = Annotated[
    str | None,
    Option("--limit", metavar="N", help="Stop after N files.", rich_help_panel=_WHAT),
]
EmbeddedImages = Annotated[
    bool | None,
    Option(
        "--embedded-images/--no-embedded-images",
        help="Take the images inside of documents too, with a model for images.",
        rich_help_panel=_WHAT,
    ),
]
Require = Annotated[
    list[str] | None,
    Option(
        "--require",
        metavar="FILE",
        help="Refuse to run unless FILE is there, as on a mounted disk. Repeatable.",
        rich_help_panel=_WHAT,
    ),
]
Source = Annotated[
    str | None,
    Option(
        "--source",
        metavar="NAME",
        help="Name the folder, so that it can move. Default: its path.",
        rich_help_panel=_WHAT,
    ),
]

Db = Annotated[
    str | None,
    Option("--db", metavar="NAME", help="Database. Default: lance.", rich_help_panel=_WHERE),
]
DbUri = Annotated[
    str | None,
    Option(
        "--db-uri",
        metavar="URI",
        help="Where it is. Default for lance: ./vecstream.lance.",
        rich_help_panel=_WHERE,
    ),
]
DbPasswordFile = Annotated[
    str | None,
    Option(
        "--db-password-file",
        metavar="FILE",
        help="Read the database's password or API key from FILE.",
        rich_help_panel=_WHERE,
    ),
]
DbPasswordCommand = Annotated[
    str | None,
    Option(
        "--db-password-command",
        metavar="COMMAND",
        help="Take the password or API key that COMMAND prints.",
        rich_help_panel=_WHERE,
    ),
]
DbOption = Annotated[
    list[str] | None,
    Option(
        "--db-option",
        metavar="NAME=VALUE",
        help="An option of the database, as `vecstream adapters NAME` lists them. Repeatable.",
        rich_help_panel=_WHERE,
    ),
]
Collection = Annotated[
    str | None,
    Option(
        "--collection",
        metavar="NAME",
        help="Collection (table). Default: documents.",
        rich_help_panel=_WHERE,
    ),
]
LockWait = Annotated[
    str | None,
    Option(
        "--lock-wait",
        metavar="SECONDS",
        help="Wait so long for another run to end. Default: 0.",
        rich_help_panel=_WHERE,
    ),
]
InSource = Annotated[
    str | None,
    Option(
        "--source",
        metavar="NAME",
        help="The source that a relative PATH is in. Default: any, by the files' places on disk.",
        rich_help_panel=_WHERE,
    ),
]

Model = Annotated[
    str | None,
    Option(
        "--model",
        metavar="NAME|PATH",
        help="minilm (the default); clip, siglip or dinov2 for pictures; a local folder; or a name "
        "on the model hub.",
        rich_help_panel=_MODEL,
    ),
]
Revision = Annotated[
    str | None,
    Option(
        "--revision", metavar="REV", help="The model's revision on the hub.", rich_help_panel=_MODEL
    ),
]
Precision = Annotated[
    str | None,
    Option(
        "--precision",
        metavar="PRECISION",
        help="What the model computes in: fp32 (the default), bf16 or int8. Faster, less exact.",
        rich_help_panel=_MODEL,
    ),
]
Device = Annotated[
    str | None,
    Option(
        "--device",
        metavar="DEVICE",
        help="auto (the default), cpu, cuda or cuda:N; several as cuda:0,cuda:1.",
        rich_help_panel=_MODEL,
    ),
]
ChunkSize = Annotated[
    str | None,
    Option(
        "--chunk-size",
        metavar="N",
        help="Tokens of a chunk, at most. Default: the model's limit.",
        rich_help_panel=_MODEL,
    ),
]
ChunkOverlap = Annotated[
    str | None,
    Option(
        "--chunk-overlap",
        metavar="N",
        help="Tokens that neighbouring chunks share. Default: 0.",
        rich_help_panel=_MODEL,
    ),
]

MaxMemory = Annotated[
    str | None,
    Option(
        "--max-memory",
        metavar="SIZE",
        help="Ceiling of all processes together, such as 2G. Default: from what is free.",
        rich_help_panel=_MACHINE,
    ),
]
Buffer = Annotated[
    str | None,
    Option(
        "--buffer",
        metavar="SIZE",
        help="Size of the ring: a number of slots, or bytes such as 64M.",
        rich_help_panel=_MACHINE,
    ),
]
Parsers = Annotated[
    str | None,
    Option("--parsers", metavar="N|auto", help="Parser processes.", rich_help_panel=_MACHINE),
]
DocumentTimeout = Annotated[
    str | None,
    Option(
        "--document-timeout",
        metavar="SECONDS",
        help="Give a document up after so long without progress. Default: 300.",
        rich_help_panel=_MACHINE,
    ),
]
MaxDuration = Annotated[
    str | None,
    Option(
        "--max-duration",
        metavar="TIME",
        help="Stop after so long, such as 2h or 90m; the next run goes on from there.",
        rich_help_panel=_MACHINE,
    ),
]
MaxLoad = Annotated[
    str | None,
    Option(
        "--max-load",
        metavar="N",
        help="Begin no document while the machine's load, our own included, is above N.",
        rich_help_panel=_MACHINE,
    ),
]
Nice = Annotated[
    str | None,
    Option(
        "--nice",
        metavar="N",
        help="Let other programs have the cores first: 1 a little, 19 most.",
        rich_help_panel=_MACHINE,
    ),
]

DryRun = Annotated[
    bool,
    Option(
        "--dry-run",
        help="Say what a run would do, and do nothing.",
        show_default=False,
        rich_help_panel=_RERUN,
    ),
]
Checksum = Annotated[
    bool | None,
    Option(
        "--checksum/--no-checksum",
        help="Compare content, not size and times; reads every file.",
        rich_help_panel=_RERUN,
    ),
]
Strict = Annotated[
    bool | None,
    Option(
        "--strict/--no-strict",
        help="Exit with 3 for documents that failed in earlier runs, too.",
        rich_help_panel=_RERUN,
    ),
]
AllowMassDelete = Annotated[
    bool | None,
    Option(
        "--allow-mass-delete/--no-allow-mass-delete",
        help="Delete even when most of a source's files are gone.",
        rich_help_panel=_RERUN,
    ),
]
Rebuild = Annotated[
    bool | None,
    Option(
        "--rebuild/--no-rebuild",
        help="Make the collection anew beside the live one, with these settings, and swap.",
        rich_help_panel=_RERUN,
    ),
]
LogFile = Annotated[
    str | None,
    Option(
        "--log-file",
        metavar="FILE",
        help="Append what happens to FILE, a line an event, with the time.",
        rich_help_panel=_REPORT,
    ),
]
MetricsFile = Annotated[
    str | None,
    Option(
        "--metrics-file",
        metavar="FILE",
        help="Write the run's figures to FILE at its end, for Prometheus (textfile).",
        rich_help_panel=_REPORT,
    ),
]
PingUrl = Annotated[
    str | None,
    Option(
        "--ping-url",
        metavar="URL",
        help="Get URL/start, then URL or URL/fail, as cron monitors take them.",
        rich_help_panel=_REPORT,
    ),
]
PingUrlFile = Annotated[
    str | None,
    Option(
        "--ping-url-file", metavar="FILE", help="Read that URL from FILE.", rich_help_panel=_REPORT
    ),
]
PingUrlCommand = Annotated[
    str | None,
    Option(
        "--ping-url-command",
        metavar="COMMAND",
        help="Take the URL that COMMAND prints.",
        rich_help_panel=_REPORT,
    ),
]
Yes = Annotated[bool, Option("--yes", "-y", help="Do not ask.", show_default=False)]

Config = Annotated[
    str | None,
    Option(
        "--config",
        "-c",
        metavar="FILE",
        help="Read settings from a TOML file.",
        rich_help_panel=_OUTPUT,
    ),
]
Job = Annotated[
    str | None,
    Option(
        "--job",
        metavar="NAME",
        help="The job of the file, where it has several.",
        rich_help_panel=_OUTPUT,
    ),
]
Json = Annotated[
    bool,
    Option(
        "--json",
        help="Print JSON lines on standard output.",
        show_default=False,
        rich_help_panel=_OUTPUT,
    ),
]
Quiet = Annotated[
    bool,
    Option(
        "--quiet",
        "-q",
        help="Print only what failed.",
        show_default=False,
        rich_help_panel=_OUTPUT,
    ),
]
Debug = Annotated[
    bool | None,
    Option("--debug/--no-debug", help="Show tracebacks.", rich_help_panel=_OUTPUT),
]

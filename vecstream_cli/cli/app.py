"""The command line's tree: the verbs, the version, and what a parse error says."""

from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from vecstream_cli.cli import (
    adapters,
    bench,
    check,
    compact,
    config,
    drop,
    index,
    prune,
    retry,
    rm,
    schedule,
    search,
    status,
)  # fmt: skip
from vecstream_cli.cli.help import Verb, Verbs
from vecstream_cli.errors import UsageError
from vecstream_cli.settings import nearest

VERBS: Mapping[str, tuple[Callable[..., int], str]] = {
    "index": (index.index, "Index documents, or what changed since the last time."),
    "search": (search.search, "Search a collection by meaning."),
    "status": (status.status, "Show collections, the last run, and what failed."),
    "check": (check.check, "Compare a collection with what is known of it; mend it."),
    "retry": (retry.retry, "Read the documents that failed again."),
    "rm": (rm.rm, "Remove documents from a collection."),
    "prune": (prune.prune, "Remove the documents of sources no longer named."),
    "compact": (compact.compact, "Compact a collection's table now."),
    "drop": (drop.drop, "Delete a collection."),
    "schedule": (schedule.schedule, "Have systemd or cron run a configuration file."),
    "adapters": (adapters.adapters, "Show the databases, and what each of them takes."),
    "config": (config.config, "Show every setting and where it comes from."),
    "bench": (bench.bench, "Measure this machine, and what to set on it."),
}

# The usage error of the click that this Typer brings or imports; older ones import click's own.
ParseError: type[Exception] = typer.BadParameter.__bases__[0]

app = typer.Typer(
    cls=Verbs,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, (_verb, _short_help) in VERBS.items():
    app.command(_name, cls=Verb, short_help=_short_help)(_verb)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"vecstream {version('vecstream')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Stream folders of documents into a vector database, under a memory ceiling."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def explain(error: Exception) -> UsageError:
    """A parse error as one of ours: a sentence, and the nearest right name."""
    context = getattr(error, "ctx", None)
    command = getattr(context, "command_path", None) or "vecstream"
    hint = f"See `{command} --help`."
    option = getattr(error, "option_name", None)
    if option is not None and hasattr(error, "possibilities"):
        known = [name for param in context.command.params for name in param.opts] if context else []
        close = nearest(option, [name for name in known if name.startswith("--")])
        hint = f"Did you mean {close}?" if close else hint
        return UsageError(f"There is no option {option} in `{command}`.", hint=hint)
    message = str(getattr(error, "format_message", error.__str__)())
    if message.startswith("No such command"):
        word = message.removeprefix("No such command").split("'")[1]
        close = nearest(word, list(VERBS))
        hint = f"Did you mean `vecstream {close}`?" if close else hint
        return UsageError(f"There is no command {word!r}.", hint=hint)
    return UsageError(" ".join(message.split()).rstrip(".") + ".", hint=hint)

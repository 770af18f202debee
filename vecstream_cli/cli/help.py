"""Help screens in plain text, options in groups: they appear at once, on any terminal."""

from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from vecstream_cli.cli.typed import AsTyped

_OTHER = "Other"


class Verb(AsTyped, TyperCommand):
    """A verb whose options stand under the panel each was defined with."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read them; an option whose value may be left out has one only behind a ``=``."""
        optional = {
            name
            for param in self.get_params(ctx)
            if str(getattr(param, "metavar", "")).startswith("[=")
            for name in param.opts
        }
        end = args.index("--") if "--" in args else len(args)
        given = [f"{arg}=on" if arg in optional else arg for arg in args[:end]]
        return super().parse_args(ctx, given + args[end:])

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then a section for each panel, in order of first appearance."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            if isinstance(param, TyperArgument):
                title, record = "Arguments", (param.display_name_raw, param.help or "")
            else:
                assert isinstance(param, TyperOption)
                title = param.rich_help_panel or _OTHER
                record = (_spelled(param), param.help or "")
            sections.setdefault(title, []).append(record)
        sections[_OTHER] = sections.pop(_OTHER, [])
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


class Verbs(AsTyped, TyperGroup):
    """The root: the verbs in their order, then the few options."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write both."""
        self.format_commands(ctx, formatter)
        options = [param for param in self.get_params(ctx) if isinstance(param, TyperOption)]
        with formatter.section("Options"):
            formatter.write_dl([(_spelled(option), option.help or "") for option in options])


def _spelled(option: TyperOption) -> str:
    """``-c, --config FILE``; the negative of a switch is left to the manual."""
    names = ", ".join(sorted(option.opts, key=len))
    value = option.metavar or ""
    return names if option.is_flag else f"{names}{'' if value.startswith('[=') else ' '}{value}"

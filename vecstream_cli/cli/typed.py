"""Values of options as they were typed: `layers` says what they mean, and Typer need not."""

from typing import Any

_PLAIN = (str, bool, list[str])


class AsTyped:
    """A command that spares its options of plain text, and its switches, their validators.

    Typer 0.29 makes one of every option of the verb, with pydantic, whose import alone takes as
    long as all others of a verb. A Typer that does it in another way is left to it.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """All parameters, that for help among them."""
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            known = getattr(param, "type_descriptor", None)
            if hasattr(param, "_runtime_param") and getattr(known, "annotation", None) in _PLAIN:
                param._runtime_param = _Given()
        return params


class _Given:
    """Stands where Typer keeps what validates an option's value."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Give the value as it is; where there may be several and none is given, none of them."""
        several = param.multiple or param.nargs == -1
        return () if value is None and several else value

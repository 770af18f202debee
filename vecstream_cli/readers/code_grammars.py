"""Which tree-sitter grammar reads which suffix; each is a package, imported with the first file."""

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language

# Suffixes, and the grammar's module and function.
_GRAMMARS = {
    (".py", ".pyi", ".pyw"): "tree_sitter_python:language",
    (".js", ".mjs", ".cjs", ".jsx"): "tree_sitter_javascript:language",
    (".ts", ".mts", ".cts"): "tree_sitter_typescript:language_typescript",
    (".tsx",): "tree_sitter_typescript:language_tsx",
    (".go",): "tree_sitter_go:language",
    (".rs",): "tree_sitter_rust:language",
    (".java",): "tree_sitter_java:language",
    (".c", ".h"): "tree_sitter_c:language",
    (".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx"): "tree_sitter_cpp:language",
    (".rb",): "tree_sitter_ruby:language",
    (".sh", ".bash"): "tree_sitter_bash:language",
    (".cs",): "tree_sitter_c_sharp:language",
    (".php",): "tree_sitter_php:language_php",
}
_BY_SUFFIX = {suffix: name for suffixes, name in _GRAMMARS.items() for suffix in suffixes}


def grammar(suffix: str) -> "Language | None":
    """The grammar for a suffix with its dot; None where there is none, or it is not installed."""
    name = _BY_SUFFIX.get(suffix)
    return None if name is None else _language(name)


@cache
def _language(name: str) -> "Language | None":
    module, _, function = name.partition(":")
    try:
        from tree_sitter import Language

        return Language(getattr(import_module(module), function)())
    except (ImportError, ValueError):  # not installed, or of a version that does not fit
        return None

"""Where classes and functions start and end in source code, by its tree-sitter tree."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vecstream_cli.readers.outline import MAX_DEPTH, one_line
from vecstream_cli.readers.source import Progress

if TYPE_CHECKING:
    from tree_sitter import Language, Node

_MAX_NODES = 1 << 18
_MAX_TREE_DEPTH = 200

# What has a name and is cut out; the first are not looked into, the others hold more of them.
_FUNCTIONS = frozenset({
    "function_definition", "function_declaration", "generator_function_declaration",
    "function_item", "method_definition", "method_declaration", "constructor_declaration",
    "method", "singleton_method", "macro_definition", "type_alias_declaration",
})  # fmt: skip
_HOLDERS = frozenset({
    "class_definition", "class_declaration", "abstract_class_declaration", "class_specifier",
    "class", "module", "internal_module", "interface_declaration", "enum_declaration",
    "record_declaration", "struct_declaration", "struct_specifier", "struct_item", "enum_item",
    "union_specifier", "enum_specifier", "impl_item", "trait_item", "mod_item",
    "namespace_definition", "namespace_declaration", "trait_declaration", "type_declaration",
})  # fmt: skip
_WRAPPERS = frozenset(
    {"decorated_definition", "export_statement", "template_declaration", "ambient_declaration"}
)
_BINDINGS = frozenset({"lexical_declaration", "variable_declaration"})
_FUNCTION_VALUES = frozenset(
    {"arrow_function", "function_expression", "function", "generator_function", "class"}
)
_LEADING = frozenset({"comment", "line_comment", "block_comment", "attribute_item"})
_RECEIVER = re.compile(r"(\w+)\s*(?:\[[^\]]*\])?\s*\)?\Z")


@dataclass(frozen=True, slots=True)
class Start:
    """From line `line` on, counted from 0, the code is part of what `heading` names."""

    line: int
    heading: tuple[str, ...]


# What is left of a node's children, their path, where the node begins, and where it has ended.
_Frame = tuple[Iterator["Node"], tuple[str, ...], int | None, int | None]


def starts(grammar: "Language", source: str, progress: Progress) -> list[Start] | None:
    """Where blocks start, the first at line 0; None where lines cannot be told."""
    from tree_sitter import Parser

    if re.search(r"\r(?!\n)", source):
        return None  # the tree counts no such line ends
    data = source.encode()
    progress()
    tree = Parser(grammar).parse(data)
    progress()
    found = {0: Start(0, ())}
    for start in _walk(tree.root_node):
        found[start.line] = start
    return [found[line] for line in sorted(found)]


def _walk(root: "Node") -> Iterator[Start]:
    """Each definition's start, and behind its end the start of what goes on around it."""
    seen = 0
    stack: list[_Frame] = []
    children: Iterator[Node] = iter(root.named_children)
    first: int | None = None
    after: int | None = None
    path: tuple[str, ...] = ()
    lead: int | None = None  # where comments begin that stand right above the next node
    lead_end = -2
    while True:
        node = next(children, None)
        if node is None or seen > _MAX_NODES:
            if after is not None:
                yield Start(after, path[:-1])
            if not stack:
                return
            children, path, first, after = stack.pop()
            lead = None
            continue
        seen += 1
        top = node.start_point[0]
        if node.type in _LEADING:
            if lead is None or top - lead_end > 1:
                lead = top
            lead_end = node.end_point[0]
            continue
        began = lead if lead is not None and top - lead_end <= 1 else top
        began = began if first is None else min(first, began)
        lead = None
        name = _name(node)
        bottom = node.end_point[0] + (node.end_point[1] > 0)
        if name and len(path) < MAX_DEPTH:
            inner = (*path, *name)
            yield Start(began, inner)
            if node.type in _FUNCTIONS or node.type in _BINDINGS:
                yield Start(bottom, path)
            else:
                stack.append((children, path, first, after))
                children, path, first, after = iter(node.named_children), inner, None, bottom
        elif bottom - top > 1 and len(stack) < _MAX_TREE_DEPTH and node.type not in _FUNCTIONS:
            stack.append((children, path, first, after))
            wraps = node.type in _WRAPPERS
            children, first, after = iter(node.named_children), began if wraps else None, None


def _name(node: "Node") -> tuple[str, ...]:
    """What a definition is called, with what it belongs to; empty for anything else."""
    kind = node.type
    if kind in _BINDINGS:
        return _bound(node)
    if kind not in _FUNCTIONS and kind not in _HOLDERS:
        return ()
    if kind.endswith("_specifier") and node.child_by_field_name("body") is None:
        return ()  # the type of something else
    if kind == "impl_item":
        of, trait = _text(node.child_by_field_name("type")), node.child_by_field_name("trait")
        return (f"{_text(trait)} for {of}",) if trait is not None else _told(of)
    if kind == "type_declaration":
        return _told(_text(node.named_children[0].child_by_field_name("name")))
    named = node.child_by_field_name("name")
    if named is None:
        return _told(_declared(node))
    receiver = node.child_by_field_name("receiver")
    owner = _RECEIVER.search(_text(receiver)) if receiver is not None else None
    return (owner[1], _text(named)) if owner else _told(_text(named))


def _bound(node: "Node") -> tuple[str, ...]:
    """The name that a function or class expression is given."""
    for child in node.named_children:
        value = child.child_by_field_name("value")
        if value is not None and value.type in _FUNCTION_VALUES:
            return _told(_text(child.child_by_field_name("name")))
    return ()


def _declared(node: "Node") -> str:
    """The name within a C declarator."""
    inner = node.child_by_field_name("declarator")
    for _ in range(8):
        if inner is None:
            return ""
        deeper = inner.child_by_field_name("declarator")
        if deeper is None:
            return _text(inner)
        inner = deeper
    return ""


def _told(name: str) -> tuple[str, ...]:
    return (name,) if name else ()


def _text(node: "Node | None") -> str:
    if node is None or node.text is None:
        return ""
    return one_line(node.text.decode("utf-8", "replace"))

"""One Bicep file as declarations with literal values; all that is computed stays text.

The grammar is tree-sitter-bicep's; a file that it can't parse whole is refused with the line.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import tree_sitter
import tree_sitter_bicep


class BicepError(ValueError):
    """A file that does not parse; the message has file and line."""


@dataclass(frozen=True)
class Expression:
    """Something computed, as it is written."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Declaration:
    """A param, var, output, resource or module.

    `type` is `Provider/type@version` of a resource, the path of a module; `body` is an object's literal, a value or an
    Expression. `loop` is what it is repeated over, `variables` its element's name and its index's; `condition`: when
    it is made.
    """

    kind: str
    name: str
    type: str = ""
    body: Any = None
    line: int = 0
    existing: bool = False
    loop: str | None = None
    condition: str | None = None
    variables: tuple[str, ...] = ()
    text: str = ""
    """The body as it is written."""


@dataclass(frozen=True)
class Document:
    """A parsed file."""

    path: Path
    text: str
    declarations: tuple[Declaration, ...] = field(default=())

    def of_kind(self, kind: str) -> Mapping[str, Declaration]:
        """The declarations of a kind, by name."""
        return {found.name: found for found in self.declarations if found.kind == kind}


_KINDS = {
    "parameter_declaration": "param",
    "variable_declaration": "var",
    "output_declaration": "output",
    "resource_declaration": "resource",
    "module_declaration": "module",
}


def read_bicep(path: Path) -> Document:
    """Parse one file. Raises BicepError when it does not parse."""
    text = path.read_text(encoding="utf-8")
    tree = _parser().parse(text.encode())
    for broken in _errors(tree.root_node):
        raise BicepError(f"{path.name}:{broken.start_point.row + 1}: does not parse at {_text(broken)[:40]!r}")
    found = [_declaration(node) for node in tree.root_node.children if node.type in _KINDS]
    return Document(path, text, tuple(found))


@cache
def _parser() -> tree_sitter.Parser:
    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))


def _errors(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    if node.is_error or node.is_missing:
        yield node
    if node.has_error:
        for child in node.children:
            yield from _errors(child)


def _declaration(node: tree_sitter.Node) -> Declaration:
    kind = _KINDS[node.type]
    children = [child for child in node.children if child.type != "comment"]
    name = next(_text(child) for child in children if child.type == "identifier")
    typed = next((_string(child) for child in children if child.type == "string"), "")
    assigned = [index for index, child in enumerate(children) if child.type == "="]
    value = children[assigned[0] + 1] if assigned else None
    loop = condition = None
    variables: tuple[str, ...] = ()
    while value is not None and value.type in {"for_statement", "if_statement"}:
        inner = [child for child in value.children if child.is_named]
        if value.type == "for_statement":
            loop = _text(inner[-2])
            variables = tuple(re.findall(r"\w+", _text(inner[0])))
        else:
            condition = _text(inner[0])
        value = inner[-1]
    return Declaration(
        kind,
        name,
        typed if kind in {"resource", "module"} else "",
        None if value is None else _value(value),
        node.start_point.row + 1,
        any(child.type == "existing" for child in children),
        loop,
        condition,
        variables,
        "" if value is None else _text(value),
    )


def _value(node: tree_sitter.Node) -> Any:
    if node.type == "object":
        pairs = (child.children for child in node.children if child.type == "object_property")
        return {_key(parts[0]): _value(parts[-1]) for parts in pairs}
    if node.type == "array":
        return [_value(child) for child in node.children if child.is_named and child.type != "comment"]
    if node.type == "string" and not any(child.type == "interpolation" for child in node.children):
        return _string(node)
    if node.type in {"number", "boolean", "null"}:
        text = _text(node)
        return {"true": True, "false": False, "null": None}[text] if node.type != "number" else int(text)
    return Expression(_text(node))


def _key(node: tree_sitter.Node) -> str:
    return _string(node) if node.type == "string" else _text(node)


def _string(node: tree_sitter.Node) -> str:
    return _text(node)[1:-1].replace("\\'", "'").replace("\\$", "$")


def _text(node: tree_sitter.Node) -> str:
    return (node.text or b"").decode()

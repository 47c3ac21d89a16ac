"""Which schema applies which other, and what that may cost: found out before a document is compiled.

A few kilobytes of `$ref` can ask for 2**30 evaluations of one value, or for a pattern that never ends. So a schema is
seen as a graph: *in-place* edges apply another schema to the same value ($ref, allOf, if, …), *child* edges to a part
of it (properties, items, …). See docs/decisions/0046-schemas-are-checked-before-they-run.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any
from urllib.parse import unquote

MAX_SCHEMAS = 3_000
MAX_PATTERNS = 100
MAX_EVALUATIONS = 10_000
"""Ways in which one value may be evaluated: a product of nested in-place applications."""

IN_PLACE = ("$ref", "not", "if", "then", "else", "allOf", "anyOf", "oneOf", "dependentSchemas")
OF_OBJECTS = ("properties", "additionalProperties", "unevaluatedProperties", "patternProperties", "propertyNames")
OF_ARRAYS = ("items", "prefixItems", "contains", "unevaluatedItems")
DEFINITIONS = ("$defs", "definitions")
MAPS = frozenset({"dependentSchemas", "properties", "patternProperties", *DEFINITIONS})
REFUSED = ("$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor")


class SchemaRefused(ValueError):
    """The schema is not accepted. `field` is a JSON pointer into it, empty where no one place is to blame."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


@dataclass
class Node:
    """One subschema: where it stands, and the pointers of those that it applies."""

    pointer: str
    in_place: list[str] = field(default_factory=list)
    of_objects: list[str] = field(default_factory=list)
    of_arrays: list[str] = field(default_factory=list)
    overlapping: int = 0
    """patternProperties beside others: one member may match several of them."""

    @property
    def children(self) -> list[str]:
        """Those that apply to parts of the value."""
        return self.of_objects + self.of_arrays


def check_cost(document: dict[str, Any]) -> None:
    """Raise SchemaRefused when refs leave the document, loop on the spot, or can make validation explode."""
    graph = _Reader(document).graph()
    order = _in_place_order(graph)
    recursive = _on_cycles(graph)
    _check_recursion(graph, order, recursive)
    _check_evaluations(graph, recursive)


class _Reader:
    """Reads the graph of a document, from the root along every edge."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._base = str(document.get("$id", "")).removesuffix("#")
        self._anchors: dict[str, str] = {}
        self._patterns = 0
        self._nodes: dict[str, Node] = {}

    def graph(self) -> dict[str, Node]:
        """Every subschema that can be reached, by pointer."""
        waiting = [""]
        references: list[tuple[Node, str]] = []
        while waiting:
            pointer = waiting.pop()
            if pointer in self._nodes:
                continue
            node, found, reference = self._read(pointer)
            waiting += found
            if reference is not None:
                references.append((node, reference))
            if not waiting:
                waiting = [self._resolve(*reference) for reference in references]
                references.clear()
        return self._nodes

    def _read(self, pointer: str) -> tuple[Node, list[str], str | None]:
        schema = look_up(self._document, pointer)
        if not isinstance(schema, dict | bool):
            raise SchemaRefused(pointer, "a schema is an object or a boolean")
        node = self._nodes[pointer] = Node(pointer)
        if len(self._nodes) > MAX_SCHEMAS:
            raise SchemaRefused("", f"more than {MAX_SCHEMAS} subschemas")
        if isinstance(schema, bool):
            return node, [], None
        self._check_keywords(pointer, schema)
        for keywords, targets in (
            (IN_PLACE, node.in_place),
            (OF_OBJECTS, node.of_objects),
            (OF_ARRAYS, node.of_arrays),
        ):
            for keyword in keywords:
                if keyword != "$ref":
                    targets += subschemas(schema, pointer, keyword)
        patterns = schema.get("patternProperties")
        node.overlapping = len(patterns) if isinstance(patterns, dict) else 0
        defined = [found for keyword in DEFINITIONS for found in subschemas(schema, pointer, keyword)]
        return node, node.in_place + node.children + defined, schema.get("$ref")

    def _check_keywords(self, pointer: str, schema: dict[str, Any]) -> None:
        for keyword in REFUSED:
            if keyword in schema:
                raise SchemaRefused(f"{pointer}/{keyword}", f"{keyword} is not supported")
        if pointer and "$id" in schema:
            raise SchemaRefused(f"{pointer}/$id", "$id is allowed at the root only")
        if isinstance(anchor := schema.get("$anchor"), str):
            self._anchors[anchor] = pointer
        self._patterns += ("pattern" in schema) + len(schema.get("patternProperties") or ())
        if self._patterns > MAX_PATTERNS:
            raise SchemaRefused(pointer, f"more than {MAX_PATTERNS} patterns")

    def _resolve(self, node: Node, reference: str) -> str:
        place = f"{node.pointer}/$ref"
        local = reference[len(self._base) :] if self._base and reference.startswith(self._base) else reference
        if local and not local.startswith("#"):
            raise SchemaRefused(place, "only references within the document are allowed")
        fragment = unquote(local.removeprefix("#"))
        target = fragment if not fragment or fragment.startswith("/") else self._anchors.get(fragment)
        if target is None:
            raise SchemaRefused(place, f"there is no anchor {fragment!r}")
        try:
            look_up(self._document, target)
        except LookupError:
            raise SchemaRefused(place, f"{reference!r} points nowhere") from None
        node.in_place.append(target)
        return target


def look_up(document: Any, pointer: str) -> Any:
    """The value at a JSON pointer (RFC 6901). Raises LookupError when there is none."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, list):
            if not key.isdecimal() or int(key) >= len(document):
                raise LookupError(pointer)
            document = document[int(key)]
        elif isinstance(document, dict) and key in document:
            document = document[key]
        else:
            raise LookupError(pointer)
    return document


def escape(part: object) -> str:
    """One part of a JSON pointer."""
    return str(part).replace("~", "~0").replace("/", "~1")


def subschemas(schema: dict[str, Any], pointer: str, keyword: str) -> Iterator[str]:
    """The pointers of the schemas below one keyword, whether it holds one, a list or a map of them."""
    value = schema.get(keyword)
    place = f"{pointer}/{keyword}"
    if isinstance(value, list):
        yield from (f"{place}/{index}" for index in range(len(value)))
    elif isinstance(value, dict) and keyword in MAPS:
        yield from (f"{place}/{escape(name)}" for name in value)
    elif isinstance(value, dict | bool):
        yield place


def _in_place_order(graph: dict[str, Node]) -> list[str]:
    """All schemas, each after those that it applies to the same value."""
    try:
        return list(TopologicalSorter({p: node.in_place for p, node in graph.items()}).static_order())
    except CycleError as error:
        raise SchemaRefused(error.args[1][0], "it applies itself to the same value, for ever") from None


def _on_cycles(graph: dict[str, Node]) -> set[str]:
    """The schemas on a cycle, or between two: what is left when all loose ends are taken off."""
    outgoing = {p: set(node.in_place + node.children) for p, node in graph.items()}
    left = _without_ends(outgoing)
    incoming: dict[str, set[str]] = {p: set() for p in left}
    for p in left:
        for target in outgoing[p] & left:
            incoming[target].add(p)
    return _without_ends(incoming)


def _without_ends(edges: dict[str, set[str]]) -> set[str]:
    left = set(edges)
    came_from: dict[str, list[str]] = {p: [] for p in edges}
    for p, targets in edges.items():
        for target in targets:
            came_from[target].append(p)
    count = {p: len(targets) for p, targets in edges.items()}
    ends = [p for p, targets in count.items() if not targets]
    while ends:
        end = ends.pop()
        left.discard(end)
        for p in came_from[end]:
            count[p] -= 1
            if not count[p]:
                ends.append(p)
    return left


def _check_recursion(graph: dict[str, Node], order: list[str], recursive: set[str]) -> None:
    """At one value, at most one schema may lead on into recursion for its members, and one for its items.

    With two of them a value nested n deep would be evaluated 2**n times.
    """
    ways: dict[str, tuple[int, int]] = {}
    for pointer in order:
        node = graph[pointer]
        into = recursive.intersection(node.of_objects)
        objects = (1 + node.overlapping if into else 0) + sum(ways[target][0] for target in node.in_place)
        arrays = int(bool(recursive.intersection(node.of_arrays))) + sum(ways[target][1] for target in node.in_place)
        if pointer in recursive and max(objects, arrays) > 1:
            raise SchemaRefused(pointer, "it is recursive in more than one way at the same value")
        ways[pointer] = objects, arrays


def _check_evaluations(graph: dict[str, Node], recursive: set[str]) -> None:
    """The number of ways through the graph, recursion taken once."""
    edges = {
        p: node.in_place + [c for c in node.children if not (p in recursive and c in recursive)]
        for p, node in graph.items()
    }
    evaluations: dict[str, int] = {}
    for pointer in TopologicalSorter(edges).static_order():
        evaluations[pointer] = 1 + sum(evaluations[target] for target in edges[pointer])
        if evaluations[pointer] > MAX_EVALUATIONS:
            raise SchemaRefused(pointer, f"a value could be evaluated in more than {MAX_EVALUATIONS} ways")

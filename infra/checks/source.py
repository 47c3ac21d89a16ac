"""A service's modules as syntax trees, and what the expressions in them are worth without running anything."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True)
class Place:
    """One node with the module it stands in."""

    module: str
    node: ast.AST

    def __str__(self) -> str:
        return f"{self.module}:{getattr(self.node, 'lineno', 0)}"


class Unresolved(LookupError):
    """An expression whose value is not known before the code runs; the message says where and what."""


class Sources:
    """The modules of one service, and questions about them."""

    def __init__(self, root: Path, modules: frozenset[str], imported: frozenset[str] = frozenset()) -> None:
        """`modules` are the service's own; constants may also come from those `imported`."""
        self._root = root
        self.modules = modules
        self._known = modules | imported
        self._trees: dict[str, ast.Module] = {}

    def tree(self, module: str) -> ast.Module:
        """The module's syntax tree; every node knows its `parent`."""
        if module not in self._trees:
            path = self._root.joinpath(*module.split("."))
            file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            tree = ast.parse(file.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                for child in ast.iter_child_nodes(node):
                    child.parent = node  # type: ignore[attr-defined]
            self._trees[module] = tree
        return self._trees[module]

    @cached_property
    def _calls(self) -> list[tuple[str, ast.Call, str]]:
        return [
            (module, node, ast.unparse(node.func).replace("._", ".").removeprefix("_"))
            for module in sorted(self.modules)
            for node in ast.walk(self.tree(module))
            if isinstance(node, ast.Call)
        ]

    def calls_of(self, *names: str) -> Iterator[tuple[Place, ast.Call]]:
        """Every call whose function ends in one of the dotted names: `queues.send` fits `runtime.queues.send(…)`."""
        for module, node, called in self._calls:
            if any(called == name or called.endswith(f".{name}") for name in names):
                yield Place(module, node), node

    def strings(self, module: str, node: ast.AST, depth: int = 0) -> Iterator[str]:
        """The strings that an expression can be. Raises Unresolved when that can't be told.

        Followed are constants, imports, parameters (to all callers), attributes set in `__init__`, loops over
        tuples; of a subscript it is any element.
        """
        if depth > 8:
            raise Unresolved(f"{module}: {ast.unparse(node)} goes too deep")
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.Tuple | ast.List):
            for element in node.elts:
                yield from self.strings(module, element, depth + 1)
        elif isinstance(node, ast.Starred | ast.Subscript):
            yield from self.strings(module, node.value, depth + 1)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in _SAME_ELEMENTS and node.args:
            yield from self.strings(module, node.args[0], depth + 1)
        elif isinstance(node, ast.Name):
            yield from self._name(module, node, depth)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
            yield from self._own_attribute(module, node, depth)
        elif isinstance(node, ast.Attribute) and (found := self._member(module, node)):
            yield from self.strings(*found, depth + 1)
        else:
            raise Unresolved(f"{Place(module, node)}: {ast.unparse(node)}")

    def _name(self, module: str, node: ast.Name, depth: int) -> Iterator[str]:
        scope = node
        while (scope := getattr(scope, "parent", None)) is not None:  # type: ignore[assignment]
            for allowed in _guards(scope, node.id):
                yield from self.strings(module, allowed, depth + 1)
                return
            if isinstance(scope, Scope) and node.id in _parameters(scope):
                yield from self._given(module, scope, node.id, depth)
                return
            for iterated in _loops(scope, node.id):
                yield from self.strings(module, iterated, depth + 1)
                return
        found = self._constant(module, node.id)
        if found is None:
            raise Unresolved(f"{Place(module, node)}: {node.id}")
        yield from self.strings(*found, depth + 1)

    def _constant(self, module: str, name: str) -> tuple[str, ast.AST] | None:
        """Where a module-level name gets its value, in this module or the one it is imported from."""
        for node in self.tree(module).body:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name) and target.id == name:
                        return module, node.value
                    if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                        for part, value in zip(target.elts, node.value.elts, strict=False):
                            if isinstance(part, ast.Name) and part.id == name:
                                return module, value
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
                return (module, node.value) if node.value else None
            if isinstance(node, ast.ImportFrom) and node.module in self._known:
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return self._constant(node.module, alias.name)
        return None

    def _member(self, module: str, node: ast.Attribute) -> tuple[str, ast.AST] | None:
        """`composition.DATASETS`: the constant of an imported module."""
        for statement in self.tree(module).body:
            if isinstance(statement, ast.ImportFrom) and isinstance(node.value, ast.Name):
                for alias in statement.names:
                    other = f"{statement.module}.{alias.name}"
                    if (alias.asname or alias.name) == node.value.id and other in self._known:
                        return self._constant(other, node.attr)
        return None

    def _own_attribute(self, module: str, node: ast.Attribute, depth: int) -> Iterator[str]:
        scope: ast.AST | None = node
        while scope is not None and not isinstance(scope, ast.ClassDef):
            scope = getattr(scope, "parent", None)
        for inner in ast.walk(scope) if scope else ():
            if isinstance(inner, ast.Assign) and any(ast.unparse(t) == ast.unparse(node) for t in inner.targets):
                yield from self.strings(module, inner.value, depth + 1)
                return
        raise Unresolved(f"{Place(module, node)}: {ast.unparse(node)}")

    def _given(self, module: str, scope: Scope, parameter: str, depth: int) -> Iterator[str]:
        """What callers give for a parameter; a constructor's callers are those of its class."""
        if isinstance(scope, ast.Lambda):
            raise Unresolved(f"{Place(module, scope)}: {parameter} of a lambda")
        owner = getattr(scope, "parent", None)
        called = owner.name if scope.name == "__init__" and isinstance(owner, ast.ClassDef) else scope.name
        names, found = _parameters(scope), False
        skip = 1 if names[:1] in (["self"], ["cls"]) else 0
        for place, call in self.calls_of(called.lstrip("_")):
            inside = place.module == module and scope.lineno <= call.lineno <= (scope.end_lineno or scope.lineno)
            elsewhere = called.startswith("_") and place.module != module
            if inside or elsewhere or ast.unparse(call.func).rpartition(".")[2] != called:
                continue
            for given in _arguments(call, names[skip:], parameter, scope):
                found = True
                yield from self.strings(place.module, given, depth + 1)
        if not found:
            raise Unresolved(f"{Place(module, scope)}: nobody gives {parameter} to {called}")


def _guards(scope: ast.AST, name: str) -> Iterator[ast.AST]:
    """`if name not in ALLOWED: raise …`: what is allowed."""
    for statement in getattr(scope, "body", ()) if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef) else ():
        test = statement.test if isinstance(statement, ast.If) and isinstance(statement.body[0], ast.Raise) else None
        if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.NotIn) and ast.unparse(test.left) == name:
            yield test.comparators[0]


def _parameters(scope: Scope) -> list[str]:
    arguments = scope.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [argument.arg for argument in every] + ([arguments.vararg.arg] if arguments.vararg else [])


def _arguments(call: ast.Call, names: list[str], parameter: str, scope: Scope) -> Iterator[ast.AST]:
    if scope.args.vararg and scope.args.vararg.arg == parameter:
        yield from call.args[len(names) - 1 :]
        return
    by_keyword: Mapping[str | None, ast.AST] = {keyword.arg: keyword.value for keyword in call.keywords}
    if parameter in by_keyword:
        yield by_keyword[parameter]
    elif parameter in names and names.index(parameter) < len(call.args):
        yield call.args[names.index(parameter)]


def _loops(scope: ast.AST, name: str) -> Iterator[ast.AST]:
    generators = getattr(scope, "generators", None) or ([scope] if isinstance(scope, ast.For | ast.AsyncFor) else [])
    for loop in generators:
        if isinstance(loop.target, ast.Name) and loop.target.id == name:
            yield loop.iter
        elif isinstance(loop.target, ast.Tuple) and isinstance(loop.iter, ast.Call):
            # for number, name in enumerate(names)
            last = loop.target.elts[-1]
            if ast.unparse(loop.iter.func) == "enumerate" and isinstance(last, ast.Name) and last.id == name:
                yield loop.iter.args[0]


_SAME_ELEMENTS = frozenset({"tuple", "list", "sorted", "set", "frozenset"})

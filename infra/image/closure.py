"""What a service imports: the modules of this repository, and the packages of its requirements."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

OWN = frozenset({"bench", "chassis", "durable", "functions", "funchost", "infra", "local", "tests"})
"""The top-level packages of this repository."""


def imported_modules(root: Path, entry: tuple[str, ...]) -> set[str]:
    """Every module of the repository that importing `entry` can import, by name, packages included.

    Imports inside functions count. Names in strings count too, of modules (`chassis.x`) and of files beside
    the module (`x.py`): child processes are started by them.
    """
    found: set[str] = set()
    waiting = list(entry)
    while waiting:
        module = waiting.pop()
        if module in found or _file(root, module) is None:
            continue
        found.add(module)
        waiting += [".".join(module.split(".")[:depth]) for depth in range(1, module.count(".") + 1)]
        waiting += [name for name in _names(root, module) if name.split(".")[0] in OWN]
    return found


def imported_packages(root: Path, modules: frozenset[str]) -> Mapping[str, str]:
    """Top-level name of every import that is neither ours nor Python's → one module that imports it."""
    import sys

    found: dict[str, str] = {}
    for module in sorted(modules):
        for name in _imports(root, module):
            top = name.split(".")[0]
            if top not in OWN and top not in sys.stdlib_module_names and top != "function_app":
                found.setdefault(name, module)
    return found


def required_distributions(requirement_files: tuple[Path, ...]) -> set[str]:
    """The distributions that the files' lines install here, with all that they need in turn (normalized names)."""
    waiting = [name for file in requirement_files for name in requirement_names(file)]
    found: set[str] = set()
    while waiting:
        name = _normalized(waiting.pop())
        if name not in found:
            found.add(name)
            waiting += _needs(name)
    return found


def requirement_names(file: Path) -> Iterator[str]:
    """The names in a requirements file; `-r` lines, comments and other Pythons' markers are left to others."""
    for line in file.read_text(encoding="utf-8").splitlines():
        name = re.match(r"[A-Za-z0-9._-]+", line.partition("#")[0].strip())
        if name and not line.startswith("-"):
            yield name.group(0)


@cache
def distributions_of(module: str) -> frozenset[str]:
    """The installed distributions that bring a module; empty when none does.

    Namespace packages (`azure`, `opentelemetry`) are many distributions': the one with the file counts.
    """
    top = module.split(".")[0]
    owners = {_normalized(name) for name in _distributions().get(top, [])}
    if len(owners) <= 1:
        return frozenset(owners)
    path = module.replace(".", "/")
    return frozenset(owner for owner in owners if _has(owner, path)) or frozenset(owners)


@cache
def _distributions() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()


def _has(distribution: str, path: str) -> bool:
    files = _installed_files(distribution)
    return f"{path}.py" in files or f"{path}/__init__.py" in files


@cache
def _installed_files(distribution: str) -> frozenset[str]:
    return frozenset(str(file) for file in metadata.files(distribution) or ())


def _needs(name: str) -> list[str]:
    try:
        lines = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []
    plain = [line for line in lines if "extra ==" not in line]
    return [found.group(0) for line in plain if (found := re.match(r"[A-Za-z0-9._-]+", line))]


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _names(root: Path, module: str) -> Iterator[str]:
    for name in _imports(root, module):
        yield name
        yield name.rpartition(".")[0]
    for node in ast.walk(_tree(root, module)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if _MODULE.fullmatch(node.value):
                yield node.value
            elif _SIBLING.fullmatch(node.value):
                yield f"{module.rpartition('.')[0]}.{node.value.removesuffix('.py')}"


_MODULE = re.compile(r"(chassis|durable|functions)(\.[a-z_]+)+")
_SIBLING = re.compile(r"[a-z_]+\.py")


def _imports(root: Path, module: str) -> Iterator[str]:
    """Absolute names; `from a import b` gives a and a.b. What is imported for type checkers alone is left out."""
    skipped = {
        id(node) for block in ast.walk(_tree(root, module)) if _is_typing_only(block) for node in ast.walk(block)
    }
    for node in ast.walk(_tree(root, module)):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            if node.module.split(".")[0] in OWN:
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_typing_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


@cache
def _tree(root: Path, module: str) -> ast.Module:
    file = _file(root, module)
    assert file is not None  # noqa: S101 - callers ask for modules that are there
    return ast.parse(file.read_text(encoding="utf-8"))


def _file(root: Path, module: str) -> Path | None:
    path = root.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None

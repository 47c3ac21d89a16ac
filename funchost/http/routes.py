"""Which function answers a request."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Generic, TypeVar

from funchost.errors import HostError
from funchost.http.templates import RouteTemplate, parse_route

T = TypeVar("T")
ALL_METHODS = frozenset({"GET", "POST", "DELETE", "HEAD", "PATCH", "PUT", "OPTIONS", "TRACE"})
_RESERVED = ("admin", "runtime")


@dataclass(frozen=True, slots=True)
class Route(Generic[T]):
    """A function's address; `target` is whatever answers, `where` the function's place for messages."""

    template: RouteTemplate
    methods: frozenset[str]
    target: T
    path: str
    where: str

    def conflicts_with(self, other: "Route[T]") -> bool:
        """Whether both claim a method of one path; templates are compared as text, as the official host does."""
        return self.path.lower() == other.path.lower() and not self.methods.isdisjoint(other.methods)


def make_route(prefix: str, template: str, methods: Iterable[str], target: T, *, where: str) -> Route[T]:
    """A route under the route prefix; no methods means all. Raises HostError for a bad or reserved template."""
    path = "/".join(part for part in (prefix.strip("/"), template.strip("/")) if part)
    if path.lower().split("/")[0] in _RESERVED:
        raise HostError(
            f"The route {path} begins with a name that the host keeps for itself ({', '.join(_RESERVED)})",
            where=where,
            remedy="Choose another route or route prefix.",
        )
    try:
        compiled = parse_route(path)
    except ValueError as error:
        remedy = "Write for example orders/{id}, orders/{id:int}, orders/{id?} or files/{*path}."
        raise HostError(f"The route {path} is malformed: {error}", where=where, remedy=remedy) from None
    return Route(compiled, frozenset(m.upper() for m in methods) or ALL_METHODS, target, path, where)


class RouteTable(Generic[T]):
    """Finds the route of a request: exact paths by dictionary, templates by precedence.

    Raises HostError for two functions with one path and method. (The official host leaves the second one out.)
    """

    def __init__(self, routes: Iterable[Route[T]]) -> None:
        ordered = sorted(routes, key=lambda route: route.template.precedence)
        for one, other in combinations(ordered, 2):
            if one.conflicts_with(other):
                raise _conflict(one, other)
        self._exact: dict[tuple[str, str], T] = {}
        self._templates = [route for route in ordered if route.template.literal is None]
        for route in ordered:
            if route.template.literal is not None:
                for method in route.methods:
                    self._exact.setdefault((method, f"/{route.template.literal}"), route.target)

    def find(self, method: str, path: str) -> tuple[T, dict[str, str]] | None:
        """The target and its route parameters, or None. A trailing slash and letter case do not matter."""
        target = self._exact.get((method, path))
        if target is not None:
            return target, {}
        trimmed = path.strip("/")
        target = self._exact.get((method, f"/{trimmed.lower()}"))
        if target is not None:
            return target, {}
        for route in self._templates:
            if method in route.methods and (values := route.template.match(trimmed)) is not None:
                return route.target, values
        return None


def _conflict(one: Route[T], other: Route[T]) -> HostError:
    methods = ", ".join(sorted(one.methods & other.methods))
    return HostError(
        f"Two functions have the route {one.path} with the same methods ({methods})",
        where=f"{one.where} and {other.where}",
        remedy="Give one of them another route, or each its own methods.",
    )

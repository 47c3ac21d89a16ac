"""What an Envoy instance checks a request with: its own filters, or the edge's module where the instance has it."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from chassis.manifest import Route, ServiceManifest
from functions.gateway.envoy.access import Issuer
from functions.gateway.envoy.rate_limits import Standings
from functions.gateway.envoy.resource import Resource

PATH_HEADER = "x-platform-path"
"""The path without its query, by which a service's routes are found: in `:path`, `/docs?x=1` has another segment."""
OWN_HEADER_PREFIXES = ("x-platform-", "x-envoy-")
"""Headers by which the edge speaks to services, or is itself steered: never taken from outside."""


class Variant(NamedTuple):
    """A route once more, for the requests that `when` matches; `config` is its configuration of the filters."""

    when: Sequence[Resource]
    config: Resource


class Checks(Protocol):
    """How it is found out who may pass: what listener, routes and extension configurations hold for it."""

    @property
    def removed(self) -> Sequence[str]:
        """Headers that no service sees."""

    @property
    def knows_tokens(self) -> bool:
        """Whether the instance knows the tokens that it has let pass: then only others meet the token check."""

    def early(self) -> Resource:
        """The extension that takes headers off, and sets the edge's own, before a request is routed."""

    def filters(self, source: Resource, /) -> list[Resource]:
        """The filters of a listener; what they are told later comes from `source`."""

    def answer_fields(self) -> list[Resource]:
        """Mutations of an answer's headers that say what is left of a limit."""

    def host(self, manifest: ServiceManifest, standings: Standings, /) -> Resource:
        """A virtual host's configuration: a route that does not say who may pass is passed by nobody."""

    def answered(self) -> Resource:
        """The configuration of a route that the edge answers itself."""

    def variants(self, manifest: ServiceManifest, route: Route, /) -> list[Variant]:
        """A route's configurations for requests without an API key, as many for every route.

        All routes' first ones are looked through before any second one: what a first one matches, no second one of a
        more specific path may be meant for.
        """

    def with_key(self, manifest: ServiceManifest, route: Route, /) -> Resource:
        """A route's configuration for requests whose API key has been exchanged for a token."""

    def extensions(
        self, issuer: Issuer, manifests: Sequence[ServiceManifest], standings: Standings, instances: int, /
    ) -> list[Resource]:
        """The configurations that filters fetch by their names."""

"""The checks by Envoy's own filters: jwt_authn, local_ratelimit and RBAC. For an instance without the edge's module."""

from collections.abc import Sequence

from chassis.manifest import Route, ServiceManifest
from functions.gateway.envoy import access, rate_limits
from functions.gateway.envoy.api_keys import without_key
from functions.gateway.envoy.checks import OWN_HEADER_PREFIXES, PATH_HEADER, Variant
from functions.gateway.envoy.rate_limits import Standings
from functions.gateway.envoy.resource import Resource, extension, set_header

_MUTATION = "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
_SENT_TRACE = "x-platform-sent-trace"
_SENT = "request.headers['traceparent']"
_FORMS = ("^[0-9a-f]+-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+$", "^[ -~]{2}-", "-[ -~]{16}-[ -~]{2}$")
"""Of a traceparent of 55 bytes. In one expression they are more than Envoy takes in CEL."""
_HAS_FORM = " && ".join(f"{_SENT}.matches('{form}')" for form in _FORMS)
_TRACE = f"size({_SENT}) == 55 && {_HAS_FORM} && !{_SENT}.matches('-0+-') ? {_SENT} : ''"
"""The caller's traceparent (W3C Trace Context, 3.2); empty where there is none to go on with."""


class NativeChecks:
    """Each check is a filter; a route's metadata and the tenants' tiers say which bucket a request is counted in."""

    removed = (access.SCOPE_HEADER, PATH_HEADER)
    knows_tokens = False

    def early(self) -> Resource:
        """Remove by prefix, then set by what Envoy writes of a request."""
        return extension(
            "envoy.http.early_header_mutation.header_mutation",
            _MUTATION,
            mutations=[
                *(
                    {"remove_on_match": {"key_matcher": {"prefix": prefix, "ignore_case": True}}}
                    for prefix in OWN_HEADER_PREFIXES
                ),
                # A caller that sends a trace has it kept, whatever part of the others is: Envoy asks x-client-trace-id.
                # With a traceparent that Envoy can't go on with a request would have no trace: it is taken off.
                set_header(_SENT_TRACE, f"%CEL({_TRACE})%"),
                {"remove": "traceparent"},
                {"remove": "x-client-trace-id"},
                set_header("traceparent", f"%REQ({_SENT_TRACE})%"),
                set_header("x-client-trace-id", f"%REQ({_SENT_TRACE})%"),
                {"remove": _SENT_TRACE},
                set_header(PATH_HEADER, "%PATH(NQ)%"),
            ],
        )

    def filters(self, source: Resource, /) -> list[Resource]:
        """Token, limits, scope."""
        return [access.token_filter_place(source), rate_limits.rate_limit_filter(), access.scope_filter()]

    def answer_fields(self) -> list[Resource]:
        """From Envoy's fields to the standard's."""
        return rate_limits.standard_fields()

    def host(self, manifest: ServiceManifest, standings: Standings, /) -> Resource:
        """Denied, and counted in the service's buckets."""
        return {**access.denied(), rate_limits.FILTER: rate_limits.rate_limit_buckets(manifest, standings)}

    def answered(self) -> Resource:
        """No check but the host's buckets, which ask for a tenant or a public route."""
        return access.open_to_all()

    def variants(self, _manifest: ServiceManifest, route: Route, /) -> list[Variant]:
        """One."""
        return [Variant([] if route.public else [without_key()], access.required(route.scope))]

    def with_key(self, _manifest: ServiceManifest, route: Route, /) -> Resource:
        """The same as with a token."""
        return access.required(route.scope)

    def extensions(
        self, issuer: access.Issuer, _manifests: Sequence[ServiceManifest], _standings: Standings, _instances: int, /
    ) -> list[Resource]:
        """The token check with its keys."""
        return [access.token_filter(issuer)]

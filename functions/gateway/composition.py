"""Gateway's parts, put together from one runtime and opened when first used."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import cached_property

import orjson
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from chassis.auth.key_times import KEYS_FRESH_FOR_S
from chassis.auth.published_keys import PublishedKeys
from chassis.auth.service_token import ObtainedToken
from chassis.errors import DependencyUnavailable, RemoteError, Unauthorized
from chassis.runtime import Runtime
from functions.gateway.api_keys.exchange import ApiKeyExchange
from functions.gateway.api_keys.store import TABLE as API_KEYS_TABLE
from functions.gateway.api_keys.store import ApiKeyStore, StoredApiKey
from functions.gateway.control import ControlSecret
from functions.gateway.manifests import Catalog
from functions.gateway.openapi import Document
from functions.gateway.repository import INSTANCES_TABLE, TENANTS_TABLE, EdgeInstances, TenantStandings
from functions.gateway.service import Gateway
from functions.gateway.watch import Watch

DOCUMENT_TIMEOUT_S = 3.0
JWKS_PATH = "/identity/.well-known/jwks.json"
OWNER_TOKEN_TYPE = "urn:platform:params:oauth:token-type:api-key-owner"  # noqa: S105 - identity's name of a type


class Composition:
    """The gateway service over a runtime."""

    own_document: Callable[[], Document]

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    @cached_property
    def gateway(self) -> Gateway:
        """The gateway's logic."""
        settings = self.runtime.settings
        catalog = Catalog(settings.manifests_dir)
        return Gateway(settings, catalog, self._fetch_document, self._fetch_keys, self.runtime.version, self.watch)

    @cached_property
    def standings(self) -> TenantStandings:
        """The tenants' tiers and buckets."""
        return TenantStandings(self.runtime.tables.table(TENANTS_TABLE))

    @cached_property
    def watch(self) -> Watch:
        """What the edge's configuration needs from storage."""
        return Watch(self.standings, EdgeInstances(self.runtime.tables.table(INSTANCES_TABLE)))

    @cached_property
    def api_keys(self) -> ApiKeyStore:
        """The API keys."""
        return ApiKeyStore(self.runtime.tables.table(API_KEYS_TABLE))

    @cached_property
    def exchange(self) -> ApiKeyExchange:
        """API keys for access tokens."""
        return ApiKeyExchange(self.api_keys, self._token_of_owner, self._is_accepted)

    @cached_property
    def control_secret(self) -> ControlSecret:
        """The secret shared with the Envoys."""
        return ControlSecret(self.runtime.settings.keys_dir)

    async def check_control(self) -> None:
        """Raise when the shared secret can't be had; a check for `health/ready`."""
        await self.control_secret.open()

    async def forward_traces(self, body: bytes, content_type: str) -> bytes:
        """Send OTLP spans on to monitoring; its answer. Raises DependencyUnavailable, RemoteError."""
        token = otel_context.attach(_unsampled())
        try:
            answer: bytes = await self.runtime.services.ask(
                "monitoring",
                "POST",
                "/monitoring/otlp/v1/traces",
                content=body,
                content_type=content_type,
                raw=True,
                timeout_s=4.0,
            )
        finally:
            otel_context.detach(token)
        return answer

    async def _token_of_owner(self, stored: StoredApiKey) -> ObtainedToken:
        owner = {
            "tenant": stored.tenant,
            "subject": stored.key.subject,
            "kind": stored.key.kind,
            "keyId": stored.key.id,
            "scope": " ".join(stored.key.scopes),
        }
        described = urlsafe_b64encode(orjson.dumps(owner)).rstrip(b"=").decode()
        return await self.runtime.token.exchange(described, OWNER_TOKEN_TYPE)

    @cached_property
    def _keys(self) -> PublishedKeys:
        url = self.runtime.settings.service_url("identity") + JWKS_PATH
        return PublishedKeys(url, fresh_for_s=KEYS_FRESH_FOR_S / 2)

    async def _fetch_keys(self) -> Document:
        return dict((await self._keys.present()).as_dict(private=False))

    async def _is_accepted(self, token: str) -> bool:
        try:
            await self.runtime.verifier.verify(token)
        except Unauthorized:
            return False
        except DependencyUnavailable:
            return True  # without identity's keys the edge decides, as it does for every token
        return True

    async def _fetch_document(self, service: str) -> Document:
        if service == self.runtime.service:
            return self.own_document()
        path = f"/{service}/openapi.json"
        found = await self.runtime.services.ask(service, "GET", path, timeout_s=DOCUMENT_TIMEOUT_S)
        if not isinstance(found, dict):
            raise RemoteError(service, 502, {"title": f"{service} has no OpenAPI document"})
        return found


def _unsampled() -> otel_context.Context:
    """A context whose spans are not recorded: an export of spans must not make spans to export."""
    ids = RandomIdGenerator()
    parent = SpanContext(ids.generate_trace_id(), ids.generate_span_id(), is_remote=False, trace_flags=TraceFlags(0))
    return trace.set_span_in_context(NonRecordingSpan(parent))

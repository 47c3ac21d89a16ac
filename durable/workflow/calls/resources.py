"""External resources: documents that calls need, fetched within the guard and kept for a while.

`https://…` and `http://…` are fetched, `file://…` is read below the operator's folder of resources.
"""

import asyncio
import hashlib
import json
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from chassis.outgoing.client import MOST_REDIRECTS, OutgoingClient, OutgoingError, OutgoingRequest
from durable.workflow.calls.authentication import Authenticator
from durable.workflow.dsl.reader import UnreadableDefinition, read_document
from durable.workflow.faults import Fault, spec_error

KEPT_S = 300.0
REMEMBERED = 128
MAX_BYTES = 2_097_152
TIMEOUT_S = 15.0


@dataclass(frozen=True)
class Resource:
    """A document's bytes, and where it was found in the end."""

    url: str
    content: bytes


class Resources:
    """Fetches resources and keeps them for five minutes, by tenant. Belongs to one event loop."""

    def __init__(self, client: OutgoingClient, folder: Path | None) -> None:
        self._client = client
        self._folder = folder
        self._kept: OrderedDict[str, tuple[Resource, float]] = OrderedDict()

    async def get(self, tenant: str, endpoint: Any, authenticator: Authenticator) -> Resource:
        """The resource at a resolved endpoint (a URI, or `{uri, authentication}`). Raises Fault."""
        uri = endpoint.get("uri") if isinstance(endpoint, dict) else endpoint
        policy = endpoint.get("authentication") if isinstance(endpoint, dict) else None
        if not isinstance(uri, str):
            raise Fault(spec_error("configuration", 400, "Not a resource", "the resource's URI is a text"))
        if uri.startswith("file://"):
            return await asyncio.to_thread(read_file, uri, self._folder)
        key = hashlib.sha256(json.dumps([tenant, uri, policy], sort_keys=True).encode()).hexdigest()
        kept, until = self._kept.get(key, (None, 0.0))
        if kept is not None and until > time.monotonic():
            return kept
        found = await self._fetch(uri, policy, authenticator)
        self._kept[key] = (found, time.monotonic() + KEPT_S)
        self._kept.move_to_end(key)
        while len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)
        return found

    async def _fetch(self, uri: str, policy: dict[str, Any] | None, authenticator: Authenticator) -> Resource:
        authorization = await authenticator.authorize(policy)
        headers = {"accept": "application/json, application/yaml, text/*;q=0.9, */*;q=0.5"}
        if authorization is not None and authorization.header is not None:
            headers["authorization"] = authorization.header
        request = OutgoingRequest("GET", uri, headers, None, authorization.middlewares if authorization else ())
        host = urlsplit(uri).hostname
        try:
            answer = await self._client.send(
                request, timeout_s=TIMEOUT_S, max_bytes=MAX_BYTES, redirects=MOST_REDIRECTS
            )
        except OutgoingError as error:
            status = {"timeout": 408, "refused": 403}.get(error.reason, 503)
            raise Fault(spec_error("communication", status, "No such resource", f"{host}: {error}")) from None
        if answer.status != 200:
            detail = f"{host} answered {answer.status} for the resource"
            raise Fault(spec_error("communication", answer.status, "No such resource", detail))
        return Resource(answer.url, answer.body)


def read_file(uri: str, folder: Path | None) -> Resource:
    """A file below the operator's folder. Raises Fault for anything outside of it."""
    if folder is None:
        detail = "the operator has set no folder of resources (PLATFORM_WORKFLOW_RESOURCES_DIR)"
        raise Fault(spec_error("configuration", 400, "No such resource", detail))
    root = folder.resolve()
    path = (root / unquote(uri.removeprefix("file://")).lstrip("/")).resolve()
    if not path.is_relative_to(root) or not path.is_file() or path.stat().st_size > MAX_BYTES:
        raise Fault(spec_error("configuration", 400, "No such resource", f"there is no resource {uri[:200]}"))
    return Resource(uri, path.read_bytes())


def parsed(resource: Resource, what: str) -> dict[str, Any]:
    """The resource as a JSON object, or a YAML one within the limits of a definition. Raises Fault."""
    try:
        found = json.loads(resource.content)
    except (ValueError, RecursionError):
        found = _from_yaml(resource.content, what)
    if not isinstance(found, dict):
        raise Fault(spec_error("configuration", 400, f"Not {what}", "it is no object"))
    return found


def _from_yaml(content: bytes, what: str) -> Any:
    try:
        return read_document(content)
    except UnreadableDefinition as error:
        raise Fault(spec_error("configuration", 400, f"Not {what}", str(error)[:300])) from None

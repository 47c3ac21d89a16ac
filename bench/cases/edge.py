"""The platform's edge with one worker beside the same Envoy as a bare proxy to the same upstream, and beside nginx as a
bare proxy where it is installed. With the checks that the goal names and nothing else (RS256 token, scope, limits per
tenant and client, routing among all nine services' routes); with what hardens it, too; and whole: with trace context
and one trace in a hundred, access log, gzip, and the fields that it adds to answers. Gateway and identity are the real
services; in place of the others is an Envoy that answers at once, traces included."""

import json
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import httpx

from bench.contest import BenchError, Contest, Effort, Side
from bench.edge_checks import Kind, checks_command
from bench.envoys import HOST, nginx_command, proxy_command, upstream_command
from bench.load import client_name, load
from bench.processes import running
from chassis.manifest import SERVICES
from functions.identity.keys.signing import SigningKeys, imported
from functions.identity.tokens import AccessTokens, Holder
from local import ports
from local.credentials import write_secret
from local.edge import edge_module
from local.layout import ROOT
from local.platform import Platform
from local.supervisor.probes import answering

CONNECTIONS = 32
GOALS = {("named checks", "bare Envoy"): 0.8, ("hardened checks", "bare Envoy"): 0.8}
PATH = "/metadata/bench"
MANIFEST = f"""
service: metadata
layer: platform
routes: [{{path: "{PATH}", methods: [GET], scope: metadata.read, idempotent: true}}]
rateLimit: {{requestsPerSecond: 1000000, burst: 1000000}}
"""


@asynccontextmanager
async def contests(effort: Effort) -> AsyncIterator[Sequence[Contest]]:
    """Start edge, gateway, identity, the upstream and the bare proxy."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        routed = manifests(folder / "manifests", MANIFEST)
        environment = {"PLATFORM_MANIFESTS_DIR": str(routed)}
        services = ("gateway", "identity")
        platform = Platform(ROOT, folder / "state", environment=environment, services=services, free_ports=True)
        await stack.enter_async_context(platform)
        taken = platform.endpoints.ports
        upstream = upstream_command(folder / "upstream.json", [taken["metadata"], taken["monitoring"]])
        await stack.enter_async_context(
            running("upstream", upstream, folder, ready=answering(f"{platform.urls['metadata']}/"))
        )
        (port,) = ports.any_free(1)
        bare, own = f"http://{HOST}:{port}{PATH}", platform.edge_url + PATH
        proxy = proxy_command(folder / "proxy.json", port, taken["metadata"])
        await stack.enter_async_context(running("proxy", proxy, folder, ready=answering(bare)))
        peers = {"bare Envoy": bare}
        nginx = shutil.which("nginx")
        if nginx is not None:
            (port,) = ports.any_free(1)
            peers["bare nginx"] = f"http://{HOST}:{port}{PATH}"
            command = nginx_command(nginx, folder, port, taken["metadata"])
            await stack.enter_async_context(running("nginx", command, folder, ready=answering(peers["bare nginx"])))
        number = 100 if effort.quick else 1000
        tokens = signed_tokens(folder, platform, number)
        edges = {}
        for kind in get_args(Kind):
            (port,) = ports.any_free(1)
            edges[f"{kind} checks"] = f"http://{HOST}:{port}{PATH}"
            command = checks_command(folder / f"{kind}.json", port, platform, routed, kind, edge_module())
            ready = answering(f"http://{HOST}:{port}/gateway/health/live")
            await stack.enter_async_context(running(kind, command, folder, ready=ready))
        edges["whole edge"] = own
        for url in edges.values():
            _require_guarded(url, tokens)
        measure = partial(load, seconds=effort.seconds, connections=CONNECTIONS, tokens=tokens)
        name = f"{number:,} tenants in turn, {CONNECTIONS} connections, {client_name()}"
        yield [
            Contest(
                f"{edge}, {name}",
                "requests/s",
                Side(edge, partial(measure, edges[edge])),
                Side(peer, partial(measure, url)),
                goal=GOALS.get((edge, peer)),
            )
            for edge in edges
            for peer, url in peers.items()
        ]


def manifests(folder: Path, metadata: str) -> Path:
    """Those of all nine services, so that the request finds its way among all their routes."""
    for service in SERVICES:
        (folder / service).mkdir(parents=True)
        shutil.copy(ROOT / "functions" / service / "service.yaml", folder / service)
    (folder / "metadata" / "service.yaml").write_text(metadata)
    return folder


def signed_tokens(folder: Path, platform: Platform, tenants: int) -> Path:
    """Tokens signed with identity's own key, as identity makes them; asking for a thousand would take longer."""
    issuer = f"{platform.edge_url}/identity"
    signing, *_ = httpx.get(f"{issuer}/.well-known/jwks.json").json()["keys"]
    key = imported(json.loads((platform.layout.signing / f"{signing['kid']}.jwk").read_text()))
    tokens = AccessTokens(issuer, "platform", SigningKeys(key, [key]))
    holders = (Holder(f"bench-{n}", f"tenant-{n}", "application", f"bench-{n}") for n in range(tenants))
    file = folder / f"tokens-{tenants}"
    write_secret(file, "\n".join(tokens.issue(holder, "metadata.read").value for holder in holders).encode())
    return file


def _require_guarded(url: str, tokens: Path) -> None:
    """With a token 200, without 401: the checks that are measured are on."""
    token, *_ = tokens.read_text().split()
    found = [httpx.get(url, headers=headers).status_code for headers in ({"authorization": f"Bearer {token}"}, {})]
    if found != [200, 401]:
        raise BenchError(f"the edge answers {found} instead of 200 with a token and 401 without")

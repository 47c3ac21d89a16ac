"""Changes at a running edge: from a route saved in a service.yaml to its first answer, from the withdrawal of a signing
key to the refusal of its tokens, and what requests wait while keys rotate, of which none may fail."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import aiohttp

from bench.cases.edge import manifests
from bench.cases.edge_flood import at_rate
from bench.contest import BenchError, Contest, Effort, Sample, Side
from bench.envoys import upstream_command
from bench.processes import running
from bench.statistics import percentile
from chassis.auth.key_times import KEYS_FRESH_FOR_S
from local.layout import ROOT
from local.platform import Platform
from local.supervisor.probes import answering

LIMIT_S = 5.0
RATE = 200
PATH = "/metadata/changes"
MANIFEST = """
service: metadata
layer: platform
rateLimit: {requestsPerSecond: 100000, burst: 100000}
routes:
"""
ROUTE = '  - {{path: "{path}", methods: [GET], scope: metadata.read}}\n'


@dataclass
class Running:
    """The platform's edge, gateway and identity, and the file that a team changes."""

    platform: Platform
    session: aiohttp.ClientSession
    manifest: Path

    async def status(self, path: str, token: str) -> int:
        async with self.session.get(path, headers={"Authorization": f"Bearer {token}"}) as answer:
            return answer.status

    async def token(self, client: str = "demo") -> str:
        found = json.loads((self.platform.layout.state_dir / f"{client}-client.json").read_text())
        auth = aiohttp.BasicAuth(found["clientId"], found["clientSecret"])
        form = {"grant_type": "client_credentials"}
        async with self.session.post("/identity/oauth2/token", data=form, auth=auth) as answer:
            return str((await answer.json())["access_token"])

    async def order(self, path: str) -> None:
        """What the operator asks of the signing keys."""
        headers = {"Authorization": f"Bearer {await self.token('operator')}"}
        async with self.session.post(f"/identity/keys{path}", headers=headers) as answer:
            if answer.status != 200:
                raise BenchError(f"identity answers {answer.status} to {path}: {await answer.text()}")

    async def signing(self) -> str:
        async with self.session.get("/identity/.well-known/jwks.json") as answer:
            return str((await answer.json())["keys"][0]["kid"])


@asynccontextmanager
async def contests(effort: Effort) -> AsyncIterator[Sequence[Contest]]:
    """Start edge, gateway, identity and the upstream."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        routed = manifests(folder / "manifests", MANIFEST + ROUTE.format(path=PATH))
        environment = {
            "PLATFORM_MANIFESTS_DIR": str(routed),
            "PLATFORM_SIGNING_KEY_KNOWN_AFTER_S": str(KEYS_FRESH_FOR_S),
        }
        services = ("gateway", "identity")
        platform = Platform(ROOT, folder / "state", environment=environment, services=services, free_ports=True)
        await stack.enter_async_context(platform)
        taken = platform.endpoints.ports
        upstream = upstream_command(folder / "upstream.json", [taken["metadata"], taken["monitoring"]])
        ready = answering(f"{platform.urls['metadata']}/")
        await stack.enter_async_context(running("upstream", upstream, folder, ready=ready))
        session = await stack.enter_async_context(aiohttp.ClientSession(platform.edge_url))
        edge = Running(platform, session, routed / "metadata" / "service.yaml")
        limit = Side("the limit", _limit)
        seconds = 4.0 if effort.quick else 8.0
        yield [
            Contest(name, "s", Side(label, measure), limit, goal=1.0, is_cost=True)
            for name, label, measure in (
                ("a new route, from saved to answered", "live", partial(_route, edge, count())),
                ("a withdrawn key, from then to its token refused", "refused", partial(_withdrawal, edge)),
            )
        ] + [
            Contest(
                f"{RATE}/s, none failed, p99",
                "ms",
                Side("while keys rotate", partial(_load, edge, seconds, rotated=True)),
                Side("while none does", partial(_load, edge, seconds, rotated=False)),
                is_cost=True,
            )
        ]


async def _limit() -> Sample:
    return Sample(LIMIT_S)


async def _route(edge: Running, numbers: "count[int]") -> Sample:
    path, token = f"/metadata/new-{next(numbers)}", await edge.token()
    if await edge.status(path, token) != 404:
        raise BenchError(f"{path} is there before it is routed")
    began = perf_counter()
    with edge.manifest.open("a") as file:
        file.write(ROUTE.format(path=path))
    return Sample(await _until(edge, path, token, 200, began))


async def _withdrawal(edge: Running) -> Sample:
    token = await edge.token()
    if await edge.status(PATH, token) != 200:
        raise BenchError("the token is not taken before its key is withdrawn")
    withdrawn = await edge.signing()
    began = perf_counter()
    await edge.order(f"/{withdrawn}/withdraw")
    return Sample(await _until(edge, PATH, token, 401, began))


async def _until(edge: Running, path: str, token: str, wanted: int, began: float) -> float:
    while await edge.status(path, token) != wanted:
        if perf_counter() - began > 4 * LIMIT_S:
            raise BenchError(f"{path} is not answered {wanted} within {4 * LIMIT_S:.0f} s")
        await asyncio.sleep(0.02)
    return perf_counter() - began


async def _load(edge: Running, seconds: float, *, rotated: bool) -> Sample:
    """Half of the time with a token, half with a new one; between them the keys rotate."""
    times: list[float] = []
    first = at_rate(edge.session, await edge.token(), RATE, seconds, PATH)
    second = asyncio.create_task(_rotation_and_more(edge, seconds, rotated=rotated))
    for found in await asyncio.gather(first, second):
        if set(found) != {200}:
            raise BenchError(f"requests were answered { ({status: len(took) for status, took in found.items()}) }")
        times += found[200]
    return Sample(percentile(times, 0.99), {"p50 ms": percentile(times, 0.5)})


async def _rotation_and_more(edge: Running, seconds: float, *, rotated: bool) -> dict[int, list[float]]:
    # The next key was published in the round before, at the latest; it must be known everywhere before it signs.
    await asyncio.sleep(seconds / 2)
    if rotated:
        await edge.order("/rotate")
    return await at_rate(edge.session, await edge.token(), RATE, seconds / 2, PATH)

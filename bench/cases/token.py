"""identity's token endpoint over funchost on Azurite, beside what one token can't do without.

A secret seen for the first time costs an argon2 check: beside it, the bare checks of as many hashes. Any token costs a
stored audit event and a signature: beside the rest, one row written to the same Azurite and one RS256 signature.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, time
from typing import Any
from uuid import uuid4

import aiohttp
from argon2 import PasswordHasher
from azure.data.tables.aio import TableClient
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from bench.contest import BenchError, Contest, Effort, Sample, Side
from bench.statistics import percentile
from chassis.auth.argon2_cost import LANES, MEMORY_KIB, TIME_COST
from chassis.auth.service_token import ASSERTION_TYPE
from local.credentials import write_secret
from local.layout import ROOT
from local.platform import Platform

AT_ONCE = 8
FRESH_A_ROUND = 24
CHECKS_AT_ONCE = 2
"""As many as identity lets run at once (functions/identity/client_secrets.py)."""
NO_TELEMETRY = {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}
Ask = Callable[[], Awaitable[Any]]
Form = dict[str, str]


@asynccontextmanager
async def contests(effort: Effort) -> AsyncIterator[Sequence[Contest]]:
    """Start identity with clients of the bench's own."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        platform = Platform(ROOT, folder / "state", services=("identity",), free_ports=True, environment=NO_TELEMETRY)
        await stack.enter_async_context(platform)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        bench = TokenBench(platform, session)
        rows = TableClient.from_connection_string(platform.storage_connection, "bench")
        await stack.enter_async_context(rows)
        await rows.create_table()
        limit = Side("a row and a signature", partial(_at_once, effort.seconds, partial(_row_and_signature, rows)))
        fresh = await asyncio.to_thread(bench.add_clients, FRESH_A_ROUND * (effort.rounds + 1))
        yield [
            Contest(
                f"secrets seen for the first time, {AT_ONCE} requests at once",
                "tokens/s",
                Side("identity", partial(bench.first_use, iter(fresh))),
                Side(f"argon2 alone, {CHECKS_AT_ONCE} at once", partial(_bare_checks, fresh[:FRESH_A_ROUND])),
            ),
            Contest(
                f"a secret seen lately, {AT_ONCE} requests at once",
                "tokens/s",
                Side("identity", partial(_at_once, effort.seconds, bench.by_known_secret)),
                limit,
            ),
            Contest(
                f"private_key_jwt, {AT_ONCE} requests at once",
                "tokens/s",
                Side("identity", partial(_at_once, effort.seconds, bench.by_key)),
                limit,
            ),
        ]


class TokenBench:
    """Asks the token endpoint in each of the three ways."""

    def __init__(self, platform: Platform, session: aiohttp.ClientSession) -> None:
        self._platform, self._session = platform, session
        self._issuer = f"{platform.edge_url}/identity"
        self._key = ECKey.import_key(json.loads((platform.layout.keys / "workflow.jwk").read_text()))
        demo = platform.demo_client
        self._demo = {"client_id": demo.id, "client_secret": demo.secret.get_secret_value()}

    def add_clients(self, number: int) -> list[tuple[str, str, str]]:
        """New clients in the clients file: id, secret and hash of each. Takes a while: each is hashed."""
        file = self._platform.layout.clients_file
        with ThreadPoolExecutor(CHECKS_AT_ONCE) as pool:
            secrets = [uuid4().hex for _ in range(number)]
            hashes = list(pool.map(_hasher().hash, secrets))
        made = [(f"bench-{n}", secret, hashed) for n, (secret, hashed) in enumerate(zip(secrets, hashes, strict=True))]
        known = json.loads(file.read_text())
        known += [
            {"clientId": name, "tenant": "bench", "kind": "application", "scopes": ["audit.read"], "secretHash": hashed}
            for name, _, hashed in made
        ]
        write_secret(file, json.dumps(known).encode())
        return made

    async def first_use(self, clients: Any) -> Sample:
        """Tokens for clients that were never seen."""
        group = [next(clients) for _ in range(FRESH_A_ROUND)]
        slots = asyncio.Semaphore(AT_ONCE)
        taken_ms: list[float] = []

        async def one(name: str, secret: str) -> None:
            async with slots:
                started = perf_counter()
                await self._ask({"client_id": name, "client_secret": secret})
                taken_ms.append((perf_counter() - started) * 1000)

        started = perf_counter()
        await asyncio.gather(*(one(name, secret) for name, secret, _ in group))
        return _sample(taken_ms, perf_counter() - started)

    async def by_known_secret(self) -> None:
        """A token by a secret that was checked lately."""
        await self._ask(self._demo)

    async def by_key(self) -> None:
        """A token by an assertion; signing it is part of the time."""
        now = int(time())
        claims = {"iss": "svc-workflow", "sub": "svc-workflow", "aud": self._issuer, "iat": now, "exp": now + 60}
        assertion = jwt.encode({"alg": "ES256"}, {**claims, "jti": uuid4().hex}, self._key)
        await self._ask({"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion})

    async def _ask(self, form: Form) -> None:
        url = f"{self._platform.urls['identity']}/identity/oauth2/token"
        async with self._session.post(url, data={"grant_type": "client_credentials", **form}) as response:
            if response.status != 200:
                raise BenchError(f"the token endpoint answered {response.status}")
            await response.read()


async def _bare_checks(clients: Sequence[tuple[str, str, str]]) -> Sample:
    hasher = _hasher()

    def check_all() -> float:
        started = perf_counter()
        with ThreadPoolExecutor(CHECKS_AT_ONCE) as pool:
            list(pool.map(lambda client: hasher.verify(client[2], client[1]), clients))
        return perf_counter() - started

    return Sample(len(clients) / await asyncio.to_thread(check_all))


def _hasher() -> PasswordHasher:
    return PasswordHasher(TIME_COST, MEMORY_KIB, LANES)


_numbers = count()
_SIGNER = RSAKey.generate_key(2048, private=True)


async def _row_and_signature(rows: TableClient) -> None:
    jwt.encode({"alg": "RS256"}, {"sub": "bench", "jti": uuid4().hex}, _SIGNER)
    await rows.create_entity({"PartitionKey": "bench", "RowKey": f"{next(_numbers):012}", "event": b"x" * 600})


async def _at_once(seconds: float, ask: Ask) -> Sample:
    taken_ms: list[float] = []
    started = perf_counter()

    async def keep_asking() -> None:
        while perf_counter() - started < seconds:
            asked = perf_counter()
            await ask()
            taken_ms.append((perf_counter() - asked) * 1000)

    await asyncio.gather(*(keep_asking() for _ in range(AT_ONCE)))
    return _sample(taken_ms, perf_counter() - started)


def _sample(taken_ms: Sequence[float], seconds: float) -> Sample:
    return Sample(len(taken_ms) / seconds, {"p50 ms": percentile(taken_ms, 0.5), "p99 ms": percentile(taken_ms, 0.99)})

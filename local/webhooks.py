"""A local webhook receiver that checks Standard Webhooks signatures, for the demo and the tests.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any, Self

import orjson
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

MAX_BODY_BYTES = 1_048_576


@dataclass(frozen=True)
class Delivery:
    """One delivery: its webhook-id, its JSON, and whether the signature was good (None: no secret was given yet)."""

    id: str
    data: Any
    verified: bool | None
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class WebhookReceiver:
    """Listens on a free port of the loopback interface; use as an async context manager.

    Give it the secret (`whsec_…`) when the webhook's registration has answered with it. A delivery whose signature is
    bad is refused with 401 and kept with `verified` False. With `answer_status` it plays a receiver that fails.
    """

    def __init__(self, secret: str | None = None, answer_status: int = 204) -> None:
        self.secret = secret
        self.answer_status = answer_status
        self.deliveries: list[Delivery] = []
        self._arrived = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.add_routes([web.post("/webhook", self._receive)])
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/webhook"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def wait_for(self, count: int = 1, timeout_s: float = 30) -> list[Delivery]:
        """The good deliveries, as soon as there are `count` different ones. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s), self._arrived:
            await self._arrived.wait_for(lambda: len(self.verified()) >= count)
        return self.verified()

    def verified(self) -> list[Delivery]:
        """One delivery per webhook-id: a sender may repeat one it has no answer for."""
        return list({d.id: d for d in self.deliveries if d.verified is not False}.values())

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        delivery = Delivery(
            headers.get("webhook-id", ""), _parsed(body), verify(self.secret, headers, body), headers, body
        )
        async with self._arrived:
            self.deliveries.append(delivery)
            self._arrived.notify_all()
        return web.Response(status=401 if delivery.verified is False else self.answer_status)


def verify(secret: str | None, headers: dict[str, str], body: bytes) -> bool | None:
    """Whether the signature fits the body, its id and its time; None without a secret to check it with."""
    if secret is None:
        return None
    try:
        Webhook(secret).verify(body, headers)
    except (WebhookVerificationError, ValueError):
        return False
    return True


def _parsed(body: bytes) -> Any:
    with contextlib.suppress(orjson.JSONDecodeError):
        return orjson.loads(body)
    return None

"""A notification service on a real Azurite, a real SMTP server and a real webhook receiver."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session
from azure.storage.queue.aio import QueueClient
from pydantic import BaseModel

from chassis.context import CallContext, Principal, calling
from chassis.messaging.message import Message, read_message, unpacked
from chassis.push import PUSH_QUEUE, Push
from chassis.runtime import Runtime
from chassis.settings import Settings
from functions.notification import dispatch
from functions.notification.schemas import Deliver, SendMessage
from functions.notification.service import COMMANDS

Data = TypeVar("Data", bound=BaseModel)


@dataclass
class Mailbox:
    """What the SMTP server took; `refusals` are answers that it gives first, to the recipient."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:  # noqa: N802
        if self.refusals:
            return self.refusals.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        mail = message_from_bytes(bytes(envelope.content or b""), policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


@dataclass
class Receiver:
    """What came to the webhook; `answers` are the statuses it gives, then 204."""

    url: str = ""
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append(({k.lower(): v for k, v in request.headers.items()}, await request.read()))
        return web.Response(status=self.answers.pop(0) if self.answers else 204, headers=self.headers)


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    """An SMTP server on a free port."""
    box = Mailbox()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(box), "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    yield box
    server.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A webhook receiver on a free port."""
    found = Receiver()
    app = web.Application()
    app.router.add_post("/hook", found.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    found.url = f"http://{host}:{port}/hook"
    yield found
    await runner.cleanup()


@pytest.fixture
def caller() -> Principal:
    """A caller in a tenant of its own."""
    return Principal(subject="demo", tenant=f"t{uuid4().hex[:10]}")


@pytest.fixture
async def runtime(azurite: str, caller: Principal, mailbox: Mailbox) -> AsyncIterator[Runtime]:
    """The service's runtime, in the caller's context; its queues are empty at first."""
    settings = Settings(storage_connection=azurite, smtp_port=mailbox.port, webhook_allow_private=True)
    runtime = Runtime("notification", settings)
    for queue in (COMMANDS, dispatch.DELIVERIES, PUSH_QUEUE, "audit-events"):
        await drained(runtime, queue)
    with calling(CallContext(caller, "run-1")):
        yield runtime
    await runtime.close()


async def drained(runtime: Runtime, queue: str) -> list[bytes]:
    """The commands or events in all visible messages of a queue, which are taken away."""
    found: list[bytes] = []
    async with QueueClient.from_connection_string(runtime.settings.storage_connection, queue) as client:
        try:
            async for message in client.receive_messages(messages_per_page=32):
                found += unpacked(b64decode(message.content))
                await client.delete_message(message)
        except Exception as error:
            if "QueueNotFound" not in str(error):
                raise
    return found


async def commands(runtime: Runtime, queue: str, model: type[Data]) -> list[Message[Data]]:
    """The visible messages of a queue, read, and taken away."""
    return [read_message(body, model) for body in await drained(runtime, queue)]


async def pump(runtime: Runtime) -> None:
    """Handle what is on the service's queues as its triggers would, until nothing visible is left."""
    while True:
        sends = await commands(runtime, COMMANDS, SendMessage)
        tries = await commands(runtime, dispatch.DELIVERIES, Deliver)
        if not sends and not tries:
            return
        for send in sends:
            await dispatch.send(runtime, send)
        for one in tries:
            await dispatch.deliver(runtime, one)


async def pushes(runtime: Runtime) -> list[Push]:
    """What is to be pushed."""
    return [message.data for message in await commands(runtime, PUSH_QUEUE, Push)]

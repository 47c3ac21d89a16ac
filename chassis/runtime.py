"""What one service holds at run time; opened when first used, so that indexing an app opens nothing."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache, cached_property
from typing import Any, TypeVar

from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind
from pydantic import BaseModel

from chassis import context
from chassis.auth.service_token import ServiceToken
from chassis.auth.verifier import TokenVerifier
from chassis.context import CallContext, Principal, calling
from chassis.errors import PlatformError
from chassis.http.client import ServiceClient
from chassis.messaging.events import EventTopic, Filter
from chassis.messaging.message import Message, read_message
from chassis.messaging.outbox import Outbox
from chassis.messaging.queues import Queues
from chassis.messaging.triggers import QueueDelivery, deliveries
from chassis.outgoing.addresses import Guard
from chassis.outgoing.client import OutgoingClient
from chassis.push import PUSH_QUEUE, PUSH_TYPE, progress
from chassis.secrets.choice import secret_store
from chassis.secrets.store import SecretStore
from chassis.settings import Settings, get_settings
from chassis.storage.account import own_credential
from chassis.storage.blobs import Blobs
from chassis.storage.tables import Tables
from chassis.telemetry.providers import Telemetry
from chassis.work import WorkContext

Data = TypeVar("Data", bound=BaseModel)
VERSION = "0.1.0"
log = logging.getLogger(__name__)


class Runtime:
    """One service's settings, storage, messaging, clients and telemetry.

    Make one per service at module level; it belongs to one event loop.
    """

    def __init__(self, service: str, settings: Settings | None = None) -> None:
        self.service = service
        self.version = VERSION
        self._given_settings = settings
        self.event_filters: dict[str, Filter] = {}

    @cached_property
    def settings(self) -> Settings:
        """The process's settings."""
        return self._given_settings or get_settings()

    @cached_property
    def queues(self) -> Queues:
        """Commands to other services."""
        namespace = self.settings.service_bus_namespace
        if namespace is None:
            return Queues(self.settings.storage, self.service)
        from chassis.messaging.service_bus import ServiceBusQueues

        return ServiceBusQueues(self.settings.storage, self.service, namespace, own_credential())

    @cached_property
    def storage_queues(self) -> Queues:
        """Storage queues, also where commands go over Service Bus: the partitions of messages."""
        return Queues(self.settings.storage, self.service)

    @cached_property
    def topic(self) -> EventTopic:
        """The event topic; state changes go through `tables` and its outbox instead."""
        return EventTopic(self.queues, self.settings.event_subscriptions, self.event_filters)

    @cached_property
    def events(self) -> Outbox:
        """The outbox of this service's tables."""
        return Outbox(self.topic, self.service)

    @cached_property
    def tables(self) -> Tables:
        """The tables of the storage account."""
        return Tables(self.settings.storage, self.events)

    @cached_property
    def blobs(self) -> Blobs:
        """The blob containers of the storage account."""
        return Blobs(self.settings.storage)

    @cached_property
    def token(self) -> ServiceToken:
        """The service's own access token."""
        identity = self.settings.service_url("identity")
        key_file = self.settings.keys_dir / f"{self.service}.jwk"
        return ServiceToken(
            self.service,
            key_file,
            f"{identity}/identity/oauth2/token",
            self.settings.issuer,
            self.settings.service_account_token_file,
        )

    @cached_property
    def verifier(self) -> TokenVerifier:
        """Checks the tokens of requests."""
        keys = f"{self.settings.service_url('identity')}/identity/.well-known/jwks.json"
        return TokenVerifier(keys, self.settings.issuer, self.settings.audience)

    @cached_property
    def telemetry(self) -> Telemetry:
        """Spans and metrics of this service."""
        return Telemetry(self.service, self.version, self.settings, self.token)

    @cached_property
    def services(self) -> ServiceClient:
        """HTTP to the other services."""
        return ServiceClient(self.settings, self.token, self.telemetry.tracer)

    @cached_property
    def outgoing(self) -> OutgoingClient:
        """HTTP to addresses that a tenant chose."""
        settings = self.settings
        return OutgoingClient(Guard(networks=settings.workflow_call_networks), settings.workflow_call_hosts)

    @cached_property
    def secrets(self) -> SecretStore:
        """The tenants' secrets: in the vault when one is named, else in a file of this machine."""
        return secret_store(self.settings)

    @asynccontextmanager
    async def consume(self, msg: QueueDelivery, model: type[Data]) -> AsyncIterator[Message[Data]]:
        """Read a queue message and handle it in its sender's context: tenant, correlation and trace.

        Raises MalformedMessage when it can't be read; the host retries, then keeps it on the poison queue.
        """
        async with self.handling(read_message(msg.get_body(), model, dequeue_count=deliveries(msg))) as message:
            yield message

    @asynccontextmanager
    async def handling(self, message: Message[Data]) -> AsyncIterator[Message[Data]]:
        """Handle a message in its sender's context."""
        work = WorkContext(
            tenant=message.tenant,
            subject=message.principal,
            correlation_id=message.correlation_id,
            traceparent=message.traceparent,
        )
        async with self.working(work, f"process {message.type}", kind=SpanKind.CONSUMER):
            trace.get_current_span().set_attribute("messaging.message.id", message.id)
            yield message

    @asynccontextmanager
    async def working(
        self, work: WorkContext, name: str, *, kind: SpanKind = SpanKind.INTERNAL
    ) -> AsyncIterator[CallContext]:
        """Go on with stored work in its beginner's context, in a span of its trace."""
        parent = propagate.extract({"traceparent": work.traceparent}) if work.traceparent else None
        attributes = {"platform.tenant": work.tenant}
        if work.correlation_id:
            attributes["platform.correlation_id"] = work.correlation_id
        with (
            self.telemetry.tracer.start_as_current_span(name, context=parent, kind=kind, attributes=attributes),
            calling(work.call()) as call,
        ):
            yield call

    def as_service(self, tenant: str = "platform") -> CallContext:
        """The context of work that nobody asked for, such as a timer's."""
        return CallContext(Principal(subject=f"svc-{self.service}", tenant=tenant, kind="service"))

    async def progress(self, stage: str, id: str, done: int, total: int | None, unit: str, **extra: Any) -> None:
        """Show progress to the user of the present call. Never fails the work it tells of."""
        call = context.current()
        if call is None:
            return
        push = progress(
            call.principal.subject, stage, id, done, total, unit, correlationId=call.correlation_id, **extra
        )
        try:
            await self.queues.send(PUSH_QUEUE, PUSH_TYPE, push)
        except PlatformError as error:
            log.debug("progress of %s is not shown: %s", id, error)

    async def check_storage(self) -> None:
        """Raise when tables can't be used; a check for `health/ready`."""
        await self.tables.check()

    async def close(self) -> None:
        """Finish what is being published and close all connections."""
        if "events" in self.__dict__:
            await self.events.settle()
        for name in ("services", "outgoing", "secrets", "tables", "blobs", "queues", "storage_queues"):
            if name in self.__dict__:
                await self.__dict__[name].close()
                del self.__dict__[name]


@cache
def runtime_for(service: str) -> Runtime:
    """The one runtime of a service in this process, shared by its triggers and its durable topics."""
    return Runtime(service)

"""What calls of AsyncAPI operations take in `with`: a message to publish, or a subscription to consume."""

from typing import Any, Literal, Self

from pydantic import model_validator

from durable.workflow.dsl.authentication import AuthenticationOrName
from durable.workflow.dsl.base import DslModel, Integer
from durable.workflow.dsl.durations import Duration
from durable.workflow.dsl.iteration import SubscriptionIterator
from durable.workflow.dsl.resources import ExternalResource
from durable.workflow.dsl.texts import StrictExpression

Protocol = Literal[
    "amqp", "amqp1", "anypointmq", "googlepubsub", "http", "ibmmq", "jms", "kafka", "mercure", "mqtt",
    "mqtt5", "nats", "pulsar", "redis", "sns", "solace", "sqs", "stomp", "ws",
]  # fmt: skip


class AsyncApiServer(DslModel):
    """Which of the document's servers."""

    name: str
    variables: dict[str, Any] | None = None


class AsyncApiMessage(DslModel):
    """A message to publish."""

    payload: dict[str, Any] | None = None
    headers: dict[str, Any] | None = None


class AsyncApiConsumption(DslModel):
    """How long messages are consumed: exactly one of amount, while, until; `for` limits the time."""

    for_: Duration | None = None
    amount: Integer | None = None
    while_: StrictExpression | None = None
    until: StrictExpression | None = None

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if len(self.model_fields_set - {"for_"}) != 1:
            raise ValueError("a consumption has exactly one of amount, while, until")
        return self


class AsyncApiSubscription(DslModel):
    """Which messages are consumed, how many, and what is done with each."""

    filter: StrictExpression | None = None
    consume: AsyncApiConsumption
    foreach: SubscriptionIterator | None = None


class AsyncApiArguments(DslModel):
    """An operation (or a channel, with AsyncAPI 2) of an AsyncAPI document, to publish to or to consume from."""

    document: ExternalResource
    channel: str | None = None
    operation: str | None = None
    server: AsyncApiServer | None = None
    protocol: Protocol | None = None
    message: AsyncApiMessage | None = None
    subscription: AsyncApiSubscription | None = None
    authentication: AuthenticationOrName | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.channel is None) == (self.operation is None):
            raise ValueError("an asyncapi call names exactly one of operation and channel")
        if (self.message is None) == (self.subscription is None):
            raise ValueError("an asyncapi call has exactly one of message and subscription")
        return self

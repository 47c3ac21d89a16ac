from collections.abc import Sequence

import pytest

from chassis.errors import DependencyUnavailable
from functions.processing.messages.handlers import (
    ATTEMPTS,
    Handler,
    HandlerMessage,
    Refused,
    handler,
    handler_named,
    run,
)
from functions.processing.messages.processors import UnknownTarget


def messages(*ids: str) -> list[HandlerMessage]:
    return [HandlerMessage(id, "", {}, "acme") for id in ids]


class Calls:
    """A handler that fails as it is told and keeps what it was given."""

    def __init__(self, failures: dict[str, Exception] | None = None) -> None:
        self.failures = failures or {}
        self.batches: list[list[str]] = []

    async def handle(self, batch: Sequence[HandlerMessage]) -> None:
        self.batches.append([message.id for message in batch])
        for message in batch:
            if message.id in self.failures:
                raise self.failures[message.id]


async def test_messages_are_given_in_batches() -> None:
    calls = Calls()
    assert await run(Handler("h", calls.handle, batch=2), messages("1", "2", "3")) == {}
    assert calls.batches == [["1", "2"], ["3"]]


async def test_of_a_batch_that_fails_only_the_messages_that_fail_alone_are_refused() -> None:
    calls = Calls({"2": ValueError("no such thing")})
    assert await run(Handler("h", calls.handle), messages("1", "2", "3")) == {"2": "ValueError: no such thing"}
    assert calls.batches == [["1", "2", "3"], ["1"], *[["2"]] * ATTEMPTS, ["3"]]


async def test_a_handler_may_name_what_it_refuses_and_the_rest_is_done() -> None:
    calls = Calls({"2": Refused({"2": "too old"})})
    assert await run(Handler("h", calls.handle), messages("1", "2", "3")) == {"2": "too old"}
    assert calls.batches == [["1", "2", "3"]]


async def test_a_dependency_that_is_away_refuses_nothing() -> None:
    calls = Calls({"2": DependencyUnavailable("the sink is away")})
    with pytest.raises(DependencyUnavailable):
        await run(Handler("h", calls.handle), messages("1", "2"))


async def test_a_plain_function_is_a_handler_too() -> None:
    seen: list[str] = []

    def plain(batch: Sequence[HandlerMessage]) -> None:
        seen.extend(message.id for message in batch)

    assert await run(Handler("h", plain), messages("1")) == {}
    assert seen == ["1"]


def test_a_name_is_taken_once_and_one_that_is_not_is_unknown() -> None:
    name = "test.taken-once"

    @handler(name)
    def first(batch: Sequence[HandlerMessage]) -> None: ...

    assert handler_named(name).function is first
    with pytest.raises(ValueError, match=name):

        @handler(name)
        def second(batch: Sequence[HandlerMessage]) -> None: ...

    with pytest.raises(UnknownTarget):
        handler_named("test.nobody")


async def test_the_example_counts_what_has_a_text_and_refuses_the_rest() -> None:
    from examples.streams.handlers import count_words

    assert handler_named("count-words").function is count_words
    batch = [HandlerMessage("1", "", {"text": "one two"}, "acme"), HandlerMessage("2", "", [], "acme")]
    assert await run(handler_named("count-words"), batch) == {"2": "there is no text"}

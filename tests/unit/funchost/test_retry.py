import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from funchost.context import Context
from funchost.definitions import Binding, FunctionDefinition
from funchost.errors import HostError
from funchost.function import BoundFunction
from funchost.invoker import Invoker
from funchost.retry import RetryPolicy, retry_policy
from funchost.signature import plan_call

_FIXED = {"strategy": "fixed_delay", "max_retry_count": "3", "delay_interval": "00:00:10"}
_GROWING = {
    "strategy": "exponential_backoff",
    "max_retry_count": "-1",
    "minimum_interval": "00:00:01",
    "maximum_interval": "00:00:10",
}


def _definition(retry: Mapping[str, Any] | None, function: Callable[..., Any] = print) -> FunctionDefinition:
    trigger = Binding("msg", "queueTrigger", False, {})
    return FunctionDefinition("f", function, Path("/app/function_app.py"), (trigger,), trigger, retry)


def test_a_fixed_delay_is_the_same_every_time_until_the_count_is_reached() -> None:
    policy = retry_policy(_definition(_FIXED))
    assert policy is not None
    assert [policy.delay_s(n) for n in range(3)] == [10, 10, 10]
    assert [policy.allows(n) for n in (0, 2, 3)] == [True, True, False]


def test_an_exponential_backoff_grows_to_its_maximum_and_may_have_no_end() -> None:
    policy = retry_policy(_definition(_GROWING))
    assert policy is not None
    assert [policy.delay_s(n, lambda low, high: 1.0) for n in range(5)] == [1, 2, 4, 8, 10]
    assert policy.allows(1_000_000)


def test_no_policy_is_none() -> None:
    assert retry_policy(_definition(None)) is None
    assert retry_policy(_definition({})) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"strategy": "sometimes"}, "no strategy 'sometimes'"),
        ({"max_retry_count": "-2"}, "max_retry_count"),
        ({"max_retry_count": "many"}, "many"),
        ({"delay_interval": None}, "delay_interval"),
        ({"delay_interval": "10"}, "time span"),
    ],
)
def test_a_malformed_policy_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(HostError, match=words):
        retry_policy(_definition({**_FIXED, **change}))


def test_a_maximum_below_the_minimum_is_refused() -> None:
    with pytest.raises(HostError, match="less than"):
        retry_policy(_definition({**_GROWING, "minimum_interval": "00:01:00"}))


class _Failing:
    """A function that fails some times; what it saw of each attempt is kept."""

    def __init__(self, failures: int, policy: RetryPolicy) -> None:
        self.seen: list[tuple[int, int, str]] = []
        self.ids: set[str] = set()
        self.began = asyncio.Event()

        async def work(msg: str, context: func.Context) -> str:
            retry = context.retry_context
            self.seen.append((retry.retry_count, retry.max_retry_count, type(retry.exception).__name__))
            self.ids.add(context.invocation_id)
            self.began.set()
            if len(self.seen) <= failures:
                raise LookupError(len(self.seen))
            return msg

        definition = _definition(None, work)
        self.function = BoundFunction(definition, plan_call(definition), retry=policy)
        self.invoker = Invoker()

    async def run(self) -> Any:
        context: Context = self.function.new_context()
        try:
            return await self.invoker.execute(self.function, "hello", {}, context)
        finally:
            self.invoker.close()


async def test_each_attempt_is_an_invocation_of_its_own_that_knows_its_number_and_the_last_failure() -> None:
    failing = _Failing(2, RetryPolicy(3, 0, 0, is_exponential=False))
    assert await failing.run() == "hello"
    assert failing.seen == [(0, 3, "NoneType"), (1, 3, "LookupError"), (2, 3, "LookupError")]
    assert len(failing.ids) == 3


async def test_the_last_failure_is_the_functions() -> None:
    failing = _Failing(9, RetryPolicy(1, 0, 0, is_exponential=False))
    with pytest.raises(LookupError, match="2"):
        await failing.run()


async def test_a_host_that_drains_waits_for_no_retry() -> None:
    failing = _Failing(9, RetryPolicy(-1, 3600, 3600, is_exponential=False))
    running = asyncio.create_task(failing.run())
    await failing.began.wait()
    failing.invoker.stop_retries()
    with pytest.raises(LookupError, match="1"):
        await running

"""Retry policies of functions: `@app.retry(strategy="fixed_delay" | "exponential_backoff", …)`.

Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-error-pages#retry-policies
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from funchost.definitions import FunctionDefinition
from funchost.errors import HostError
from funchost.timespan import parse_timespan

WITHOUT_LIMIT = -1
_FIXED, _EXPONENTIAL = "fixed_delay", "exponential_backoff"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often (-1: without limit) and after which waits a failed invocation is made again."""

    max_retries: int
    minimum_s: float
    maximum_s: float
    is_exponential: bool

    def allows(self, retries_made: int) -> bool:
        """Whether one more retry may follow."""
        return self.max_retries == WITHOUT_LIMIT or retries_made < self.max_retries

    def delay_s(self, retries_made: int, uniform: Callable[[float, float], float] = random.uniform) -> float:
        """Seconds before the next retry.

        Exponential: minimum + (2^n - 1) * minimum * [0.8, 1.2), never more than the maximum: the randomized back-off of
        the WebJobs SDK, whose step is the minimum interval.
        """
        if not self.is_exponential:
            return self.minimum_s
        increment = float(2 ** min(retries_made, 32) - 1) * self.minimum_s * uniform(0.8, 1.2)
        return min(self.maximum_s, self.minimum_s + increment)


def retry_policy(definition: FunctionDefinition) -> RetryPolicy | None:
    """The function's policy; None when it has none. Raises HostError for a malformed one."""
    settings = definition.retry
    if not settings:
        return None
    try:
        return _parse(settings)
    except ValueError as error:
        raise HostError(
            f"The retry policy of function {definition.name} is malformed: {error}",
            where=definition.where,
            remedy=f'Use strategy "{_FIXED}" with delay_interval, or "{_EXPONENTIAL}" with minimum_interval and '
            'maximum_interval, such as "00:00:10".',
        ) from None


def _parse(settings: Mapping[str, Any]) -> RetryPolicy:
    retries = int(settings.get("max_retry_count") or 0)
    if retries < WITHOUT_LIMIT:
        raise ValueError(f"max_retry_count is {retries}")
    strategy = str(settings.get("strategy")).lower()
    if strategy == _FIXED:
        delay_s = _seconds(settings, "delay_interval")
        return RetryPolicy(retries, delay_s, delay_s, is_exponential=False)
    if strategy == _EXPONENTIAL:
        minimum_s, maximum_s = _seconds(settings, "minimum_interval"), _seconds(settings, "maximum_interval")
        if maximum_s < minimum_s:
            raise ValueError("maximum_interval is less than minimum_interval")
        return RetryPolicy(retries, minimum_s, maximum_s, is_exponential=True)
    raise ValueError(f"there is no strategy {settings.get('strategy')!r}")


def _seconds(settings: Mapping[str, Any], key: str) -> float:
    if not settings.get(key):
        raise ValueError(f"it has no {key}")
    return parse_timespan(str(settings[key])).total_seconds()

import asyncio
from types import SimpleNamespace

from azure.core.exceptions import ResourceNotFoundError, ServiceRequestError

from funchost.triggers.message_lease import VISIBILITY_S, MessageLease

_MESSAGE = SimpleNamespace(id="m", pop_receipt="r0")


class _Queue:
    """Answers each renewal with the next of its results: a pop receipt or an error."""

    def __init__(self, *results: str | Exception) -> None:
        self.results = list(results)
        self.receipts: list[str] = []
        self.used_up = asyncio.Event()

    async def update_message(self, message_id: str, pop_receipt: str, *, visibility_timeout: int) -> SimpleNamespace:
        assert visibility_timeout == VISIBILITY_S
        self.receipts.append(pop_receipt)
        result = self.results.pop(0)
        if not self.results:
            self.used_up.set()
        if isinstance(result, Exception):
            raise result
        return SimpleNamespace(pop_receipt=result)


async def _renewed(queue: _Queue) -> MessageLease:
    lease = MessageLease(queue, _MESSAGE, renewal_s=0)
    lease.start()
    await queue.used_up.wait()
    await lease.release()
    return lease


async def test_each_renewal_uses_and_keeps_the_newest_receipt() -> None:
    queue = _Queue("r1", "r2")
    lease = await _renewed(queue)
    assert queue.receipts == ["r0", "r1"]
    assert lease.pop_receipt == "r2"


async def test_a_service_that_is_away_is_tried_again() -> None:
    queue = _Queue(ServiceRequestError("away"), "r1")
    assert (await _renewed(queue)).pop_receipt == "r1"


async def test_a_lost_message_is_renewed_no_more() -> None:
    queue = _Queue(ResourceNotFoundError("gone"))
    await _renewed(queue)
    await asyncio.sleep(0)
    assert queue.receipts == ["r0"]


async def test_a_short_function_never_renews() -> None:
    queue = _Queue("r1")
    lease = MessageLease(queue, _MESSAGE)
    lease.start()
    await lease.release()
    assert queue.receipts == []

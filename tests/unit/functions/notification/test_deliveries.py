"""Deliveries of a message: who gets one, when it is tried again, what the whole is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.notification.deliveries import (
    LAST_ATTEMPT,
    LONGEST_RETRY_AFTER_S,
    Delivery,
    deliveries_of,
    delivery_id,
    pause_after,
    status_of,
)
from functions.notification.schemas import SendMessage, Status

MESSAGE = SendMessage.model_validate(
    {
        "subject": "Done",
        "channels": [
            {"type": "signalr", "userId": "demo"},
            {"type": "email", "to": ["a@example.org", "b@example.org", "a@example.org"]},
            {"type": "webhook", "webhook": "receiver"},
        ],
    }
)


def test_each_target_gets_one_delivery_in_order() -> None:
    found = [(each.channel, each.target) for each in deliveries_of("t", "m", MESSAGE)]
    assert found == [
        ("signalr", "demo"),
        ("email", "a@example.org"),
        ("email", "b@example.org"),
        ("webhook", "receiver"),
    ]


def test_the_ids_are_the_same_each_time_and_differ_by_tenant_and_message() -> None:
    first = {each.id for each in deliveries_of("t", "m", MESSAGE)}
    assert first == {each.id for each in deliveries_of("t", "m", MESSAGE)}
    assert first.isdisjoint(each.id for each in deliveries_of("u", "m", MESSAGE))
    assert first.isdisjoint(each.id for each in deliveries_of("t", "n", MESSAGE))


def test_an_email_and_a_webhook_of_one_name_are_two_deliveries() -> None:
    assert delivery_id("t", "m", "email", "x") != delivery_id("t", "m", "webhook", "x")


@pytest.mark.parametrize(
    ("statuses", "whole"),
    [
        (("delivered", "delivered"), "delivered"),
        (("delivered", "pending"), "pending"),
        (("failed", "pending"), "pending"),
        (("failed", "delivered"), "failed"),
        (("failed", "failed"), "failed"),
    ],
)
def test_a_message_is_what_its_deliveries_are(statuses: tuple[Status, ...], whole: Status) -> None:
    assert status_of(Delivery(str(n), "email", "a@b", status=each) for n, each in enumerate(statuses)) == whole


@pytest.mark.parametrize(
    ("status", "attempts", "attempt", "due"),
    [("pending", 0, 1, True), ("pending", 1, 1, False), ("pending", 1, 2, True), ("delivered", 1, 2, False)],
)
def test_a_try_is_made_once_and_only_while_wanted(status: Status, attempts: int, attempt: int, due: bool) -> None:
    assert Delivery("d", "email", "a@b", status=status, attempts=attempts).is_due(attempt) is due


def test_pauses_grow_and_end() -> None:
    pauses = [pause_after(attempt) for attempt in range(1, LAST_ATTEMPT + 1)]
    assert pauses[-1] is None
    growing = [pause for pause in pauses if pause is not None]
    assert growing == sorted(growing)
    assert len(growing) == LAST_ATTEMPT - 1


@given(st.integers(1, LAST_ATTEMPT - 1), st.integers(0, 10**9))
def test_the_receivers_wish_is_kept_within_bounds(attempt: int, wished_s: int) -> None:
    pause_s = pause_after(attempt, wished_s)
    assert pause_s is not None
    assert min(wished_s, LONGEST_RETRY_AFTER_S) <= pause_s <= LONGEST_RETRY_AFTER_S

"""What the SignalR output binding is given."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from chassis.push import progress
from functions.notification.channels.message import Outgoing
from functions.notification.channels.push import binding_value, is_stale, push_of

NOW = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
OUTGOING = Outgoing("d1", "m1", "demo", "Done", "It is done.", {"rows": 185}, NOW)


def test_a_message_goes_to_the_connections_of_its_user() -> None:
    assert orjson.loads(binding_value(push_of(OUTGOING))) == {
        "userId": "demo",
        "target": "notification",
        "arguments": [{"id": "m1", "subject": "Done", "body": "It is done.", "data": {"rows": 185}}],
    }


@pytest.mark.parametrize(("age_s", "stale"), [(0, False), (59, False), (61, True), (86_400, True)])
def test_old_progress_is_dropped(age_s: int, stale: bool) -> None:
    push = progress("demo", "report", "r1", 1, 3, "files")
    assert is_stale(push, NOW - timedelta(seconds=age_s), NOW) is stale


def test_a_message_is_never_too_old_to_be_shown() -> None:
    assert not is_stale(push_of(OUTGOING), NOW - timedelta(days=3), NOW)

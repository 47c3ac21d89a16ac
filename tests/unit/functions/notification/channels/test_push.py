"""What the SignalR output binding is given."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.push import Push, progress
from functions.notification.channels.message import Outgoing
from functions.notification.channels.push import binding_value, hub_user, is_stale, push_of

NOW = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
OUTGOING = Outgoing("d1", "m1", "demo", "Done", "It is done.", {"rows": 185}, NOW)


def test_a_message_goes_to_the_connections_of_its_user() -> None:
    assert orjson.loads(binding_value("acme", push_of(OUTGOING))) == {
        "userId": "acme:demo",
        "target": "notification",
        "arguments": [{"id": "m1", "subject": "Done", "body": "It is done.", "data": {"rows": 185}}],
    }


def test_whom_a_push_names_is_a_user_of_its_own_tenant_whatever_the_name() -> None:
    push = Push(user_id="other:demo", target="notification", arguments=({},))
    assert orjson.loads(binding_value("acme", push))["userId"] == "acme:other:demo"


TENANTS = st.text(min_size=1).filter(lambda text: ":" not in text)


@given(TENANTS, st.text(), TENANTS, st.text())
def test_two_users_have_one_name_in_the_hub_only_when_they_are_the_same(a: str, ada: str, b: str, bob: str) -> None:
    assert (hub_user(a, ada) == hub_user(b, bob)) is ((a, ada) == (b, bob))


@pytest.mark.parametrize("tenant", ["", "a:b", ":"])
def test_a_tenant_whose_end_can_not_be_told_has_no_users_in_the_hub(tenant: str) -> None:
    with pytest.raises(ValueError, match="no users"):
        hub_user(tenant, "demo")


@pytest.mark.parametrize(("age_s", "stale"), [(0, False), (59, False), (61, True), (86_400, True)])
def test_old_progress_is_dropped(age_s: int, stale: bool) -> None:
    push = progress("demo", "report", "r1", 1, 3, "files")
    assert is_stale(push, NOW - timedelta(seconds=age_s), NOW) is stale


def test_a_message_is_never_too_old_to_be_shown() -> None:
    assert not is_stale(push_of(OUTGOING), NOW - timedelta(days=3), NOW)

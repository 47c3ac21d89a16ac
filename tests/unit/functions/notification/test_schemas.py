"""What a message may be."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from functions.notification.schemas import SendMessage

PUSH = {"type": "signalr", "userId": "demo"}


def message(**changes: Any) -> SendMessage:
    return SendMessage.model_validate({"subject": "Done", "body": "", "channels": [PUSH], **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "Done\r\nBcc: victim@example.org"},
        {"subject": "Done\x00"},
        {"subject": "Done\u2028next"},
        {"subject": ""},
        {"body": "bell \x07"},
        {"body": "x" * 10_001},
        {"data": {"blob": "x" * 30_000}},
        {"channels": []},
        {"channels": [{"type": "pigeon", "to": "x"}]},
        {"channels": [{"type": "email", "to": ["a@b"] * 20}] * 3},
        {"channels": [{"type": "webhook", "webhook": "../x"}]},
        {"channels": [{"type": "signalr", "userId": "other:demo"}]},
        {"channels": [{"type": "signalr", "userId": ":"}]},
        {"id": "a b"},
        {"extra": 1},
    ],
)
def test_what_does_not_fit_the_contract_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        message(**changes)


@pytest.mark.parametrize(
    "address",
    [
        "a@b\r\nBcc: c@d",
        "a@b, c@d",
        "<a@b>",
        "a b@c",
        '"a"@b',
        "a@",
        "@b",
        "a@b@c",
        "a@-b",
        "ä@b",
        "a@b\n",
        "a@" + "b" * 64,
    ],
)
def test_an_address_that_could_be_more_than_one_address_is_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        message(channels=[{"type": "email", "to": [address]}])


@pytest.mark.parametrize("address", ["ada@example.org", "a.b+c@mail.example.co.uk", "demo@localhost"])
def test_a_plain_address_is_taken(address: str) -> None:
    assert message(channels=[{"type": "email", "to": [address]}]).channels[0].type == "email"


@given(st.text(min_size=1, max_size=80))
def test_a_subject_that_is_taken_is_one_line(subject: str) -> None:
    try:
        taken = message(subject=subject).subject
    except ValidationError:
        return
    assert taken.splitlines() == [taken]

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.identity.sessions.session import (
    CODE_LIFETIME,
    SESSION_LIFETIME,
    RefusedHandle,
    Session,
    challenge_of,
    hash_of,
)

NOW = datetime(2030, 1, 1, tzinfo=UTC)
BACK, VERIFIER, CODE = "https://console.example/callback", "v" * 43, "c" * 43


def started() -> Session:
    return Session(
        id="0" * 32,
        state="code",
        client_id="console",
        tenant="acme",
        subject="ada",
        principals=(("user", "ada"),),
        scope="metadata.read",
        redirect_uri=BACK,
        code_challenge=challenge_of(VERIFIER),
        signed_in_at=NOW,
        ends_at=NOW + SESSION_LIFETIME,
        handle=hash_of(CODE),
        handle_ends_at=NOW + CODE_LIFETIME,
    )


def test_the_challenge_is_that_of_the_rfc() -> None:
    # RFC 7636 appendix B
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_a_code_becomes_an_active_session_that_can_be_refreshed() -> None:
    active, first = started().redeemed(CODE, BACK, VERIFIER, NOW)
    again, second = active.refreshed(first, NOW + timedelta(minutes=15))
    assert (active.state, again.state, first != second) == ("active", "active", True)
    assert again.holds(CODE)
    assert again.holds(first)
    assert not again.holds("x")


@pytest.mark.parametrize(
    ("code", "redirect", "verifier", "after", "reason", "ends"),
    [
        ("x" * 43, BACK, VERIFIER, timedelta(), "unknown", False),
        (CODE, BACK, VERIFIER, CODE_LIFETIME, "expired", False),
        (CODE, BACK + "/", VERIFIER, timedelta(), "mismatch", True),
        (CODE, BACK, "w" * 43, timedelta(), "mismatch", True),
        (CODE, BACK, "short", timedelta(), "mismatch", True),
        (CODE, BACK, challenge_of(VERIFIER), timedelta(), "mismatch", True),
    ],
)
def test_a_code_that_does_not_fit_gives_nothing(
    code: str, redirect: str, verifier: str, after: timedelta, reason: str, ends: bool
) -> None:
    with pytest.raises(RefusedHandle) as refused:
        started().redeemed(code, redirect, verifier, NOW + after)
    assert (refused.value.reason, refused.value.ends_session) == (reason, ends)


def test_a_code_is_no_refresh_token_and_a_refresh_token_no_code() -> None:
    with pytest.raises(RefusedHandle):
        started().refreshed(CODE, NOW)
    active, secret = started().redeemed(CODE, BACK, VERIFIER, NOW)
    with pytest.raises(RefusedHandle):
        active.redeemed(secret, BACK, VERIFIER, NOW)


def test_a_revoked_or_ended_session_is_not_refreshed() -> None:
    active, secret = started().redeemed(CODE, BACK, VERIFIER, NOW)
    for session, now in ((active.revoked(), NOW), (active, NOW + SESSION_LIFETIME)):
        with pytest.raises(RefusedHandle):
            session.refreshed(secret, now)


@given(st.integers(1, 20), st.integers(0, 19))
def test_whichever_former_secret_comes_again_ends_the_session(rotations: int, which: int) -> None:
    session, secret = started().redeemed(CODE, BACK, VERIFIER, NOW)
    former = [CODE]
    for _ in range(rotations):
        former.append(secret)
        session, secret = session.refreshed(secret, NOW)
    with pytest.raises(RefusedHandle) as refused:
        session.refreshed(former[which % len(former)], NOW)
    assert refused.value.reason == "reused"
    assert session.refreshed(secret, NOW)[0].state == "active"

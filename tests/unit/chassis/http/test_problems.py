import json

import pytest

from chassis.errors import (
    DeadlineExceeded,
    DependencyUnavailable,
    Forbidden,
    InvalidInput,
    PlatformError,
    RemoteError,
    ScopeMissing,
    TokenMissing,
    TooManyRequests,
    Unauthorized,
)
from chassis.http.problems import problem_response


def test_a_problem_can_quote_text_that_is_no_unicode() -> None:
    answer = problem_response(InvalidInput("the format \ud800 is not known, nor is é"))
    assert answer.status_code == 400
    assert answer.media_type == "application/problem+json"
    assert json.loads(bytes(answer.body))["detail"] == "the format ? is not known, nor is é"


@pytest.mark.parametrize(
    ("error", "wait"),
    [
        (TooManyRequests(), "1"),
        (DependencyUnavailable(), "1"),
        (DeadlineExceeded(), None),
        (RemoteError("metadata", 429, {}), "1"),
        (RemoteError("metadata", 503, {}), None),
        (InvalidInput(), None),
    ],
)
def test_who_may_try_again_is_told_when(error: PlatformError, wait: str | None) -> None:
    assert problem_response(error).headers.get("retry-after") == wait


@pytest.mark.parametrize(
    ("error", "challenge"),
    [
        (Unauthorized(), 'Bearer error="invalid_token"'),
        (TokenMissing(), "Bearer"),
        (RemoteError("metadata", 401, {}), "Bearer"),
        (ScopeMissing("a.read"), 'Bearer error="insufficient_scope", scope="a.read"'),
        (Forbidden(), None),
        (RemoteError("metadata", 403, {}), None),
    ],
)
def test_every_401_has_a_challenge(error: PlatformError, challenge: str | None) -> None:
    assert problem_response(error).headers.get("www-authenticate") == challenge

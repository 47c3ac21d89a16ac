"""Sets that are full, and memory that there is none of."""

from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.functions.gateway.envoy.module import limits
from tests.unit.functions.gateway.envoy.module.driver import JUMP_S, Crashed, Headers, Host
from tests.unit.functions.gateway.envoy.module.limits import NOBODY, TOKEN, configure, is_known, let_pass

quick = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

TOKEN_SETS, TOKEN_PLACES = 4096, 4
BUCKET_SETS, BUCKET_PLACES = 32768, 8


@pytest.fixture(scope="session")
def crowd(binary: Path, environment: dict[str, str]) -> list[bytes]:
    """Tokens that all lie in one set."""
    host, sets = Host(binary, environment), defaultdict[int, list[bytes]](list)
    for number in range(100_000):
        token = b"Bearer %d" % number
        together = sets[host.hash(token) % TOKEN_SETS]
        together.append(token)
        if len(together) == TOKEN_PLACES + 3:
            return together
    raise AssertionError("the hash spreads better than chance")


@given(steps=st.lists(st.tuples(st.booleans(), st.integers(0, TOKEN_PLACES + 2)), max_size=60))
@quick
def test_in_a_full_set_the_token_goes_that_was_asked_for_longest_ago(
    host: Host, crowd: list[bytes], steps: list[tuple[bool, int]]
) -> None:
    configure(host, keys=b"other")
    configure(host)
    for token in crowd[:TOKEN_PLACES]:
        assert let_pass(host, token).passed
    lately = crowd[:TOKEN_PLACES]
    for remembers, number in steps:
        token = crowd[number]
        if remembers:
            assert let_pass(host, token, tenant=token).passed
        else:
            assert is_known(host, [(b"authorization", token)]) == (token in lately)
        if remembers or token in lately:
            lately = [*(other for other in lately if other != token), token][-TOKEN_PLACES:]


def test_a_token_takes_its_own_claims_with_it_whoever_lay_in_its_place(host: Host, crowd: list[bytes]) -> None:
    configure(host)
    for token in crowd * 3:
        let_pass(host, token, tenant=b"tenant of " + token)
        assert dict(host.early([(b"authorization", token)]))[b"x-platform-tenant"] == b"tenant of " + token


@given(
    steps=st.lists(st.tuples(st.integers(1, 5000), st.integers(0, BUCKET_PLACES + 2)), max_size=80),
    place=st.integers(0, BUCKET_SETS - 1),
)
@quick
def test_in_a_full_set_the_bucket_goes_that_was_counted_in_longest_ago(
    host: Host, steps: list[tuple[int, int]], place: int
) -> None:
    host.later(JUMP_S)
    levels: dict[int, tuple[int, float]] = {}
    # What lay in the set before goes first.
    others = [(place + (100 + number) * BUCKET_SETS) << 1 | 1 for number in range(BUCKET_PLACES)]
    for hash in others:
        host.count(hash, rate=1, burst=3)
    for wait_ms, number in steps:
        host.later(wait_ms / 1000)
        hash = (place + number * BUCKET_SETS) << 1 | 1
        if hash not in levels and len(levels) == BUCKET_PLACES:
            del levels[min(levels, key=lambda other: levels[other][0])]
        at_ms, level = levels.get(hash, (host.up_ms, 3.0))
        level = min(3.0, level + (host.up_ms - at_ms) / 1000)
        admitted, left = host.count(hash, rate=1, burst=3)
        if abs(level - 1) > 1e-6:
            assert admitted == (level > 1)
        level -= admitted
        assert 0 <= level - left + 1e-6 < 1 + 2e-6
        levels[hash] = host.up_ms, level


@pytest.mark.parametrize("number", [1, 2])
def test_a_token_that_there_is_no_memory_for_passes_and_is_asked_for_again(host: Host, number: int) -> None:
    configure(host)
    host.starve(number + 1)  # the first is the request's own
    assert let_pass(host, b"Bearer t").passed
    host.starve(0)
    assert not is_known(host, [(b"authorization", b"Bearer t")])
    assert let_pass(host, b"Bearer t").passed
    assert is_known(host, [(b"authorization", b"Bearer t")])


@pytest.mark.parametrize("number", [1, 2, 3])
def test_settings_that_there_is_no_memory_for_are_refused_and_those_before_stay(host: Host, number: int) -> None:
    configure(host, unrouted="1 2")
    host.starve(number)
    assert not host.settings(limits.settings(unrouted="1 1000"))
    host.starve(1)
    assert not host.route(NOBODY, b"passes open")
    host.starve(0)
    assert [host.request().passed for _ in range(3)] == [True, True, False]
    assert not host.request(NOBODY).passed


TRACE = b"00-" + b"1" * 32 + b"-" + b"1" * 16 + b"-01"
MANY: Headers = [(b"h%d" % number, b"") for number in range(200)]


@pytest.mark.parametrize(
    "sent", [[(b"x-platform-user", b"root")], [(b"traceparent", TRACE)], [*MANY, (b"x-platform-user", b"root")]]
)
def test_without_memory_no_header_gets_in(binary: Path, environment: dict[str, str], sent: Headers) -> None:
    host = Host(binary, environment)
    host.starve(1)
    with pytest.raises(Crashed):
        host.early(sent)


def test_without_memory_no_request_gets_in(binary: Path, environment: dict[str, str]) -> None:
    host = Host(binary, environment)
    configure(host)
    host.starve(1)
    with pytest.raises(Crashed):
        host.request(TOKEN, limits.checked(b"Bearer t"))

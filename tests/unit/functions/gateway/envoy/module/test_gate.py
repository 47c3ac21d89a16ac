"""Who passes a route, what the answer says, and that no bytes crash the module."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.functions.gateway.envoy.module import limits
from tests.unit.functions.gateway.envoy.module.driver import Headers, Host
from tests.unit.functions.gateway.envoy.module.limits import KEYS, NOBODY, OPEN, TOKEN, checked, configure

quick = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
headers = st.lists(
    st.tuples(st.sampled_from([b"authorization", b"x-platform-expires", b"a"]), st.binary(max_size=5000))
)


@given(headers)
@quick
def test_nobody_is_always_refused_and_open_always_passes(host: Host, sent: Headers) -> None:
    configure(host)
    assert host.request(NOBODY, sent, keys=[KEYS]).status == 403
    assert host.request(OPEN, sent).passed


@given(st.text(" abm.redt", max_size=12) | st.sampled_from(["metadata.read", "x metadata.read", "metadata.read2"]))
@quick
def test_a_scope_is_a_whole_word(host: Host, scope: str) -> None:
    host.later(1000)
    configure(host)
    outcome = host.request(TOKEN, checked(b"Bearer t", scope=scope.encode()), keys=[KEYS])
    assert outcome.status == (0 if "metadata.read" in scope.split(" ") else 403)


def test_unrouted_requests_share_a_bucket_and_every_answer_says_what_is_left(host: Host) -> None:
    configure(host, unrouted="1 2")
    for left in (b"1", b"0"):
        assert host.request().passed
        said = dict(host.answer([(b"ratelimit", b"theirs")]))
        assert re.fullmatch(rb'"default";r=%b;t=\d+' % left, said[b"ratelimit"])
        assert said[b"ratelimit-policy"] == b'"default";q=2'
    refused = host.request()
    assert refused.status == 429
    assert dict(refused.answered)[b"retry-after"] == b"1"
    assert dict(refused.answered)[b"ratelimit"] == b'"default";r=0;t=1'


BAD = ["", "x", "tenant", "tenant acme", "tenant acme 3", "tenant  1", "tenant a 1 1", "bucket a 5 10", "instances 0"]
BAD += ["unrouted 0 1", "unrouted 1 2 3", "bucket a b 1 2 3", "bucket  b 1 2", "keys ", "instances -1", "tenant a 1e0"]


@pytest.mark.parametrize("line", BAD)
def test_settings_with_a_line_that_makes_no_sense_are_refused(host: Host, line: str) -> None:
    assert host.settings(limits.settings("tenant acme 2"))
    assert not host.settings(limits.settings(line, "tenant acme 2"))


@pytest.mark.parametrize(
    "line", ["", "passes all", "scope ", "service ", "address 1", "tier 3 1 1 1 1", "tier 0 1 1 1 1 1"]
)
def test_a_route_with_a_line_that_makes_no_sense_is_refused(host: Host, line: str) -> None:
    assert host.route(0, limits.limited("token"))
    assert not host.route(0, line.encode() + b"\n" + limits.limited("token"))


words = st.sampled_from(
    [b"keys", b"tenant", b"bucket", b"tier", b"passes", b"scope", b"1", b"999999999999999", b"token"]
)
lines = st.binary(max_size=3000) | st.lists(words | st.binary(max_size=3)).map(b" ".join)


@given(lines, lines, headers, st.none() | st.binary(max_size=50), st.lists(st.binary(max_size=50), max_size=6))
@quick
def test_no_bytes_crash_it(
    host: Host, first: bytes, route: bytes, sent: Headers, address: bytes | None, keys: list[bytes]
) -> None:
    configure(host)
    host.settings(first)
    host.settings(limits.settings() + b"\n" + first)
    host.route(5, route)
    host.route(5, limits.limited("known") + b"\n" + route)
    host.early(sent)
    for number in (None, 0, 1, 2, 3, 4, 5):
        host.request(number, sent, address=address, keys=keys)
        host.answer(sent)

"""What a request's headers are before it is routed, and whose token is known there."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.functions.gateway.envoy.module import limits
from tests.unit.functions.gateway.envoy.module.driver import JUMP_S, Headers, Host
from tests.unit.functions.gateway.envoy.module.limits import KNOWN, configure, is_known, let_pass

quick = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

OWN = (b"x-platform-", b"x-envoy-")
PARENT, TRACE = b"traceparent", b"x-client-trace-id"
GOOD = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
BAD = [
    b"",
    GOOD[:-1],
    GOOD + b"0",
    GOOD.upper(),
    GOOD.replace(b"-", b"_", 1),
    GOOD.replace(b"a", b"g", 1),
    b"00-" + b"0" * 32 + GOOD[35:],
    GOOD[:36] + b"0" * 16 + b"-01",
]
values = st.one_of(st.binary(max_size=100), st.just(GOOD), st.sampled_from(BAD))
names = st.one_of(
    st.binary(max_size=20),
    st.builds(bytes.__add__, st.sampled_from(OWN), st.binary(max_size=300)),
    st.sampled_from([b":path", PARENT, TRACE, b"x-platform", b"x-envoy", b"authorization", b"x-platform-tenant"]),
)


def expected(sent: Headers) -> Headers:
    kept = [header for header in sent if not header[0].startswith(OWN)]
    path, traces = dict(kept).get(b":path", b"").partition(b"?")[0], [value for name, value in kept if name == PARENT]
    if path:
        kept.append((b"x-platform-path", path))
    if traces == [GOOD]:
        return [*(header for header in kept if header[0] != TRACE), (TRACE, GOOD)]
    return [header for header in kept if header[0] not in (PARENT, TRACE)]


@given(st.lists(st.tuples(names, values), max_size=40))
@quick
def test_only_the_edge_speaks_by_its_headers_and_all_others_stay(host: Host, sent: Headers) -> None:
    assert host.early(sent) == expected(sent)


@pytest.mark.parametrize("sent", [*([bad] for bad in BAD), [GOOD, GOOD], [GOOD, b"x"], []])
def test_a_trace_that_envoy_can_not_go_on_with_is_taken_off(host: Host, sent: list[bytes]) -> None:
    others = [(TRACE, b"own"), (b"tracestate", b"a=b")]
    assert host.early([*((PARENT, trace) for trace in sent), *others]) == others[1:]


def test_a_good_trace_is_what_envoy_is_asked_to_keep(host: Host) -> None:
    assert host.early([(TRACE, b"own"), (PARENT, GOOD)]) == [(PARENT, GOOD), (TRACE, GOOD)]


@pytest.mark.parametrize("number", [128, 129, 300])
@pytest.mark.parametrize("name", [b"x-platform-user", b"x-envoy-" + b"n" * 5000, b"x-platform-", b"plain"])
def test_many_headers_and_long_names_are_no_way_in(host: Host, number: int, name: bytes) -> None:
    sent = [(name, b"v"), *((b"h%d" % at, b"") for at in range(number - 3)), (name, b"w"), (b":path", b"/" * 9000)]
    assert host.early(sent) == expected(sent)


ways = st.sampled_from(["pass", "ask", "keys", "wait"])


@given(st.lists(st.tuples(ways, st.integers(0, 2), st.integers(0, 2), st.integers(1, 30)), max_size=40))
@quick
def test_a_token_is_known_while_it_is_valid_and_its_keys_are_in_use(
    host: Host, steps: list[tuple[str, int, int, int]]
) -> None:
    host.later(JUMP_S)
    configure(host, keys=b"0")
    in_use, model = 0, dict[bytes, tuple[int, int]]()
    ends = (b"Bearer a" + b"s" * 80, b"Bearer b" + b"s" * 80, b"Bearer a" + b"s" * 79)
    for way, which, key, seconds in steps:
        token, expires_s = ends[which], host.unix_s + seconds
        if way == "wait":
            host.later(seconds)
        elif way == "keys":
            in_use = key
            host.settings(limits.settings(keys=b"%d" % key))
        elif way == "pass":
            let_pass(host, token, keys=b"%d" % key, expires_s=expires_s)
            if key == in_use:
                model[token] = key, expires_s
        keys, until_s = model.get(token, (-1, 0))
        known = keys == in_use and host.unix_s < until_s
        assert is_known(host, [(b"authorization", token)]) == known
        assert host.request(KNOWN, [(b"authorization", token)]).status == (0 if known else 401)


@pytest.mark.parametrize("what", ["keys", "time", "nothing"])
def test_a_request_whose_route_is_chosen_passes_whatever_changes_before_the_gate(host: Host, what: str) -> None:
    configure(host)
    let_pass(host, b"Bearer t", expires_s=host.unix_s + 1)
    sent = [(b"authorization", b"Bearer t")]
    assert is_known(host, sent)
    if what == "keys":
        host.settings(limits.settings(keys=b"next"))
    if what == "time":
        host.later(1)
    assert host.request(KNOWN, sent).passed
    assert not is_known(host, sent) or what == "nothing"
    assert host.request(KNOWN, sent).status == (0 if what == "nothing" else 401)


@pytest.mark.parametrize("more", [(b"authorization", b"Bearer t"), (b"authorization", b""), (b"x-api-key", b"")])
def test_two_credentials_are_never_known(host: Host, more: tuple[bytes, bytes]) -> None:
    configure(host)
    let_pass(host, b"Bearer t")
    sent = [(b"authorization", b"Bearer t")]
    assert is_known(host, sent)
    assert not is_known(host, [*sent, more])
    assert not is_known(host, [more, *sent])

"""What a request's headers are before it is routed, and whose token is known there."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.functions.gateway.envoy.module import limits
from tests.unit.functions.gateway.envoy.module.driver import JUMP_S, Headers, Host
from tests.unit.functions.gateway.envoy.module.limits import KNOWN, configure, is_known, let_pass

quick = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

OWN = (b"x-platform-", b"x-envoy-")
TRACE = b"x-client-trace-id"
names = st.one_of(
    st.binary(max_size=20),
    st.builds(bytes.__add__, st.sampled_from(OWN), st.binary(max_size=300)),
    st.sampled_from(
        [b":path", b"traceparent", TRACE, b"x-platform", b"x-envoy", b"authorization", b"x-platform-tenant"]
    ),
)


def expected(sent: Headers) -> Headers:
    kept = [header for header in sent if not header[0].startswith(OWN)]
    last = dict(kept)
    path, trace = last.get(b":path", b"").partition(b"?")[0], last.get(b"traceparent", b"")
    if path:
        kept.append((b"x-platform-path", path))
    if trace:
        kept = [*(header for header in kept if header[0] != TRACE), (TRACE, trace)]
    return kept


@given(st.lists(st.tuples(names, st.binary(max_size=100)), max_size=40))
@quick
def test_only_the_edge_speaks_by_its_headers_and_all_others_stay(host: Host, sent: Headers) -> None:
    assert host.early(sent) == expected(sent)


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

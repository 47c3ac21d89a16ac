"""What a tenant sees of a trace."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from functions.monitoring.records import Span, with_inherited_tenants
from functions.monitoring.visibility import SHARED_ATTRIBUTES, own_span_ids, visible_spans

SECRET = {"db.statement": "select", "http.route": "/x"}


def span(span_id: str, parent: str | None = None, tenant: str = "", start: int = 0) -> Span:
    return Span("t", span_id, parent, "s", "n", "internal", start, start + 1, "ok", tenant, SECRET)


def ids(spans: list[Span]) -> set[str]:
    return {each.span_id for each in spans}


def whole(spans: list[Span]) -> set[str]:
    return {each.span_id for each in spans if each.attributes == SECRET}


def test_a_trace_without_a_span_of_the_tenant_shows_nothing() -> None:
    assert visible_spans([], [span("edge")]) == []


def test_what_hangs_below_an_own_span_is_own_work() -> None:
    seen = visible_spans([span("mine", tenant="acme")], [span("query", "mine"), span("socket", "query")])
    assert whole(seen) == {"mine", "query", "socket"}


def test_infrastructure_above_and_beside_is_shown_without_its_details() -> None:
    seen = visible_spans([span("mine", "edge", "acme")], [span("edge", "caller"), span("token", "caller")])
    assert ids(seen) == {"mine", "edge", "token"}
    assert whole(seen) == {"mine"}
    assert all(each.attributes.keys() <= SHARED_ATTRIBUTES for each in seen if each.span_id != "mine")


def test_untagged_work_below_another_tenants_span_is_not_shown() -> None:
    # globex's span "theirs" is never loaded for acme; "query" hangs below it.
    seen = visible_spans([span("mine", "edge", "acme")], [span("edge"), span("query", "theirs")])
    assert ids(seen) == {"mine", "edge"}
    assert own_span_ids([span("mine", "edge", "acme")], [span("query", "theirs")]) == {"mine"}


def test_spans_are_ordered_by_start_and_repeated_ones_shown_once() -> None:
    own = [span("b", tenant="acme", start=2), span("a", tenant="acme", start=1), span("b", tenant="acme", start=2)]
    assert [each.span_id for each in visible_spans(own, [])] == ["a", "b"]


def test_spans_that_are_their_own_ancestors_do_no_harm() -> None:
    loop = [span("x", "y"), span("y", "x"), span("z", "z")]
    assert ids(visible_spans([span("mine", "x", "acme")], loop)) == {"mine", "x", "y"}
    assert [each.tenant for each in with_inherited_tenants(loop)] == ["", "", ""]


names = st.sampled_from("abcdefgh")


@given(st.dictionaries(names, st.tuples(st.none() | names, st.booleans()), max_size=8))
def test_own_spans_are_always_whole_and_others_whole_only_below_them(tree: dict[str, tuple[str | None, bool]]) -> None:
    spans = [span(name, parent, "acme" if mine else "") for name, (parent, mine) in tree.items()]
    own, untagged = [s for s in spans if s.tenant], [s for s in spans if not s.tenant]
    seen = visible_spans(own, untagged)
    assert whole(seen) == (own_span_ids(own, untagged) if own else set())
    assert ids(own) <= ids(seen) <= tree.keys()


def test_untagged_spans_of_one_export_take_their_parents_tenant() -> None:
    spans = [span("a", tenant="acme"), span("b", "a"), span("c", "b"), span("d", "elsewhere")]
    assert [each.tenant for each in with_inherited_tenants(spans)] == ["acme", "acme", "acme", ""]
    assert with_inherited_tenants([replace(spans[1], trace_id="other"), spans[0]])[0].tenant == ""

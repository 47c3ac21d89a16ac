"""Bicep's expressions give what Bicep gives."""

from typing import Any

import pytest

from infra.bicep_reader.expression import ExpressionError, Unknown, evaluate

SCOPE = {
    "manifests": [{"service": "a", "queues": [{"name": "q"}]}, {"service": "b"}],
    "principals": {"a": "A"},
    "entry": {"service": "a"},
    "later": Unknown("later"),
    "n": 2,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + n * 3", 7),
        ("n == 2 && !(n > 2) ? 'yes' : 'no'", "yes"),
        ("'${entry.service}-${n}'", "a-2"),
        (r"'it\'s \${no} hole'", "it's ${no} hole"),
        ("principals[entry.service]", "A"),
        ("flatten(map(manifests, m => map(m.?queues ?? [], q => { service: m.service, name: q.name })))",
         [{"service": "a", "name": "q"}]),
        ("map(filter(manifests, m => length(m.?queues ?? []) > 0), m => m.service)", ["a"]),
        ("concat([\n  1\n  n\n], range(3, 2))", [1, 2, 3, 4]),
        ("union([1, 2], [2, 3])", [1, 2, 3]),
        ("toObject([1], i => 'k${i}', i => i + 1)", {"k1": 2}),
        ("items({ z: 1, a: 2 })", [{"key": "a", "value": 2}, {"key": "z", "value": 1}]),
        ("subscriptionResourceId('roles', 'r')", "r"),
    ],
)  # fmt: skip
def test_what_is_known_is_computed(text: str, value: Any) -> None:
    assert evaluate(text, SCOPE) == value


@pytest.mark.parametrize(
    "text", ["later", "later!.outputs.id", "'x-${later.name}'", "later == 'a' ? 1 : 2", "take(later, 3)"]
)
def test_what_only_a_deployment_knows_stays_unknown(text: str) -> None:
    assert isinstance(evaluate(text, SCOPE), Unknown)


@pytest.mark.parametrize("text", ["nobody", "entry.other", "f(1)", "1 +", "[1", "[1][1]", "1 2", "#"])
def test_what_can_not_be_read_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(text, SCOPE)

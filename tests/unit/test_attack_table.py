import pytest

from tests.attack_table import ATTACKS, DOORS, Attack, parameters


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_every_attack_is_tried_at_the_edge_and_straight_at_the_service(attack: Attack) -> None:
    assert attack.both or (attack.edge and attack.service)
    for test in attack.both:
        assert (parameters(test) or frozenset()) & DOORS, f"{test} does not run at both doors"
    for test in (attack.edge, attack.service):
        assert test is None or parameters(test) is not None, f"there is no {test}"

import pytest

from tests.attack_table import ATTACKS, DOORS, FORGED, Attack, parameters, variants
from tests.integration.identity.test_token_attacks import ATTACKS as FORGERIES


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_every_attack_is_tried_at_the_edge_and_straight_at_the_service(attack: Attack) -> None:
    assert attack.both or (attack.edge and attack.service)
    for test in attack.both:
        assert (parameters(test) or frozenset()) & DOORS, f"{test} does not run at both doors"
    for test in (attack.edge, attack.service):
        assert test is None or parameters(test) is not None, f"there is no {test}"
    assert set(attack.variants) <= variants(attack.both[0] if attack.both else FORGED)


def test_every_variant_of_a_forged_token_is_there() -> None:
    named = {variant for attack in ATTACKS if FORGED in attack.both for variant in attack.variants}
    assert named <= FORGERIES.keys()

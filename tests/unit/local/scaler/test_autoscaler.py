"""The decisions of KEDA and the HPA, look by look."""

from hypothesis import given
from hypothesis import strategies as st

from local.scaler.autoscaler import Autoscaler
from local.scaler.rules import Behavior, Direction, Policy, Rules, Trigger

DEPTH = Trigger(type="azure-queue", name="depth", metadata={"queueLength": "4", "activationQueueLength": "2"})


def rules(**changes: object) -> Rules:
    usual = {"service": "processing", "polling_interval": 15, "max_replica_count": 10, "triggers": (DEPTH,)}
    return Rules.model_validate({**usual, **changes})


def direction(window_s: int, *policies: tuple[str, int, int], select: str = "Max") -> Direction:
    found = [Policy.model_validate({"type": t, "value": v, "period_seconds": p}) for t, v, p in policies]
    return Direction.model_validate(
        {"stabilization_window_seconds": window_s, "select_policy": select, "policies": found}
    )


def looks(scaler: Autoscaler, depths: list[float], every_s: float = 15) -> list[int]:
    return [scaler.step(number * every_s, {"depth": depth}) for number, depth in enumerate(depths)]


def test_activation_decides_between_none_and_one() -> None:
    assert looks(Autoscaler(rules(), 0), [0, 1, 2, 3, 3]) == [0, 0, 0, 1, 1]


def test_it_goes_to_zero_once_the_cooldown_is_over_and_not_before() -> None:
    scaler = Autoscaler(rules(cooldown_period=60), 1)
    assert looks(scaler, [9, 0, 0, 0, 0, 0]) == [3, 3, 3, 3, 0, 0]


def test_replicas_are_the_depth_by_its_target_within_the_defaults_of_the_hpa() -> None:
    assert looks(Autoscaler(rules(), 1), [40, 40]) == [5, 10]
    assert looks(Autoscaler(rules(max_replica_count=7), 1), [40, 40]) == [5, 7]


def test_a_metric_near_its_target_changes_nothing() -> None:
    assert looks(Autoscaler(rules(), 5), [21.9, 18.1, 23]) == [5, 5, 6]


def test_the_largest_recommendation_of_the_window_holds_the_replicas_up() -> None:
    down = direction(60, ("Percent", 100, 15))
    scaler = Autoscaler(rules(behavior=Behavior(scale_down=down)), 1)
    assert looks(scaler, [12, 4, 4, 4, 4, 4, 4]) == [3, 3, 3, 3, 1, 1, 1]


def test_policies_bound_what_changes_within_their_period() -> None:
    behavior = Behavior(scale_up=direction(0, ("Pods", 1, 60)), scale_down=direction(0, ("Percent", 50, 60)))
    scaler = Autoscaler(rules(behavior=behavior), 1)
    assert looks(scaler, [40] * 9) == [2, 2, 2, 2, 3, 3, 3, 3, 4]
    scaler = Autoscaler(rules(behavior=behavior), 8)
    assert looks(scaler, [4] * 6) == [4, 4, 4, 4, 2, 2]


def test_the_stricter_policy_counts_where_it_is_chosen() -> None:
    up = direction(0, ("Pods", 4, 15), ("Percent", 100, 15), select="Min")
    assert looks(Autoscaler(rules(behavior=Behavior(scale_up=up)), 1), [40]) == [2]
    off = direction(0, ("Pods", 4, 15), select="Disabled")
    assert looks(Autoscaler(rules(behavior=Behavior(scale_up=off)), 1), [40]) == [1]


def test_a_trigger_that_cannot_be_read_leaves_things_as_they_are() -> None:
    scaler = Autoscaler(rules(cooldown_period=10), 3)
    assert [scaler.step(at, {}) for at in (0, 100, 200)] == [3, 3, 3]


@given(
    depths=st.lists(st.floats(0, 1000), max_size=60),
    least=st.integers(0, 3),
    most=st.integers(3, 12),
    start=st.integers(0, 3),
)
def test_the_replicas_stay_within_their_bounds_whatever_comes(
    depths: list[float], least: int, most: int, start: int
) -> None:
    scaler = Autoscaler(rules(min_replica_count=least, max_replica_count=most), max(least, start))
    assert all(least <= count <= most for count in looks(scaler, depths))


@given(depth=st.floats(5, 40))
def test_a_steady_depth_ends_at_the_replicas_that_it_needs(depth: float) -> None:
    counts = looks(Autoscaler(rules(), 0), [depth] * 40)
    assert abs(counts[-1] * 4 - depth) <= max(4, 0.12 * depth)
    assert counts == sorted(counts)

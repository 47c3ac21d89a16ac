"""Semantic versions in order."""

from itertools import pairwise

from functions.workflow.versions import Precedence

# semver.org, section 11.
ORDERED = (
    "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.9.0 1.10.0"
)


def test_versions_are_ordered_as_semver_orders_them() -> None:
    for low, high in pairwise(ORDERED.split()):
        assert Precedence(low) < Precedence(high)
        assert not Precedence(high) < Precedence(low)


def test_build_metadata_does_not_count() -> None:
    assert Precedence("1.0.0+a") == Precedence("1.0.0+b")

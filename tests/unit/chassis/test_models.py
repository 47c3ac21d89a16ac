"""Times in contracts are what the documents promise: RFC 3339."""

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from chassis.models import AwareDatetime, Moment

MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)
AWARE: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


@pytest.mark.parametrize("kind", [MOMENT, AWARE])
@pytest.mark.parametrize("sent", ["0.5", "1700000000", "-1700000000", 1_700_000_000, 0.5, "yesterday"])
def test_a_number_is_no_time_though_pydantic_would_count_seconds(kind: TypeAdapter[datetime], sent: object) -> None:
    with pytest.raises(ValidationError):
        kind.validate_python(sent)


@pytest.mark.parametrize("kind", [MOMENT, AWARE])
def test_a_time_as_rfc_3339_writes_it_is_taken(kind: TypeAdapter[datetime]) -> None:
    assert kind.validate_python("2026-01-02T03:04:05Z") == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_only_one_of_the_two_takes_a_time_without_its_offset() -> None:
    assert MOMENT.validate_python("2026-01-02T03:04:05") == datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001
    with pytest.raises(ValidationError):
        AWARE.validate_python("2026-01-02T03:04:05")

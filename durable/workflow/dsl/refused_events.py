"""Features of events, schedules and sub-workflows that have no runtime, each with the reason that a person reads."""

REFUSED: dict[str, str] = {}

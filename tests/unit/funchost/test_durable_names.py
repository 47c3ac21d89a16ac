from funchost.durable.registry import KnownFunctions


def test_durable_functions_are_found_in_any_letter_case_and_told_as_they_were_given() -> None:
    known = KnownFunctions.of({"RunOrder": ("orchestrator", "f"), "Pay": ("activity", "g"), "Counter": ("entity", "h")})
    assert known.orchestrators["runorder"] == known.orchestrators["RUNORDER"] == "f"
    assert "pay" in known.activities
    assert "ship" not in known.activities
    assert list(known.orchestrators) == ["RunOrder"]

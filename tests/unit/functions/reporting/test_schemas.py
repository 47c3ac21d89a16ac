"""What a report may be asked with."""

import pytest
from pydantic import ValidationError

from functions.reporting.schemas import RenderReport, ReportRequest

GOOD = {"title": "Delays", "job": "job-1"}


def test_a_title_and_a_job_are_enough() -> None:
    request = ReportRequest.model_validate(GOOD)
    assert request.formats == ("pdf", "xlsx", "csv")


@pytest.mark.parametrize(
    "change",
    [
        {"title": ""},
        {"title": "two\nlines"},
        {"title": "bell\x07"},
        {"title": "x" * 201},
        {"job": "../../identity"},
        {"job": "a?b=c"},
        {"formats": []},
        {"formats": ["pdf", "pdf"]},
        {"formats": ["exe"]},
        {"chart": {"type": "heatmap", "x": "a", "y": "b"}},
        {"chart": {"type": "bar", "x": "a", "y": "b", "spec": {"$schema": "vega"}}},
        {"figures": [{"label": "a", "column": "b"}] * 5},
        {"labels": {"a": ""}},
        {"labels": {"a": "x" * 61}},
        {"labels": {"a": "two\nlines"}},
        {"labels": {f"column {n:03}": "x" * 60 for n in range(60)}},
        {"colour": "red"},
    ],
)
def test_what_does_not_fit_the_contract_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ReportRequest.model_validate({**GOOD, **change})


def test_the_largest_request_fits_a_queue_message() -> None:
    long = "\U0001f6eb" * 60
    column = "\U0001f6eb" * 200
    request = ReportRequest.model_validate(
        {
            "title": "\U0001f6eb" * 200,
            "subtitle": "\U0001f6eb" * 300,
            "job": "j" * 100,
            "chart": {"type": "heatmap", "x": column, "y": column, "series": column, "title": column},
            "figures": [{"label": long, "column": column, "aggregate": "count"}] * 4,
            "labels": {f"{n:02}" + column[:198]: long[:50] for n in range(16)},
        }
    )
    command = RenderReport.model_validate(
        {"id": "i" * 32, "fingerprint": "f" * 64, "requestedAt": "2026-11-23T00:00:00Z", "request": request}
    )
    assert len(command.model_dump_json(by_alias=True).encode()) < 40_000

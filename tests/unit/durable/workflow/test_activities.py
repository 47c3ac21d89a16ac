"""How answers of other services become outcomes and errors of the specification."""

import pytest

from chassis.errors import DependencyUnavailable, RemoteError
from durable.workflow.activities import _request, of_platform_error, of_resource
from durable.workflow.catalog import CATALOG, argument_mistakes
from durable.workflow.faults import STANDARD


def test_a_remote_refusal_keeps_its_status_and_problem() -> None:
    error = of_platform_error(RemoteError("processing", 404, {"type": "urn:x", "title": "Gone", "detail": "why"}))
    assert (error.type, error.status, error.title, error.detail) == (STANDARD + "communication", 404, "Gone", "why")
    assert error.problem == {"type": "urn:x"}


def test_a_service_that_does_not_answer_is_a_503() -> None:
    assert of_platform_error(DependencyUnavailable("away")).status == 503


@pytest.mark.parametrize("status", ["pending", "running"])
def test_unfinished_work_is_waited_for(status: str) -> None:
    assert of_resource("processing.run", "j", {"id": "j", "status": status}).state == "started"


def test_finished_work_gives_the_catalogs_members_and_few_bad_rows() -> None:
    rows = [{"row": n} for n in range(1000)]
    found = {"id": "v", "status": "completed", "progress": {}, "result": {"rows": 5, "invalidRows": rows}}
    output = of_resource("processing.validate", "v", found).output
    assert set(output) == {"id", "result"}
    assert len(output["result"]["invalidRows"]) == 20


def test_failed_work_is_a_validation_or_a_runtime_error() -> None:
    failed = {"status": "failed", "error": {"title": "t", "detail": "d", "invalidRows": [{"row": 1}]}}
    refused = of_resource("processing.validate", "v", failed).error
    broken = of_resource("reporting.render", "r", {"status": "failed", "error": None}).error
    assert refused is not None
    assert broken is not None
    assert (refused.type, refused.status, refused.problem) == (
        STANDARD + "validation",
        422,
        {"invalidRows": [{"row": 1}]},
    )
    assert (broken.type, broken.status) == (STANDARD + "runtime", 500)


def test_work_that_someone_discarded_is_not_waited_for() -> None:
    error = of_resource("processing.run", "j", {"id": "j", "status": "discarded"}).error
    assert error is not None
    assert error.status == 410


def test_path_arguments_are_quoted_and_left_out_of_the_body() -> None:
    path, body = _request(CATALOG["metadata.validate"], {"schema": "../a b", "items": [1]})
    assert path == "/metadata/schemas/..%2Fa%20b/versions/latest/validate"
    assert body == {"items": [1]}


def test_each_function_knows_its_arguments() -> None:
    for name, function in CATALOG.items():
        assert argument_mistakes(name, dict.fromkeys(function.arguments)) == []
        assert len(argument_mistakes(name, {"unheard-of": 1})) == 1 + len(function.required)

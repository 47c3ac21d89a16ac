import pytest

from functions.gateway.envoy.problems import PROBLEMS, local_reply_config


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 408, 413, 414, 426, 429, 431, 500, 502, 503, 504])
def test_each_status_of_the_edge_has_one_problem_body_of_its_own(status: int) -> None:
    mappers = [
        mapper
        for mapper in local_reply_config()["mappers"]
        if "status_code_filter" in mapper["filter"]
        and mapper["filter"]["status_code_filter"]["comparison"]["value"]["default_value"] == status
    ]
    (mapper,) = mappers
    body = mapper["body_format_override"]
    assert body["content_type"] == "application/problem+json"
    assert body["json_format"].keys() == {"type", "title", "status", "detail", "traceId"}
    assert body["json_format"]["status"] == status
    assert body["json_format"]["type"].startswith("urn:problem:gateway:")


def test_any_other_status_is_a_problem_too_with_its_own_number() -> None:
    body = local_reply_config()["body_format"]
    assert body["content_type"] == "application/problem+json"
    assert body["json_format"]["status"] == "%RESPONSE_CODE%"


def test_no_two_problems_share_a_type() -> None:
    assert len({problem.code for problem in PROBLEMS}) == len(PROBLEMS)

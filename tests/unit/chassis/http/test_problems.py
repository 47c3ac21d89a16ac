import json

from chassis.errors import InvalidInput
from chassis.http.problems import problem_response


def test_a_problem_can_quote_text_that_is_no_unicode() -> None:
    answer = problem_response(InvalidInput("the format \ud800 is not known, nor is é"))
    assert answer.status_code == 400
    assert answer.media_type == "application/problem+json"
    assert json.loads(bytes(answer.body))["detail"] == "the format ? is not known, nor is é"

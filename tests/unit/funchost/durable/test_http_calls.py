"""Durable HTTP calls: one request, polling, and what survives a restart."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.durable_functions as df
import pytest

from funchost.durable.http_calls import HttpAnswer, HttpCall, HttpCallRefused, next_poll

bp = df.Blueprint()
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CALL = HttpCall("POST", "https://a.example/jobs", "{}", {"Authorization": "s", "X-Functions-Key": "k", "Accept": "*/*"})


@bp.orchestration_trigger(context_name="context")
def calls(context: df.DurableOrchestrationContext) -> Any:
    method, uri, content = context.get_input()
    answer = yield context.call_http(method, uri, content)
    return answer


@bp.orchestration_trigger(context_name="context")
def calls_as_nobody(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_http("GET", "http://x", token_source=df.ManagedIdentityTokenSource("https://y"))


class Web:
    """Gives the prepared answers, one after the other, and keeps what it was asked."""

    def __init__(self, *answers: HttpAnswer | Exception) -> None:
        self.answers, self.asked = list(answers), list[HttpCall]()

    async def __call__(self, call: HttpCall) -> HttpAnswer:
        self.asked.append(call)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def accepted(**headers: str) -> HttpAnswer:
    return HttpAnswer(202, {name.replace("_", "-"): value for name, value in headers.items()}, "")


async def test_the_answer_reaches_the_orchestrator(make_hub: Any) -> None:
    web = Web(HttpAnswer(418, {"X": "y"}, "tea"))
    hub = await make_hub(bp, http=web)
    value = await hub.result("calls", ["PUT", "http://x/y", {"n": 1}])
    assert value == {"statusCode": 418, "headers": {"X": "y"}, "content": "tea"}
    assert [(call.method, call.uri, call.content) for call in web.asked] == [("PUT", "http://x/y", '{"n": 1}')]


async def test_accepted_work_is_polled_until_it_is_done_over_restarts(make_hub: Any) -> None:
    web = Web(accepted(Location="/jobs/1", Retry_After="5"), accepted(Location="/jobs/1"), HttpAnswer(200, {}, "done"))
    hub = await make_hub(bp, http=web)
    instance_id = await hub.start("calls", ["POST", "http://x/jobs", None])
    begin = hub.clock.now()
    for _ in range(3):
        await hub.idle()
        await hub.restart()
    assert len(web.asked) == 1
    assert (await hub.finish(instance_id)).status == "Completed"
    assert [(call.method, call.uri) for call in web.asked[1:]] == [("GET", "http://x/jobs/1")] * 2
    assert hub.clock.now() - begin == timedelta(seconds=5 + 30)


async def test_the_pause_of_host_json_counts_when_the_answer_names_none(make_hub: Any) -> None:
    web = Web(accepted(location="/j"), HttpAnswer(200, {}, ""))
    hub = await make_hub(bp, http=web, httpSettings={"defaultAsyncRequestSleepTimeMilliseconds": 2000})
    begin = hub.clock.now()
    await hub.result("calls", ["GET", "http://x/", None])
    assert hub.clock.now() - begin == timedelta(seconds=2)


async def test_polling_ends_with_its_orchestration(make_hub: Any) -> None:
    web = Web(*[accepted(Location="/jobs/1")] * 3)
    hub = await make_hub(bp, http=web)
    instance_id = await hub.start("calls", ["GET", "http://x/", None])
    await hub.idle()
    await hub.engine.client.terminate(instance_id, "enough")
    while hub.clock.advance_to_next():
        await hub.idle()
    assert len(web.asked) == 2


async def test_a_call_that_gets_no_answer_fails_in_the_orchestrator(make_hub: Any) -> None:
    hub = await make_hub(bp, http=Web(OSError("nobody there")))
    row = await hub.run("calls", ["GET", "http://x/", None])
    assert row.status == "Failed"
    assert "nobody there" in row.output


async def test_a_token_is_never_sent_in_the_clear(make_hub: Any) -> None:
    web = Web()
    hub = await make_hub(bp, http=web)
    assert "not https" in (await hub.run("calls_as_nobody")).output


def test_a_token_source_that_is_no_managed_identity_is_refused_by_name() -> None:
    request = {"method": "GET", "uri": "https://x", "tokenSource": {"kind": "Magic", "resource": "https://y"}}
    with pytest.raises(HttpCallRefused, match="AzureManagedIdentity"):
        HttpCall.read(json.dumps(request))


def test_a_poll_takes_its_token_along_to_the_same_origin_only() -> None:
    source = {"kind": "AzureManagedIdentity", "resource": "https://y"}
    call = HttpCall.read(json.dumps({"method": "POST", "uri": "https://x/start", "tokenSource": source}))
    assert HttpCall.read(call.to_json()) == call
    for location, resource in (("/status", "https://y"), ("https://elsewhere/status", None)):
        poll = next_poll(call, HttpAnswer(202, {"Location": location}, ""), NOW, timedelta(seconds=1))
        assert poll is not None
        assert poll.token_resource == resource


@pytest.mark.parametrize("uri", ["file:///etc/passwd", "/relative", "ftp://x/"])
def test_only_absolute_web_addresses_are_called(uri: str) -> None:
    with pytest.raises(HttpCallRefused, match="absolute"):
        HttpCall.read(f'{{"method": "GET", "uri": "{uri}"}}')


def test_a_stored_call_is_read_as_it_was() -> None:
    poll = next_poll(CALL, accepted(Location="/jobs/1"), NOW, timedelta(seconds=1))
    assert poll is not None
    assert HttpCall.read(poll.to_json()) == poll


@pytest.mark.parametrize(
    ("location", "headers"),
    [("/jobs/1", {"Authorization": "s", "Accept": "*/*"}), ("https://b.example/1", {"Accept": "*/*"})],
)
def test_secrets_go_to_the_first_address_only(location: str, headers: dict[str, str]) -> None:
    poll = next_poll(CALL, accepted(Location=location), NOW, timedelta(seconds=1))
    assert poll is not None
    assert poll.headers == headers


@pytest.mark.parametrize(
    ("retry_after", "seconds"), [("7", 7), ("Thu, 01 Jan 2026 00:01:00 GMT", 60), ("soon", 1), ("", 1)]
)
def test_retry_after_is_seconds_or_a_date(retry_after: str, seconds: int) -> None:
    poll = next_poll(CALL, accepted(location="/x", Retry_After=retry_after), NOW, timedelta(seconds=1))
    assert poll is not None
    assert poll.not_before == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("answer", [HttpAnswer(200, {"Location": "/x"}, ""), HttpAnswer(202, {}, "")])
def test_anything_but_accepted_with_a_location_is_the_answer(answer: HttpAnswer) -> None:
    assert next_poll(CALL, answer, NOW, timedelta(seconds=1)) is None

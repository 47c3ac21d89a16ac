"""A message from the request to its receivers."""

from typing import Any

import orjson
import pytest
from standardwebhooks.webhooks import Webhook

from chassis.context import Principal
from chassis.errors import Conflict
from chassis.runtime import Runtime
from functions.notification import dispatch, service, webhooks
from functions.notification.errors import MessageNotFound
from functions.notification.repository import Messages
from functions.notification.schemas import Deliver, MessageView, SendMessage, WebhookRequest
from tests.integration.notification.conftest import Mailbox, Receiver, commands, drained, pump, pushes

EMAIL = {"type": "email", "to": ["ada@example.org"]}
PUSH = {"type": "signalr", "userId": "demo"}
HOOK = {"type": "webhook", "webhook": "receiver"}


def message(*channels: dict[str, Any], **changes: Any) -> SendMessage:
    return SendMessage.model_validate(
        {"subject": "Report ready", "body": "It is done.", "data": {"rows": 185}, "channels": channels, **changes}
    )


async def register(runtime: Runtime, caller: Principal, receiver: Receiver) -> str:
    made = await webhooks.put(runtime, caller, "receiver", WebhookRequest(url=receiver.url))
    assert made.secret is not None
    return made.secret


async def sent(runtime: Runtime, caller: Principal, *channels: dict[str, Any]) -> MessageView:
    accepted = await service.accept(runtime, caller, message(*channels), None)
    await pump(runtime)
    return await service.show(runtime, caller, accepted.id)


async def announced(runtime: Runtime) -> list[dict[str, Any]]:
    await runtime.events.settle()
    events = [orjson.loads(body) for body in await drained(runtime, "audit-events")]
    return [event for event in events if event["type"].startswith("notification.message.")]


@pytest.fixture
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failed tries are due at once."""
    pause_after = dispatch.pause_after
    monkeypatch.setattr(dispatch, "pause_after", lambda *a: None if pause_after(*a) is None else 0)


async def test_a_message_reaches_all_three_channels(
    runtime: Runtime, caller: Principal, mailbox: Mailbox, receiver: Receiver
) -> None:
    secret = await register(runtime, caller, receiver)
    shown = await sent(runtime, caller, EMAIL, PUSH, HOOK)

    assert (shown.status, [each.status for each in shown.deliveries]) == ("delivered", ["delivered"] * 3)
    assert [mail["Subject"] for mail in mailbox.mails] == ["Report ready"]
    headers, body = receiver.requests[0]
    assert Webhook(secret).verify(body, headers)["data"] == {
        "id": shown.id,
        "subject": "Report ready",
        "body": "It is done.",
        "data": {"rows": 185},
    }
    pushed = await pushes(runtime)
    assert [push.arguments[0]["subject"] for push in pushed if push.target == "notification"] == ["Report ready"]
    progress = [push.arguments[0] for push in pushed if push.target == "progress"]
    assert [(each["done"], each["total"]) for each in progress] == [(0, 3), (1, 3), (2, 3), (3, 3)]


async def test_its_end_is_announced_once_without_addresses(
    runtime: Runtime, caller: Principal, mailbox: Mailbox
) -> None:
    shown = await sent(runtime, caller, EMAIL, PUSH)
    events = await announced(runtime)
    assert [(event["type"], event["subject"]) for event in events] == [("notification.message.delivered", shown.id)]
    assert events[0]["correlationid"] == "run-1"
    assert "ada@example.org" not in orjson.dumps(events).decode()


async def test_a_repeated_command_delivers_nothing_again(
    runtime: Runtime, caller: Principal, mailbox: Mailbox, receiver: Receiver
) -> None:
    await register(runtime, caller, receiver)
    await service.accept(runtime, caller, message(EMAIL, HOOK), "key")
    command = (await commands(runtime, service.COMMANDS, SendMessage))[0]
    await dispatch.send(runtime, command)
    await dispatch.send(runtime, command)
    tries = await commands(runtime, dispatch.DELIVERIES, Deliver)
    assert len(tries) == 4
    for one in tries:
        await dispatch.deliver(runtime, one)
    await dispatch.send(runtime, command)
    await pump(runtime)
    assert (len(mailbox.mails), len(receiver.requests)) == (1, 1)
    assert len(await announced(runtime)) == 1


async def test_a_crash_between_sending_and_recording_repeats_it_with_the_same_ids(
    runtime: Runtime, caller: Principal, mailbox: Mailbox, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register(runtime, caller, receiver)
    await service.accept(runtime, caller, message(EMAIL, HOOK), None)
    await dispatch.send(runtime, (await commands(runtime, service.COMMANDS, SendMessage))[0])
    tries = await commands(runtime, dispatch.DELIVERIES, Deliver)
    with monkeypatch.context() as patch:

        async def killed(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(dispatch, "_record", killed)
        for one in tries:
            with pytest.raises(KeyboardInterrupt):
                await dispatch.deliver(runtime, one)
    for one in tries:
        await dispatch.deliver(runtime, one)
    assert [mail["Message-ID"] for mail in mailbox.mails] == [mailbox.mails[0]["Message-ID"]] * 2
    assert [headers["webhook-id"] for headers, _ in receiver.requests] == [receiver.requests[0][0]["webhook-id"]] * 2
    assert len({body for _, body in receiver.requests}) == 1


@pytest.mark.usefixtures("without_pauses")
async def test_what_may_pass_is_tried_again_and_counted(
    runtime: Runtime, caller: Principal, mailbox: Mailbox, receiver: Receiver
) -> None:
    secret = await register(runtime, caller, receiver)
    receiver.answers = [503, 429]
    mailbox.refusals = ["451 try later"]
    shown = await sent(runtime, caller, EMAIL, HOOK)
    assert [(each.status, each.attempts) for each in shown.deliveries] == [("delivered", 2), ("delivered", 3)]
    assert shown.deliveries[1].error is None
    for headers, body in receiver.requests:
        Webhook(secret).verify(body, headers)


async def test_a_server_that_is_away_leaves_the_delivery_pending_with_its_next_try_queued(
    runtime: Runtime, caller: Principal
) -> None:
    gone = runtime.settings.model_copy(update={"smtp_port": 9})
    away = Runtime("notification", gone)
    shown = await sent(away, caller, EMAIL)
    assert (shown.status, shown.deliveries[0].attempts) == ("pending", 1)
    assert shown.deliveries[0].error is not None
    assert "can't be reached" in shown.deliveries[0].error
    assert await away.queues.depth(dispatch.DELIVERIES) == 1
    await away.close()


@pytest.mark.usefixtures("without_pauses")
async def test_after_the_last_try_it_has_failed(runtime: Runtime, caller: Principal, receiver: Receiver) -> None:
    await register(runtime, caller, receiver)
    receiver.answers = [500] * 50
    shown = await sent(runtime, caller, HOOK)
    assert (shown.status, shown.deliveries[0].error) == ("failed", "the webhook answered 500")
    assert shown.deliveries[0].attempts == len(receiver.requests) == 9
    assert [event["type"] for event in await announced(runtime)] == ["notification.message.failed"]


async def test_a_refusal_for_good_fails_at_once_and_the_other_channel_is_delivered(
    runtime: Runtime, caller: Principal, mailbox: Mailbox, receiver: Receiver
) -> None:
    await register(runtime, caller, receiver)
    mailbox.refusals = ["550 no such user"]
    shown = await sent(runtime, caller, EMAIL, HOOK)
    assert shown.status == "failed"
    assert [(each.status, each.attempts) for each in shown.deliveries] == [("failed", 1), ("delivered", 1)]
    assert shown.deliveries[0].error == "the recipient was refused (SMTP 550)"


async def test_a_redirect_is_not_followed(runtime: Runtime, caller: Principal, receiver: Receiver) -> None:
    await register(runtime, caller, receiver)
    receiver.answers, receiver.headers = [307], {"Location": receiver.url}
    shown = await sent(runtime, caller, HOOK)
    assert (shown.status, len(receiver.requests)) == ("failed", 1)


async def test_a_private_address_is_refused_where_that_is_not_allowed(
    runtime: Runtime, caller: Principal, receiver: Receiver
) -> None:
    await webhooks.put(runtime, caller, "receiver", WebhookRequest(url=receiver.url.replace("http:", "https:")))
    await webhooks.put(
        runtime, caller, "named", WebhookRequest(url=receiver.url.replace("http://127.0.0.1", "https://0x7f.1"))
    )
    strict = Runtime("notification", runtime.settings.model_copy(update={"webhook_allow_private": False}))
    shown = await sent(strict, caller, HOOK, {"type": "webhook", "webhook": "named"})
    assert [each.error for each in shown.deliveries] == ["the host is not a public one"] * 2
    assert receiver.requests == []
    await strict.close()


async def test_an_unknown_webhook_fails_at_once(runtime: Runtime, caller: Principal) -> None:
    shown = await sent(runtime, caller, HOOK)
    assert (shown.status, shown.deliveries[0].error) == ("failed", "no webhook 'receiver' is registered")


async def test_a_command_waits_while_the_service_is_stopped(
    runtime: Runtime, caller: Principal, mailbox: Mailbox
) -> None:
    await runtime.queues.send(service.COMMANDS, service.SEND, message(EMAIL, id="from-workflow"))
    assert mailbox.mails == []
    await pump(runtime)
    assert (await service.show(runtime, caller, "from-workflow")).status == "delivered"


async def test_a_message_without_its_rows_is_made_from_the_command(
    runtime: Runtime, caller: Principal, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        async def killed(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(Messages, "add", killed)
        with pytest.raises(KeyboardInterrupt):
            await service.accept(runtime, caller, message(EMAIL, id="m1"), None)
    await pump(runtime)
    assert (await service.show(runtime, caller, "m1")).status == "delivered"


async def test_the_same_id_for_another_message_is_refused(runtime: Runtime, caller: Principal) -> None:
    await service.accept(runtime, caller, message(PUSH, id="m1"), None)
    await service.accept(runtime, caller, message(PUSH, id="m1"), None)
    with pytest.raises(Conflict):
        await service.accept(runtime, caller, message(PUSH, id="m1", body="other"), None)


async def test_another_tenant_sees_nothing(runtime: Runtime, caller: Principal) -> None:
    accepted = await service.accept(runtime, caller, message(PUSH), None)
    with pytest.raises(MessageNotFound):
        await service.show(runtime, Principal(subject="x", tenant="stranger"), accepted.id)

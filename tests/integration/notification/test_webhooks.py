"""Registering webhooks."""

import pytest

from chassis.context import Principal
from chassis.runtime import Runtime
from functions.notification import webhooks
from functions.notification.errors import BadWebhookUrl, WebhookNotFound
from functions.notification.repository import Webhooks
from functions.notification.schemas import WebhookRequest

FIRST, SECOND = WebhookRequest(url="https://example.org/a"), WebhookRequest(url="https://example.org/b")


async def test_the_secret_is_shown_once_and_stays_when_the_url_changes(runtime: Runtime, caller: Principal) -> None:
    made = await webhooks.put(runtime, caller, "w", FIRST)
    assert made.secret is not None
    changed = await webhooks.put(runtime, caller, "w", SECOND)
    shown = await webhooks.show(runtime, caller, "w")
    assert (changed.secret, shown.secret, shown.url) == (None, None, SECOND.url)
    stored = await Webhooks(runtime).get(caller.tenant, "w")
    assert stored is not None
    assert stored.secret == made.secret
    assert made.secret not in repr(stored)


async def test_a_removed_webhook_gets_a_new_secret(runtime: Runtime, caller: Principal) -> None:
    first = await webhooks.put(runtime, caller, "w", FIRST)
    await webhooks.remove(runtime, caller, "w")
    await webhooks.remove(runtime, caller, "w")
    with pytest.raises(WebhookNotFound):
        await webhooks.show(runtime, caller, "w")
    assert (await webhooks.put(runtime, caller, "w", FIRST)).secret not in {None, first.secret}


async def test_a_url_that_leads_inside_is_refused_and_nothing_stored(runtime: Runtime, caller: Principal) -> None:
    strict = Runtime("notification", runtime.settings.model_copy(update={"webhook_allow_private": False}))
    with pytest.raises(BadWebhookUrl):
        await webhooks.put(strict, caller, "w", WebhookRequest(url="https://127.0.0.1/"))
    assert await Webhooks(runtime).get(caller.tenant, "w") is None


async def test_each_tenant_has_its_own(runtime: Runtime, caller: Principal) -> None:
    await webhooks.put(runtime, caller, "w", FIRST)
    with pytest.raises(WebhookNotFound):
        await webhooks.show(runtime, Principal(subject="x", tenant="stranger"), "w")

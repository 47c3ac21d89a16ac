"""The relay of a service's outbox, as a timer trigger."""

from typing import TYPE_CHECKING

import azure.functions as func

if TYPE_CHECKING:
    from chassis.runtime import Runtime

EVERY_TEN_SECONDS = "*/10 * * * * *"


def add_outbox_relay(blueprint: func.TriggerApi, runtime: "Runtime", *tables: str) -> None:
    """Register `<service>_relay_outbox`: every ten seconds it publishes what a crash or an outage left in the tables.

    In the normal case it finds nothing: events are published right after their transaction.
    """

    async def relay(timer: func.TimerRequest) -> None:
        for name in tables:
            await runtime.events.relay(runtime.tables.table(name))

    relay.__name__ = f"{runtime.service}_relay_outbox"
    named = blueprint.function_name(relay.__name__)
    scheduled = blueprint.timer_trigger(arg_name="timer", schedule=EVERY_TEN_SECONDS, use_monitor=False)
    named(scheduled(relay))

import azure.durable_functions as df
import azure.functions as func
import pytest

from chassis.messaging.triggers import QueueDelivery, deliveries, on_queue


@pytest.mark.parametrize(
    ("by_bus", "kind", "annotation"),
    [(False, "queueTrigger", func.QueueMessage), (True, "serviceBusTrigger", func.ServiceBusMessage)],
)
@pytest.mark.parametrize("durable", [False, True])
def test_one_handler_serves_either_kind_of_queue(by_bus: bool, kind: str, annotation: type, durable: bool) -> None:
    blueprint = df.Blueprint()

    async def handle(msg: QueueDelivery, client: str = "") -> None: ...

    given = blueprint.durable_client_input(client_name="client")(handle) if durable else handle
    blueprint.function_name("work_do_it")(on_queue(blueprint, "work-commands", over_service_bus=by_bus)(given))
    app = df.DFApp()
    app.register_functions(blueprint)
    [function] = app.get_functions()
    binding = function.get_trigger().get_dict_repr()
    assert (binding["type"], binding["queueName"], binding["name"]) == (kind, "work-commands", "msg")
    assert function.get_user_function().__annotations__["msg"] is annotation


def test_deliveries_are_counted_alike() -> None:
    assert deliveries(func.QueueMessage(id="1")) == 1
    assert deliveries(func.ServiceBusMessage(body=b"")) == 1

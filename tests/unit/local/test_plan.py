"""What the supervisor is told to run."""

from chassis.manifest import Queue, ServiceManifest, Subscription
from local.plan import event_subscriptions


def _subscriber(service: str, queue: str, *types: str) -> ServiceManifest:
    return ServiceManifest.model_validate(
        {
            "service": service,
            "layer": "core",
            "queues": (Queue(name=queue),),
            "subscriptions": (Subscription(queue=queue, types=types),),
        }
    )


def test_subscriptions_of_all_services_are_put_together_by_queue() -> None:
    manifests = {
        "audit": _subscriber("audit", "audit-events", "*"),
        "workflow": _subscriber("workflow", "workflow-events", "reporting.report.*", "processing.job.*"),
    }
    assert event_subscriptions(manifests) == {
        "audit-events": ["*"],
        "workflow-events": ["processing.job.*", "reporting.report.*"],
    }


def test_without_subscribers_nothing_is_announced_to_anyone() -> None:
    assert event_subscriptions({}) == {}

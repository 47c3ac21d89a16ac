from chassis.messaging.events import EventTopic
from chassis.messaging.queues import Queues


def test_an_event_goes_to_every_queue_whose_pattern_fits() -> None:
    topic = EventTopic(
        Queues("UseDevelopmentStorage=true", "test"),
        {"audit-events": ["*"], "workflow-events": ["processing.job.*", "reporting.report.completed"]},
    )
    assert topic.subscribers("processing.job.failed") == ["audit-events", "workflow-events"]
    assert topic.subscribers("reporting.report.completed") == ["audit-events", "workflow-events"]
    assert topic.subscribers("reporting.report.failed") == ["audit-events"]
    assert topic.subscribers("Processing.job.failed") == ["audit-events"]

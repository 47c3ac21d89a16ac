"""What the supervisor is told to run."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from chassis.manifest import Queue, ServiceManifest, Subscription
from local.credentials import Credentials, DemoClient
from local.edge import MODULE_SETTING
from local.layout import ROOT, Layout
from local.plan import DEFAULT_PORTS, Plan, event_subscriptions


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


def _plan(state_dir: Path, *services: str, **environment: str) -> Plan:
    credentials = Credentials(DemoClient("demo", SecretStr("secret")), SecretStr("key"))
    return Plan(Layout(ROOT, state_dir), DEFAULT_PORTS, credentials, {}, environment, services)


def test_the_edge_goes_without_its_module_when_a_platforms_own_environment_says_so(tmp_path: Path) -> None:
    plan = _plan(tmp_path, "gateway", **{MODULE_SETTING: "off"})
    assert plan._edge().name == "edge"
    assert 'edgeModule: ""' in plan.layout.envoy_file.read_text()
    assert MODULE_SETTING in str(plan.without_module())


def test_where_there_is_no_edge_nothing_is_told_of_its_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODULE_SETTING, "off")
    assert _plan(tmp_path, "audit").without_module() is None

"""The contract checks find what they are there for: each test spoils one thing of the real platform."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

import pytest

from chassis.manifest import ServiceManifest, read_manifests
from infra.checks.code_use import CodeUse, platform_use
from infra.checks.configuration import settings_mistakes
from infra.checks.declared import declared_mistakes
from infra.checks.endpoints import endpoint_mistakes
from infra.checks.manifests import Environment, environment
from infra.checks.network import network_mistakes
from infra.checks.overlays import completeness_mistakes
from infra.checks.scaling import scale_mistakes
from infra.checks.schemas import KEDA_CRDS, keda_mistakes, kubernetes_mistakes
from infra.image.contents import ROOT

Object = dict[str, Any]
BACKLOG = "SELECT dt.GetScaleRecommendation({}, 20)"


@pytest.fixture(scope="module")
def manifests() -> dict[str, ServiceManifest]:
    return read_manifests(ROOT / "functions")


@pytest.fixture(scope="module")
def code(manifests: dict[str, ServiceManifest]) -> dict[str, CodeUse]:
    return platform_use(manifests)


def spoilt(name: str, kind: str, which: str, change: Callable[[Object], object]) -> Environment:
    """The overlay with one object changed."""
    objects = deepcopy(list(environment(name).objects))
    found = Environment(name, tuple(objects)).find(kind, which)
    assert found is not None
    change(found)
    return Environment(name, tuple(objects))


def without(name: str, kind: str, which: str) -> Environment:
    gone = environment(name).find(kind, which)
    return Environment(name, tuple(found for found in environment(name).objects if found is not gone))


def forget(trigger: Object, counter: str) -> None:
    trigger["metadata"]["query"] = trigger["metadata"]["query"].replace(counter, "cx_total")


def one(mistakes: Iterable[str], part: str) -> None:
    found = list(mistakes)
    assert any(part in line for line in found), found


def test_a_queue_without_a_trigger_is_found(manifests: dict[str, ServiceManifest], code: dict[str, CodeUse]) -> None:
    changed = spoilt("prod", "ScaledObject", "audit", lambda found: found["spec"]["triggers"].pop(0))
    one(scale_mistakes(changed, manifests, code), "audit-events can back up")


def test_a_trigger_for_a_queue_that_nobody_consumes_is_found(
    manifests: dict[str, ServiceManifest], code: dict[str, CodeUse]
) -> None:
    changed = spoilt(
        "dev", "ScaledObject", "audit", lambda found: found["spec"]["triggers"][0]["metadata"].update(queueName="other")
    )
    one(scale_mistakes(changed, manifests, code), "trigger for other, which the service does not consume")


@pytest.mark.parametrize(
    ("service", "change", "part"),
    [
        ("workflow", lambda spec: spec["triggers"][1]["metadata"].update(query=BACKLOG.format(9)), "asked for with 9"),
        ("workflow", lambda spec: spec["triggers"].pop(1), "0 mssql triggers"),
        ("metadata", lambda spec: spec.update(maxReplicaCount=99), "maxReplicaCount is 99"),
        ("workflow", lambda spec: spec.update(minReplicaCount=0), "minReplicaCount is 0"),
        ("metadata", lambda spec: spec["triggers"][0]["metadata"].update(threshold="7"), "rate's target is 7"),
        ("metadata", lambda spec: spec["triggers"][0]["metadata"].update(query="vector(0)"), "another service's"),
        ("metadata", lambda spec: forget(spec["triggers"][0], "cx_none_healthy"), "leaves out upstream_cx_none"),
        ("audit", lambda spec: spec["triggers"][0]["metadata"].pop("activationMessageCount"), "says nothing of"),
        ("audit", lambda spec: spec["triggers"][0].update(type="azure-queue"), "travel by azure-servicebus"),
        ("audit", lambda spec: spec["triggers"][0]["authenticationRef"].update(name="no"), "TriggerAuthentication no"),
        ("audit", lambda spec: spec.pop("advanced"), "how fast it scales"),
    ],
)  # fmt: skip
def test_a_wrong_scale_rule_is_found(
    service: str,
    change: Callable[[Object], object],
    part: str,
    manifests: dict[str, ServiceManifest],
    code: dict[str, CodeUse],
) -> None:
    changed = spoilt("prod", "ScaledObject", service, lambda found: change(found["spec"]))
    one(scale_mistakes(changed, manifests, code), part)


def test_a_pod_that_is_killed_before_its_longest_function_ends_is_found(
    manifests: dict[str, ServiceManifest], code: dict[str, CodeUse]
) -> None:
    changed = spoilt(
        "prod",
        "Deployment",
        "processing",
        lambda found: found["spec"]["template"]["spec"].update(terminationGracePeriodSeconds=600),
    )
    one(scale_mistakes(changed, manifests, code), "killed after 600 s")


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda found: found["spec"].update(clusterIP="10.0.0.9"), "is not headless"),
        (lambda found: found["spec"].update(publishNotReadyAddresses=True), "pods that are not ready"),
        (lambda found: found["spec"].update(selector={"app.kubernetes.io/name": "audit"}), "the ordinary Service"),
        (lambda found: found["metadata"]["labels"].pop("app.kubernetes.io/component"), "find it by its labels"),
    ],
)
def test_a_headless_service_by_which_the_edge_would_not_see_the_services_pods_is_found(
    change: Callable[[Object], object], part: str, manifests: dict[str, ServiceManifest]
) -> None:
    one(endpoint_mistakes(spoilt("prod", "Service", "audit-pods", change), manifests), part)


def test_a_service_without_a_headless_one_is_found(manifests: dict[str, ServiceManifest]) -> None:
    one(endpoint_mistakes(without("kind", "Service", "audit-pods"), manifests), "Service audit-pods: is missing")


@pytest.mark.parametrize(
    ("template", "part"),
    [("http://{service}-pods", "asks at port 80"), ("http://{service}:8080", "Service audit: is not headless")],
)
def test_an_edge_that_asks_elsewhere_than_at_the_pods_is_found(
    template: str, part: str, manifests: dict[str, ServiceManifest]
) -> None:
    name = "PLATFORM_EDGE_SERVICE_URL_TEMPLATE"
    changed = spoilt("dev", "ConfigMap", "gateway-settings", lambda found: found["data"].update({name: template}))
    one(endpoint_mistakes(changed, manifests), part)


def test_a_pod_that_ends_while_the_edge_may_still_ask_it_is_found(manifests: dict[str, ServiceManifest]) -> None:
    def hurry(found: Object) -> None:
        [app] = found["spec"]["template"]["spec"]["containers"]
        app["lifecycle"]["preStop"]["exec"]["command"] = ["/bin/sleep", "10"]

    one(endpoint_mistakes(spoilt("prod", "Deployment", "audit", hurry), manifests), "pods end 10 s after")


def test_a_caller_too_few_and_a_caller_too_many_are_found(
    manifests: dict[str, ServiceManifest], code: dict[str, CodeUse]
) -> None:
    def swap(found: Object) -> None:
        for peer in found["spec"]["ingress"][0]["from"]:
            labels = peer["podSelector"]["matchLabels"]
            if labels.get("app.kubernetes.io/name") == "workflow":
                labels["app.kubernetes.io/name"] = "audit"

    mistakes = list(network_mistakes(spoilt("dev", "NetworkPolicy", "processing", swap), manifests, code))
    one(mistakes, "lets in audit, which the code does not need")
    one(mistakes, "lets in not workflow, which the code needs")


def test_a_policy_that_denies_nothing_is_found(manifests: dict[str, ServiceManifest], code: dict[str, CodeUse]) -> None:
    one(network_mistakes(without("dev", "NetworkPolicy", "default-deny"), manifests, code), "denied by default")


def test_a_call_that_service_yaml_does_not_name_is_found(
    manifests: dict[str, ServiceManifest], code: dict[str, CodeUse]
) -> None:
    changed = {**manifests, "reporting": manifests["reporting"].model_copy(update={"calls": {}})}
    one(network_mistakes(environment("dev"), changed, code), "reporting asks processing")


@pytest.mark.parametrize(
    ("service", "change", "part"),
    [
        ("audit", {"tables": ()}, "audit: service.yaml tables: auditlog is missing"),
        ("audit", {"tables": ("auditlog", "more")}, "tables: more is used nowhere"),
        ("audit", {"containers": ("audit-leaves", "more")}, "containers: more is used nowhere"),
        ("audit", {"queues": ()}, "queues: audit-events is missing"),
        ("workflow", {"sends": ()}, "sends: notification-commands is missing"),
        ("audit", {"sends": ("nowhere",)}, "audit sends to nowhere, which no service consumes"),
        ("audit", {"calls": {"metadata": ("metadata.read",)}}, "metadata is not asked by the code"),
        ("reporting", {"calls": {"processing": ("processing.burn",)}}, "which processing asks nobody for"),
    ],
)
def test_a_service_yaml_that_does_not_fit_the_code_is_found(
    service: str,
    change: dict[str, object],
    part: str,
    manifests: dict[str, ServiceManifest],
    code: dict[str, CodeUse],
) -> None:
    changed = {**manifests, service: manifests[service].model_copy(update=change)}
    one(declared_mistakes(changed, code), part)


def test_a_route_whose_scope_the_service_does_not_ask_for_is_found(
    manifests: dict[str, ServiceManifest], code: dict[str, CodeUse]
) -> None:
    route = manifests["audit"].routes[2].model_copy(update={"scope": "audit.all"})
    changed = {**manifests, "audit": manifests["audit"].model_copy(update={"routes": (route,)})}
    one(declared_mistakes(changed, code), "the edge asks for audit.all, the service itself does not")


@pytest.mark.parametrize(
    ("variable", "value", "part"),
    [
        ("PLATFORM_SMTP_PROT", "1", "nobody reads PLATFORM_SMTP_PROT"),
        ("PLATFORM_SMTP_PORT", "many", "these settings can't be used"),
        ("PLATFORM_SERVICES", "audit", "PLATFORM_SERVICES is audit"),
    ],
)
def test_a_wrong_setting_is_found(variable: str, value: str, part: str, manifests: dict[str, ServiceManifest]) -> None:
    changed = spoilt("dev", "ConfigMap", "notification-settings", lambda found: found["data"].update({variable: value}))
    one(settings_mistakes(changed, manifests), part)


def test_a_setting_that_no_manifest_gives_is_found(manifests: dict[str, ServiceManifest]) -> None:
    changed = spoilt("dev", "ConfigMap", "azure", lambda found: found["data"].pop("PLATFORM_ISSUER"))
    one(settings_mistakes(changed, manifests), "no manifest sets issuer")


@pytest.mark.parametrize("kind", ["Service", "PodDisruptionBudget", "NetworkPolicy", "ServiceAccount", "ScaledObject"])
def test_a_service_without_one_of_its_objects_is_found(kind: str, manifests: dict[str, ServiceManifest]) -> None:
    one(completeness_mistakes(without("prod", kind, "audit"), manifests), f"audit has no {kind}")


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda pod: pod["containers"][0].pop("livenessProbe"), "has no livenessProbe"),
        (lambda pod: pod["containers"][0]["securityContext"].pop("readOnlyRootFilesystem"), "can be written"),
        (lambda pod: pod["containers"][0]["securityContext"].pop("capabilities"), "gain privileges"),
        (lambda pod: pod["containers"][0].update(volumeMounts=[]), "no volume at /tmp"),
        (lambda pod: pod["containers"][0]["resources"].pop("limits"), "has no limits"),
        (lambda pod: pod.update(serviceAccountName="default"), "runs as default"),
        (lambda pod: pod["containers"][0]["envFrom"][0]["configMapRef"].update(name="no"), "no ConfigMap no"),
    ],
)
def test_a_pod_that_is_less_than_locked_down_is_found(
    change: Callable[[Object], object], part: str, manifests: dict[str, ServiceManifest]
) -> None:
    changed = spoilt("prod", "Deployment", "audit", lambda found: change(found["spec"]["template"]["spec"]))
    one(completeness_mistakes(changed, manifests), part)


def test_a_field_that_kubernetes_does_not_know_is_found() -> None:
    changed = spoilt("dev", "Deployment", "audit", lambda found: found["spec"].update(replica=1))
    one(kubernetes_mistakes(Environment("dev", (changed.find("Deployment", "audit") or {},))), "Deployment audit")


@pytest.mark.skipif(not KEDA_CRDS.is_dir(), reason="KEDA's CRDs are not at ../shared/conformance/keda")
@pytest.mark.parametrize("change", [{"pollInterval": 3}, {"minReplicaCount": "1"}])
def test_a_field_that_keda_would_prune_or_refuse_is_found(change: Object) -> None:
    changed = spoilt("dev", "ScaledObject", "audit", lambda found: found["spec"].update(change))
    one(keda_mistakes(changed), "ScaledObject audit")

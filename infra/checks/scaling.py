"""Scale rules against what services consume: every trigger that can back up has one, and no rule is for nothing."""

import re
from collections.abc import Iterator, Mapping

from chassis.manifest import ServiceManifest
from infra.checks.code_use import CodeUse
from infra.checks.manifests import Environment, Object

DEPTH_TRIGGERS = {"azure-servicebus": "messageCount", "azure-queue": "queueLength"}
"""KEDA scaler → the field with its target for each replica."""

ACTIVATIONS = {
    "azure-servicebus": "activationMessageCount",
    "azure-queue": "activationQueueLength",
    "mssql": "activationTargetValue",
    "prometheus": "activationThreshold",
}
ASKED = ("upstream_rq_total", "upstream_cx_connect_fail", "upstream_cx_none_healthy")
"""Envoy's counters of who asks: what a pod took, what one refused, and what found none, as at zero."""

BACKLOG = re.compile(r"SELECT dt\.GetScaleRecommendation\((\d+), (\d+)\)")
_DURABLE = "AzureFunctionsJobHost__extensions__durableTask__"
_SECONDS = {"functionTimeout": "AzureFunctionsJobHost__functionTimeout"}


def scale_mistakes(
    environment: Environment, manifests: Mapping[str, ServiceManifest], code: Mapping[str, CodeUse]
) -> Iterator[str]:
    """Every service's ScaledObject against its service.yaml, its code and its Deployment."""
    for service, manifest in manifests.items():
        where = f"{environment.name}: ScaledObject {service}"
        scaled = environment.find("ScaledObject", service)
        if scaled is None:
            yield f"{where}: is missing"
            continue
        spec, triggers = scaled["spec"], spec_triggers(scaled)
        yield from (f"{where}: {line}" for line in _bounds(environment, spec, manifest))
        yield from (f"{where}: {line}" for line in _depths(environment, triggers, manifest, code[service]))
        yield from (f"{where}: {line}" for line in _backlog(environment, triggers, service, code[service]))
        yield from (f"{where}: {line}" for line in _requests(triggers, manifest))
        yield from (f"{where}: {line}" for line in _forms(environment, spec, triggers))
        yield from _grace(environment, service)


def spec_triggers(scaled: Object) -> list[Object]:
    """The triggers of a ScaledObject."""
    return list(scaled["spec"]["triggers"])


def _bounds(environment: Environment, spec: Object, manifest: ServiceManifest) -> Iterator[str]:
    if spec["maxReplicaCount"] != manifest.scale.max_replicas:
        yield f"maxReplicaCount is {spec['maxReplicaCount']}, service.yaml says {manifest.scale.max_replicas}"
    least = spec["minReplicaCount"]
    if least < manifest.scale.min_replicas or (environment.name != "prod" and least != manifest.scale.min_replicas):
        yield f"minReplicaCount is {least}, service.yaml says {manifest.scale.min_replicas}"


def _depths(
    environment: Environment, triggers: list[Object], manifest: ServiceManifest, code: CodeUse
) -> Iterator[str]:
    kind = "azure-servicebus" if environment.name == "prod" else "azure-queue"
    found = {trigger["metadata"]["queueName"]: trigger for trigger in triggers if trigger["type"] in DEPTH_TRIGGERS}
    partitions = {name for queue in manifest.partitioned_queues for name in queue.queues}
    consumed: dict[str, object] = {**dict.fromkeys(partitions, "partitionedQueues"), **code.consumes}
    for queue in sorted(consumed.keys() - found.keys()):
        yield f"{queue} can back up ({consumed[queue]}) and has no trigger"
    for queue in sorted(found.keys() - consumed.keys()):
        yield f"there is a trigger for {queue}, which the service does not consume"
    for queue, trigger in found.items():
        if queue in partitions:
            if trigger["type"] != "azure-queue":
                yield f"{queue}: {trigger['type']}, but partitions are storage queues everywhere"
            continue
        if trigger["type"] != kind:
            yield f"{queue}: {trigger['type']}, but here messages travel by {kind}"
        target = trigger["metadata"].get(DEPTH_TRIGGERS[trigger["type"]])
        if target != str(manifest.scale.queue_length):
            yield f"{queue}: the target is {target}, service.yaml says {manifest.scale.queue_length}"


def _backlog(environment: Environment, triggers: list[Object], service: str, code: CodeUse) -> Iterator[str]:
    backlog = [trigger for trigger in triggers if trigger["type"] == "mssql"]
    if bool(backlog) != code.durable:
        yield f"{len(backlog)} mssql triggers, and the service is {'' if code.durable else 'not '}durable"
    variables = environment.variables(service)
    for trigger in backlog:
        asked = BACKLOG.fullmatch(trigger["metadata"]["query"])
        if asked is None:
            yield f"the backlog's query is not {BACKLOG.pattern}"
            continue
        for name, value in zip(("Orchestrator", "Activity"), asked.groups(), strict=True):
            bound = variables.get(f"{_DURABLE}maxConcurrent{name}Functions")
            if bound != value:
                yield f"the backlog is asked for with {value} a replica, max concurrent {name} functions is {bound}"
        if trigger["metadata"]["targetValue"] != "1":
            yield "GetScaleRecommendation counts replicas: its target is 1"
    provider = variables.get(f"{_DURABLE}storageProvider__type")
    if code.durable and provider != "mssql":
        yield f"durable, and its storage provider is {provider}"


def _requests(triggers: list[Object], manifest: ServiceManifest) -> Iterator[str]:
    rates = [trigger["metadata"] for trigger in triggers if trigger["type"] == "prometheus"]
    if len(rates) != bool(manifest.routes):
        yield f"{len(rates)} triggers on the edge's request rate, with {len(manifest.routes)} routes"
    for rate in rates:
        if f'envoy_cluster_name="{manifest.service}"' not in rate["query"]:
            yield "the request rate is another service's"
        for counter in ASKED:
            if f'rate(envoy_cluster_{counter}{{envoy_cluster_name="{manifest.service}"}}' not in rate["query"]:
                yield f"the request rate leaves out {counter}"
        if rate["threshold"] != str(manifest.scale.requests_per_second):
            yield f"the rate's target is {rate['threshold']}, service.yaml says {manifest.scale.requests_per_second}"


def _forms(environment: Environment, spec: Object, triggers: list[Object]) -> Iterator[str]:
    names = [trigger.get("name") for trigger in triggers]
    if None in names or len(set(names)) != len(names):
        yield "triggers need a name of their own"
    for trigger in triggers:
        field = ACTIVATIONS.get(trigger["type"])
        if field and field not in trigger["metadata"]:
            yield f"{trigger.get('name')}: says nothing of {field}"
        reference = trigger.get("authenticationRef")
        if reference and environment.find("TriggerAuthentication", reference["name"]) is None:
            yield f"{trigger.get('name')}: there is no TriggerAuthentication {reference['name']}"
        connection = trigger["metadata"].get("connection", "")
        if "UseDevelopmentStorage" in connection:
            yield f"{trigger.get('name')}: KEDA refuses UseDevelopmentStorage=true"
    behavior = spec.get("advanced", {}).get("horizontalPodAutoscalerConfig", {}).get("behavior", {})
    if not {"scaleUp", "scaleDown"} <= behavior.keys():
        yield "says nothing of how fast it scales up and down"


def _grace(environment: Environment, service: str) -> Iterator[str]:
    """What runs at scale-in is finished: the pod's grace outlasts preStop and the longest function."""
    deployment = environment.find("Deployment", service)
    if deployment is None:
        return
    pod = deployment["spec"]["template"]["spec"]
    variables = environment.variables(service)
    hours, minutes, seconds = variables.get(_SECONDS["functionTimeout"], "00:10:00").split(":")
    longest = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    command = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    needed = longest + int(command[-1])
    if pod["terminationGracePeriodSeconds"] <= needed:
        yield f"{environment.name}: Deployment {service}: is killed after {pod['terminationGracePeriodSeconds']} s"
    if variables.get("FUNCTIONS_ENABLE_DRAIN_ON_APP_STOPPING") != "true":
        yield f"{environment.name}: Deployment {service}: does not drain"

"""Who may do what on Azure: the role assignments of infra/bicep, their loops run, against what the code does."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from chassis.manifest import ServiceManifest
from infra.bicep_reader import Declaration, Document, Expression
from infra.bicep_reader.expression import ExpressionError, Unknown, evaluate
from infra.checks.azure_types import BUILT_IN_ROLES
from infra.checks.bicep import FOLDER, documents
from infra.checks.code_use import CodeUse

KEDA = "keda"
TOPIC = "platform-events"
HOST_CONTAINER = "azure-webjobs-hosts"
POISON = "-poison"
_OF_CODE = frozenset({"queue", "topic", "subscription", "table", "container"})
_SERVICES = "services of the platform"
_ROLE_ASSIGNMENT = "Microsoft.Authorization/roleAssignments"


class Grant(NamedTuple):
    """A service (or KEDA), what it may do by the name of a built-in role, and on what: `queue audit-events`."""

    who: str
    role: str
    where: str


def grants(parameters: Path, folder: Path = FOLDER) -> set[Grant]:
    """What the deployment with these parameters gives to services and KEDA. Raises ExpressionError."""
    return {
        grant
        for document, scope in _modules(parameters, folder)
        for resource in document.of_kind("resource").values()
        if resource.type.startswith(_ROLE_ASSIGNMENT)
        for grant in _given(resource, scope)
        if grant.who in {*scope[_SERVICES], KEDA}
    }


def made(parameters: Path, folder: Path = FOLDER) -> set[str]:
    """The queues, topics, subscriptions, tables and containers that the deployment makes: `queue audit-events`."""
    found = {
        str(label)
        for document, scope in _modules(parameters, folder)
        for name, resource in document.of_kind("resource").items()
        if not resource.existing
        for label in (scope[name] if isinstance(scope[name], list) else [scope[name]])
    }
    return {label for label in found if label.partition(" ")[0] in _OF_CODE}


def _modules(parameters: Path, folder: Path) -> Iterator[tuple[Document, Mapping[str, Any]]]:
    """Each module that is deployed, with what its names stand for."""
    scope = _main_scope(parameters, folder)
    for module in documents(folder)["main.bicep"].of_kind("module").values():
        if module.condition is None or evaluate(module.condition, scope):
            yield documents(folder)[module.type], _module_scope(module, scope, folder)


def _main_scope(parameters: Path, folder: Path) -> dict[str, Any]:
    """Parameters, then variables in the order of the file; modules' outputs are not known, but for who is who."""
    main = documents(folder)["main.bicep"]
    scope: dict[str, Any] = {name: Unknown(name) for name in (*main.of_kind("module"), *main.of_kind("resource"))}
    scope |= _loaders(main.path)
    for name, value in re.findall(r"^param (\w+) = (.+?)(?=\nparam |\n//|\Z)", parameters.read_text(), re.M | re.S):
        scope[name] = _parameter(value)
    for name, param in main.of_kind("param").items():
        scope.setdefault(name, param.body if not isinstance(param.body, Expression) else Unknown(name))
    for name, variable in main.of_kind("var").items():
        scope[name] = evaluate(variable.text, scope)
    principals = {service: service for service in scope["services"]}
    scope["identities"] = {"outputs": {"principals": principals, "scalerPrincipal": KEDA, "clientIds": principals}}
    return scope


def _loaders(file: Path) -> Mapping[str, Callable[[str], Any]]:
    """What Bicep reads when it compiles, by paths from the file that says so; JSON is YAML."""

    def load(path: str) -> Any:
        return YAML(typ="safe", pure=True).load((file.parent / path).resolve())

    return {"loadYamlContent": load, "loadJsonContent": load}


def _parameter(text: str) -> Any:
    try:
        return evaluate(text.strip(), {})
    except ExpressionError:  # readEnvironmentVariable: known where it is deployed
        return Unknown(text.strip())


def _value(body: Any, scope: Mapping[str, Any]) -> Any:
    """A literal as it is, an expression evaluated."""
    if isinstance(body, Expression):
        return evaluate(body.text, scope)
    if isinstance(body, dict):
        return {key: _value(inner, scope) for key, inner in body.items()}
    return [_value(inner, scope) for inner in body] if isinstance(body, list) else body


def _module_scope(module: Declaration, outer: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    document = documents(folder)[module.type]
    scope: dict[str, Any] = dict(_loaders(document.path))
    given = module.body.get("params", {}) if isinstance(module.body, dict) else {}
    for name, param in document.of_kind("param").items():
        body = given.get(name, param.body)
        scope[name] = Unknown(name) if body is None else _value(body, outer)
    for name, variable in document.of_kind("var").items():
        scope[name] = _known(variable, scope)
    for name in document.of_kind("resource"):
        scope[name] = Unknown(name)
    _name_resources(document, scope, module.name)
    return {**scope, _SERVICES: outer["services"]}


def _known(variable: Declaration, scope: Mapping[str, Any]) -> Any:
    try:
        return evaluate(variable.text, scope)
    except ExpressionError:  # what no role assignment needs may stay unknown
        return Unknown(variable.name)


def _name_resources(document: Document, scope: dict[str, Any], module: str) -> None:
    """Each resource as a grant tells of it, `queue audit-events`; those of a loop as a list; identities by name."""
    for name, resource in document.of_kind("resource").items():
        kind = resource.type.partition("@")[0].rpartition("/")[2].removesuffix("s")
        label = "" if kind == "userAssignedIdentitie" else f"{kind} "
        named = [Unknown(label + _name(each, resource, module)) for each in _each(resource, scope)]
        scope[name] = named[0] if resource.loop is None else named


def _name(scope: Mapping[str, Any], resource: Declaration, module: str) -> str:
    """A resource's name without the environment's prefix; where it is the environment's own, the module's."""
    found = _value(resource.body["name"], scope)
    if isinstance(found, Unknown) or found == "default":
        return module
    return str(found).removeprefix(str(scope.get("prefix", "")))


def _each(resource: Declaration, scope: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The scope of each turn of a resource's loop; the scope itself without one."""
    if resource.loop is None:
        yield scope
        return
    for number, element in enumerate(evaluate(resource.loop, scope)):
        yield {**scope, **dict(zip(resource.variables, (element, number), strict=False))}


def _given(resource: Declaration, scope: Mapping[str, Any]) -> Iterator[Grant]:
    for each in _each(resource, scope):
        properties = _value(resource.body["properties"], each)
        role, who = str(properties["roleDefinitionId"]), str(properties["principalId"]).partition(".")[0]
        yield Grant(who, BUILT_IN_ROLES.get(role, role), str(_value(resource.body["scope"], each)))


def expected(manifests: Mapping[str, ServiceManifest], code: Mapping[str, CodeUse], *, service_bus: bool) -> set[Grant]:
    """What the code of each service needs, and no more."""
    found: set[Grant] = set()
    for service, use in code.items():
        manifest = manifests[service]
        partitions = {name for queue in manifest.partitioned_queues for name in queue.queues}
        found |= {Grant(service, "Storage Table Data Contributor", f"table {name}") for name in use.tables}
        found |= {Grant(service, "Storage Blob Data Contributor", f"container {name}") for name in use.containers}
        found |= {Grant(service, "Storage Blob Data Owner", f"container {HOST_CONTAINER}")}
        found |= {Grant(service, "Monitoring Metrics Publisher", "component identities")}
        found |= {Grant(service, "Storage Blob Delegator", "storageAccount storage")} if use.delegates else set()
        found.update(_of_partitions(service, partitions))
        found.update((_over_service_bus if service_bus else _over_storage)(service, use, manifest, manifests))
    return found | set(_BY_HAND)


_BY_HAND = (
    Grant(KEDA, "Monitoring Data Reader", "account identities"),
    Grant("notification", "SignalR Service Owner", "signalR signalr"),
    Grant("identity", "Key Vault Secrets Officer", "vault vault"),
    Grant("workflow", "Key Vault Secrets Officer", "vault secrets"),
)
"""What no queue, table or container tells of: scaling by metrics, push, signing keys, tenants' secrets. A resource that
is the environment's one of its kind goes by the module that gives the role."""


def _of_partitions(service: str, partitions: set[str]) -> Iterator[Grant]:
    for name in partitions:
        yield Grant(service, "Storage Queue Data Message Processor", f"queue {name}")
        yield Grant(service, "Storage Queue Data Message Sender", f"queue {name}")
        yield Grant(KEDA, "Storage Queue Data Reader", f"queue {name}")


def _over_service_bus(
    service: str, use: CodeUse, manifest: ServiceManifest, manifests: Mapping[str, ServiceManifest]
) -> Iterator[Grant]:
    for name in use.consumes:
        yield Grant(service, "Azure Service Bus Data Receiver", f"queue {name}")
        yield Grant(KEDA, "Azure Service Bus Data Owner", f"queue {name}")
    yield from (Grant(service, "Azure Service Bus Data Sender", f"queue {name}") for name in use.sends)
    if manifest.emits:
        yield Grant(service, "Azure Service Bus Data Sender", f"topic {TOPIC}")


def _over_storage(
    service: str, use: CodeUse, manifest: ServiceManifest, manifests: Mapping[str, ServiceManifest]
) -> Iterator[Grant]:
    for name in use.consumes:
        for queue in (name, name + POISON):
            yield Grant(service, "Storage Queue Data Message Processor", f"queue {queue}")
            yield Grant(KEDA, "Storage Queue Data Reader", f"queue {queue}")
        yield Grant(service, "Storage Queue Data Message Sender", f"queue {name}{POISON}")
    subscribed = {entry.queue for other in manifests.values() for entry in other.subscriptions}
    for name in {*use.sends, *(subscribed if manifest.emits else ())}:
        yield Grant(service, "Storage Queue Data Message Sender", f"queue {name}")


def needed_resources(
    manifests: Mapping[str, ServiceManifest], code: Mapping[str, CodeUse], *, service_bus: bool
) -> set[str]:
    """What the code uses of storage and messaging, and no more."""
    consumed = {name for use in code.values() for name in use.consumes}
    subscribed = {entry.queue for manifest in manifests.values() for entry in manifest.subscriptions}
    partitions = {
        name for manifest in manifests.values() for queue in manifest.partitioned_queues for name in queue.queues
    }
    found = {f"queue {name}" for name in consumed | partitions} | {f"container {HOST_CONTAINER}"}
    found |= {f"table {name}" for use in code.values() for name in use.tables}
    found |= {f"container {name}" for use in code.values() for name in use.containers}
    if service_bus:
        return found | {f"topic {TOPIC}"} | {f"subscription {name}" for name in subscribed}
    return found | {f"queue {name}{POISON}" for name in consumed}


def grant_mistakes(
    manifests: Mapping[str, ServiceManifest], code: Mapping[str, CodeUse], folder: Path = FOLDER
) -> Iterator[str]:
    """Resources and roles that are there and not needed, and needed and not there, in each environment."""
    for parameters in sorted(folder.glob("*.bicepparam")):
        try:
            found, there = grants(parameters, folder), made(parameters, folder)
        except ExpressionError as error:
            yield f"{parameters.name}: {error}"
            continue
        service_bus = "param messaging = 'servicebus'" in parameters.read_text(encoding="utf-8")
        needed = expected(manifests, code, service_bus=service_bus)
        used = needed_resources(manifests, code, service_bus=service_bus)
        yield from (f"{parameters.name}: makes the {name}, which no code uses" for name in sorted(there - used))
        yield from (f"{parameters.name}: makes no {name}, which the code uses" for name in sorted(used - there))
        for grant in sorted(found - needed):
            yield f"{parameters.name}: {grant.who} is {grant.role} on {grant.where}, which its code does not need"
        for grant in sorted(needed - found):
            yield f"{parameters.name}: {grant.who} is not {grant.role} on {grant.where}, which its code needs"

"""Bicep: parsed whole, types and required properties, no local authentication, modules that fit, known roles."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from chassis.manifest import SERVICES, ServiceManifest
from infra.bicep_reader import Declaration, Document, Expression, read_bicep
from infra.bicep_reader.document import BicepError
from infra.checks.azure_types import BUILT_IN_ROLES, TYPES
from infra.checks.code_use import CodeUse
from infra.checks.manifests import Environment
from infra.checks.tools import run, tool
from infra.image.contents import ROOT

FOLDER = ROOT / "infra" / "bicep"
_GUID = re.compile(r"'([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'")
_OUTPUT = re.compile(r"\b(\w+)!?\.outputs\.(\w+)")
_EVERYTHING = ("queues", "sends", "partitionedQueues", "tables", "containers", "subscriptions", "emits")


@cache
def documents(folder: Path = FOLDER) -> dict[str, Document]:
    """Every Bicep file by its path below the folder. Raises BicepError."""
    return {str(path.relative_to(folder)): read_bicep(path) for path in sorted(folder.rglob("*.bicep"))}


def bicep_mistakes(folder: Path = FOLDER) -> Iterator[str]:
    """What is wrong with the files themselves."""
    try:
        found = documents(folder)
    except BicepError as error:
        yield str(error)
        return
    for name, document in found.items():
        for resource in document.of_kind("resource").values():
            yield from (f"{name}:{resource.line}: {resource.name}: {line}" for line in _resource(resource))
        for module in document.of_kind("module").values():
            yield from (f"{name}:{module.line}: {module.name}: {line}" for line in _module(module, found))
        yield from (f"{name}: {line}" for line in _references(document, found))
        for role in _GUID.findall(document.text):
            if role not in BUILT_IN_ROLES:
                yield f"{name}: {role} is none of the roles that are meant to be given (infra/checks/azure_types.py)"
    yield from _parameters(folder, found["main.bicep"])


def _resource(resource: Declaration) -> Iterator[str]:
    kind, _, version = resource.type.partition("@")
    known = TYPES.get(kind)
    if known is None:
        yield f"the type {kind} is not in infra/checks/azure_types.py"
        return
    if version != known.version:
        yield f"{kind}: API version {version}, not {known.version}"
    if resource.existing or not isinstance(resource.body, dict):
        return
    for path in known.required:
        if _at(resource.body, path) is _MISSING:
            yield f"{path} is missing"
    for path, value in known.fixed.items():
        if path.startswith("properties.publicAccess") and _at(resource.body, "properties") is _MISSING:
            continue
        if _at(resource.body, path) != value:
            yield f"{path} must be {value!r}"


_MISSING = object()


def _at(body: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(body, Expression):
            return body
        if not isinstance(body, dict) or part not in body:
            return _MISSING
        body = body[part]
    return body


def _module(module: Declaration, found: Mapping[str, Document]) -> Iterator[str]:
    target = found.get(module.type)
    if target is None:
        yield f"there is no {module.type}"
        return
    given = set(module.body.get("params", {}))
    declared = target.of_kind("param")
    for name in sorted(given - declared.keys()):
        yield f"{module.type} has no parameter {name}"
    for name in sorted(declared.keys() - given):
        if declared[name].body is None:
            yield f"parameter {name} is not given"


def _references(document: Document, found: Mapping[str, Document]) -> Iterator[str]:
    modules = document.of_kind("module")
    for name, output in sorted(set(_OUTPUT.findall(document.text))):
        target = found.get(modules[name].type) if name in modules else None
        if target is None or output not in target.of_kind("output"):
            yield f"{name}.outputs.{output} is no output"
    for kind in ("param", "var"):
        for name in document.of_kind(kind):
            if len(re.findall(rf"\b{name}\b", document.text)) < 2:
                yield f"{kind} {name} is used nowhere"


def _parameters(folder: Path, main: Document) -> Iterator[str]:
    needed = {name for name, param in main.of_kind("param").items() if param.body is None}
    for path in sorted(folder.glob("*.bicepparam")):
        text = path.read_text(encoding="utf-8")
        given = set(re.findall(r"^param (\w+) =", text, re.M))
        for name in sorted(needed - given):
            yield f"{path.name}: parameter {name} is not given"
        for name in sorted(given - main.of_kind("param").keys()):
            yield f"{path.name}: main.bicep has no parameter {name}"


def platform_mistakes(
    manifests: Mapping[str, ServiceManifest],
    code: Mapping[str, CodeUse],
    environments: Iterator[Environment],
    folder: Path = FOLDER,
) -> Iterator[str]:
    """Where Bicep, service.yaml, code and manifests say different things."""
    main = documents(folder)["main.bicep"]
    loaded = re.findall(r"loadYamlContent\('\.\./\.\./functions/(\w+)/service\.yaml'\)", main.text)
    for service in sorted(set(SERVICES) ^ set(loaded)):
        yield f"main.bicep: service.yaml of {service} is not loaded, or of no service"
    for name in _EVERYTHING:
        if f"m.?{name}" not in main.text:
            yield f"main.bicep: {name} of service.yaml are not read"
    variables = main.of_kind("var")
    durable = {service for service, use in code.items() if use.durable}
    delegating = {service for service, use in code.items() if use.delegates}
    for name, expected in (("durableServices", durable), ("delegatingServices", delegating)):
        if set(variables[name].body) != expected:
            yield f"main.bicep: {name} are {sorted(variables[name].body)}, by the code {sorted(expected)}"
    yield from _names_in_common(manifests, folder)
    for environment in environments:
        yield from _addresses(environment, folder)


def _names_in_common(manifests: Mapping[str, ServiceManifest], folder: Path) -> Iterator[str]:
    text = {name: document.text for name, document in documents(folder).items()}
    topic = re.search(r'^TOPIC = "(.+)"', (ROOT / "chassis/messaging/service_bus.py").read_text(encoding="utf-8"), re.M)
    if topic is None or f"name: '{topic.group(1)}'" not in text["modules/servicebus.bicep"]:
        yield "modules/servicebus.bicep: the topic has another name than in chassis/messaging/service_bus.py"
    audit = documents(folder)["modules/storage.bicep"].of_kind("var")["auditContainer"].body
    if audit not in manifests["audit"].containers:
        yield f"modules/storage.bicep: the immutable container {audit} is none of audit's"


def _addresses(environment: Environment, folder: Path) -> Iterator[str]:
    """What pods may not reach outside are the cluster's own addresses."""
    text = documents(folder)["modules/cluster.bicep"].text
    inside = set(re.findall(r"(?:podCidr|serviceCidr): '([^']+)'", text)) | {"169.254.169.254/32"}
    for policy in environment.of_kind("NetworkPolicy"):
        for rule in policy["spec"].get("egress", ()):
            for peer in rule.get("to", ()):
                if "ipBlock" in peer and set(peer["ipBlock"].get("except", ())) != inside:
                    name = policy["metadata"]["name"]
                    yield f"{environment.name}: NetworkPolicy {name}: leaves out other addresses than {sorted(inside)}"


def compiled_mistakes(folder: Path = FOLDER) -> Iterator[str]:
    """What the real compiler says. Raises Skipped where it is not at hand."""
    binary = tool("bicep", instead="parsed with tree-sitter-bicep and checked against infra/checks/azure_types.py")
    for path in (folder / "main.bicep", *sorted(folder.glob("*.bicepparam"))):
        done = run(binary, "build-params" if path.suffix == ".bicepparam" else "build", path, "--stdout")
        if done.returncode or "Warning" in done.stderr:
            yield from (line for line in done.stderr.splitlines() if line.strip())

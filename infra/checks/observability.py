"""Alert and recording rules, dashboards: each query parses, and names what somebody emits."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser

from infra.checks.manifests import Environment
from infra.checks.metrics import emitted
from infra.checks.tools import run, tool
from infra.image.contents import ROOT
from infra.kustomize.build import read_objects

RULES = ROOT / "infra" / "prometheus" / "rules.yaml"
RULE_TESTS = ROOT / "infra" / "prometheus" / "rules.test.yaml"
DASHBOARDS = ROOT / "infra" / "grafana"
_SEVERITIES = {"page", "ticket"}


def rule_mistakes(path: Path = RULES) -> Iterator[str]:
    """Rules that don't parse, name what nobody emits, or wake people without a word."""
    rules = [rule for document in read_objects(path) for group in document["groups"] for rule in group["rules"]]
    known = emitted() | {rule["record"] for rule in rules if "record" in rule}
    for rule in rules:
        name = rule.get("record") or rule.get("alert")
        yield from (f"{path.name}: {name}: {line}" for line in query_mistakes(rule["expr"], known))
        if "alert" in rule:
            if rule.get("labels", {}).get("severity") not in _SEVERITIES:
                yield f"{path.name}: {name}: severity is one of {sorted(_SEVERITIES)}"
            if not {"summary", "description"} <= rule.get("annotations", {}).keys() or "for" not in rule:
                yield f"{path.name}: {name}: an alert has for, summary and description"
    used = " ".join(rule["expr"] for rule in rules) + " ".join(file.read_text() for file in DASHBOARDS.glob("*.json"))
    for rule in rules:
        if "record" in rule and rule["record"] not in used.replace(f"record: {rule['record']}", ""):
            yield f"{path.name}: {rule['record']} is recorded for nobody"


def dashboard_mistakes(folder: Path = DASHBOARDS, rules: Path = RULES) -> Iterator[str]:
    """Dashboards that are not valid, or whose panels show what nobody emits."""
    recorded = {rule["record"] for document in read_objects(rules) for group in document["groups"]
                for rule in group["rules"] if "record" in rule}  # fmt: skip
    for path in sorted(folder.glob("*.json")):
        board: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        panels = board.get("panels", [])
        if not board.get("title") or not board.get("uid") or not panels:
            yield f"{path.name}: a dashboard has uid, title and panels"
        if len({panel["id"] for panel in panels}) != len(panels):
            yield f"{path.name}: two panels have one id"
        for panel in panels:
            for target in panel.get("targets", ()):
                query = target["expr"].replace("$__rate_interval", "5m").replace("$service", ".*")
                where = f"{path.name}: {panel['title']}"
                yield from (f"{where}: {line}" for line in query_mistakes(query, emitted() | recorded))


def scale_query_mistakes(environment: Environment) -> Iterator[str]:
    """Queries of prometheus triggers."""
    for scaled in environment.of_kind("ScaledObject"):
        for trigger in scaled["spec"]["triggers"]:
            if trigger["type"] == "prometheus":
                where = f"{environment.name}: ScaledObject {scaled['metadata']['name']}"
                yield from (f"{where}: {line}" for line in query_mistakes(trigger["metadata"]["query"], emitted()))


def query_mistakes(query: str, known: frozenset[str]) -> Iterator[str]:
    """What is wrong with one PromQL expression."""
    try:
        names = sorted(metric_names(promql_parser.parse(query)))
    except ValueError as error:
        yield f"does not parse: {error}"
        return
    if not names and "vector(" not in query:
        yield "asks for no metric"
    for name in names:
        if name not in known:
            yield f"{name} is emitted by nobody"


def metric_names(expression: Any) -> set[str]:
    """The metrics of a parsed expression: selectors name them, everything else has parts."""
    found = set(re.findall(r"(?<![\w:\"'])([a-zA-Z_:][\w:]*)(?=\{|\[)", str(expression.prettify())))
    for part in _parts(expression):
        found |= metric_names(part)
    name = getattr(expression, "name", None)
    return found | ({name} if isinstance(name, str) and type(expression).__name__ == "VectorSelector" else set())


def _parts(expression: Any) -> Iterator[Any]:
    for field in ("expr", "lhs", "rhs", "vector_selector", "vs", "param"):
        part = getattr(expression, field, None)
        if part is not None and hasattr(part, "prettify"):
            yield part
    arguments = getattr(expression, "args", None)
    yield from (part for part in arguments or () if hasattr(part, "prettify"))


def promtool_mistakes() -> Iterator[str]:
    """What promtool says of the rules and of their tests. Raises Skipped where it is not at hand."""
    binary = tool("promtool", instead="queries were parsed with promql-parser; `make tools` gets it from Debian")
    for command in (("check", "rules", RULES), ("test", "rules", RULE_TESTS)):
        done = run(binary, *command)
        if done.returncode:
            yield from (f"promtool {command[0]}: {line}" for line in (done.stdout + done.stderr).splitlines())

"""What a service's code uses: queues, tables, containers, other services, settings; read from its source."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from chassis.manifest import SERVICES
from infra.checks.source import Place, Sources, Unresolved
from infra.image.contents import ROOT, closure

ALL_SERVICES = "*"
"""Calls whose target is a variable: every service."""

_PARTITION = "queue_of("
"""The queue of a partition (chassis/messaging/partitions.py): service.yaml names those under partitionedQueues."""

PUSH_QUEUE = "notification-push"
"""Where Runtime.progress sends (chassis/push.py)."""


@dataclass
class CodeUse:
    """The names that a service's own code uses, each with one place where it does."""

    consumes: dict[str, Place] = field(default_factory=dict)
    sends: dict[str, Place] = field(default_factory=dict)
    tables: dict[str, Place] = field(default_factory=dict)
    containers: dict[str, Place] = field(default_factory=dict)
    asks: dict[str, Place] = field(default_factory=dict)
    durable: bool = False
    delegates: bool = False
    unresolved: list[str] = field(default_factory=list)


@cache
def code_use(service: str, root: Path = ROOT) -> CodeUse:
    """Read one service's source; what can't be told from it is in `unresolved`."""
    modules = frozenset(closure(service, root))
    own = frozenset(name for name in modules if name.split(".")[0] in {"functions", "durable"})
    sources = Sources(root, own | (modules - _of_all(root)), modules)
    use = CodeUse()
    _collect(sources, use.consumes, use, ("queue_trigger",), "queue_name")
    _collect(sources, use.consumes, use, ("on_queue",), 1)
    _collect(sources, use.sends, use, ("queues.send", "queues.put"), 0)
    _collect(sources, use.tables, use, ("tables.table",), 0)
    _collect(sources, use.containers, use, ("blobs.container", "blobs.leases"), 0)
    _collect_asks(sources, use)
    for place, _ in sources.calls_of("runtime.progress"):
        use.sends.setdefault(PUSH_QUEUE, place)
    use.durable = any(True for _ in sources.calls_of("orchestration_trigger"))
    use.delegates = any(True for _ in sources.calls_of("upload_url", "download_url"))
    return use


@cache
def _of_all(root: Path) -> frozenset[str]:
    """The modules that every service imports: what they use is said of each service where it calls them."""
    return frozenset.intersection(*(closure(service, root) for service in SERVICES))


def _collect(
    sources: Sources, into: dict[str, Place], use: CodeUse, functions: tuple[str, ...], argument: str | int
) -> None:
    for place, call in sources.calls_of(*functions):
        given = _argument(call, argument)
        if given is None or ast.unparse(given).startswith(_PARTITION):
            continue
        try:
            for name in sources.strings(place.module, given):
                into.setdefault(name, place)
        except Unresolved as error:
            known = list(_declared(sources, given))
            into.update({name: place for name in known if name not in into})
            if not known:
                use.unresolved.append(f"{place}: {'/'.join(functions)} is given what can't be told: {error}")


def _collect_asks(sources: Sources, use: CodeUse) -> None:
    for place, call in sources.calls_of("services.ask"):
        given = _argument(call, 0)
        try:
            use.asks.update(dict.fromkeys(sources.strings(place.module, given) if given else (), place))
        except Unresolved:
            known = list(_declared(sources, given)) if given else []
            use.asks.update({name: place for name in known or [ALL_SERVICES] if name not in use.asks})
    for place, call in sources.calls_of("settings.service_url"):
        given = _argument(call, 0)
        if given is not None and not isinstance(given, ast.Constant):
            use.asks.setdefault(ALL_SERVICES, place)


def _argument(call: ast.Call, which: str | int) -> ast.AST | None:
    if isinstance(which, int):
        return call.args[which] if which < len(call.args) else None
    return next((keyword.value for keyword in call.keywords if keyword.arg == which), None)


def _declared(sources: Sources, given: ast.AST) -> Iterator[str]:
    """The workflow's catalog: `function.path` is a teller's queue, `function.service` whom others ask."""
    member = {"function.path": "path", "function.service": "service"}.get(ast.unparse(given))
    if member is None or "durable.workflow.catalog" not in sources.modules:
        return
    for _, call in sources.calls_of("Function"):
        keywords = {keyword.arg: keyword.value for keyword in call.keywords}
        how = ast.unparse(keywords.get("how", ast.Constant("")))
        if (how == "'tell'") if member == "path" else how in {"'ask'", "'start'"}:
            yield from sources.strings("durable.workflow.catalog", keywords[member])


def platform_use(services: Iterable[str], root: Path = ROOT) -> dict[str, CodeUse]:
    """Every service's use."""
    return {service: code_use(service, root) for service in services}

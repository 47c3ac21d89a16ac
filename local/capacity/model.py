"""What is simulated: today's load, what a replica does, and the limits and prices of what it stands on."""

import math
from collections.abc import Collection, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from ruamel.yaml import YAML

from local.capacity.simulation import Service
from local.scaler.rules import Rules, read_rules

HERE = Path(__file__).resolve().parent
HOURS_A_MONTH = 730.0
SECONDS_A_MONTH = HOURS_A_MONTH * 3600


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="forbid")


class Load(_Part):
    """One service today. Rates are units a second at the day's peak; `queues` are those in which its units wait."""

    unit: str
    peak_per_second: float
    service_seconds: float
    servers: int
    queues: tuple[str, ...] = ()

    @property
    def busy_replicas(self) -> float:
        """Replicas that do nothing else at the peak, all servers busy."""
        return self.peak_per_second * self.service_seconds / self.servers


class Edge(_Part):
    """The edge today, and what one Envoy takes (bench `edge`)."""

    requests_per_second: float
    per_instance: float


class Today(_Part):
    """`today.yaml`."""

    services: Mapping[str, Load]
    edge: Edge
    start_seconds: float
    new_node_seconds: float
    operations_per_unit: float
    events_per_unit: float


class Limit(_Part):
    """One limit: `per_second` of one step of it, and how many steps there are before the architecture must change."""

    name: str
    of: str
    per_second: float
    change: str
    steps: int


class Prices(_Part):
    """US dollars."""

    node_hour: float
    node_cores: float
    messaging_unit_hour: float
    sql_core_hour: float
    million_operations: float
    signalr_unit_day: float
    fixed_month: float


class Azure(_Part):
    """`azure.yaml`."""

    limits: tuple[Limit, ...]
    prices: Prices


class Demand(_Part):
    """What the load asks of Azure at its peak, a second, and over a month on average."""

    messages: float
    operations: float
    partition_operations: float
    turns: float
    pushes: float
    nodes: float

    def of(self, name: str) -> float:
        """The demand that a limit is about."""
        members = {to_camel(key): value for key, value in self.model_dump().items()}
        return float(members[name])


def read_today(file: Path = HERE / "today.yaml") -> Today:
    """Today's load. Raises ValidationError."""
    return Today.model_validate(YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8")))


def read_azure(file: Path = HERE / "azure.yaml") -> Azure:
    """Limits and prices. Raises ValidationError."""
    return Azure.model_validate(YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8")))


def services(today: Today, keda: Path) -> dict[str, Service]:
    """Each service of today's load with the rules of production."""
    rules = read_rules(keda, "prod")
    return {
        name: Service(_rules(rules[name], load.queues), load.service_seconds, load.servers, today.start_seconds)
        for name, load in today.services.items()
    }


def demand(
    today: Today, times: float, replicas: Mapping[str, float], cores: Mapping[str, float], node: float
) -> Demand:
    """What so many times today's peak asks of Azure. `replicas` and `cores` are by service, `node` cores of a node."""
    units = sum(load.peak_per_second for load in today.services.values()) * times
    events = units * today.events_per_unit
    return Demand(
        messages=units + events,
        operations=units * today.operations_per_unit,
        # The largest tenant is taken to have a tenth of the load, all of it in one partition of each table.
        partition_operations=units * today.operations_per_unit / 10 / 6,
        turns=today.services["workflow"].peak_per_second * times * 6,
        pushes=today.services["notification"].peak_per_second * times,
        nodes=math.ceil(sum(replicas[name] * cores[name] for name in replicas) / node),
    )


def _rules(rules: Rules, queues: Collection[str]) -> Rules:
    """The triggers that speak of the simulated work: the queues that it waits in, or else the edge's requests."""
    kept = tuple(t for t in rules.triggers if (t.name in queues if queues else t.type == "prometheus"))
    return rules.model_copy(update={"triggers": kept})

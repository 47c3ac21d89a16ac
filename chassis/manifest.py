"""service.yaml: what others must know of a service, as a typed model and its one reader."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from math import ceil
from operator import itemgetter
from pathlib import Path
from typing import Literal, Self, get_args

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import Node

from chassis.models import Contract

ServiceName = Literal[
    "gateway", "identity", "metadata", "workflow", "processing", "reporting", "notification", "audit", "monitoring"
]
SERVICES: tuple[str, ...] = get_args(ServiceName)
"""The nine services, in the order in which they start and take their default ports."""

Tier = Literal["free", "standard", "premium"]
TIERS: tuple[Tier, ...] = get_args(Tier)
"""How much a tenant may ask; a tenant of which nothing else is known is `standard`."""

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


class Route(Contract):
    """One path template with its methods, and what the edge enforces on it.

    `{name}` stands for one segment, `{*rest}` for all that follows. Exactly one of `scope` and `public` is given.
    A `websocket` route has no time limit once it is upgraded. `upstream: signalr` leads to the SignalR service instead.
    """

    path: str = Field(pattern=r"^/(\.well-known|[a-z0-9\-]+)(/([A-Za-z0-9._\-]+|\{\*?[a-zA-Z]+\}))*$")
    methods: tuple[Method, ...] = Field(min_length=1)
    scope: str | None = Field(default=None, pattern=r"^[a-z]+\.[a-z\-]+$")
    public: bool = False
    timeout_seconds: float = Field(default=15, gt=0, le=300)
    idempotent: bool = False
    max_body_bytes: int = Field(default=1_048_576, ge=0, le=67_108_864)
    websocket: bool = False
    upstream: Literal["signalr"] | None = None

    @model_validator(mode="after")
    def _scope_or_public(self) -> Self:
        if self.public == (self.scope is not None):
            raise ValueError(f"{self.path}: give either a scope or public: true")
        return self


class Bucket(Contract):
    """A token bucket: its refill a second and its size."""

    requests_per_second: int = Field(gt=0, le=1_000_000)
    burst: int = Field(gt=0, le=2_000_000)


class RateLimit(Contract):
    """What one tenant may ask of a service, by its tier; the numbers on top are those of `standard`.

    Where `free` and `premium` are not given they are a quarter and four times as much. One client gets `client_share`
    of its tenant's bucket, so that a tenant's clients can't lock each other out.
    """

    requests_per_second: int = Field(default=200, gt=0, le=1_000_000)
    burst: int = Field(default=400, gt=0, le=2_000_000)
    free: Bucket | None = None
    premium: Bucket | None = None
    client_share: float = Field(default=0.5, gt=0, le=1)

    def of(self, tier: Tier) -> Bucket:
        """The bucket of a tenant of this tier."""
        given = {"free": self.free, "premium": self.premium}.get(tier)
        return given or self._scaled({"free": 0.25, "standard": 1.0, "premium": 4.0}[tier])

    def of_client(self, tier: Tier) -> Bucket:
        """The bucket of one client of such a tenant."""
        return self.client_part(self.of(tier))

    def client_part(self, bucket: Bucket) -> Bucket:
        """What one client gets of its tenant's bucket."""
        return Bucket(
            requests_per_second=ceil(bucket.requests_per_second * self.client_share),
            burst=ceil(bucket.burst * self.client_share),
        )

    def _scaled(self, factor: float) -> Bucket:
        return Bucket(
            requests_per_second=min(ceil(self.requests_per_second * factor), 1_000_000),
            burst=min(ceil(self.burst * factor), 2_000_000),
        )


class Queue(Contract):
    """A storage queue that the service consumes; `<name>-poison` is implied."""

    name: str = Field(pattern=r"^[a-z0-9](-?[a-z0-9]){2,62}$")


class PartitionedQueue(Contract):
    """Storage queues `<name>-0` to `<name>-<partitions - 1>` that the service's nodes share out among themselves.

    No trigger listens to them; their envelopes have many messages each.
    """

    name: str = Field(pattern=r"^[a-z0-9](-?[a-z0-9]){2,59}$")
    partitions: int = Field(ge=1, le=32)

    @property
    def queues(self) -> tuple[str, ...]:
        """The queue of each partition."""
        return tuple(f"{self.name}-{partition}" for partition in range(self.partitions))


class Subscription(Contract):
    """The event types (shell patterns) that are copied to one of the service's queues."""

    queue: str
    types: tuple[str, ...] = Field(min_length=1)

    def wants(self, event_type: str) -> bool:
        """Whether an event of this type is delivered to the queue."""
        return any(fnmatchcase(event_type, pattern) for pattern in self.types)


class Scale(Contract):
    """Replica bounds, and the messages or requests a second that one replica is meant to carry."""

    min_replicas: int = Field(default=0, ge=0)
    max_replicas: int = Field(default=10, ge=1)
    queue_length: int | None = Field(default=None, gt=0)
    requests_per_second: int | None = Field(default=None, gt=0)


Place = tuple[str | int, ...]
"""Where in a service.yaml: keys and, in lists, numbers from 0."""


class Misplaced(ValueError):
    """A mistake that shows only in the whole manifest, with the place of the part that makes it."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place


class ServiceManifest(Contract):
    """All of one service.yaml."""

    service: ServiceName
    layer: Literal["edge", "platform", "core", "infrastructure"]
    routes: tuple[Route, ...] = ()
    rate_limit: RateLimit = RateLimit()
    queues: tuple[Queue, ...] = ()
    partitioned_queues: tuple[PartitionedQueue, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    sends: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    calls: dict[str, tuple[str, ...]] = {}
    emits: tuple[str, ...] = ()
    scale: Scale = Scale()

    @model_validator(mode="after")
    def _own_what_is_declared(self) -> Self:
        for number, route in enumerate(self.routes):
            if not (route.path == f"/{self.service}" or route.path.startswith(f"/{self.service}/") or route.public):
                raise Misplaced(("routes", number), f"{route.path}: a service routes only below /{self.service}")
        queues = {queue.name for queue in self.queues}
        for number, subscription in enumerate(self.subscriptions):
            if subscription.queue not in queues:
                what = f"subscription to {subscription.queue}: not among the service's queues"
                raise Misplaced(("subscriptions", number), what)
        return self


class ManifestError(ValueError):
    """A service.yaml that can't be used; the message names the file and every mistake in it with its line.

    `line` is that of the first mistake, counted from 1.
    """

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


class _PlacingConstructor(SafeConstructor):
    """Says where a value is that can't be made: ruamel lets Python's own errors through, of a 31st of February too."""

    def construct_object(self, node: Node, deep: bool = False) -> object:
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise ConstructorError(None, None, f"no such value: {error}", node.start_mark) from None


def read_manifest(path: Path) -> ServiceManifest:
    """Read one service.yaml. Raises ManifestError with the file and each mistake."""
    try:
        yaml = YAML(typ="safe", pure=True)
        yaml.Constructor = _PlacingConstructor
        document = yaml.load(path.read_text(encoding="utf-8"))
        return ServiceManifest.model_validate(document)
    except ValidationError as error:
        raise manifest_error(path, [_mistake(found) for found in error.errors()]) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ManifestError(f"{path}: {error}", mark.line + 1 if mark else 1) from None
    except (YAMLError, OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: {error}") from None
    except RecursionError:
        raise ManifestError(f"{path}: is nested too deeply") from None


def _mistake(found: ErrorDetails) -> tuple[Place, str]:
    cause = found.get("ctx", {}).get("error")
    place = found["loc"] + (cause.place if isinstance(cause, Misplaced) else ())
    return place, f"{'.'.join(map(str, place)) or 'file'}: {found['msg']}"


def manifest_error(path: Path, mistakes: Sequence[tuple[Place, str]]) -> ManifestError:
    """The error that names these mistakes of a readable service.yaml, each with the line of its place."""
    document = _placed(path)
    found = sorted(((_line(document, place), what) for place, what in mistakes), key=itemgetter(0))
    return ManifestError(f"{path}: {'; '.join(f'line {line}: {what}' for line, what in found)}", found[0][0])


def _placed(path: Path) -> object:
    """The document with the lines of its parts; None where it can't be read so, as when it has changed meanwhile."""
    try:
        document: object = YAML(typ="rt", pure=True).load(path.read_text(encoding="utf-8"))
    except (YAMLError, OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    return document


def _line(document: object, place: Place) -> int:
    """The line (from 1) at which a place begins; of what is missing, that of the mapping which lacks it."""
    line = 1
    for step in place:
        if isinstance(document, CommentedMap) and step in document:
            line = document.lc.key(step)[0] + 1
        elif isinstance(document, CommentedSeq) and isinstance(step, int) and step < len(document):
            line = document.lc.item(step)[0] + 1
        else:
            break
        document = document[step]
    return line


def read_manifests(folder: Path) -> dict[str, ServiceManifest]:
    """Every service's manifest below `folder`, by service name; services without a service.yaml are left out."""
    found = {name: folder / name / "service.yaml" for name in SERVICES}
    return {name: read_manifest(path) for name, path in found.items() if path.is_file()}

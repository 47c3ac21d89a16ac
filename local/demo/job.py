"""The steps of the main job, from the schema to the checked audit trail."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import orjson

from local.demo.api import Api
from local.demo.errors import DemoError, Refused
from local.demo.proofs import included

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "flight-delays"
FINAL = {"completed", "faulted", "cancelled"}
POLL_S = 1.0
Found = TypeVar("Found")


@dataclass(frozen=True)
class Order:
    """What to run: the records, how many bad ones are tolerated, who hears of the end."""

    csv: bytes
    airlines: dict[str, dict[str, str]]
    max_invalid: int
    user_id: str
    email: str
    webhook: str


@dataclass(frozen=True)
class Trail:
    """The audit events of a run and which of them were proven to be in the log of `size` with `root`."""

    items: list[dict[str, Any]]
    verified: set[int]
    size: int
    root: str

    @property
    def complete(self) -> bool:
        """Whether there are events and every one of them was proven."""
        return bool(self.items) and all(item["index"] in self.verified for item in self.items)


async def prepare(api: Api, order: Order) -> None:
    """Register the schema, the reference data and the workflow definition; again is no change."""
    schema = orjson.loads((EXAMPLE / "flight.schema.json").read_bytes())
    await api.call("PUT", "/metadata/schemas/flight", schema)
    await api.call("PUT", "/metadata/reference-data/airlines", {"items": order.airlines})
    definition = (EXAMPLE / "workflow.yaml").read_bytes()
    await api.raw("PUT", "/workflow/definitions", content=definition, content_type="application/yaml")


async def upload(api: Api, order: Order) -> str:
    """Create the dataset, upload the records to its own address and return its id."""
    dataset = await api.call("POST", "/processing/datasets", {"name": "flights-2013", "format": "csv"})
    await api.upload(dataset["uploadUrl"], order.csv)
    return str(dataset["id"])


async def start(api: Api, order: Order, dataset: str, name: str = "flight-delays") -> str:
    """Start the workflow and return the instance id."""
    query = (EXAMPLE / "query.sql").read_text(encoding="utf-8")
    instance = await api.call(
        "POST",
        "/workflow/instances",
        {
            "namespace": "examples",
            "name": name,
            "input": {
                "dataset": dataset,
                "query": query,
                "referenceData": ["airlines"],
                "maxInvalid": order.max_invalid,
                "title": "Flight delays, New York 2013",
                "formats": ["pdf", "xlsx", "csv"],
                "recipients": {"userId": order.user_id, "email": [order.email], "webhook": order.webhook},
            },
        },
        key=f"demo-{dataset}",
    )
    return str(instance["id"])


async def finished(api: Api, instance: str, timeout_s: float) -> dict[str, Any]:
    """Wait until the instance is completed, faulted or cancelled and return it. Raises DemoError past the time.

    The edge may be away for a moment (a service restarts): that is waited for too.
    """

    async def look() -> dict[str, Any] | None:
        found: dict[str, Any] = await api.call("GET", f"/workflow/instances/{instance}")
        return found if found["status"] in FINAL else None

    return await _until(look, timeout_s, f"the workflow did not end within {timeout_s:.0f} s")


async def delivered(api: Api, message: str, timeout_s: float) -> dict[str, Any]:
    """Wait until every delivery of a message is settled and return it. Raises DemoError past the time."""

    async def look() -> dict[str, Any] | None:
        found: dict[str, Any] = await api.call("GET", f"/notification/messages/{message}")
        return found if found["status"] != "pending" else None

    return await _until(look, timeout_s, f"the message was not delivered within {timeout_s:.0f} s")


async def fetch_files(api: Api, report: str, folder: Path) -> list[Path]:
    """Download the report's files to `folder` as flight-delays.<format>."""
    folder.mkdir(parents=True, exist_ok=True)
    found = await api.call("GET", f"/reporting/reports/{report}")
    paths = []
    for file in found["files"]:
        path = folder / f"flight-delays.{file['format']}"
        await api.download(f"/reporting/reports/{report}/files/{file['format']}", path)
        paths.append(path)
    return paths


async def trace(api: Api, services: int, timeout_s: float = 15) -> list[dict[str, Any]]:
    """The run's spans, waited for until so many services have sent theirs (or the time is up)."""
    spans: list[dict[str, Any]] = []

    async def look() -> bool | None:
        nonlocal spans
        spans = (await api.call("GET", f"/monitoring/traces/{api.trace_id}"))["spans"]
        return True if len({span["service"] for span in spans}) >= services else None

    try:
        await _until(look, timeout_s, "")
    except DemoError:
        return spans
    return spans


async def audit_trail(api: Api, last_event: str, timeout_s: float = 20) -> Trail:
    """The run's audit events, waited for until `last_event` is among them, each with its proof checked."""

    async def look() -> list[dict[str, Any]] | None:
        items = await _all_events(api)
        return items if any(item["event"]["type"] == last_event for item in items) else None

    items = await _until(look, timeout_s, f"the audit log has no event {last_event} of this run")
    checkpoint = await api.call("GET", "/audit/checkpoint")
    size, root = int(checkpoint["size"]), str(checkpoint["rootHash"])
    verified = set()
    for item in items:
        proof = await api.call(
            "GET", "/audit/proofs/inclusion", params={"index": str(item["index"]), "size": str(size)}
        )
        if included(item, proof, root, size):
            verified.add(int(item["index"]))
    return Trail(items, verified, size, root)


async def _all_events(api: Api) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        params = {"traceId": api.trace_id, "limit": "100", **({"after": after} if after else {})}
        page = await api.call("GET", "/audit/events", params=params)
        items += page["items"]
        after = page.get("next")
        if not after:
            return items


async def _until(look: Callable[[], Awaitable[Found | None]], timeout_s: float, otherwise: str) -> Found:
    ends_at = asyncio.get_running_loop().time() + timeout_s
    while asyncio.get_running_loop().time() < ends_at:
        try:
            found = await look()
        except Refused as error:
            if error.status < 500 and error.status not in (404, 429):
                raise
            found = None
        if found is not None:
            return found
        await asyncio.sleep(POLL_S)
    raise DemoError(otherwise)

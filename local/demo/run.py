"""The demo on the terminal: start the platform, run the job, show what came of it, stop the platform."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientError
from rich.console import Console

from local.demo import job, views
from local.demo.api import Api
from local.demo.data import airlines, read_csv
from local.demo.errors import DemoError
from local.demo.job import Order
from local.demo.progress import LiveProgress
from local.platform import Endpoints, Platform, cancelled_by, running_endpoints
from local.signalr.client import HubConnection
from local.signalr.protocol import ProtocolError
from local.webhooks import WebhookReceiver

MAIL_TO = "operations@example.com"
EVERYTHING = 10
"""The nine services and the edge: as many names a whole trace has."""
JOB_TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Options:
    """What the person asked for on the command line."""

    root: Path
    out: Path
    csv: Path | None = None
    max_invalid: int = 0
    timeout_s: float = JOB_TIMEOUT_S


class Demo:
    """One run. Each step prints one line when it is done, with the seconds it took."""

    def __init__(self, options: Options, console: Console) -> None:
        self._options = options
        self._console = console
        self._step_began = time.monotonic()

    async def run(self) -> bool:
        """Whether the job completed and everything checked out. Raises DemoError when it could not be run."""
        content = read_csv(self._options.csv)
        async with _platform(self._options.root, self._console) as endpoints:
            client = endpoints.demo_client
            async with (
                Api(endpoints.edge_url, client.id, client.secret.get_secret_value()) as api,
                WebhookReceiver() as receiver,
            ):
                self._step_began = time.monotonic()
                webhook = f"demo-{api.trace_id[:8]}"
                order = Order(content, airlines(), self._options.max_invalid, client.id, MAIL_TO, webhook)
                await self._begin(api, order, receiver)
                return await self._job(api, order, receiver)

    async def _begin(self, api: Api, order: Order, receiver: WebhookReceiver) -> None:
        await api.log_in()
        health = await api.call("GET", "/monitoring/health")
        routes = await api.call("GET", "/gateway/routes")
        self._done(
            f"Token from identity; platform is {health['status']}, {_count(routes)} routes at the edge; "
            f"trace id {api.trace_id}"
        )
        webhook = await api.call("PUT", f"/notification/webhooks/{order.webhook}", {"url": receiver.url})
        receiver.secret = webhook.get("secret")

    async def _job(self, api: Api, order: Order, receiver: WebhookReceiver) -> bool:
        await job.prepare(api, order)
        self._done("Schema flight, reference data airlines and workflow examples/flight-delays are registered")
        dataset = await job.upload(api, order)
        self._done(f"Dataset {dataset}: {len(order.csv) / 1e6:,.1f} MB uploaded to its own address")
        with LiveProgress(self._console) as bars:
            async with _listening(api, bars):
                instance_id = await job.start(api, order, dataset)
                instance = await job.finished(api, instance_id, self._options.timeout_s)
                if instance["status"] == "completed":
                    message = await job.delivered(api, instance["output"]["message"], 60)
                    bars.show(views.delivery_progress(message))
        if instance["status"] != "completed":
            return self._failed(instance)
        self._done(f"Workflow {instance_id} completed; {bars.messages} progress messages came over SignalR")
        await self._show_set_aside(api, instance)
        self._show_deliveries(message, receiver)
        await self._show_report(api, instance)
        await self._show_trace(api)
        return await self._show_audit(api) and message["status"] == "delivered"

    def _failed(self, instance: dict[str, Any]) -> bool:
        self._console.print(f"The workflow ended [bold red]{instance['status']}[/]; nothing of it is kept.")
        error = instance.get("error") or {}
        views.print_problem(self._console, {**error, **(error.get("problem") or {})})
        return False

    async def _show_set_aside(self, api: Api, instance: dict[str, Any]) -> None:
        result = (await api.call("GET", f"/processing/validations/{instance['output']['validation']}"))["result"]
        if result["invalid"]:
            title = f"{result['invalid']} of {result['rows']:,} records were set aside"
            views.print_problem(self._console, {"title": title, "invalidRows": result["invalidRows"]})

    def _show_deliveries(self, message: dict[str, Any], receiver: WebhookReceiver) -> None:
        for delivery in message["deliveries"]:
            self._console.print(f"  {delivery['channel']:<8} → {delivery['target']}: {delivery['status']}")
        checked = [delivery for delivery in receiver.deliveries if delivery.verified]
        if checked:
            self._console.print(f"  the webhook's signature was checked by its receiver ({len(checked)} delivery)")

    async def _show_report(self, api: Api, instance: dict[str, Any]) -> None:
        paths = await job.fetch_files(api, instance["output"]["report"], self._options.out)
        for path in paths:
            if path.suffix == ".csv":
                self._console.print(views.result_table(path))
        for path in paths:
            self._console.print(f"  {path}  {path.stat().st_size:,} bytes")
        self._done("Report files are there")

    async def _show_trace(self, api: Api) -> None:
        spans = await job.trace(api, EVERYTHING)
        self._console.print(views.trace_tree(spans, api.trace_id))
        self._done("The trace leads through every service")

    async def _show_audit(self, api: Api) -> bool:
        trail = await job.audit_trail(api, "io.serverlessworkflow.workflow.completed.v1")
        self._console.print(views.audit_table(trail.items, trail.verified))
        self._done(
            f"{len(trail.verified)} of {len(trail.items)} inclusion proofs checked against the root {trail.root[:16]}… "
            f"of {trail.size} entries"
        )
        return trail.complete

    def _done(self, text: str) -> None:
        now = time.monotonic()
        self._console.print(f"[green]✓[/] {text} [dim]{now - self._step_began:.1f} s[/]")
        self._step_began = now


@asynccontextmanager
async def _platform(root: Path, console: Console) -> AsyncIterator[Endpoints]:
    """The platform that runs already (`make up`), else one for this run alone."""
    running = running_endpoints()
    if running is not None:
        console.print("[green]✓[/] Using the platform that runs already (make up)")
        yield running
        return
    async with cancelled_by(signal.SIGTERM), Platform(root, console=console) as platform:
        yield platform.endpoints
        console.print("Look around: [bold]make up[/] starts the platform again and prints its addresses.")


@asynccontextmanager
async def _listening(api: Api, bars: LiveProgress) -> AsyncIterator[None]:
    """Draw what the platform pushes while the block runs; without a connection the job still runs."""
    task = asyncio.create_task(_draw(api, bars))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _draw(api: Api, bars: LiveProgress) -> None:
    while True:
        with contextlib.suppress(DemoError, ClientError, ProtocolError, OSError):
            access = await api.call("POST", "/notification/negotiate")
            async with HubConnection(access["url"], access["accessToken"]) as hub:
                async for invocation in hub:
                    if invocation.target == "progress":
                        bars.show(invocation.arguments[0])
        await asyncio.sleep(1)


def _count(routes: Any) -> int:
    return len(routes["items"])

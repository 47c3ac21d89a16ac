"""The benches by name. Their modules are imported only when they run: each brings what it measures."""

from dataclasses import dataclass
from importlib import import_module

from bench.contest import Contests


@dataclass(frozen=True)
class Bench:
    """A bench and what it measures; its module in `bench.cases` has a function `contests`."""

    name: str
    summary: str

    def contests(self) -> Contests:
        """Import the module and give its function."""
        found: Contests = import_module(f"bench.cases.{self.name}").contests
        return found


BENCHES = (
    Bench("funchost_http", "hello-world HTTP function on funchost, beside uvicorn with the same bytes"),
    Bench("funchost_start", "from the command to ready, an app of one function, beside uvicorn with a bare ASGI app"),
    Bench("funchost_queue", "queue trigger on funchost, beside a bare azure-storage-queue loop, same Azurite"),
    Bench("durable_chain", "complete runs of a five-activity chain, beside SDK replay, DBOS and durabletask"),
    Bench("durable_waiting", "orchestrations that wait at once and get an event each, beside the SDK's replay of them"),
    Bench("workflow_steps", "a five-step definition, beside the same by hand, DBOS and durabletask"),
    Bench("workflow_waiting", "instances active at once through the edge, then woken, beside the engine alone"),
    Bench("edge", "Envoy with token, scope, limits and routing, beside the same Envoy and nginx as bare proxies"),
    Bench("edge_flood", "a tenant at three times its limit: its refused requests, another tenant's admitted ones"),
    Bench("edge_changes", "a new route until live, a withdrawn key until refused, requests while keys rotate"),
    Bench("validate", "metadata's batch validation, beside jsonschema-rs is_valid over the same rows"),
    Bench("processing", "the flights job by map and reduce over chunks, beside DuckDB alone on one thread"),
    Bench("processing_job", "a CSV job from request to result on one and two nodes, beside DuckDB on one thread"),
    Bench("token", "identity's token endpoint, beside bare argon2 and beside one row written and one signature"),
    Bench("service_call", "a service call by the chassis at a fixed rate, beside plain aiohttp"),
    Bench("streams", "60 s windows from queue to commit, beside bare queue loops and Celery on Redis"),
    Bench("backlog", "drain of one partition with half a million waiting, beside the same with ten thousand"),
    Bench("two_nodes", "two processing nodes on work that is CPU-bound, beside one"),
    Bench("cold_start", "from an empty queue to the first message done, cold, beside the limit of 5 s"),
)

"""Chains of five activities on durabletask's in-memory backend: `python -m bench.apps.durabletask_chain FOLDER RUNS`.

Worker, client and backend share the process and talk over gRPC, as that project's own tests do. Prints `{"rate"}`; the
first quarter more of the runs does not count.
"""

import json
import logging
import socket
import sys
from collections.abc import Generator
from time import perf_counter
from typing import Any

from durabletask import client, task, worker
from durabletask.testing import create_test_backend

STEPS = 5


def add_one(_: task.ActivityContext, value: int) -> int:
    """One more."""
    return value + 1


def chain(context: task.OrchestrationContext, _: Any) -> Generator[Any, Any, int]:
    """Five activities, one after the other."""
    value = 0
    for _number in range(STEPS):
        value = yield context.call_activity(add_one, input=value)
    return value


def run(hub: client.TaskHubGrpcClient, runs: int) -> float:
    """Start that many, wait for all; seconds."""
    began = perf_counter()
    ids = [hub.schedule_new_orchestration(chain) for _ in range(runs)]
    for instance_id in ids:
        ended = hub.wait_for_orchestration_completion(instance_id, timeout=120)
        if ended is None or ended.serialized_output != str(STEPS):
            raise RuntimeError(f"{instance_id} ended wrong: {ended}")
    return perf_counter() - began


def main(runs: int) -> None:
    """Measure."""
    logging.disable(logging.CRITICAL)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    backend = create_test_backend(port=port)
    address = f"127.0.0.1:{port}"
    with worker.TaskHubGrpcWorker(host_address=address) as hub_worker:
        hub_worker.add_orchestrator(chain)
        hub_worker.add_activity(add_one)
        hub_worker.start()
        hub = client.TaskHubGrpcClient(host_address=address)
        run(hub, runs // 4)
        took = run(hub, runs)
    backend.stop()
    print(json.dumps({"rate": runs / took}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[2]))

"""With a Service Bus namespace set, as in production, all nine services are indexed with Service Bus triggers."""

import json
import os
import subprocess
import sys

from infra.image.contents import ROOT

INDEX = """
import json, function_app
print(json.dumps([
    [binding.get_dict_repr()["type"], str(function.get_user_function().__annotations__.get("msg"))]
    for function in function_app.app.get_functions() for binding in function.get_bindings()
]))
"""


def test_every_queue_trigger_becomes_a_service_bus_trigger() -> None:
    environment = {**os.environ, "ServiceBusConnection__fullyQualifiedNamespace": "sb-test.servicebus.windows.net"}
    done = subprocess.run(
        [sys.executable, "-c", INDEX], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    by_bus = [annotation for kind, annotation in found if kind == "serviceBusTrigger"]
    assert len(by_bus) >= 8
    assert all("ServiceBusMessage" in annotation for annotation in by_bus)
    assert not any(kind == "queueTrigger" for kind, _ in found)

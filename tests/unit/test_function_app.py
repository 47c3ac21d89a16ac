"""Every service alone, and all nine together, are indexed as the Functions worker would do it."""

import json
import os
import subprocess
import sys

import pytest

from chassis.manifest import SERVICES, read_manifests
from chassis.settings import ROOT

INDEX = """
import inspect, json, function_app
from types import GenericAlias
functions = function_app.app.get_functions()
for function in functions:
    bound = {binding.name for binding in function.get_bindings()}
    for parameter in inspect.signature(function.get_user_function()).parameters.values():
        plain = not isinstance(parameter.annotation, GenericAlias)
        assert plain or parameter.name not in bound, f"{function.get_function_name()}: {parameter} is no plain type"
print(json.dumps({
    function.get_function_name(): [binding.get_dict_repr() for binding in function.get_bindings()]
    for function in functions
}, default=str))
"""


def indexed(services: str | None) -> dict[str, list[dict[str, object]]]:
    """What azure-functions' own indexing makes of the app: function name → its bindings. It refuses duplicates."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PLATFORM_")}
    if services is not None:
        environment["PLATFORM_SERVICES"] = services
    done = subprocess.run(
        [sys.executable, "-c", INDEX], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[dict[str, object]]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def everything() -> dict[str, list[dict[str, object]]]:
    return indexed(None)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_alone_has_exactly_its_part_of_all_functions(
    service: str, everything: dict[str, list[dict[str, object]]]
) -> None:
    alone = indexed(service)
    assert alone == {name: bindings for name, bindings in everything.items() if name.startswith(f"{service}_")}
    assert alone


def test_every_function_belongs_to_a_service_by_its_name(everything: dict[str, list[dict[str, object]]]) -> None:
    assert {name.split("_")[0] for name in everything} == set(SERVICES)
    assert all(len(name.split("_")) >= 3 for name in everything)


def test_every_function_has_exactly_one_trigger(everything: dict[str, list[dict[str, object]]]) -> None:
    for name, bindings in everything.items():
        assert [str(binding["type"]).lower().endswith("trigger") for binding in bindings].count(True) == 1, name


def test_every_queue_that_is_listened_to_is_in_the_manifest_of_its_service(
    everything: dict[str, list[dict[str, object]]],
) -> None:
    manifests = read_manifests(ROOT / "functions")
    listened: dict[str, set[str]] = {service: set() for service in SERVICES}
    for name, bindings in everything.items():
        for binding in bindings:
            if binding["type"] == "queueTrigger":
                listened[name.split("_")[0]].add(str(binding["queueName"]))
    assert listened == {service: {queue.name for queue in manifest.queues} for service, manifest in manifests.items()}

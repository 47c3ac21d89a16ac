"""What each step of the kit means, over the platform's HTTP API (see the kit's README)."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from ruamel.yaml import YAML

from local.demo.api import Api
from tests.conformance.open_workflow_ctk.gherkin import Scenario, Step

PATIENCE_S = 90.0


@dataclass
class World:
    """What a scenario has made so far: the definition's name, the input, the instance as it ended."""

    api: Api
    definition: dict[str, str] = field(default_factory=dict)
    given: Any = None
    instance: dict[str, Any] = field(default_factory=dict)

    @property
    def order(self) -> list[str]:
        """The tasks' names in the order in which they began."""
        return [task["name"] for task in self.instance["tasks"]]

    def task(self, name: str) -> dict[str, Any]:
        """The last run of the task."""
        return [task for task in self.instance["tasks"] if task["name"] == name][-1]


async def play(scenario: Scenario, api: Api) -> None:
    """Carry out a scenario's steps. Raises AssertionError for what is not as it should be."""
    world = World(api)
    for step in scenario.steps:
        if not await _act(world, step):
            _check(world, step)


async def _act(world: World, step: Step) -> bool:
    """Arrange or act; False when the step is neither."""
    match step.text:
        case "a workflow with definition:":
            content = str(step.block).encode()
            world.definition = await world.api.call(
                "PUT", "/workflow/definitions", content=content, content_type="application/yaml"
            )
        case "given the workflow input is:":
            world.given = _yaml(step)
        case "the workflow is executed":
            world.instance = await _execute(world)
        case _:
            return False
    return True


async def _execute(world: World) -> dict[str, Any]:
    started = await world.api.call("POST", "/workflow/instances", {**world.definition, "input": world.given})
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found: dict[str, Any] = await world.api.call("GET", f"/workflow/instances/{started['id']}")
            if found["status"] in ("completed", "faulted", "cancelled"):
                return found
            await asyncio.sleep(0.05)


def _check(world: World, step: Step) -> None:
    for pattern, check in CHECKS.items():
        if match := re.fullmatch(pattern, step.text):
            check(world, step, *match.groups())
            return
    raise AssertionError(f"no such step: {step.text}")


def _ended(world: World, step: Step, status: str) -> None:
    wanted = {"complete": "completed", "fault": "faulted", "cancel": "cancelled"}[status]
    assert world.instance["status"] == wanted, world.instance.get("error")


def _ended_with(world: World, step: Step, status: str, what: str) -> None:
    _ended(world, step, status)
    _equal(world.instance[what], _yaml(step), what)


def _has(world: World, step: Step, names: str) -> None:
    for path in re.findall(r"'([^']+)'", names):
        _at(world.instance["output"], path)


def _has_value(world: World, step: Step, path: str) -> None:
    assert _at(world.instance["output"], path) == _yaml(step)


def _has_items(world: World, step: Step, path: str, count: str) -> None:
    assert len(_at(world.instance["output"], path)) == int(count)


def _ran(world: World, step: Step, name: str, when: str) -> None:
    assert world.order[0 if when == "first" else -1] == name, world.order


def _ran_beside(world: World, step: Step, name: str, when: str, other: str) -> None:
    first, second = (name, other) if when == "before" else (other, name)
    assert world.order.index(first) < world.order.index(second), world.order


def _task_ended(world: World, step: Step, name: str, status: str) -> None:
    wanted = {"complete": "completed", "fault": "faulted", "cancel": "cancelled"}[status]
    assert world.task(name)["state"] == wanted


def _task_ended_with(world: World, step: Step, name: str, status: str, what: str) -> None:
    _task_ended(world, step, name, status)
    _equal(world.task(name)[what], _yaml(step), what)


def _equal(found: Any, wanted: Any, what: str) -> None:
    """An error is compared by the members that are asked for."""
    if what == "error":
        found = {name: found.get(name) for name in wanted}
    assert found == wanted


Check = Callable[..., None]
CHECKS: dict[str, Check] = {
    r"the workflow should (complete|fault|cancel)": _ended,
    r"the workflow should (complete|fault) with (output|error):": _ended_with,
    r"the workflow output should have properties (.+)": _has,
    r"the workflow output should have a '([^']+)' property with value:": _has_value,
    r"the workflow output should have a '([^']+)' property containing (\d+) items": _has_items,
    r"(\S+) should run (first|last)": _ran,
    r"(\S+) should run (before|after) (\S+)": _ran_beside,
    r"(\S+) should (complete|fault|cancel)": _task_ended,
    r"(\S+) should (complete|fault) with (output|error):": _task_ended_with,
}


def _at(value: Any, path: str) -> Any:
    return reduce(lambda found, name: found[name], path.split("."), value)


def _yaml(step: Step) -> Any:
    return YAML(typ="safe", pure=True).load(str(step.block))

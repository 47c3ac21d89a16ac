"""run workflow: children on a real engine, their ends, their undoing with the parent, the limit of nesting."""

from typing import Any

from durable.workflow.interpretation.children import MAX_LEVELS
from functions.workflow import composition
from functions.workflow.schemas import StartRequest

UNDO = "metadata: {compensation: {do: [{undo: {call: processing.discardJob, with: {id: '${ .output.id }'}}}]}}"
WAITING = f"""
do:
  - make: {{set: {{id: child-job}}, {UNDO}}}
  - hear: {{listen: {{to: {{one: {{with: {{type: go.on}}}}}}}}}}
"""


async def put(house: Any, name: str, body: str) -> None:
    text = f"document: {{dsl: '1.0.3', namespace: test, name: {name}, version: '1.0.0'}}\n{body}"
    await composition.definitions().put(house.caller.tenant, text.encode())


async def start(house: Any, name: str, given: Any = None) -> str:
    request = StartRequest(namespace="test", name=name, input=given)
    head = await composition.instances().start(house.caller, request, None, house.client)
    await house.idle()
    return str(head.id)


def run_child(name: str = "child", more: str = "", given: str = "{n: '${ .n }'}") -> str:
    child = f"{{namespace: test, name: {name}, version: latest, input: {given}}}"
    return f"do: [{{kid: {{run: {{workflow: {child}{more}}}}}}}]"


async def children(house: Any, parent: str) -> list[Any]:
    rows = await composition.instance_store().page(house.caller.tenant, after=None, limit=50)
    return [await house.read(row.key[2:]) for row in rows if row.get("parent") == parent]


async def test_the_childs_output_is_the_tasks(house: Any) -> None:
    await put(house, "child", "do: [{s: {set: {twice: '${ .n * 2 }'}}}]")
    await put(house, "parent", run_child())
    parent = await start(house, "parent", {"n": 4})
    found = await house.read(parent)
    assert (found.status, found.output) == ("completed", {"twice": 8}), found.error
    [child] = await children(house, parent)
    assert (child.status, child.input) == ("completed", {"n": 4})


async def test_the_childs_error_is_the_tasks_and_can_be_caught(house: Any) -> None:
    await put(house, "child", "do: [{r: {raise: {error: {type: 'https://x.y/e', status: 418, title: Teapot}}}}]")
    await put(house, "parent", run_child())
    found = await house.read(await start(house, "parent", {"n": 1}))
    assert (found.status, found.error.status, found.error.title) == ("faulted", 418, "Teapot")
    assert found.error.instance == "/do/0/kid"
    assert found.error.problem["instance"] == "/do/0/r"


async def test_a_child_that_is_not_awaited_leaves_the_input_as_output(house: Any) -> None:
    await put(house, "child", WAITING)
    await put(house, "parent", run_child(more=", await: false"))
    parent = await start(house, "parent", {"n": 1})
    assert (await house.read(parent)).output == {"n": 1}
    [child] = await children(house, parent)
    assert child.status == "waiting"


async def test_cancelling_the_parent_cancels_the_child_which_undoes_what_it_made(house: Any) -> None:
    await put(house, "child", WAITING)
    await put(house, "parent", run_child())
    parent = await start(house, "parent", {"n": 1})
    assert (await house.read(parent)).status == "waiting"
    await composition.instances().cancel(house.caller.tenant, parent, house.client)
    await house.idle()
    [child] = await children(house, parent)
    assert (child.status, (await house.read(parent)).status) == ("cancelled", "cancelled")
    assert [item.status for item in child.compensation] == ["compensated"]
    assert house.services.asked[-1][:2] == ("DELETE", "/processing/jobs/child-job")


async def test_a_timeout_of_the_task_cancels_the_child(house: Any) -> None:
    await put(house, "child", WAITING)
    body = run_child().replace("{kid: {", "{kid: {timeout: {after: PT1M}, ")
    await put(house, "parent", body)
    parent = await start(house, "parent", {"n": 1})
    assert house.clock.go_to_next()
    await house.idle()
    found = await house.read(parent)
    assert (found.status, found.error.status) == ("faulted", 408)
    assert [child.status for child in await children(house, parent)] == ["cancelled"]


async def test_a_completed_child_is_undone_by_the_tasks_own_compensation(house: Any) -> None:
    await put(house, "child", "do: [{s: {set: {id: made}}}]")
    task = f"run: {{workflow: {{namespace: test, name: child, version: latest}}}}, {UNDO}"
    bad = "raise: {error: {type: 'https://x.y/e', status: 500}}"
    await put(house, "parent", f"do: [{{kid: {{{task}}}}}, {{bad: {{{bad}}}}}]")
    found = await house.read(await start(house, "parent", {"n": 1}))
    assert [(item.reference, item.status) for item in found.compensation] == [("/do/0/kid", "compensated")]
    assert house.services.asked[-1][:2] == ("DELETE", "/processing/jobs/made")


async def test_a_child_that_does_not_exist_is_a_fault_with_its_name(house: Any) -> None:
    await put(house, "parent", run_child("nobody"))
    found = await house.read(await start(house, "parent", {"n": 1}))
    assert (found.status, found.error.status) == ("faulted", 404)
    assert "test/nobody" in found.error.detail


async def test_an_input_that_the_child_refuses_is_a_validation_error(house: Any) -> None:
    await put(house, "child", "input: {schema: {document: {required: [m]}}}\ndo: [{s: {set: {a: 1}}}]")
    await put(house, "parent", run_child())
    found = await house.read(await start(house, "parent", {"n": 1}))
    assert found.error.type.endswith("/validation")


async def test_a_workflow_that_runs_itself_ends_at_the_limit_of_nesting(house: Any) -> None:
    await put(house, "endless", run_child("endless", given="{n: '${ .n + 1 }'}"))
    found = await house.read(await start(house, "endless", {"n": 0}))
    assert (found.status, found.error.title) == ("faulted", "Workflows are nested too deep")
    rows = await composition.instance_store().page(house.caller.tenant, after=None, limit=50)
    assert len(rows) == MAX_LEVELS + 1


async def test_a_restart_between_the_childs_end_and_the_parents_loses_nothing(house: Any) -> None:
    await put(house, "child", WAITING)
    await put(house, "parent", run_child())
    parent = await start(house, "parent", {"n": 1})
    await house.restart()
    sent = {"specversion": "1.0", "id": "1", "source": "/t", "type": "go.on", "data": 5}
    await composition.intake().accept(house.caller.tenant, [sent], house.client)
    await house.restart()
    await house.idle()
    assert (await house.read(parent)).output == [5]

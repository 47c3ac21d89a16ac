"""listen: events are gathered as the strategy says, each handled before the next, and given as an array."""

from copy import deepcopy
from typing import Any

from durable.workflow.dsl.events import AnyEvents
from durable.workflow.dsl.iteration import SubscriptionIterator
from durable.workflow.dsl.tasks import ListenTask
from durable.workflow.eventing.cloudevents import Envelope, read_as
from durable.workflow.eventing.filters import EventTest, resolve
from durable.workflow.eventing.gathering import Gathering, filters_of, takes_first_only, tests_for
from durable.workflow.eventing.subscriptions import Delivered, Subscription, wake_name
from durable.workflow.expressions import program_of
from durable.workflow.faults import Cancelled, Fault
from durable.workflow.interpretation import tasks as lists
from durable.workflow.interpretation.effects import RECORD, activity, value_of
from durable.workflow.interpretation.frames import Frame
from durable.workflow.interpretation.run import KEYS_REMEMBERED, Place, Result, Run, Steps, Wait
from durable.workflow.models import Recorded, TakeEvents, TakenEvents

TAKE = "workflow_take_events"
FOREVER = "false"
"""A condition that never holds: nobody will ever see the output, so it is not gathered."""

MAX_TEST_BYTES = 24_000
"""Largest filter with everything that its expressions mention: it is a row of a table."""


def run_listen(
    run: Run, task: ListenTask, place: Place, data: Any, variables: dict[str, Any], seen: dict[str, Any]
) -> Steps[Result]:
    """The consumed events in order, each as it is read and as `foreach` has transformed it."""
    with run.frame() as frame:
        if not frame:
            frame.update(tests=_tests(run, task, data, seen), keys={}, met=[], outputs=[], count=0, ears={})
            run.trail.tell("correlation-started", run.now())
        frame.update(deepcopy(frame))  # what another replay began with stays as it was
        gathering = Gathering(
            task.listen.to,
            [EventTest.model_validate(test) for test in frame["tests"]],
            run.evaluator,
            keys=frame["keys"],
            met=set(frame["met"]),
        )
        gathering.enough = gathering.enough or frame.get("enough", False)
        ears = _Ears(run, gathering, frame["ears"])
        try:
            result = yield from _gather(run, task, place, frame, gathering, ears, variables, seen)
        except (Fault, Cancelled):
            ears.close()
            raise
        ears.close()
        run.trail.tell("correlation-completed", run.now(), correlationKeys=dict(gathering.keys) or None)
        return result


def _tests(run: Run, task: ListenTask, data: Any, seen: dict[str, Any]) -> list[dict[str, Any]]:
    """The filters with what can be resolved now."""
    to = task.listen.to
    resolved = [resolve(item, lambda part: run.fill(part, data, seen), seen) for item in filters_of(to)]
    tests = [test.model_dump(mode="json", exclude_defaults=True) for test in tests_for(to, resolved)]
    for test in tests:
        run.check_size(test, "an event filter", MAX_TEST_BYTES)
    return tests


def _gather(
    run: Run,
    task: ListenTask,
    place: Place,
    frame: Frame,
    gathering: Gathering,
    ears: "_Ears",
    variables: dict[str, Any],
    seen: dict[str, Any],
) -> Steps[Result]:
    until = task.listen.to.until if isinstance(task.listen.to, AnyEvents) else None
    condition = until if isinstance(until, str) else None
    while "item" in frame or not gathering.enough:
        if "item" not in frame:
            run.check_history()
            event = yield from ears.hear()
            verdict = gathering.offer(event)
            frame.update(met=sorted(gathering.met), enough=gathering.enough)
            if verdict != "taken":
                continue
            frame["item"] = read_as(event, task.listen.read)
        result = yield from _handle(run, task.foreach, place, frame["item"], frame["count"], variables, seen)
        del frame["item"]
        frame["count"] += 1
        if condition is None or program_of(condition) != FOREVER:
            frame["outputs"].append(result.output)
        run.check_size(frame["outputs"], "what was listened to")
        now = {**seen, "context": run.data}
        if result.then == "end" or (condition is not None and run.holds(condition, frame["outputs"], now)):
            return Result(frame["outputs"], result.then if result.then == "end" else None)
    return Result(frame["outputs"])


def _handle(
    run: Run,
    each: SubscriptionIterator | None,
    place: Place,
    item: Any,
    index: int,
    variables: dict[str, Any],
    seen: dict[str, Any],
) -> Steps[Result]:
    """What is done for one event: its tasks get the event as input, their output is transformed and exported."""
    if each is None:
        return Result(item)
    inner = {**variables, each.item: item, each.at: index}
    result = Result(item)
    if each.do is not None:
        result = yield from lists.run_list(run, each.do, place.below("foreach", "do"), item, inner)
    output = result.output
    if each.output is not None:
        output = run.transform(each.output.as_, output, run.arguments(inner, task=seen["task"], input=seen["input"]))
        run.check_schema(each.output.schema_, output, "an event's output")
    if each.export is not None and each.export.as_ is not None:
        arguments = run.arguments(inner, task=seen["task"], input=seen["input"], output=output)
        context = run.transform(each.export.as_, output, arguments)
        run.check_size(context, "the workflow's context")
        run.check_schema(each.export.schema_, context, "the exported context")
        run.data = context
    return Result(output, result.then)


class _Ears:
    """One listener's durable side: it hears every event once, in the order of arrival.

    An event that comes twice (its delivery is repeated after a crash) is known by its key; so is one that another
    listener of the instance had before this one opened, as in a loop. A listener that needs the first event only is
    woken with it; one that takes many is woken and then takes what was kept for it.

    `state` is what it takes to go on in another execution: the listener's `id`, the `known` events, those that are
    `waiting`, the `wake` to wait for, the arrivals `had`, and whether there may be `more`.
    """

    def __init__(self, run: Run, gathering: Gathering, state: Frame) -> None:
        self._run, self._gathering, self._state = run, gathering, state
        self._is_first_only = takes_first_only(gathering.to)
        if state:  # a wake-up may have been lost between two executions
            state["more"] = True

    def hear(self) -> Steps[Envelope]:
        """The next event that is new to this listener."""
        state = self._state
        while True:
            if not state:
                yield from self._open()
            while state["waiting"]:
                given = Delivered.model_validate(state["waiting"].pop(0))
                if given.key not in state["known"]:
                    state["known"] = [*state["known"], given.key][-KEYS_REMEMBERED:]
                    self._run.hear(given.key)
                    return given.event
            if self._is_first_only:
                yield from self._wait_for_first()
            else:
                yield from self._take()

    def close(self) -> None:
        """Listen no more."""
        if self._state:
            self._run.trail.close(self._subscription())
            self._state.clear()

    def _subscription(self, skip: tuple[str, ...] = ()) -> Subscription:
        return Subscription(
            id=self._state["id"],
            owner=self._run.start.instance_id,
            mode="first" if self._is_first_only else "stream",
            tests=tuple(self._gathering.tests),
            since=self._run.start.created_at,
            skip=skip,
        )

    def _open(self) -> Steps[None]:
        run, state = self._run, self._state
        run.listeners += 1
        state.update(id=str(run.listeners), known=list(run.heard), waiting=[], wake=1, had=[], more=False)
        run.trail.open(self._subscription(skip=tuple(run.heard)))
        recorded = Recorded.model_validate((yield from activity(run, RECORD, run.trail.drain("waiting"))))
        if state["id"] in recorded.missed:
            state["waiting"].append(recorded.missed[state["id"]].model_dump(mode="json"))
        state["more"] = state["id"] in recorded.kept

    def _wait_for_first(self) -> Steps[None]:
        """Wait to be woken with the event; when that is an old one, a new listener waits for another."""
        given = yield from self._woken()
        if given["key"] in self._state["known"]:
            self.close()
        else:
            self._state["waiting"].append(given)

    def _take(self) -> Steps[None]:
        state = self._state
        if not state["more"]:
            yield from self._woken()
            state["wake"] += 1
        listener, work = self._subscription().listener, self._run.start.work
        request = TakeEvents(listener=listener, wake=state["wake"], done=tuple(state["had"]), work=work)
        taken = TakenEvents.model_validate((yield from activity(self._run, TAKE, request)))
        given = [item.model_dump(mode="json") for item in taken.events.values()]
        state.update(had=list(taken.events), more=taken.more, waiting=state["waiting"] + given)

    def _woken(self) -> Steps[Any]:
        told = self._run.context.wait_for_external_event(wake_name(self._state["id"], self._state["wake"]))
        self._run.count_effect()
        while not told.is_completed:
            yield Wait((told,))
        return value_of(told)

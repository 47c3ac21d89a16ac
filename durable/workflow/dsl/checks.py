"""What a well-formed definition must also hold: its expressions compile, its names exist, its calls fit the catalog."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from durable.workflow.catalog import catalog_name
from durable.workflow.dsl import tasks as dsl
from durable.workflow.dsl.call_checks import check_arguments, check_calls
from durable.workflow.dsl.dataflow import Export, Input, Output
from durable.workflow.dsl.definition import Definition, Schedule
from durable.workflow.dsl.durations import TimeoutOrName
from durable.workflow.dsl.event_checks import EventChecks
from durable.workflow.dsl.events import EventConsumption
from durable.workflow.dsl.failures import ErrorDefinition, RetryPolicy
from durable.workflow.dsl.mistakes import Mistake, pointer
from durable.workflow.dsl.processes import Process, RunScript, RunShell, RunWorkflow
from durable.workflow.dsl.task_parts import EmitDefinition
from durable.workflow.dsl.walk import Path, inner_lists
from durable.workflow.expressions import (
    MAX_EXPRESSION_CHARS,
    Evaluator,
    ExpressionError,
    closed_names,
    expressions_in,
    program_of,
)
from durable.workflow.schedules import NotASchedule, check_schedule

DIRECTIVES = frozenset({"continue", "exit", "end"})
BEFORE_INPUT = ("context", "task", "workflow", "runtime")
IN_TASK = (*BEFORE_INPUT, "input")
AFTER_OUTPUT = (*IN_TASK, "output")
WORKFLOW_INPUT = ("workflow", "runtime")
WORKFLOW_OUTPUT = ("context", "workflow", "runtime")

PRIVATE = ("secrets", "authorization")
"""What only the activity that makes a call knows; in any other place their values would be kept in the history."""

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
MAX_VERSION_CHARS = 128

Scope = tuple[str, ...]


def check_definition(definition: Definition, evaluator: Evaluator) -> list[Mistake]:
    """Every mistake that the models can't see, in document order."""
    return list(_Checks(definition, evaluator).all())


@dataclass(frozen=True)
class _Checks:
    definition: Definition
    evaluator: Evaluator

    def all(self) -> Iterator[Mistake]:
        if len(self.definition.document.version) > MAX_VERSION_CHARS:
            yield Mistake("/document/version", f"a version has at most {MAX_VERSION_CHARS} characters")
        yield from self._data(self.definition.input, ("input",), WORKFLOW_INPUT)
        yield from self._timeout(self.definition.timeout, ("timeout",), (*WORKFLOW_INPUT, "input"))
        yield from self._extensions()
        yield from self._schedule(self.definition.schedule)
        yield from self._list(self.definition.do, ("do",), ())
        yield from self._data(self.definition.output, ("output",), WORKFLOW_OUTPUT)
        for name, function in self.definition.use.functions.items():
            yield from self._task(function, ("use", "functions", name), ())
        for name, policy in self.definition.use.authentications.items():
            given = policy.model_dump(by_alias=True, exclude_unset=True)
            yield from self._template(given, ("use", "authentications", name), (*IN_TASK, "secrets"))
        yield from check_calls(self.definition)

    def _list(self, tasks: dsl.TaskList, path: Path, scope: Scope) -> Iterator[Mistake]:
        named = dsl.items(tasks)
        names = {name for name, _ in named}
        for index, (name, task) in enumerate(named):
            here = (*path, index, name)
            yield from self._target(task.then, names, (*here, "then"))
            if isinstance(task, dsl.SwitchTask):
                for number, item in enumerate(task.switch):
                    for label, case in item.items():
                        yield from self._target(case.then, names, (*here, "switch", number, label, "then"))
            yield from self._task(task, here, scope)

    def _task(self, task: dsl.Task, path: Path, scope: Scope) -> Iterator[Mistake]:
        yield from self._expression(task.if_, (*path, "if"), BEFORE_INPUT + scope)
        yield from self._data(task.input, (*path, "input"), BEFORE_INPUT + scope)
        yield from self._own(task, path, IN_TASK + scope)
        yield from self._timeout(task.timeout, (*path, "timeout"), IN_TASK + scope)
        yield from self._inner(task, path, scope)
        yield from self._data(task.output, (*path, "output"), IN_TASK + scope)
        yield from self._data(task.export, (*path, "export"), AFTER_OUTPUT + scope)

    def _own(self, task: dsl.Task, path: Path, seen: Scope) -> Iterator[Mistake]:
        """What the task itself evaluates or names."""
        match task:
            case _ if task.kind == "call":
                yield from self._call(task, path, seen)
            case dsl.EmitTask():
                yield from self._emit(task.emit.event, (*path, "emit", "event"), seen)
            case dsl.ForTask():
                yield from self._for(task, path, seen)
            case dsl.RaiseTask():
                yield from self._raise(task.raise_.error, (*path, "raise", "error"), seen)
            case dsl.ListenTask():
                yield from self._listen(task, path, seen)
            case dsl.RunTask():
                yield from self._run(task.run, (*path, "run"), seen)
            case dsl.SetTask():
                yield from self._set(task.set, (*path, "set"), seen)
            case dsl.SwitchTask():
                yield from self._switch(task, (*path, "switch"), seen)
            case dsl.WaitTask():
                yield from self._template(task.wait, (*path, "wait"), seen)

    def _call(self, task: dsl.Task, path: Path, seen: Scope) -> Iterator[Mistake]:
        if isinstance(task, dsl.CallFunction):
            if task.call not in self.definition.use.functions and (name := catalog_name(task.call)):
                yield from check_arguments(name, task.with_ or {}, (*path, "with"), self.evaluator)
            yield from self._template(task.with_, (*path, "with"), seen)
        elif isinstance(task, dsl.PROTOCOL_CALLS):
            given = task.with_.model_dump(by_alias=True, exclude_unset=True, exclude={"subscription": {"foreach"}})
            seen = seen if isinstance(task, dsl.CallAsyncApi) else (*seen, *PRIVATE)  # an event is kept in the history
            yield from self._template(given, (*path, "with"), seen)

    def _run(self, process: Process, path: Path, seen: Scope) -> Iterator[Mistake]:
        match process:
            case RunScript() | RunShell():
                yield from self._process(process, path, seen)
            case RunWorkflow():
                yield from self._template(process.workflow.input, (*path, "workflow", "input"), seen)

    def _process(self, process: RunScript | RunShell, path: Path, seen: Scope) -> Iterator[Mistake]:
        """A script's text is no template; what it gets may be, and secrets only where no list of processes shows it."""
        key, part = ("script", process.script) if isinstance(process, RunScript) else ("shell", process.shell)
        given = part.model_dump(by_alias=True, exclude_unset=True, exclude={"code"})
        hidden = {name: given.pop(name) for name in ("environment", "stdin", "source") if name in given}
        yield from self._template(given, (*path, key), seen)
        yield from self._template(hidden, (*path, key), (*seen, "secrets"))

    def _emit(self, event: EmitDefinition, path: Path, seen: Scope) -> Iterator[Mistake]:
        if event.with_ is None:
            yield Mistake(pointer(*path), "an event to emit needs attributes (with)")
        else:
            yield from self._template(event.with_.model_dump(by_alias=True, exclude_unset=True), (*path, "with"), seen)

    def _schedule(self, schedule: Schedule | None) -> Iterator[Mistake]:
        if schedule is None:
            return
        try:
            check_schedule(schedule)
        except NotASchedule as error:
            yield Mistake("/schedule", str(error))
        if schedule.on is not None:
            yield from self._events(schedule.on, ("schedule", "on"), ("runtime",))

    def _listen(self, task: dsl.ListenTask, path: Path, seen: Scope) -> Iterator[Mistake]:
        yield from self._events(task.listen.to, (*path, "listen", "to"), seen)
        if task.foreach is not None:
            here = (*path, "foreach")
            yield from self._variables(here, item=task.foreach.item, at=task.foreach.at)
            inner = (*seen, *_bound(task, ("foreach", "do")))
            yield from self._data(task.foreach.output, (*here, "output"), inner)
            yield from self._data(task.foreach.export, (*here, "export"), (*inner, "output"))

    def _events(self, to: EventConsumption, path: Path, seen: Scope) -> Iterator[Mistake]:
        checks = EventChecks(self.evaluator, lambda text, place: self._expression(text, place, seen))
        yield from checks.consumption(to, path)

    def _for(self, task: dsl.ForTask, path: Path, seen: Scope) -> Iterator[Mistake]:
        yield from self._variables((*path, "for"), each=task.for_.each, at=task.for_.at)
        yield from self._expression(task.for_.in_, (*path, "for", "in"), seen)
        yield from self._expression(task.while_, (*path, "while"), (*seen, *_bound(task, ("do",))))

    def _switch(self, task: dsl.SwitchTask, path: Path, seen: Scope) -> Iterator[Mistake]:
        if sum(case.when is None for item in task.switch for case in item.values()) > 1:
            yield Mistake(pointer(*path), "only one case of a switch may be without a condition")
        for number, item in enumerate(task.switch):
            for label, case in item.items():
                yield from self._expression(case.when, (*path, number, label, "when"), seen)

    def _timeout(self, timeout: TimeoutOrName | None, path: Path, seen: Scope) -> Iterator[Mistake]:
        if isinstance(timeout, str):
            if timeout not in self.definition.use.timeouts:
                yield Mistake(pointer(*path), f"there is no timeout {timeout} in use.timeouts")
                return
            path, timeout = ("use", "timeouts", timeout), self.definition.use.timeouts[timeout]
        if timeout is not None:
            yield from self._template(timeout.after, (*path, "after"), seen)

    def _extensions(self) -> Iterator[Mistake]:
        for index, item in enumerate(self.definition.use.extensions):
            for name, extension in item.items():
                at = ("use", "extensions", index, name)
                yield from self._expression(extension.when, (*at, "when"), BEFORE_INPUT)
                yield from self._list(extension.before or [], (*at, "before"), ())
                yield from self._list(extension.after or [], (*at, "after"), ())

    def _inner(self, task: dsl.Task, path: Path, scope: Scope) -> Iterator[Mistake]:
        """The tasks within the task, each list with the variables that its tasks see."""
        for below, tasks in inner_lists(task):
            yield from self._list(tasks, (*path, *below), (*scope, *_bound(task, below)))
        if isinstance(task, dsl.TryTask):
            yield from self._catch(task.catch, (*path, "catch"), scope)

    def _variables(self, path: Path, **names: str) -> Iterator[Mistake]:
        """Expressions can only see what has a name of theirs."""
        for key, name in names.items():
            if not VARIABLE.match(name):
                yield Mistake(pointer(*path, key), f"not a usable name of a variable: {name!r}")

    def _set(self, value: dict[str, Any] | str, path: Path, seen: Scope) -> Iterator[Mistake]:
        if isinstance(value, str):
            yield from self._expression(value, path, seen)
        else:
            yield from self._template(value, path, seen)

    def _raise(self, error: ErrorDefinition | str, path: Path, seen: Scope) -> Iterator[Mistake]:
        if isinstance(error, str):
            if error not in self.definition.use.errors:
                yield Mistake(pointer(*path), f"there is no error {error} in use.errors")
            return
        yield from self._template(error.model_dump(by_alias=True, exclude_none=True), path, seen)

    def _catch(self, catch: dsl.Catch, path: Path, scope: Scope) -> Iterator[Mistake]:
        inner = (*scope, *(name for name in [catch.as_] if VARIABLE.match(name)))
        yield from self._variables(path, **{"as": catch.as_})
        yield from self._expression(catch.when, (*path, "when"), IN_TASK + inner)
        yield from self._expression(catch.except_when, (*path, "exceptWhen"), IN_TASK + inner)
        retry = catch.retry
        if isinstance(retry, str):
            if retry not in self.definition.use.retries:
                yield Mistake(pointer(*path, "retry"), f"there is no retry policy {retry} in use.retries")
            else:
                policy = self.definition.use.retries[retry]
                yield from self._retry(policy, ("use", "retries", retry), IN_TASK + inner)
        elif retry is not None:
            yield from self._retry(retry, (*path, "retry"), IN_TASK + inner)

    def _retry(self, policy: RetryPolicy, path: Path, seen: Scope) -> Iterator[Mistake]:
        limit = policy.limit.attempt.duration if policy.limit and policy.limit.attempt else None
        yield from self._template(limit, (*path, "limit", "attempt", "duration"), seen)
        yield from self._expression(policy.when, (*path, "when"), seen)
        yield from self._expression(policy.except_when, (*path, "exceptWhen"), seen)
        yield from self._template(policy.delay, (*path, "delay"), seen)

    def _data(self, part: Input | Output | Export | None, path: Path, seen: Scope) -> Iterator[Mistake]:
        if part is None:
            return
        key, value = ("from", part.from_) if isinstance(part, Input) else ("as", part.as_)
        if value is not None:
            yield from self._set(value, (*path, key), seen)
        if part.schema_ is not None and part.schema_.resource is None:
            try:
                self.evaluator.check_schema(part.schema_.document)
            except ValueError as error:
                yield Mistake(pointer(*path, "schema", "document"), f"not a usable JSON Schema: {error}")

    def _template(self, template: Any, path: Path, seen: Scope) -> Iterator[Mistake]:
        for text in expressions_in(template):
            yield from self._expression(text, path, seen)

    def _expression(self, text: str | None, path: Path, seen: Scope) -> Iterator[Mistake]:
        if text is None:
            return
        program = program_of(text)
        if len(program) > MAX_EXPRESSION_CHARS:
            yield Mistake(pointer(*path), f"an expression has at most {MAX_EXPRESSION_CHARS} characters")
        elif closed := [name for name in closed_names(program) if name not in {f"${each}" for each in seen}]:
            reason = f"not supported: {', '.join(closed)} in an expression here"
            yield Mistake(pointer(*path), reason, "not-supported")
        else:
            try:
                self.evaluator.check(program, tuple(sorted(set(seen))))
            except ExpressionError as error:
                yield Mistake(pointer(*path), f"not a usable expression: {error}")

    def _target(self, then: str | None, names: set[str], path: Path) -> Iterator[Mistake]:
        if then is not None and then not in DIRECTIVES and then not in names:
            yield Mistake(pointer(*path), f"there is no task {then} in this list to go on with")


def _bound(task: dsl.Task, below: Path) -> Scope:
    """The variables that the task binds for the tasks of one of its lists."""
    return tuple(name for name in _named(task, below) if VARIABLE.match(name))


def _named(task: dsl.Task, below: Path) -> Scope:
    match task, below:
        case dsl.ForTask(), ("do",):
            return (task.for_.each, task.for_.at)
        case dsl.TryTask(), ("catch", "do"):
            return (task.catch.as_,)
        case dsl.ListenTask(), ("foreach", "do") if task.foreach is not None:
            return (task.foreach.item, task.foreach.at)
        case dsl.CallAsyncApi(), ("with", *_) if task.with_.subscription and task.with_.subscription.foreach:
            return (task.with_.subscription.foreach.item, task.with_.subscription.foreach.at)
    return ()

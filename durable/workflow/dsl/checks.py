"""What a well-formed definition must also hold: its expressions compile, its names exist, its calls fit the catalog."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from durable.workflow.catalog import argument_mistakes
from durable.workflow.dsl import tasks as dsl
from durable.workflow.dsl.definition import Definition
from durable.workflow.dsl.mistakes import Mistake, pointer
from durable.workflow.dsl.values import ErrorDefinition, Export, Input, Output, RetryPolicy
from durable.workflow.expressions import (
    MAX_EXPRESSION_CHARS,
    Evaluator,
    ExpressionError,
    closed_names,
    expressions_in,
    program_of,
)

DIRECTIVES = frozenset({"continue", "exit", "end"})
BEFORE_INPUT = ("context", "task", "workflow", "runtime")
IN_TASK = (*BEFORE_INPUT, "input")
AFTER_OUTPUT = (*IN_TASK, "output")
WORKFLOW_INPUT = ("workflow", "runtime")
WORKFLOW_OUTPUT = ("context", "workflow", "runtime")

Path = tuple[str | int, ...]
Scope = tuple[str, ...]


def check_definition(definition: Definition, evaluator: Evaluator) -> list[Mistake]:
    """Every mistake that the models can't see, in document order."""
    return list(_Checks(definition, evaluator).all())


@dataclass(frozen=True)
class _Checks:
    definition: Definition
    evaluator: Evaluator

    def all(self) -> Iterator[Mistake]:
        yield from self._data(self.definition.input, ("input",), WORKFLOW_INPUT)
        yield from self._list(self.definition.do, ("do",), ())
        yield from self._data(self.definition.output, ("output",), WORKFLOW_OUTPUT)

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
        yield from self._inner(task, path, scope)
        yield from self._data(task.output, (*path, "output"), IN_TASK + scope)
        yield from self._data(task.export, (*path, "export"), AFTER_OUTPUT + scope)
        if task.metadata and task.metadata.compensation:
            yield from self._list(task.metadata.compensation.do, (*path, "metadata", "compensation", "do"), scope)

    def _own(self, task: dsl.Task, path: Path, seen: Scope) -> Iterator[Mistake]:
        """What the task itself evaluates or names."""
        match task:
            case dsl.CallTask():
                for reason in argument_mistakes(task.call, task.with_ or {}):
                    yield Mistake(pointer(*path, "with"), reason)
                yield from self._template(task.with_, (*path, "with"), seen)
            case dsl.EmitTask():
                event = task.emit.event.with_.model_dump(by_alias=True, exclude_unset=True)
                yield from self._template(event, (*path, "emit", "event", "with"), seen)
            case dsl.ForTask():
                yield from self._expression(task.for_.in_, (*path, "for", "in"), seen)
                named = (*seen, task.for_.each, task.for_.at)
                yield from self._expression(task.while_, (*path, "while"), named)
            case dsl.RaiseTask():
                yield from self._raise(task.raise_.error, (*path, "raise", "error"), seen)
            case dsl.SetTask():
                yield from self._set(task.set, (*path, "set"), seen)
            case dsl.SwitchTask():
                for number, item in enumerate(task.switch):
                    for label, case in item.items():
                        yield from self._expression(case.when, (*path, "switch", number, label, "when"), seen)
            case dsl.WaitTask():
                yield from self._template(task.wait, (*path, "wait"), seen)

    def _inner(self, task: dsl.Task, path: Path, scope: Scope) -> Iterator[Mistake]:
        """The tasks within the task."""
        match task:
            case dsl.DoTask():
                yield from self._list(task.do, (*path, "do"), scope)
            case dsl.ForTask():
                yield from self._list(task.do, (*path, "do"), (*scope, task.for_.each, task.for_.at))
            case dsl.ForkTask():
                yield from self._list(task.fork.branches, (*path, "fork", "branches"), scope)
            case dsl.TryTask():
                yield from self._list(task.try_, (*path, "try"), scope)
                yield from self._catch(task.catch, (*path, "catch"), scope)

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
        inner = (*scope, catch.as_)
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
        if catch.do is not None:
            yield from self._list(catch.do, (*path, "do"), inner)

    def _retry(self, policy: RetryPolicy, path: Path, seen: Scope) -> Iterator[Mistake]:
        yield from self._expression(policy.when, (*path, "when"), seen)
        yield from self._expression(policy.except_when, (*path, "exceptWhen"), seen)
        yield from self._template(policy.delay, (*path, "delay"), seen)

    def _data(self, part: Input | Output | Export | None, path: Path, seen: Scope) -> Iterator[Mistake]:
        if part is None:
            return
        key, value = ("from", part.from_) if isinstance(part, Input) else ("as", part.as_)
        if value is not None:
            yield from self._set(value, (*path, key), seen)
        if part.schema_ is not None:
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
        elif closed := closed_names(program):
            reason = f"not supported: {', '.join(closed)} in an expression"
            yield Mistake(pointer(*path), reason, "not-supported")
        else:
            try:
                self.evaluator.check(program, tuple(sorted(set(seen))))
            except ExpressionError as error:
                yield Mistake(pointer(*path), f"not a usable expression: {error}")

    def _target(self, then: str | None, names: set[str], path: Path) -> Iterator[Mistake]:
        if then is not None and then not in DIRECTIVES and then not in names:
            yield Mistake(pointer(*path), f"there is no task {then} in this list to go on with")

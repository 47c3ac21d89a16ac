"""A definition as a Mermaid flowchart; with an instance's task runs, each task in the colour of its state.

Composites are subgraphs, whose own flow stands within them. An edge leads where the flow goes on: by order, by `then`,
by the cases of a switch. Dotted edges lead to what is done about an error and to what undoes a task.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from durable.workflow.dsl import tasks as dsl
from durable.workflow.dsl.definition import Definition
from durable.workflow.dsl.walk import inner_lists
from durable.workflow.models import TaskState

STATES = {
    "running": "fill:#cfe2ff,stroke:#0b5ed7,color:#052c65",
    "completed": "fill:#d1e7dd,stroke:#146c43,color:#051b11",
    "faulted": "fill:#f8d7da,stroke:#b02a37,color:#2c0b0e",
    "cancelled": "fill:#e2e3e5,stroke:#565e64,color:#212529",
}
# A frame's title needs a line of its own above what is within, which Mermaid leaves no room for by itself.
LAYOUT = '%%{init: {"flowchart": {"wrappingWidth": 640, "subGraphTitleMargin": {"top": 4, "bottom": 8}}}}%%'
MAX_LABEL_CHARS = 80
SHAPES = {
    "switch": ("{{", "}}"),
    "wait": ("(", ")"),
    "listen": ("[/", "/]"),
    "emit": ("[\\", "\\]"),
    "raise": ("[[", "]]"),
}
LISTS = {"try": "try", "catch": "catch", "foreach": "for each event", "with": "for each message", "metadata": "undo"}


def diagram(definition: Definition, runs: Iterable[TaskState] = ()) -> str:
    """The flowchart as Mermaid text; it ends with a line break."""
    runs = list(runs)
    drawing = _Drawing({run.reference: run for run in runs}, Counter(run.reference for run in runs))
    drawing.line("start((start))")
    first = drawing.list_of(definition.do, "/do", "end_")
    drawing.line(f"start --> {first}")
    if any(line.endswith(" end_") for line in drawing.lines):
        drawing.line("end_((end))")
    for state, style in STATES.items():
        drawing.line(f"classDef {state} {style}")
    drawing.lines += [f"    class {node} {state}" for node, state in drawing.states.items()]
    return "\n".join([LAYOUT, "flowchart TD", *drawing.lines]) + "\n"


@dataclass
class _Drawing:
    runs: dict[str, TaskState]
    counts: Counter[str]
    lines: list[str] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    depth: int = 1
    nodes: int = 0

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def new_id(self) -> str:
        self.nodes += 1
        return f"n{self.nodes}"

    def list_of(self, tasks: dsl.TaskList, path: str, after: str | None) -> str:
        """Draw a list; `after` is the node that comes after it, None within a composite. Gives its first node."""
        named = dsl.items(tasks)
        if not named:
            node = self.new_id()
            self.line(f'{node}["nothing"]')
            return node
        drawn = [self.task(name, task, f"{path}/{index}/{name}") for index, (name, task) in enumerate(named)]
        places = {name: node for (name, _), node in reversed(list(zip(named, drawn, strict=True)))}
        for index, (_, task) in enumerate(named):
            following = drawn[index + 1] if index + 1 < len(drawn) else after
            self.edges(drawn[index], task, places, following, after)
        return drawn[0]

    def edges(
        self, node: str, task: dsl.Task, places: dict[str, str], following: str | None, after: str | None
    ) -> None:
        """The edges from a task to wherever the flow may go on."""

        def target(then: str | None) -> str | None:
            if then in (None, "continue"):
                return following
            return "end_" if then == "end" else after if then == "exit" else places.get(str(then))

        has_default = False
        if isinstance(task, dsl.SwitchTask):
            for item in task.switch:
                for label, case in item.items():
                    has_default = has_default or case.when is None
                    self.edge(node, target(case.then), label)
        if not has_default and not isinstance(task, dsl.RaiseTask):
            self.edge(node, target(task.then), "otherwise" if isinstance(task, dsl.SwitchTask) else "")

    def edge(self, source: str, target: str | None, label: str = "") -> None:
        if target is not None:
            self.line(f'{source} -->|"{_text(label)}"| {target}' if label else f"{source} --> {target}")

    def task(self, name: str, task: dsl.Task, reference: str) -> str:
        """Draw a task with all that stands within it; gives its node."""
        node = self.new_id()
        label = [_text(name), _text(what(task)), *self._times(reference)]
        lists = [(below, tasks) for below, tasks in inner_lists(task) if tasks or below in (("do",), ("try",))]
        within = [(below, tasks) for below, tasks in lists if below[0] != "metadata"]
        if within:
            self.subgraph(node, " · ".join(label), task, within, reference)
        else:
            opening, closing = SHAPES.get(task.kind, ("[", "]"))
            self.line(f'{node}{opening}"{"<br/>".join(label)}"{closing}')
        if run := self.runs.get(reference):
            self.states[node] = run.state
        for below, tasks in lists:
            if below[0] == "metadata":
                self.undo(node, tasks, "".join(f"/{part}" for part in (reference[1:], *below)))
        return node

    def subgraph(
        self,
        node: str,
        label: str,
        task: dsl.Task,
        within: list[tuple[tuple[str | int, ...], dsl.TaskList]],
        reference: str,
    ) -> None:
        self.line(f'subgraph {node}["{label}"]')
        self.depth += 1
        parts = []
        for below, tasks in within:
            path = "".join(f"/{part}" for part in (reference[1:], *below))
            if isinstance(task, dsl.ForkTask):
                for index, (name, branch) in enumerate(dsl.items(tasks)):
                    self.task(name, branch, f"{path}/{index}/{name}")
            elif len(within) == 1 and below[0] == "do":
                self.list_of(tasks, path, None)
            else:
                parts.append(self.part(LISTS[str(below[0])], tasks, path))
        if len(parts) > 1:
            self.line(f'{parts[0]} -.->|"error"| {parts[1]}')
        self.depth -= 1
        self.line("end")

    def part(self, title: str, tasks: dsl.TaskList, path: str) -> str:
        """A list in a frame of its own."""
        node = self.new_id()
        self.line(f'subgraph {node}["{title}"]')
        self.depth += 1
        self.list_of(tasks, path, None)
        self.depth -= 1
        self.line("end")
        return node

    def undo(self, node: str, tasks: dsl.TaskList, path: str) -> None:
        self.line(f'{node} -.->|"undo"| {self.part("undo", tasks, path)}')

    def _times(self, reference: str) -> list[str]:
        return [f"{self.counts[reference]} times"] if self.counts[reference] > 1 else []


def what(task: dsl.Task) -> str:
    """What a task does, in a few words."""
    match task:
        case dsl.CallFunction():
            return f"call {task.call}"
        case dsl.CallHttp():
            return f"call http {task.with_.method.upper()}"
        case _ if isinstance(task, dsl.PROTOCOL_CALLS):
            return f"call {task.call}"
        case dsl.ForTask():
            return f"for {task.for_.each} in {task.for_.in_}"
        case dsl.ForkTask():
            return "fork, the first wins" if task.fork.compete else "fork"
        case dsl.RunTask():
            return f"run {task.run.tag.removeprefix('by:')}"
        case dsl.RaiseTask() if isinstance(task.raise_.error, str):
            return f"raise {task.raise_.error}"
    return task.kind


def _text(text: str) -> str:
    """A label's text: on one line, not too long, and nothing in it that Mermaid or HTML would read."""
    short = re.sub(r"\s+", " ", text)
    short = short if len(short) <= MAX_LABEL_CHARS else short[: MAX_LABEL_CHARS - 1] + "…"
    return re.sub(r"[^\w\s.,:/=()+*?!…-]", lambda match: f"#{ord(match[0])};", short)

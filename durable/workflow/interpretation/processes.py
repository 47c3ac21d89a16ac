"""`run` of scripts and commands: a process is a call like another, but for its script, which is left as it is."""

from typing import Any

from durable.workflow.dsl.processes import RunScript, RunShell
from durable.workflow.interpretation.outgoing import call_protocol
from durable.workflow.interpretation.run import Place, Run, Steps


def run_process(run: Run, process: RunScript | RunShell, place: Place, data: Any, seen: dict[str, Any]) -> Steps[Any]:
    """The process's output; the task's input when it is not awaited."""
    part = process.script if isinstance(process, RunScript) else process.shell
    given = part.model_dump(mode="json", by_alias=True, exclude_unset=True)
    script = {"code": given.pop("code")} if "code" in given else {}
    kept = {**script, "await": process.await_, "return": process.return_}
    output = yield from call_protocol(run, "process", given, place, data, seen, kept)
    return output if process.await_ else data

"""`run: script` and `run: shell` as an activity carries them out."""

import asyncio
import json
import logging
from typing import Any

from durable.workflow.calls.http import Caller
from durable.workflow.calls.uri import plain
from durable.workflow.faults import Fault, SpecError, spec_error
from durable.workflow.processes import child
from durable.workflow.processes.child import Ended, Limits, NotRun
from durable.workflow.processes.programs import Program, program_for, shell

log = logging.getLogger(__name__)
MIB = 1024 * 1024
_left_alone: set[asyncio.Task[Any]] = set()
"""Processes that nobody waits for; kept here, because the event loop itself only knows them weakly."""


async def run_process(arguments: dict[str, Any], caller: Caller) -> Any:
    """What the process gives, as `return` says; None at once when it is not awaited.

    Raises Fault: configuration when processes are not allowed here or can't be isolated, timeout when it takes too
    long, runtime when it ends with another code than zero and `return` does not show the code.
    """
    settings = caller.settings
    if settings.workflow_processes == "off":
        raise Fault(spec_error("configuration", 400, "Not allowed", "the operator does not allow scripts and commands"))
    program, script = await _program(arguments, caller)
    limits = Limits(
        caller.timeout_s, settings.workflow_process_memory_mib * MIB, settings.workflow_processes == "isolated"
    )
    running = child.run(
        program,
        script,
        _arguments(arguments.get("arguments")),
        _environment(arguments.get("environment")),
        plain_or_json(arguments.get("stdin")).encode(),
        limits,
    )
    if not arguments.get("await", True):
        task = asyncio.ensure_future(_alone(running))
        _left_alone.add(task)
        task.add_done_callback(_left_alone.discard)
        return None
    try:
        return returned(await running, arguments.get("return") or "stdout")
    except NotRun as error:
        raise Fault(_not_run(error)) from None


async def check_isolation() -> None:
    """Raise NotRun when this machine can't isolate processes; a check for `health/ready`."""
    ended = await child.run(shell("exit 0"), None, [], {}, b"", Limits(10.0, 256 * MIB, isolated=True))
    if ended.code:
        raise NotRun(f"an isolated command ends with {ended.code}")


def returned(ended: Ended, mode: str) -> Any:
    """The output of a process in its return mode. Raises Fault for a code that nothing shows."""
    if ended.code and mode in ("stdout", "none"):
        tail = ended.stderr.decode("utf-8", "replace").strip()[-500:]
        detail = f"the process ended with {ended.code}" + (f": {tail}" if tail else "")
        raise Fault(spec_error("runtime", 500, "The process failed", detail))
    out, err = ended.stdout.decode("utf-8", "replace"), ended.stderr.decode("utf-8", "replace")
    shown = {"code": ended.code, "stdout": out, "stderr": err}
    return {**shown, "all": shown, "none": None}[mode]


def plain_or_json(value: Any) -> str:
    """A text as it is, scalars as texts, everything else as JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else plain(value)


async def _program(arguments: dict[str, Any], caller: Caller) -> tuple[Program, str | None]:
    if "command" in arguments:
        return shell(plain_or_json(arguments["command"])), None
    program = program_for(str(arguments["language"]))
    if program is None:
        detail = f"there is no program for scripts in {str(arguments['language'])[:40]}"
        raise Fault(spec_error("configuration", 400, "Not a script that runs here", detail))
    if "code" in arguments:
        return program, str(arguments["code"])
    source = arguments["source"]["endpoint"]
    resource = await caller.resources.get(caller.tenant, source, caller.authenticator)
    return program, resource.content.decode("utf-8", "replace")


def _environment(given: Any) -> dict[str, str]:
    found = {str(name): plain_or_json(value) for name, value in (given or {}).items()}
    if any("\0" in text or "=" in name or not name for name, value in found.items() for text in (name, value)):
        raise _unusable("environment")
    return found


def _arguments(given: Any) -> list[str]:
    found = [plain_or_json(item) for item in given or []]
    if any("\0" in text for text in found):
        raise _unusable("arguments")
    return found


def _unusable(what: str) -> Fault:
    return Fault(spec_error("configuration", 400, f"Not usable {what}", f"{what}: something can't be passed on"))


def _not_run(error: NotRun) -> SpecError:
    if error.timed_out:
        return spec_error("timeout", 408, "The process took too long", str(error))
    return spec_error("runtime", 500, "The process could not be run", str(error))


async def _alone(running: Any) -> None:
    try:
        await running
    except NotRun as error:
        log.info("a process that nobody waits for was ended: %s", error)

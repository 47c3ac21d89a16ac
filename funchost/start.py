"""`start`: from a folder to a running host."""

import asyncio
import contextlib
import gc
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from funchost.app_settings import load_local_settings
from funchost.banner import function_table
from funchost.definitions import FunctionDefinition
from funchost.errors import HostError
from funchost.host_json import HostJson, read_host_json
from funchost.indexing import index_app
from funchost.logs import parse_levels, set_up_logs
from funchost.supported import unsupported_bindings

GRACE_S = 30.0
_CUT_OFF_EXIT_CODE = 1
log = logging.getLogger("Host")


@dataclass(frozen=True, slots=True)
class StartOptions:
    """What the command line says; `functions` empty means all, `grace_s` is the time to drain."""

    app_dir: Path
    host: str
    port: int
    functions: tuple[str, ...] = ()
    grace_s: float = GRACE_S
    socket_descriptor: int | None = None
    """A listening socket from the parent, instead of host and port."""


def start(options: StartOptions, began: float) -> int:
    """Run the app until SIGTERM or SIGINT; returns the exit code. Raises HostError for what the developer can mend.

    `began` is the time.perf_counter() of the command's start.
    """
    load_local_settings(options.app_dir / "local.settings.json")
    host_json = read_host_json(options.app_dir / "host.json")
    _set_up_logs(host_json, options.app_dir)
    indexed = _index_in(options.app_dir)
    definitions = select(indexed, options.functions, options.app_dir)
    listener = _listener(options)
    code = _run(definitions, host_json, options, listener, began)
    sys.stdout.flush()
    return code


def _index_in(app_dir: Path) -> list[FunctionDefinition]:
    """Index the app, and make its folder the current one, as the worker does: its relative paths are meant so.

    The Durable SDK reads a host.json in the current folder when it is imported, and knows no comments; an app that has
    some is imported before the folder is changed.
    """
    try:
        json.loads((app_dir / "host.json").read_text(encoding="utf-8"))
    except ValueError:
        indexed = index_app(app_dir)
        os.chdir(app_dir)
        return indexed
    os.chdir(app_dir)
    return index_app(app_dir)


def _listener(options: StartOptions) -> socket.socket:
    from funchost.server import bind_socket, inherited_socket

    if options.socket_descriptor is not None:
        return inherited_socket(options.socket_descriptor)
    return bind_socket(options.host, options.port)


def _set_up_logs(host_json: HostJson, app_dir: Path) -> None:
    try:
        set_up_logs(parse_levels(host_json.logging.log_level))
    except ValueError as error:
        remedy = "Levels are Trace, Debug, Information, Warning, Error, Critical and None."
        raise HostError(str(error), where=f"{app_dir / 'host.json'}, key logging.logLevel", remedy=remedy) from None


def select(
    definitions: Sequence[FunctionDefinition], functions: Sequence[str], app_dir: Path
) -> list[FunctionDefinition]:
    """The functions asked for (none: all) that this host can run; the others are named in the log.

    Raises HostError when one asked for is not there, or none can run.
    """
    names = {definition.name for definition in definitions}
    if unknown := [name for name in functions if name not in names]:
        raise HostError(
            f"The app has no function {', '.join(unknown)}",
            where="--functions",
            remedy=f"It has: {', '.join(sorted(names))}",
        )
    wanted = [definition for definition in definitions if not functions or definition.name in functions]
    selected = [definition for definition in wanted if _can_run(definition)]
    if not selected:
        raise HostError(
            "No function of the app can run here",
            where=str(app_dir),
            remedy="See above why each is left out; the README of funchost lists the bindings it has.",
        )
    return selected


def _can_run(definition: FunctionDefinition) -> bool:
    types = unsupported_bindings(definition)
    if types:
        message = "Function %s is left out: funchost does not support %s (%s)"
        log.error(message, definition.name, ", ".join(types), definition.where)
    return not types


def _run(
    definitions: Sequence[FunctionDefinition],
    host_json: HostJson,
    options: StartOptions,
    listener: socket.socket,
    began: float,
) -> int:
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_serve(definitions, host_json, options, listener, began))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:  # Windows
        return asyncio.new_event_loop
    return uvloop.new_event_loop


async def _serve(
    definitions: Sequence[FunctionDefinition],
    host_json: HostJson,
    options: StartOptions,
    listener: socket.socket,
    began: float,
) -> int:
    from funchost.running import RunningHost

    state_dir = Path(os.environ.get("FUNCHOST_STATE_DIR") or options.app_dir / ".funchost")
    running = RunningHost(
        definitions,
        host_json,
        listener,
        app_dir=options.app_dir,
        state_dir=state_dir,
        address=options.host,
        grace_s=options.grace_s,
    )
    stop = _stop_signal()
    for line in function_table(definitions, host_json, running.base_url):
        print(line, flush=True)
    await running.start()
    gc.collect()
    gc.freeze()  # what an app is made of stays; later collections need not look through it
    log.info("Host ready in %.2f s on %s", time.perf_counter() - began, running.base_url)
    await stop.wait()
    log.info("Draining: listeners stop, what is in flight has %.0f s to finish", options.grace_s)
    if not await running.drain():
        log.warning("The grace period is over; %d invocations are cut off", running.host.invoker.in_flight.count)
        sys.stdout.flush()
        os._exit(_CUT_OFF_EXIT_CODE)  # threads that never end would keep the process for ever
    await running.close()
    log.info("Drained")
    return 0


def _stop_signal() -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT; the second ends the process at once."""
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            sys.stdout.flush()
            os._exit(_CUT_OFF_EXIT_CODE)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, on_signal)
    return stop

"""`start`: from a folder to a running host."""

import asyncio
import contextlib
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
from funchost.binder import unsupported_bindings
from funchost.definitions import FunctionDefinition
from funchost.errors import HostError
from funchost.host_id import host_id
from funchost.host_json import HostJson, read_host_json
from funchost.indexing import index_app
from funchost.logs import parse_levels, set_up_logs

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


def start(options: StartOptions, began: float) -> int:
    """Run the app until SIGTERM or SIGINT; returns the exit code. Raises HostError for what the developer can mend.

    `began` is the time.perf_counter() of the command's start.
    """
    load_local_settings(options.app_dir / "local.settings.json")
    host_json = read_host_json(options.app_dir / "host.json")
    _set_up_logs(host_json, options.app_dir)
    definitions = _select(index_app(options.app_dir), options)
    from funchost.server import bind_socket

    listener = bind_socket(options.host, options.port)
    code = _run(definitions, host_json, options, listener, began)
    sys.stdout.flush()
    return code


def _set_up_logs(host_json: HostJson, app_dir: Path) -> None:
    try:
        set_up_logs(parse_levels(host_json.logging.log_level))
    except ValueError as error:
        raise HostError(str(error), where=f"{app_dir / 'host.json'}, key logging.logLevel") from None


def _select(definitions: Sequence[FunctionDefinition], options: StartOptions) -> list[FunctionDefinition]:
    """The functions asked for that this host can run; the others are named in the log."""
    names = {definition.name for definition in definitions}
    if unknown := [name for name in options.functions if name not in names]:
        raise HostError(
            f"The app has no function {', '.join(unknown)}",
            where="--functions",
            remedy=f"It has: {', '.join(sorted(names))}",
        )
    selected = []
    for definition in definitions:
        if options.functions and definition.name not in options.functions:
            continue
        if types := unsupported_bindings(definition):
            log.error("Function %s is left out: funchost does not support %s", definition.name, ", ".join(types))
        else:
            selected.append(definition)
    if not selected:
        raise HostError("No function of the app can run here", where=str(options.app_dir))
    return selected


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
    from funchost.composition import make_app
    from funchost.host import Host
    from funchost.server import HttpServer

    port = listener.getsockname()[1]
    base_url = f"http://{options.host if options.host != '0.0.0.0' else '127.0.0.1'}:{port}"  # noqa: S104
    state_dir = Path(os.environ.get("FUNCHOST_STATE_DIR") or options.app_dir / ".funchost")
    host = Host(definitions, host_json, state_dir=state_dir, base_url=base_url, host_id=host_id(options.app_dir))
    app = make_app(host, host_json, state_dir)
    server = HttpServer(app, options.grace_s)
    stop = _stop_signal()
    for line in function_table(definitions, host_json, base_url):
        print(line, flush=True)
    await server.run_on(listener)
    await host.start()
    log.info("Host ready in %.2f s on %s", time.perf_counter() - began, base_url)
    await stop.wait()
    log.info("Draining: listeners stop, what is in flight has %.0f s to finish", options.grace_s)
    app.is_draining = True
    if not await host.drain(options.grace_s, app.in_flight.ended):
        log.warning("The grace period is over; %d invocations are cut off", host.invoker.in_flight.count)
        sys.stdout.flush()
        os._exit(_CUT_OFF_EXIT_CODE)  # threads that never end would keep the process for ever
    await server.stop()
    await host.close()
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

"""Starts an Azurite of its own, for tests and tools; the supervisor uses the same command."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from chassis.settings import AZURITE_KEY
from local import node as nodes
from local import ports
from local.layout import Layout
from local.supervisor.child import die_with_parent

KEEP_ALIVE_S = 120
"""Longer than any client of ours keeps an idle connection, so that the client is the one who closes it."""


class AzuriteError(RuntimeError):
    """Azurite is not installed or did not start; the message says what to do."""


def connection_string(blob: int, queue: int, table: int, host: str = "127.0.0.1") -> str:
    """The storage connection string of an Azurite on these ports, for its well-known account."""
    account = "devstoreaccount1"
    return (
        f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={AZURITE_KEY};"
        f"BlobEndpoint=http://{host}:{blob}/{account};"
        f"QueueEndpoint=http://{host}:{queue}/{account};"
        f"TableEndpoint=http://{host}:{table}/{account};"
    )


def azurite_command(layout: Layout, blob: int, queue: int, table: int, data: Path | None = None) -> tuple[str, ...]:
    """The command line of an Azurite on these ports; without `data` it keeps everything in memory.

    Raises AzuriteError when set-up has not been run."""
    node = nodes.recall(layout.node_file)
    script = layout.azurite_install / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
    if node is None or not script.is_file():
        raise AzuriteError("Azurite is not installed yet: run `make setup`")
    command = [node.executable, str(script), "--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    for name, port in (("blob", blob), ("queue", queue), ("table", table)):
        command += [f"--{name}Host", "127.0.0.1", f"--{name}Port", str(port)]
        command += [f"--{name}KeepAliveTimeout", str(KEEP_ALIVE_S)]
    return (*command, "--inMemoryPersistence") if data is None else (*command, "--location", str(data))


class Azurite:
    """A private Azurite on free ports, in a temporary folder, as a context manager (`with` or `async with`).

    With `in_memory` (the default) it writes nothing but its log, but every minute it forgets settled messages one by
    one and answers nothing meanwhile, in quadratic time: for more than some thousand messages a minute use the disk.
    Its process ends with this one, however that ends.
    """

    def __init__(self, layout: Layout | None = None, *, in_memory: bool = True, start_timeout_s: float = 60) -> None:
        self._layout = layout or Layout()
        self._in_memory = in_memory
        self._timeout_s = start_timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path()
        self.ports = (0, 0, 0)

    @property
    def connection_string(self) -> str:
        """The connection string of the running Azurite."""
        return connection_string(*self.ports)

    def start(self) -> Self:
        """Start and wait until all three ports answer. Raises AzuriteError with the log's end."""
        self._folder = Path(tempfile.mkdtemp(prefix="azurite-"))
        blob, queue, table = ports.any_free(3)
        self.ports = (blob, queue, table)
        data = None if self._in_memory else self._folder
        command = azurite_command(self._layout, blob, queue, table, data)
        with (self._folder / "azurite.log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603
                command, cwd=self._folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End it and remove its folder; does nothing when it is not running."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait(self) -> None:
        deadline = time.monotonic() + self._timeout_s
        assert self._process is not None  # noqa: S101
        while any(ports.is_free(port) for port in self.ports):
            if self._process.poll() is not None or time.monotonic() > deadline:
                log = (self._folder / "azurite.log").read_text(encoding="utf-8", errors="replace")
                raise AzuriteError(f"Azurite did not start:\n{log[-2000:]}")
            time.sleep(0.05)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

"""The processes of one service, brought to a wanted number: the first is the platform's own, others come and go."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from local import ports
from local.platform import Platform
from local.supervisor.child import Spec
from local.supervisor.probes import answering
from local.supervisor.supervisor import StartError, Supervisor


class Replicas:
    """Starts and stops a service's processes; each stop drains, so that nothing in hand is lost.

    Process 1 is at the service's own address, the only one that the edge knows. The others take work from the same
    queues. Each has its own durable state, kept for the next process of the same number.
    """

    def __init__(self, platform: Platform, service: str, most: int) -> None:
        self.most = most
        self._platform, self._service = platform, service
        self._more = Supervisor(self._specs(most), platform.layout.logs)
        self._change: asyncio.Task[None] | None = None
        self._wanted = 1

    @property
    def running(self) -> int:
        """How many processes there are."""
        return int(self._service in self._platform.processes) + len(self._more.pids)

    def set(self, count: int) -> None:
        """Bring the number to this; comes back at once, a change that is under way is finished first."""
        self._wanted = min(count, self.most)
        if self._change is None or self._change.done():
            self._change = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """End the further processes; the platform ends its own."""
        if self._change is not None:
            self._change.cancel()
            await asyncio.gather(self._change, return_exceptions=True)
        await self._more.stop()

    async def _follow(self) -> None:
        done = -1
        while done != self._wanted:
            done = self._wanted
            names = list(self._more.specs)
            try:
                if done > 0 and self._service not in self._platform.processes:
                    await self._platform.start_service(self._service)
                up, down = names[: max(0, done - 1)], names[max(0, done - 1) :]
                await self._more.stop([name for name in down if name in self._more.pids])
                if waiting := [name for name in up if name not in self._more.pids]:
                    await self._more.start(waiting)
                if done == 0 and self._service in self._platform.processes:
                    await self._platform.stop_service(self._service)
            except StartError:  # told by the supervisor's log; the next look wants it again
                return

    def _specs(self, most: int) -> list[Spec]:
        own = self._platform.supervisor.specs[self._service]
        chosen = ports.any_free(max(0, most - 1))
        return [self._spec(own, number, port) for number, port in enumerate(chosen, start=2)]

    def _spec(self, own: Spec, number: int, port: int) -> Spec:
        name = f"{self._service}-{number}"
        state = self._platform.layout.durable / name
        state.mkdir(parents=True, exist_ok=True)
        url = f"http://127.0.0.1:{port}"
        environment: Mapping[str, str] = {**own.environment, "FUNCHOST_STATE_DIR": str(state)}
        command = tuple(str(port) if before == "--port" else word for before, word in _pairs(own.command))
        ready = answering(f"{url}/runtime/health/ready")
        return replace(own, name=name, url=url, command=command, environment=environment, after=(), ready=ready)


def _pairs(words: tuple[str, ...]) -> list[tuple[str, str]]:
    return list(zip(("", *words), words, strict=False))

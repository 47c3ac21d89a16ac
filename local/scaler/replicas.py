"""The processes of one service, brought to a wanted number: the first is the platform's own, others come and go."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from local import ports
from local.platform import Platform
from local.supervisor.child import Spec
from local.supervisor.probes import answering
from local.supervisor.supervisor import StartError, Supervisor


@dataclass
class Replica:
    """One process: whether it is wanted, and the task that starts or stops it until it is as wanted."""

    name: str
    supervisor: Supervisor
    wanted: bool = False
    change: asyncio.Task[None] | None = None

    @property
    def is_kept(self) -> bool:
        """Whether it was started and not stopped; one that died is started again."""
        return self.supervisor.keeps(self.name)

    @property
    def runs(self) -> bool:
        """Whether there is a process, ready or not."""
        return self.name in self.supervisor.pids

    @property
    def is_ready(self) -> bool:
        """Whether it serves."""
        return self.runs and self.supervisor.records[self.name].status == "ready"


class Replicas:
    """Starts and stops a service's processes; each stop drains, so that nothing in hand is lost.

    Process 1 is at the service's own address, the only one that the edge knows. The others take work from the same
    queues. Each has its own durable state, kept for the next process of the same number. As in a Deployment, all that
    are missing start at once, and those of the highest numbers go first.
    """

    def __init__(self, platform: Platform, service: str, most: int) -> None:
        self.most = most
        self.start_seconds: list[float] = []
        """How long each process took from its start to being ready."""
        self._platform, self._service = platform, service
        self._more = Supervisor(self._specs(most), platform.layout.logs)
        own = Replica(service, platform.supervisor, wanted=True)
        self._all = [own, *(Replica(name, self._more) for name in self._more.specs)]

    @property
    def running(self) -> int:
        """How many processes there are, ready or not."""
        return sum(replica.runs for replica in self._all)

    @property
    def ready(self) -> int:
        """How many processes serve."""
        return sum(replica.is_ready for replica in self._all)

    def set(self, count: int) -> None:
        """Bring the number to this; comes back at once. A process that is being changed is finished first."""
        for number, replica in enumerate(self._all):
            replica.wanted = number < count
            if replica.wanted != replica.is_kept and (replica.change is None or replica.change.done()):
                replica.change = asyncio.create_task(self._follow(replica))

    async def kill(self) -> None:
        """End the newest process as an accident would (kill -9); it is started again while it is wanted."""
        newest = [replica for replica in self._all if replica.runs][-1]
        await newest.supervisor.kill(newest.name)

    async def stop(self) -> None:
        """End the further processes; the platform ends its own."""
        changes = [replica.change for replica in self._all if replica.change is not None]
        for change in changes:
            change.cancel()
        await asyncio.gather(*changes, return_exceptions=True)
        await self._more.stop()

    async def _follow(self, replica: Replica) -> None:
        while replica.wanted != replica.is_kept:
            if not replica.wanted:
                await replica.supervisor.stop([replica.name])
                continue
            began = time.monotonic()
            try:
                await replica.supervisor.start([replica.name])
            except StartError:  # told by the supervisor's log; the next look wants it again
                return
            self.start_seconds.append(time.monotonic() - began)

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

"""What the edge's configuration needs from storage, read often and never waited for by an Envoy that asks."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic

from chassis.errors import PlatformError
from functions.gateway.envoy.rate_limits import Standings
from functions.gateway.repository import EdgeInstances, TenantStandings

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
"""How old what is told to an Envoy may be; with its own poll of 1 to 2 s a change is live in some three seconds."""
WAITED_FOR_S = 0.5
"""Storage that answers later keeps no Envoy waiting: it gives up after 2 s, and would learn of no route or key."""
ALIVE_FOR = timedelta(seconds=15)
"""An Envoy that has not asked for this long does not count among the instances of the edge."""


class Watch:
    """The tenants' standings and the live instances. While storage is down, what was last read holds."""

    def __init__(
        self, standings: TenantStandings, instances: EdgeInstances, now: Callable[[], float] = monotonic
    ) -> None:
        self._stored_standings = standings
        self._stored_instances = instances
        self._now = now
        self._looked_at = float("-inf")
        self._looking: asyncio.Task[None] | None = None
        self._seen: dict[str, datetime] = {}
        self._told: dict[str, datetime] = {}
        self.standings: Standings = {}
        self.instances: frozenset[str] = frozenset()

    def saw(self, instance: str) -> None:
        """An Envoy has asked."""
        self._seen[instance] = datetime.now(UTC)

    async def look(self) -> None:
        """Read what is older than LOOK_EVERY_S. Never raises for storage that is away, and waits for it shortly."""
        if self._now() - self._looked_at < LOOK_EVERY_S:
            return
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        looking = self._looking
        if (await asyncio.wait({looking}, timeout=WAITED_FOR_S))[0]:
            await looking

    async def _look(self) -> None:
        try:
            await self._read()
        except PlatformError as error:
            log.warning("the edge goes on with what it knows of tenants and instances: %s", error)
        self._looked_at = self._now()

    def forget(self) -> None:
        """Look again at the next question: something was changed here."""
        self._looked_at = float("-inf")

    async def _read(self) -> None:
        self.standings = await self._stored_standings.all()
        news = {id: at for id, at in self._seen.items() if at - self._told.get(id, at - ALIVE_FOR) > ALIVE_FOR / 3}
        if news:
            await self._stored_instances.saw(news)
            self._told |= news
        self.instances = frozenset(await self._stored_instances.alive(datetime.now(UTC), ALIVE_FOR))
        oldest = datetime.now(UTC) - ALIVE_FOR
        self._seen = {id: at for id, at in self._seen.items() if at > oldest}

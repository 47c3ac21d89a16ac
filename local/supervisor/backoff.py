"""How long to wait before a process that died is started again."""

from dataclasses import dataclass


@dataclass
class Backoff:
    """Doubles from `first_s` to `most_s`; a process that stayed up `healthy_s` starts afresh."""

    first_s: float = 0.5
    most_s: float = 30.0
    healthy_s: float = 60.0
    failures: int = 0

    def after(self, uptime_s: float) -> float:
        """The wait in seconds after a process died that had been up for `uptime_s`."""
        self.failures = 1 if uptime_s >= self.healthy_s else self.failures + 1
        return float(min(self.most_s, self.first_s * 2 ** min(self.failures - 1, 30)))

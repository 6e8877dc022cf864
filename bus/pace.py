"""How often a writer commits: at once while idle, gathered under load."""

from __future__ import annotations

from dataclasses import dataclass

COMMITS_PER_SECOND = 40.0
BURST = 8.0


@dataclass(slots=True)
class Pace:
    """A bucket of commits: a few in a row go at once, more than that share a steady rate, so that publishers share a commit."""

    rate: float = COMMITS_PER_SECOND
    burst: float = BURST
    filled: float = BURST
    last: float = 0.0
    """Seconds, of the same monotonic clock as `now`."""

    def wait(self, now: float) -> float:
        """Seconds until the next commit may start; 0: now."""
        self._fill(now)
        return 0.0 if self.filled >= 1.0 else (1.0 - self.filled) / self.rate

    def spend(self, now: float) -> None:
        """A commit starts."""
        self._fill(now)
        self.filled = max(0.0, self.filled - 1.0)

    def _fill(self, now: float) -> None:
        self.filled = min(self.burst, self.filled + max(0.0, now - self.last) * self.rate)
        self.last = now

"""When to try again."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubling delays in seconds with a random part, so that many collectors do not come back at one moment. The first is short."""

    first: float = 0.2
    cap: float = 30.0
    jitter: float = 0.25
    """The delay is shortened by up to this fraction."""
    attempt: int = 0

    def delay(self, chance: Random) -> float:
        """Seconds to wait before this attempt; never more than the cap."""
        plain = min(self.first * 2.0 ** min(self.attempt, 30), self.cap)
        return plain * (1 - self.jitter * chance.random())

    def next(self) -> Backoff:
        """After a failure."""
        return Backoff(self.first, self.cap, self.jitter, self.attempt + 1)

    def reset(self) -> Backoff:
        """After success."""
        return Backoff(self.first, self.cap, self.jitter)

"""Slows down whoever tries passwords. Pure: time is given."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from hmi_backend.errors import ApiError
from kernel.clock import SECOND

FREE, FREE_PER_ADDRESS = 3, 20
LONGEST_S = 60
FORGET = 900 * SECOND
REMEMBERED = 10_000


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last: int = 0


class Attempts:
    """After a few failures each further one doubles the time until the next try is looked at, up to a minute. Bounded memory."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()

    def check(self, user: str, address: str, now: int) -> None:
        """Raises TOO_MANY_REQUESTS with retryAfter in seconds."""
        wait = max(self._wait((user, address), FREE, now), self._wait(("", address), FREE_PER_ADDRESS, now))
        if wait > 0:
            seconds = -(-wait // SECOND)
            raise ApiError("TOO_MANY_REQUESTS", f"too many failed log-ins: wait {seconds} s and try again", retryAfter=seconds)

    def failed(self, user: str, address: str, now: int) -> None:
        """Remembers a failure."""
        for key in ((user, address), ("", address)):
            entry = self._failures.pop(key, None) or _Failures()
            if now - entry.last > FORGET:
                entry.count = 0
            entry.count, entry.last = entry.count + 1, now
            self._failures[key] = entry
        while len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)

    def succeeded(self, user: str, address: str) -> None:
        """Forgets the failures of this user from this address."""
        self._failures.pop((user, address), None)

    def _wait(self, key: tuple[str, str], free: int, now: int) -> int:
        entry = self._failures.get(key)
        if entry is None or entry.count < free:
            return 0
        pause: int = min(1 << min(entry.count - free, 10), LONGEST_S) * SECOND
        return entry.last + pause - now

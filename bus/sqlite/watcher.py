"""The thread of an open bus that looks after other processes: what they published, whose lease is free; and says that we live."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bus.leases import BEAT_EVERY
from bus.sqlite.groups import Groups
from bus.sqlite.log import Log
from kernel.clock import monotonic
from kernel.errors import NotAvailable

QUICK, SLOW = 0.025, 0.1
"""Seconds between looks at a topic: quick after something came from another process, then less and less often."""


@dataclass(slots=True)
class _Look:
    """Something looked at now and then."""

    check: Callable[[], bool]
    every: float = QUICK
    due: float = 0.0


class Watcher:
    """Looks at topics and leases in turn. What it finds is posted to the event loop."""

    def __init__(self, folder: Path, groups: Groups, post: Callable[[Callable[[], None]], None]) -> None:
        self._folder, self._groups, self._post = folder, groups, post
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._looks: dict[object, _Look] = {}
        self._logs: dict[str, Log] = {}
        self._thread = threading.Thread(target=self._run, name="bus-watcher")

    def start(self) -> None:
        """Begins to work."""
        self._thread.start()

    def close(self) -> None:
        """Ends; blocks until then."""
        self._stop.set()
        self._thread.join()

    def follow(self, topic: str, known: Callable[[], int], found: Callable[[int], None]) -> None:
        """Calls found(next) in the event loop when a topic reaches beyond known(), which may be called from another thread."""
        log = Log(self._folder, topic)

        def check() -> bool:
            end = log.extent().next
            if end <= known():
                return False
            self._post(lambda: found(end))
            return True

        with self._lock:
            self._logs[topic] = log
            self._looks[topic] = _Look(check)

    def stand_by(self, topic: str, group: str, free: Callable[[], None]) -> None:
        """Calls free() in the event loop as long as nobody alive holds a group's lease, until `stand_down`."""

        def check() -> bool:
            if not self._groups.claimable(topic, group):
                return False
            self._post(free)
            return True

        with self._lock:
            self._looks[topic, group, free] = _Look(check)

    def stand_down(self, topic: str, group: str, free: Callable[[], None]) -> None:
        """Ends stand_by."""
        with self._lock:
            self._looks.pop((topic, group, free), None)

    def _run(self) -> None:
        beat = monotonic() + BEAT_EVERY
        pause = QUICK
        while not self._stop.wait(pause):
            now = monotonic()
            if now >= beat:
                self._attempt(self._beat)
                beat = now + BEAT_EVERY
            with self._lock:
                looks = list(self._looks.values())
            for look in looks:
                if now >= look.due:
                    look.every = QUICK if self._attempt(look.check) else min(SLOW, look.every * 2)
                    look.due = (now // look.every + 1) * look.every  # on a common grid, so that idle looks share a wake-up
            pause = max(0.005, min([SLOW, *(look.due - now for look in looks)]))
        for log in self._logs.values():
            log.close()

    def _beat(self) -> bool:
        self._groups.beat()
        return True

    def _attempt(self, check: Callable[[], bool]) -> bool:
        try:
            return check()
        except NotAvailable:
            return False  # readers and publishers meet the same trouble and report it

"""The client library's own messages in our log: each kind once in a while, since it repeats itself many times a second, and what it tries
again by itself as information only: if that does not help, an error follows."""

from __future__ import annotations

import logging

from kernel.clock import monotonic

EVERY = 10.0
"""Seconds between two messages of one kind."""


class Seldom(logging.Filter):
    """Lets the first message of a kind pass (its first word and the thread it comes from), then one per EVERY seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """See logging.Filter."""
        words = record.getMessage().split()
        kind = " ".join(w for w in words if w.isupper() or w.startswith("[thrd:"))
        now = monotonic()
        if now - self._last.get(kind, now - EVERY) < EVERY:
            return False
        self._last[kind] = now
        if words[-1:] == ["retrying"]:
            record.levelno, record.levelname = logging.INFO, "INFO"
            return CLIENT_LOG.isEnabledFor(logging.INFO)
        return True


CLIENT_LOG = logging.getLogger("bus.kafka.client")
CLIENT_LOG.addFilter(Seldom())

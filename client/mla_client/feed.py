"""Live values without a socket: what to say on a new connection, what a message means, what to do when it breaks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgpack
import numpy as np

from mla_client.columns import EXACT, NEVER, Labels, objects
from mla_client.errors import BadRequest, ServerFault, error_of
from mla_client.readings import LiveBatch
from mla_client.series import Gap
from mla_client.times import datetime_of

FEED: Final = 1
NO_LOG_IN: Final = {4401, 4403}
"""Close codes: no log-in, or it ended."""
FIRST_WAIT, LONGEST_WAIT = 0.25, 10.0
MODES: Final = ("latest", "batch")
WAITING_BYTES, SAMPLE_BYTES = 64_000_000, 25
WHOLE: Final = {"LONG", "BOOL", "ENUM"}


@dataclass(slots=True)
class Feed:
    """One subscription, over as many connections as it takes."""

    points: Sequence[str]
    mode: str = "latest"
    max_hz: float = 4.0
    give_up_after: float | None = None
    """Seconds without a connection; None: never."""
    labels: Labels = field(default_factory=dict)
    _units: Sequence[str] = ()
    _whole: bool = False
    _heard: datetime | None = None
    """Server time of the newest batch."""
    _lost: str | None = None
    """Why the last connection ended; None: it did not."""
    _tries: int = 0
    _since: float = 0.0
    """When the first of these tries failed, on the caller's clock."""
    _fresh: bool = field(default=True)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise BadRequest(f"mode={self.mode!r} is not latest or batch", "BAD_REQUEST")
        if not self.points:
            raise BadRequest("name at least one point", "BAD_REQUEST")
        if not 0.01 <= self.max_hz <= 50:
            raise BadRequest(f"max_hz={self.max_hz!r} is not between 0.01 and 50: a screen shows 4, a plot 10", "BAD_REQUEST")

    @property
    def room(self) -> int:
        """Messages that may wait here while the reader is busy: while they fit, the server's pings are answered. At most some 64 MB."""
        return max(16, min(2048, WAITING_BYTES // (SAMPLE_BYTES * len(self.points))))

    def opening(self, token: str) -> list[str]:
        """The messages to send on a new connection."""
        self._fresh = True
        subscribe = {"op": "subscribe", "id": FEED, "points": list(self.points), "mode": self.mode.upper(), "maxHz": self.max_hz}
        return [json.dumps({"op": "auth", "token": token}), json.dumps(subscribe)]

    def receive(self, raw: bytes | str) -> LiveBatch | None:
        """What a message brings; None: nothing to show. Raises the typed error where the server refuses."""
        try:
            message = msgpack.unpackb(raw if isinstance(raw, bytes) else raw.encode(), strict_map_key=False)
            op = message["op"]
        except (ValueError, TypeError, KeyError, msgpack.UnpackException) as error:
            raise ServerFault(f"the live socket sent what this client does not understand: {error}") from error
        if op == "subscribed":
            self._units = tuple(message["units"])
            self._whole = set(message["kinds"]) <= WHOLE
        if op == "error":
            raise error_of(str(message.get("message", "")), message)
        return self._batch(message) if op == "data" else None

    def lost(self, reason: str, now: float) -> float | None:
        """The connection broke, or could not be made: seconds to wait before the next try; None: give up."""
        if not self._tries:
            self._since = now
        self._lost = reason
        self._tries += 1
        wait = float(min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(self._tries - 1, 10)))
        return None if self.give_up_after is not None and now + wait - self._since > self.give_up_after else wait

    def _batch(self, message: Mapping[str, Any]) -> LiveBatch:
        now = datetime_of(int(message["time"]))
        snapshot, self._fresh = self._fresh, False
        gap = Gap(self._heard, now, "DISCONNECTED", None, self._lost) if self._lost is not None and self._heard is not None else None
        self._heard, self._lost, self._tries = now, None, 0
        row = np.frombuffer(message["i"], "<u4")
        quality = np.frombuffer(message["q"], np.uint8)
        time = np.frombuffer(message["t"], "<f8")
        value = np.frombuffer(message["v"], "<f8")
        never = quality == NEVER
        return LiveBatch(
            points=tuple(self.points[i] for i in row.tolist()),
            units=tuple(self._units[i] for i in row.tolist()),
            time=np.where(never, np.iinfo(np.int64).min, np.where(never, 0, time).astype(np.int64)).view("datetime64[us]"),
            value=_values(np.where(never, np.nan, value), message["text"], self._whole),
            quality=quality,
            server_time=now,
            labels=self.labels,
            seq=int(message["seq"]),
            snapshot=snapshot,
            dropped=int(message["dropped"]),
            gap=gap,
        )


def _values(value: np.ndarray[Any, np.dtype[np.float64]], text: Mapping[int, str], whole: bool) -> np.ndarray[Any, Any]:
    """float64; int64 where all points count and nothing is missing; object where there are texts."""
    if text:
        found = objects(value.tolist())
        for row, written in text.items():
            found[row] = written
        return found
    return value.astype(np.int64) if whole and bool((np.abs(value) <= EXACT).all()) else value

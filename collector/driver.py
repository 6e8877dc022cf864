"""The port of a protocol: transport, framer, decoder and mapper behind one method."""

from __future__ import annotations

from typing import Protocol

from collector.feed import Feed, Wanted


class Driver(Protocol):
    """Reads one source. A protocol is one class with this method and one entry in collector.protocols."""

    async def run(self, feed: Feed, wanted: Wanted) -> None:
        """Connects, tells feed.connected, and feeds samples of the wanted points, following their changes, until cancelled.
        Raises SourceLost when the source cannot be reached or stops answering; it is then called again, later."""
        ...

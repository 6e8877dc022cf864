"""Open web sockets: whose they are, and the end of those that no longer should be.

A client that stops reading is found by its missing answer to a ping within PING_S + PONG_S seconds; its socket is aborted, not closed,
because a close waits for a buffer that never drains. Until then it costs at most the write buffer: the server waits while it is full.
"""

from __future__ import annotations

import fcntl
import socket
import sys
import termios
from asyncio.transports import BaseTransport
from typing import Any, Final, cast

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from hmi_backend.users import Identity, Users
from kernel.meter import Meter

PING_S: Final = 3.0
PONG_S: Final = 5.0
SEND_BUFFER: Final = 128 * 1024
WRITE_BUFFER: Final = 256 * 1024
KEY: Final = "mla.link"
SESSION_ENDED: Final = 4403
GOING_AWAY: Final = 1001


class Links:
    """Every open socket of this server."""

    def __init__(self, users: Users, meter: Meter) -> None:
        self._users, self._meter = users, meter
        self._open: set[WatchedProtocol] = set()
        self.laggards = 0
        """Sockets aborted because nobody read them."""
        self.streams = 0
        """Subscriptions running now."""
        users.on_end = self.sweep

    def add(self, link: WatchedProtocol) -> None:
        """A socket was opened."""
        self._open.add(link)
        self._count()

    def remove(self, link: WatchedProtocol) -> None:
        """A socket is gone."""
        self._open.discard(link)
        self._count()

    def lagged(self) -> None:
        """A socket was aborted because nobody read it."""
        self.laggards += 1
        self._count()

    def waiting(self) -> int:
        """Bytes that the slowest reader has not taken yet, here and in the kernel's send buffer."""
        return max((link.waiting() for link in self._open), default=0)

    def sweep(self) -> None:
        """Closes the sockets whose session ended or expired."""
        self._users.refresh()
        for link in list(self._open):
            if link.identity is not None and self._users.ended(link.identity):
                link.end(SESSION_ENDED, "the session has ended: log in again")

    def close_all(self) -> None:
        """The server stops."""
        for link in list(self._open):
            link.end(GOING_AWAY, "the server stops")

    def abort_all(self) -> None:
        """The server stops and does not wait."""
        for link in list(self._open):
            link.transport.abort()

    def __len__(self) -> int:
        return len(self._open)

    def _count(self) -> None:
        self._meter.gauges["sockets"] = len(self._open)
        self._meter.gauges["laggards_total"] = self.laggards


class WatchedProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol, with a small buffer, an owner, and an end that does not wait for a reader that is gone."""

    links: Links
    identity: Identity | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self.transport.set_write_buffer_limits(high=WRITE_BUFFER)
        self.links.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.links.remove(self)

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):  # not where the handshake was refused
            cast(dict[str, Any], self.scope)["extensions"][KEY] = self

    def waiting(self) -> int:
        """Bytes its reader has not taken yet, here and in the kernel's send buffer."""
        raw = self.transport.get_extra_info("socket")
        if raw is None or raw.fileno() < 0:
            return self.transport.get_write_buffer_size()
        unsent = fcntl.ioctl(raw.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
        return self.transport.get_write_buffer_size() + int.from_bytes(unsent, sys.byteorder)

    def keepalive_timeout(self) -> None:
        self.pong_timer = None
        self.links.lagged()
        self.transport.abort()

    def end(self, code: int, reason: str) -> None:
        """Says why and closes; what was not yet read is given two seconds."""
        if self.close_sent or self.transport.is_closing() or not self.handshake_complete:
            return
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = self.disconnected = True  # a stream that still sends learns that the client is gone
        self.transport.close()
        self.loop.call_later(2.0, self.transport.abort)


def protocol(links: Links) -> type[WatchedProtocol]:
    """The class to give to uvicorn; each server has its own links."""

    class Protocol(WatchedProtocol):
        def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any], _loop: Any = None) -> None:
            super().__init__(config, server_state, app_state, _loop)
            self.links = links

    return Protocol

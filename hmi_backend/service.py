"""The service: the application on a socket, inside the loop of whoever runs it."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import uvicorn

from hmi_backend.app import create_app
from hmi_backend.links import PING_S, PONG_S, protocol
from hmi_backend.state import Backend, HmiPorts
from hmi_backend.users import Users
from hmi_backend.views_sqlite import open_views
from kernel.clock import sleep
from kernel.errors import BadUsage, MlaError

__all__ = ["HmiBackend", "HmiPorts"]

BACKLOG: Final = 512
USER_TIMEOUT_MS: Final = 15_000
"""The kernel ends connections whose peer took nothing for so long (TCP_USER_TIMEOUT): downloads that nobody reads."""
FAREWELL_S: Final = 3
MESSAGE_BYTES: Final = 2 << 20
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class _Server(uvicorn.Server):
    """uvicorn as a guest: the host keeps its signal handlers, and learns when we listen."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


class HmiBackend:
    """GraphQL, live sockets, exports and the web HMI on one address."""

    def __init__(
        self,
        ports: HmiPorts,
        *,
        host: str,
        port: int,
        users: Users,
        views: Path,
        static: Path | None,
        origins: Sequence[str] = (),
        open_metrics: bool = False,
    ) -> None:
        """`views`: the file in which saved views are kept, made where it does not exist. `open_metrics`: /metrics without log-in on any
        address, as it is on loopback."""
        self.backend = Backend(ports, users)
        self._views = views
        self._host, self._port = host, port
        self.app = create_app(self.backend, static=static, open_metrics=open_metrics or host in LOOPBACK, origins=origins)
        self.port = port
        """The port in use, once it is ready; of interest where 0 was asked for."""

    async def run(self, ready: Callable[[], None]) -> None:
        """Serves until cancelled; then says goodbye to open sockets and closes."""
        async with open_views(self._views) as self.backend.views:
            await self._serve(ready)

    async def _serve(self, ready: Callable[[], None]) -> None:
        listener = listen(self._host, self._port)
        self.port = listener.getsockname()[1]
        server = _Server(self._config(), ready)
        serving = asyncio.create_task(server.serve(sockets=[listener]), name="hmi.http")
        try:
            async with asyncio.TaskGroup() as group:
                helpers = [group.create_task(self.backend.run()), group.create_task(self._sweep())]
                await asyncio.shield(serving)
                for helper in helpers:
                    helper.cancel()
        finally:
            server.should_exit = True
            self.backend.links.close_all()
            with suppress(asyncio.CancelledError):
                await serving
            self.backend.links.abort_all()
            listener.close()

    def _config(self) -> uvicorn.Config:
        return uvicorn.Config(
            self.app,
            host=self._host,
            port=self.port,
            ws=protocol(self.backend.links),
            ws_ping_interval=PING_S,
            ws_ping_timeout=PONG_S,
            ws_max_size=MESSAGE_BYTES,
            ws_per_message_deflate=False,  # it doubles the cost of a message, and screens are near
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=FAREWELL_S,
            timeout_keep_alive=30,
        )

    async def _sweep(self) -> None:
        """Ends what should have ended: sessions expire while nobody looks."""
        meter = self.backend.meter
        while True:
            try:
                self.backend.links.sweep()
            except MlaError as error:  # somebody damaged the users file: those who are in stay in
                meter.degraded(str(error))
            await sleep(self.backend.clock, 1.0)


def listen(host: str, port: int) -> socket.socket:
    """The listening socket. Raises BadUsage naming the remedy."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise BadUsage(f"{host!r} is no address of this host ({error}): set MLA_HTTP to HOST:PORT, for example 127.0.0.1:8080") from error
    listener = socket.socket(family, kind, proto)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise BadUsage(_why(host, port, error)) from error
    return listener


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use: stop what uses it (another mla up?), or set MLA_HTTP={host}:{port + 1}"
    if error.errno == errno.EACCES:
        return f"port {port} needs privileges: set MLA_HTTP to a port above 1023, for example {host}:8080"
    return f"cannot listen on {host}:{port}: {error.strerror}; set MLA_HTTP to an address of this host"

"""A TCP proxy that can fall silent, as a pulled cable does, or cut its connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Proxy:
    """Passes bytes both ways until told otherwise."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._accepting = True
        self._writers: set[asyncio.StreamWriter] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.connections = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}"

    def silence(self) -> None:
        """Nothing passes any more, and no connection ends."""
        self._flowing.clear()

    def flow(self) -> None:
        self._flowing.set()

    def refuse(self) -> None:
        """Ends every connection at once, and new ones as soon as they are made."""
        self._accepting = False
        self.cut()

    def accept(self) -> None:
        self._accepting = True

    def cut(self) -> None:
        """Ends every connection at once."""
        for writer in self._writers:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if not self._accepting:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        for a, b in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pass(a, b))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        self._writers.discard(writer)
        writer.transport.abort()


@asynccontextmanager
async def tcp_proxy(target: int) -> AsyncIterator[Proxy]:
    """A proxy to a port of loopback."""
    proxy = Proxy(target)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.flow()
        proxy.cut()
        for task in list(proxy.tasks):
            task.cancel()
        await asyncio.gather(*proxy.tasks, return_exceptions=True)

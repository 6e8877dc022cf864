"""Starts and steers the node-opcua server of opcua_server.mjs."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.platform import free_port

HERE = Path(__file__).parent


class Peer:
    """A running server. `url`; `tell` sends a command and returns its answer."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port
        self.url = f"opc.tcp://127.0.0.1:{port}"

    async def tell(self, do: str, **arguments: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write((json.dumps({"do": do, **arguments}) + "\n").encode())
        await self.process.stdin.drain()
        return await self.answer("done")

    async def answer(self, key: str) -> dict[str, Any]:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            if line.startswith(b"{"):
                found: dict[str, Any] = json.loads(line)
                if key in found:
                    return found
        raise AssertionError(f"the peer ended with {await self.process.wait()}")

    async def kill(self) -> None:
        """As a crash would."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def opcua_peer(folder: Path, *, port: int | None = None, **options: Any) -> AsyncIterator[Peer]:
    """A server on loopback with the options of opcua_server.mjs, ended on leaving."""
    node = shutil.which("node")
    assert node, "Node is needed for this test: install Node 20 or later"
    assert (HERE / "node_modules").is_dir(), "run `npm ci` in tests/peers first"
    port = port or free_port()
    process = await asyncio.create_subprocess_exec(
        node,
        str(HERE / "opcua_server.mjs"),
        json.dumps({"port": port, "folder": str(folder), **options}),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=1 << 20,
    )
    peer = Peer(process, port)
    try:
        async with asyncio.timeout(120):
            await peer.answer("ready")
        yield peer
    finally:
        if process.returncode is None:
            assert process.stdin is not None
            process.stdin.close()
            try:
                async with asyncio.timeout(5):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        process._transport.close()  # type: ignore[attr-defined]

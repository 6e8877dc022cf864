"""A reverse proxy as a site puts before a service that knows no users: TLS, and HTTP basic authentication (RFC 7617)."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

REFUSAL = b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="registry"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'


@asynccontextmanager
async def guarded(target: int, folder: Path, user: str, password: str) -> AsyncIterator[int]:
    """Its port. `folder` holds cert.pem and key.pem; `target` is a port of loopback that speaks plain HTTP."""
    expected = b"authorization: basic " + base64.b64encode(f"{user}:{password}".encode()).lower()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            if expected not in lines:
                writer.write(REFUSAL)
            else:
                size = next((int(x.partition(b":")[2]) for x in lines if x.startswith(b"content-length:")), 0)
                body = await reader.readexactly(size)
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
                far_writer.write(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + body)
                writer.write(await far_reader.read())
                far_writer.close()
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            return  # a client that does not trust the certificate leaves at once
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]

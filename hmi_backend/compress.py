"""Compressed answers for those who ask: whole JSON and text bodies only. Streams and files pass as they are."""

from __future__ import annotations

import asyncio
import gzip
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SMALLEST: Final = 1024
LEVEL: Final = 1
"""The cheapest: numbers shrink to a third, and a higher level takes several times longer for a tenth more."""
LARGE: Final = 64 << 10
"""From so many bytes on it takes more than a millisecond, and is done in a thread."""
KINDS: Final = ("application/json", "application/graphql-response+json", "text/plain")
SECRET: Final = ("/auth/",)
"""Answers that hold tokens are not compressed: their length must not tell of what they hold."""


def accepts_gzip(headers: Headers) -> bool:
    """Whether the client wants gzip (RFC 9110, 12.5.3): named, or `*`, and not with weight 0."""
    weights: dict[str, float] = {}
    for part in headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = part.partition(";")
        try:
            weights[name.strip()] = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            weights[name.strip()] = 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0


class Compress:
    """Middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(SECRET):
            await self._app(scope, receive, send)
        else:
            await self._app(scope, receive, _Answer(send, accepts_gzip(Headers(scope=scope))))


class _Answer:
    """Holds the head back until it is known whether the body comes whole."""

    def __init__(self, send: Send, wanted: bool) -> None:
        self._send, self._wanted = send, wanted
        self._head: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if _compressible(message):
                self._head = message
                return
        elif self._head is not None:
            head, self._head = self._head, None
            if message["type"] == "http.response.body" and not message.get("more_body"):
                await self._whole(head, message)
            await self._send(head)
        await self._send(message)

    async def _whole(self, head: Message, message: Message) -> None:
        body, headers = message.get("body", b""), MutableHeaders(raw=head["headers"])
        headers.add_vary_header("accept-encoding")
        if not self._wanted or len(body) < SMALLEST:
            return
        packed = await asyncio.to_thread(_packed, body) if len(body) >= LARGE else _packed(body)
        headers["content-encoding"], headers["content-length"] = "gzip", str(len(packed))
        message["body"] = packed


def _packed(body: bytes) -> bytes:
    return gzip.compress(body, LEVEL, mtime=0)


def _compressible(head: Message) -> bool:
    headers = Headers(raw=head["headers"])
    kind = headers.get("content-type", "").partition(";")[0].strip()
    return kind in KINDS and "content-encoding" not in headers

"""/ws/live: live values as msgpack with binary columns, for fast plots. The protocol is described in docs/reference/api.md."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final

import msgpack
import numpy as np
import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect

from hmi_backend.auth import IDENTITY
from hmi_backend.errors import ApiError, BadRequest
from hmi_backend.links import KEY
from hmi_backend.live import check_rate, feed
from hmi_backend.state import Backend
from hmi_backend.users import Identity
from kernel.samples import Changes, Kind

MOST_FEEDS: Final = 50
MOST_POINTS: Final = 20_000
UNAUTHORIZED, FORBIDDEN, BAD_MESSAGE = 4401, 4403, 4400
HELLO_S: Final = 10.0


def data_message(ident: int, now: int, changes: Changes) -> dict[str, Any]:
    """One message of a feed: little-endian columns i (uint32 position), t (float64 µs UTC), v (float64), q (uint8, 255: never received)."""
    s = changes.samples
    value = np.where(s.kind == Kind.LONG, s.integer.astype(np.float64), s.number)
    texts = np.flatnonzero(s.kind == Kind.TEXT)
    value[texts] = np.nan
    return {
        "op": "data",
        "id": ident,
        "seq": changes.seq,
        "time": now,
        "dropped": changes.dropped,
        "i": s.index.astype("<u4").tobytes(),
        "t": s.time.astype("<f8").tobytes(),
        "v": value.astype("<f8", copy=False).tobytes(),
        "q": np.where(s.kind == Kind.NONE, 255, s.quality).astype(np.uint8).tobytes(),
        "text": {int(i): str(s.text[i]) for i in texts.tolist()},
    }


def message_of(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A client's message, text JSON or binary msgpack. Raises BadRequest."""
    try:
        text, data = raw.get("text"), raw.get("bytes")
        found = orjson.loads(text) if text is not None else msgpack.unpackb(data or b"", raw=False)
    except (ValueError, msgpack.UnpackException) as error:
        raise BadRequest(f"a message is JSON text or msgpack: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("op"), str):
        raise BadRequest('a message is an object with "op": subscribe, unsubscribe or auth')
    return found


def _points(message: Mapping[str, Any]) -> list[str]:
    points = message.get("points")
    if not isinstance(points, list) or not 0 < len(points) <= MOST_POINTS or not all(isinstance(p, str) for p in points):
        raise BadRequest(f"points: a list of 1 to {MOST_POINTS} names")
    return points


class LiveSocket:
    """One connection and its feeds."""

    def __init__(self, backend: Backend, ws: WebSocket, feeds: asyncio.TaskGroup) -> None:
        self._backend, self._ws, self._group = backend, ws, feeds
        self._feeds: dict[int, asyncio.Task[None]] = {}

    async def run(self, identity: Identity) -> None:
        """Serves until the client goes."""
        await self._send({"op": "hello", "user": identity.user, "role": identity.role.value, "time": self._backend.clock.now()})
        while True:
            raw = await self._ws.receive()
            if raw["type"] == "websocket.disconnect":
                return
            message: dict[str, Any] = {}
            try:
                message = message_of(raw)
                await self._obey(message)
            except ApiError as error:
                await self._send({"op": "error", "id": message.get("id"), "message": error.message, **(error.extensions or {})})

    def stop(self) -> None:
        """Ends every feed."""
        for task in self._feeds.values():
            task.cancel()

    async def _obey(self, message: Mapping[str, Any]) -> None:
        op, ident = message["op"], message.get("id")
        if op == "auth":
            return  # already known
        if not isinstance(ident, int) or isinstance(ident, bool) or not 0 <= ident < 2**31:
            raise BadRequest("id: a number of your choice for this feed, 0 to 2147483647")
        if op == "subscribe":
            await self._subscribe(ident, message)
        elif op == "unsubscribe":
            task = self._feeds.pop(ident, None)
            if task is not None:
                task.cancel()
        else:
            raise BadRequest(f"op: {op!r} is not subscribe, unsubscribe or auth")

    async def _subscribe(self, ident: int, message: Mapping[str, Any]) -> None:
        points, mode, hz = _points(message), message.get("mode", "LATEST"), message.get("maxHz", 10)
        if mode not in ("LATEST", "BATCH"):
            raise BadRequest("mode: LATEST or BATCH")
        if not isinstance(hz, (int, float)) or isinstance(hz, bool):
            raise BadRequest("maxHz: a number")
        check_rate(hz)
        if ident in self._feeds or len(self._feeds) >= MOST_FEEDS:
            raise BadRequest(f"id {ident} is in use" if ident in self._feeds else f"at most {MOST_FEEDS} feeds on one socket")
        catalogue = self._backend.catalogue
        catalogue.check(points)
        types = [catalogue.config.points[p].type for p in points]
        answer = {"op": "subscribed", "id": ident, "points": len(points)}
        await self._send({**answer, "units": [t.unit for t in types], "kinds": [t.kind.name for t in types]})
        self._feeds[ident] = self._group.create_task(self._feed(ident, points, mode == "BATCH", float(hz)))

    async def _feed(self, ident: int, points: Sequence[str], every: bool, hz: float) -> None:
        try:
            async with aclosing(feed(self._backend, points, every=every, max_hz=hz)) as changes:
                async for c in changes:
                    await self._send(data_message(ident, self._backend.clock.now(), c))
        except ApiError as error:
            await self._send({"op": "error", "id": ident, "message": error.message, **(error.extensions or {})})
        except (WebSocketDisconnect, RuntimeError, OSError):
            return  # the client went; the reader sees it too
        finally:
            self._feeds.pop(ident, None)

    async def _send(self, message: Mapping[str, Any]) -> None:
        await self._ws.send_bytes(msgpack.packb(message))


async def _identify(backend: Backend, ws: WebSocket) -> Identity | None:
    """Who it is: known from the handshake, or told in the first message within ten seconds."""
    known: Identity | None = ws.scope[IDENTITY]
    if known is not None:
        return known
    try:
        async with asyncio.timeout(HELLO_S):
            message = message_of(await ws.receive())
    except (TimeoutError, ApiError):
        return None
    token = message.get("token")
    return backend.users.identify(token) if message["op"] == "auth" and isinstance(token, str) else None


async def serve(backend: Backend, ws: WebSocket) -> None:
    """One connection."""
    await ws.accept()
    try:
        identity = await _identify(backend, ws)
        if identity is None:
            await ws.close(UNAUTHORIZED, 'log in: send {"op": "auth", "token": …} first')
            return
        link = ws.scope.get("extensions", {}).get(KEY)
        if link is not None:
            link.identity = identity
        async with asyncio.TaskGroup() as group:
            served = LiveSocket(backend, ws, group)
            try:
                await served.run(identity)
            finally:
                served.stop()
    except* (WebSocketDisconnect, OSError):
        pass

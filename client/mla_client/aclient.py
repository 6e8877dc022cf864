"""The async client: the same steps, awaited."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import closing
from functools import wraps
from types import AsyncGeneratorType, MethodType, TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload
from weakref import WeakSet

import httpx
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket

from mla_client import edge, read_platform, read_points, read_series, waits
from mla_client.errors import ConnectionLost
from mla_client.export import export
from mla_client.feed import Feed
from mla_client.protocol import Reply, Request, Session, Step, logged_in, token_of
from mla_client.read_points import Many, Names, labelled, named
from mla_client.readings import LiveBatch, newest
from mla_client.series import Series
from mla_client.series_set import SeriesSet
from mla_client.settings import Verify, settings_of, tls_of
from mla_client.times import Span, When

P = ParamSpec("P")
T = TypeVar("T")


class Awaiting(Generic[P, T]):
    """A step as a method to await."""

    def __init__(self, step: Callable[P, Step[T]]) -> None:
        @wraps(step)
        async def method(client: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
            return await client.run(step(*args, **kwargs))

        method.__signature__ = edge.signature_of(step)  # type: ignore[attr-defined]
        self.__doc__, self._method = step.__doc__, method

    @overload
    def __get__(self, client: None, owner: type[AsyncClient]) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, client: AsyncClient, owner: type[AsyncClient]) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: AsyncClient | None, owner: type[AsyncClient]) -> Callable[..., Coroutine[Any, Any, T]]:
        found: Callable[..., Coroutine[Any, Any, T]] = self._method if client is None else MethodType(self._method, client)
        return found


class AsyncClient:
    """A connection to one platform, to be used in an `async with` block: leaving it ends the log-in it made and everything followed."""

    def __init__(
        self,
        url: str | None = None,
        *,
        user: str | None = None,
        password: str | None = None,
        token: str | None = None,
        timeout: float = 30.0,
        verify: Verify = True,
    ) -> None:
        settings = settings_of(url, user, password, token, os.environ)
        self.url = settings.url
        self._settings, self._timeout = settings, timeout
        self._tls = tls_of(settings.url, verify)
        self._session = Session(settings.user, settings.password, settings.token)
        self._http = httpx.AsyncClient(**edge.http_options(settings, timeout, self._tls))
        self._followed: WeakSet[AsyncGenerator[LiveBatch, None]] = WeakSet()
        self._sockets: set[ClientConnection] = set()
        self._closed = False

    points = Awaiting(read_points.points)
    search = Awaiting(read_points.search)
    point = Awaiting(read_points.point)
    last = Awaiting(read_points.last)
    values_at = Awaiting(read_points.values_at)
    pipeline = Awaiting(read_platform.pipeline)
    services = Awaiting(read_platform.services)
    systems = Awaiting(read_platform.systems)
    sources = Awaiting(read_platform.sources)
    assets = Awaiting(read_platform.assets)
    site = Awaiting(read_platform.site)
    archive = Awaiting(read_platform.archive)
    me = Awaiting(read_platform.me)
    in_force = Awaiting(read_platform.in_force)
    revisions = Awaiting(read_platform.revisions)
    documents = Awaiting(read_platform.documents)
    configuration = Awaiting(read_platform.configuration)
    document = Awaiting(read_platform.document)
    diff = Awaiting(read_platform.diff)
    graphql = Awaiting(read_platform.graphql)
    export = Awaiting(export)

    @overload
    async def series(
        self, points: str, start: When, end: When = ..., *,
        resample: str | None = ..., every: Span | None = ..., buckets: int | None = ..., fill: str | None = ...,
    ) -> Series: ...  # fmt: skip
    @overload
    async def series(
        self, points: Many, start: When, end: When = ..., *,
        resample: str | None = ..., every: Span | None = ..., buckets: int | None = ..., fill: str | None = ...,
    ) -> SeriesSet: ...  # fmt: skip
    async def series(
        self,
        points: Names,
        start: When,
        end: When = "now",
        *,
        resample: str | None = None,
        every: Span | None = None,
        buckets: int | None = None,
        fill: str | None = None,
    ) -> Series | SeriesSet:
        """As Client.series."""
        grid: dict[str, Any] = {"resample": resample, "every": every, "buckets": buckets, "fill": fill}
        if isinstance(points, str):
            return await self.run(read_series.one(points, start, end, **grid))
        return await self.run(read_series.series(points, start, end, **grid))

    def live(
        self, points: Names, *, mode: str = "latest", max_hz: float = 4.0, give_up_after: float | None = None
    ) -> AsyncGenerator[LiveBatch, None]:
        """As Client.live. To stop before the client is left, use contextlib.aclosing."""
        followed = self._follow(points, mode, max_hz, give_up_after)
        self._followed.add(followed)
        return followed

    async def _follow(self, points: Names, mode: str, max_hz: float, give_up_after: float | None) -> AsyncGenerator[LiveBatch, None]:
        names = await self.run(named(points))
        state = Feed(names, mode, max_hz, give_up_after, await self.run(labelled(names)))
        while not self._closed:
            try:
                token = await self._drive(token_of(self._session))
                async with open_socket(self._settings.live_url, **edge.socket_options(self._timeout, self._tls, state.room)) as socket:
                    self._sockets.add(socket)
                    try:
                        for message in state.opening(token):
                            await socket.send(message)
                        while True:
                            waiting = [state.receive(await socket.recv())]
                            while state.mode == "latest" and len(waiting) < state.room:
                                try:
                                    async with asyncio.timeout(0):  # only what is there already
                                        waiting.append(state.receive(await socket.recv()))
                                except TimeoutError:
                                    break
                            batches = [b for b in waiting if b is not None]
                            if batches:
                                yield newest(batches)
                    finally:
                        self._sockets.discard(socket)
            except edge.BROKEN as error:
                if not self._closed:
                    await waits.rest(edge.after_loss(state, self._session, error, self.url, waits.monotonic()))

    async def run(self, step: Step[T]) -> T:
        """Does what a step asks for."""
        edge.check_open(self._http.is_closed)
        return await self._drive(logged_in(self._session, step))

    async def _drive(self, step: Step[T]) -> T:
        with closing(step):
            try:
                request = next(step)
                while True:
                    request = step.send(await self._send(request))
            except StopIteration as done:
                result: T = done.value
                return result

    async def _send(self, request: Request) -> Reply:
        try:
            try:
                return await self._exchange(request)
            except edge.STALE:
                if not request.repeatable:
                    raise
                return await self._exchange(request)
        except httpx.HTTPError as error:
            raise edge.no_answer(error, self.url) from error

    async def _exchange(self, request: Request) -> Reply:
        async with self._http.stream(**edge.http_arguments(request)) as response:
            if request.sink is None or response.status_code != 200:
                await response.aread()
                return edge.reply_of(response)
            async for piece in response.aiter_bytes():
                request.sink(piece)
            return Reply(200, b"")

    async def aclose(self) -> None:
        """Ends everything followed, the log-in, if it was made here, and the connection."""
        self._closed = True
        leaving, self._session.own = self._session.leaving, False
        try:
            for followed in [f for f in self._followed if isinstance(f, AsyncGeneratorType) and not f.ag_running]:
                await followed.aclose()
            for socket in list(self._sockets):  # of those that another task waits for
                await socket.close()
            if leaving is not None:
                await self._send(leaving)
        except ConnectionLost:
            pass  # the server is gone, and the log-in will expire by itself
        finally:
            await self._http.aclose()

    async def _opened(self) -> Self:
        try:
            await self.me()
        except BaseException:
            await self.aclose()
            raise
        return self

    def __await__(self) -> Generator[Any, None, Self]:
        return self._opened().__await__()

    async def __aenter__(self) -> Self:
        return await self._opened()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<mla_client {self.url} (async)>"


def aconnect(
    url: str | None = None,
    *,
    user: str | None = None,
    password: str | None = None,
    token: str | None = None,
    timeout: float = 30.0,
    verify: Verify = True,
) -> AsyncClient:
    """As connect: `async with aconnect(…) as mla`, or `mla = await aconnect(…)` and later `await mla.aclose()`."""
    return AsyncClient(url, user=user, password=password, token=token, timeout=timeout, verify=verify)

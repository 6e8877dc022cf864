"""The blocking client, for scripts and notebooks."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import closing
from functools import wraps
from types import MethodType, TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

import httpx
from websockets.sync.client import connect as open_socket

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


class Blocking(Generic[P, T]):
    """A step as a method that blocks until it is done."""

    def __init__(self, step: Callable[P, Step[T]]) -> None:
        @wraps(step)
        def method(client: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
            return client.run(step(*args, **kwargs))

        method.__signature__ = edge.signature_of(step)  # type: ignore[attr-defined]
        self.__doc__, self._method = step.__doc__, method

    @overload
    def __get__(self, client: None, owner: type[Client]) -> Callable[Concatenate[Client, P], T]: ...
    @overload
    def __get__(self, client: Client, owner: type[Client]) -> Callable[P, T]: ...
    def __get__(self, client: Client | None, owner: type[Client]) -> Callable[..., T]:
        found: Callable[..., T] = self._method if client is None else MethodType(self._method, client)
        return found


class Client:
    """A connection to one platform. Close it, or use it in a `with` block: that ends the log-in it made.

    The arguments are those of connect(), which logs in at once; a Client by itself does so with its first question.
    """

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
        self._http = httpx.Client(**edge.http_options(settings, timeout, self._tls))

    points = Blocking(read_points.points)
    search = Blocking(read_points.search)
    point = Blocking(read_points.point)
    last = Blocking(read_points.last)
    values_at = Blocking(read_points.values_at)
    pipeline = Blocking(read_platform.pipeline)
    services = Blocking(read_platform.services)
    systems = Blocking(read_platform.systems)
    sources = Blocking(read_platform.sources)
    assets = Blocking(read_platform.assets)
    site = Blocking(read_platform.site)
    archive = Blocking(read_platform.archive)
    me = Blocking(read_platform.me)
    in_force = Blocking(read_platform.in_force)
    revisions = Blocking(read_platform.revisions)
    documents = Blocking(read_platform.documents)
    configuration = Blocking(read_platform.configuration)
    document = Blocking(read_platform.document)
    diff = Blocking(read_platform.diff)
    graphql = Blocking(read_platform.graphql)
    export = Blocking(export)

    @overload
    def series(
        self, points: str, start: When, end: When = ..., *,
        resample: str | None = ..., every: Span | None = ..., buckets: int | None = ..., fill: str | None = ...,
    ) -> Series: ...  # fmt: skip
    @overload
    def series(
        self, points: Many, start: When, end: When = ..., *,
        resample: str | None = ..., every: Span | None = ..., buckets: int | None = ..., fill: str | None = ...,
    ) -> SeriesSet: ...  # fmt: skip
    def series(
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
        """The samples with start <= time < end: of one point a Series, of a list of names or patterns a SeriesSet.

        Without a grid: raw samples, however many. With `buckets=1000`: `minmax`, both extremes of each bucket at their own times, so that
        no spike is lost: for plots. With `every="10s"`: `mean`. Others: median min max first last count std sum lttb interpolate.
        fill: what stands in empty buckets: none, previous, linear (never in a gap).
        """
        grid: dict[str, Any] = {"resample": resample, "every": every, "buckets": buckets, "fill": fill}
        if isinstance(points, str):
            return self.run(read_series.one(points, start, end, **grid))
        return self.run(read_series.series(points, start, end, **grid))

    def live(
        self, points: Names, *, mode: str = "latest", max_hz: float = 4.0, give_up_after: float | None = None
    ) -> Generator[LiveBatch, None, None]:
        """First the newest sample of every point, then what changed, at most max_hz times a second (0.01 to 50); without end.

        mode `latest`: the newest sample of what changed. `batch`: every sample; `dropped` says how many you were too slow for.
        A lost connection is made again (for give_up_after seconds, by default for ever); the next batch is again of all points, and its
        `gap` says from when to when nothing was heard.
        """
        names = self.run(named(points))
        return self._follow(Feed(names, mode, max_hz, give_up_after, self.run(labelled(names))))

    def _follow(self, state: Feed) -> Generator[LiveBatch, None, None]:
        while True:
            try:
                token = self._drive(token_of(self._session))
                with open_socket(self._settings.live_url, **edge.socket_options(self._timeout, self._tls, state.room)) as socket:
                    for message in state.opening(token):
                        socket.send(message)
                    while True:
                        waiting = [state.receive(socket.recv())]
                        while state.mode == "latest" and len(waiting) < state.room:
                            try:
                                waiting.append(state.receive(socket.recv(timeout=0)))
                            except TimeoutError:
                                break
                        batches = [b for b in waiting if b is not None]
                        if batches:
                            yield newest(batches)
            except edge.BROKEN as error:
                waits.pause(edge.after_loss(state, self._session, error, self.url, waits.monotonic()))

    def run(self, step: Step[T]) -> T:
        """Does what a step asks for."""
        edge.check_open(self._http.is_closed)
        return self._drive(logged_in(self._session, step))

    def _drive(self, step: Step[T]) -> T:
        with closing(step):
            try:
                request = next(step)
                while True:
                    request = step.send(self._send(request))
            except StopIteration as done:
                result: T = done.value
                return result

    def _send(self, request: Request) -> Reply:
        try:
            try:
                return self._exchange(request)
            except edge.STALE:
                if not request.repeatable:
                    raise
                return self._exchange(request)
        except httpx.HTTPError as error:
            raise edge.no_answer(error, self.url) from error

    def _exchange(self, request: Request) -> Reply:
        with self._http.stream(**edge.http_arguments(request)) as response:
            if request.sink is None or response.status_code != 200:
                response.read()
                return edge.reply_of(response)
            for piece in response.iter_bytes():
                request.sink(piece)
            return Reply(200, b"")

    def close(self) -> None:
        """Ends the log-in, if it was made here, and the connection."""
        leaving, self._session.own = self._session.leaving, False
        try:
            if leaving is not None:
                self._send(leaving)
        except ConnectionLost:
            pass  # the server is gone, and the log-in will expire by itself
        finally:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<mla_client {self.url}>"


def connect(
    url: str | None = None,
    *,
    user: str | None = None,
    password: str | None = None,
    token: str | None = None,
    timeout: float = 30.0,
    verify: Verify = True,
) -> Client:
    """A logged-in client. What is not given comes from MLA_URL, MLA_TOKEN, MLA_USER, MLA_PASSWORD (secrets also from …_FILE).

    timeout: seconds to wait for the server. verify: for https, see mla_client.settings.Verify. Raises NotLoggedIn, ConnectionLost.
    """
    client = Client(url, user=user, password=password, token=token, timeout=timeout, verify=verify)
    try:
        client.me()
    except BaseException:
        client.close()
        raise
    return client

"""What both clients share of HTTP and web sockets: options in, typed errors out."""

from __future__ import annotations

import inspect
import ssl
from collections.abc import Callable
from typing import Any, Final

import httpx
from websockets.exceptions import ConnectionClosed, WebSocketException

from mla_client.errors import ConnectionLost, MlaError, NotLoggedIn, Unavailable
from mla_client.feed import NO_LOG_IN, Feed
from mla_client.protocol import Reply, Request, Session
from mla_client.settings import Settings

VERSION: Final = "0.1.0"
BROKEN: Final = (OSError, WebSocketException, EOFError, ConnectionLost, Unavailable)
"""How a live connection ends or fails to begin."""
STALE: Final = (httpx.RemoteProtocolError, httpx.ReadError)
"""The server may have closed an idle connection just when we used it."""


def http_options(settings: Settings, timeout: float, tls: ssl.SSLContext | None) -> dict[str, Any]:
    """For httpx.Client and httpx.AsyncClient."""
    verify = {} if tls is None else {"verify": tls}
    return {"base_url": settings.url, "timeout": timeout, "headers": {"User-Agent": f"mla-client/{VERSION}"}, **verify}


def socket_options(timeout: float, tls: ssl.SSLContext | None, room: int) -> dict[str, Any]:
    """For both kinds of websockets.connect: a link that says nothing for 15 s is taken for dead; room: messages that may wait unread."""
    secure = {} if tls is None else {"ssl": tls}
    return {
        "open_timeout": timeout,
        "close_timeout": 2,
        "ping_interval": 5,
        "ping_timeout": 10,
        "max_size": None,
        "max_queue": room,
        **secure,
    }


def http_arguments(request: Request) -> dict[str, Any]:
    """For httpx' request()."""
    body = {} if request.body is None else {"json": request.body}
    return {"method": request.method, "url": request.path, "params": dict(request.params), "headers": request.headers, **body}


def reply_of(response: httpx.Response) -> Reply:
    """The answer, read."""
    return Reply(response.status_code, response.content, response.headers.get("retry-after"))


def check_open(closed: bool) -> None:
    """Raises ConnectionLost where somebody asks a client that was closed."""
    if closed:
        raise ConnectionLost("this client was closed: connect() again, or ask inside its `with` block", "CONNECTION_LOST")


def no_answer(error: httpx.HTTPError, url: str) -> ConnectionLost:
    """The typed error of a broken or missing connection."""
    why = "no answer in time" if isinstance(error, httpx.TimeoutException) else str(error) or type(error).__name__
    return ConnectionLost(f"{url}: {why}", "CONNECTION_LOST")


def after_loss(state: Feed, session: Session, error: BaseException, url: str, now: float) -> float:
    """Seconds to wait before the next try of a live connection. Raises where another try cannot help, or was given up."""
    reason = why(error)
    if isinstance(error, ConnectionClosed) and error.rcvd is not None and error.rcvd.code in NO_LOG_IN:
        if not session.user:
            raise NotLoggedIn(f"{url}: {reason}", "UNAUTHENTICATED") from error
        session.token = ""  # the next try logs in
    wait = state.lost(reason, now)
    if wait is None:
        raise ConnectionLost(f"{url}: {reason}", "CONNECTION_LOST") from error
    return wait


def why(error: BaseException) -> str:
    """Why a live connection ended, in a few words."""
    if isinstance(error, MlaError):
        return error.message
    if isinstance(error, ConnectionClosed) and error.rcvd is not None:
        return f"closed by the server ({error.rcvd.code}{': ' + error.rcvd.reason if error.rcvd.reason else ''})"
    return str(error) or type(error).__name__


def signature_of(step: Callable[..., Any]) -> inspect.Signature:
    """As `help()` shall show it: with self, and what comes out instead of the step."""
    told = inspect.signature(step)
    result = str(told.return_annotation).removeprefix("Step[").removesuffix("]")
    me = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    return told.replace(parameters=[me, *told.parameters.values()], return_annotation=result)

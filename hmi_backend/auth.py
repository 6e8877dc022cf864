"""The gate before every request: who asks, from which page, and may the answer be kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hmi_backend.errors import ApiError, Forbidden, Unauthenticated
from hmi_backend.origins import is_same_origin
from hmi_backend.state import Backend
from hmi_backend.users import Identity

COOKIE: Final = "mla_session"
IDENTITY: Final = "mla.identity"
GUARDED: Final = ("/graphql", "/schema.graphql", "/ws/", "/export/", "/ingest/", "/auth/", "/openapi.json", "/metrics")
OPEN: Final = ("/auth/login",)
PAGES: Final = ("/graphql",)
"""Open where a browser asks for the page itself: it holds no data and has its own log-in."""
BODY: Final = 16 << 20
BODY_OF_STRANGERS: Final = 64 << 10
SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")
POLICY: Final = (
    "default-src 'self'; script-src 'self'{scripts}; style-src 'self'{styles}; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'self'; form-action 'self'"
)
HEADERS: Final = {
    # style attributes (not style elements) are allowed to the HMI: its framework puts them into templates
    "content-security-policy": POLICY.format(scripts="", styles="") + "; style-src-attr 'unsafe-inline'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


def bearer(headers: Headers) -> str | None:
    """The token of an Authorization header."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" and token.strip() else None


def foreign(headers: Headers, allowed: Iterable[str] = ()) -> bool:
    """Whether a browser says that the request comes from a page of somebody else."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
    return not is_same_origin(origin, headers.get("host")) and origin not in allowed


def caller(scope: Scope) -> str:
    """The address a request came from."""
    client = scope.get("client")
    return str(client[0]) if client else ""


class Gate:
    """Middleware: identifies, refuses, and adds the headers that keep browsers careful."""

    def __init__(self, app: ASGIApp, backend: Backend, *, open_metrics: bool, origins: Sequence[str] = ()) -> None:
        self._app, self._backend, self._origins = app, backend, frozenset(origins)
        self._open = (*OPEN, "/metrics") if open_metrics else OPEN

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            scope[IDENTITY] = self._identify(scope, headers)
            if scope["type"] == "http":
                self._admit(scope, headers)
        except ApiError as error:
            await self._refuse(scope, receive, send, error)
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            most = BODY if scope[IDENTITY] else BODY_OF_STRANGERS
            await self._app(scope, _bounded(receive, most), _careful(send, scope["path"]))

    def _identify(self, scope: Scope, headers: Headers) -> Identity | None:
        token = bearer(headers)
        if token is not None:
            identity = self._backend.users.identify(token)
            if identity is None and self._guards(scope):
                raise Unauthenticated("this token is unknown or has expired: log in again")
            return identity
        cookie = HTTPConnection(scope).cookies.get(COOKIE)
        identity = self._backend.users.identify(cookie) if cookie else None
        writes = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        if identity is not None and writes and foreign(headers, self._origins):
            raise Forbidden(f"a page of {headers.get('origin', 'another site')} may not use your log-in here")
        return identity

    def _admit(self, scope: Scope, headers: Headers) -> None:
        path = scope["path"]
        page = path in PAGES and scope["method"] == "GET" and b"query=" not in scope.get("query_string", b"")
        if self._guards(scope) and scope[IDENTITY] is None and not (page and _takes_pages(headers.get("accept", ""))):
            raise Unauthenticated

    def _guards(self, scope: Scope) -> bool:
        """Whether a path needs a log-in. What needs none is given also to those whose log-in has ended."""
        path: str = scope["path"]
        return path.startswith(GUARDED) and path not in self._open

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, error: ApiError) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4403})  # before the handshake: the client sees HTTP 403
            return
        body = problem(error)
        sent = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if error.code == "UNAUTHENTICATED":
            sent.append((b"www-authenticate", b"Bearer"))
        await _careful(send, scope["path"])({"type": "http.response.start", "status": status_of(error), "headers": sent})
        await send({"type": "http.response.body", "body": body})


def _takes_pages(accept: str) -> bool:
    return "text/html" in accept or "*/*" in accept


def status_of(error: ApiError) -> int:
    """The HTTP status of an error."""
    return {"UNAUTHENTICATED": 401, "FORBIDDEN": 403}.get(error.code, 400)


def problem(error: ApiError) -> bytes:
    """An error as every edge tells it: the shape of GraphQL's."""
    return orjson.dumps({"errors": [{"message": error.message, "extensions": error.extensions}]})


def _bounded(receive: Receive, most: int) -> Receive:
    left = most

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise ApiError("TOO_LARGE", f"a request body has at most {most:,} bytes")
        return message

    return counted


def _careful(send: Send, path: str) -> Send:
    private = path.startswith(GUARDED)

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if private:
                headers.setdefault("cache-control", "no-store")
        await send(message)

    return with_headers

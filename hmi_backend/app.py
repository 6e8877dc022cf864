"""The application: every edge, behind one gate."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from hmi_backend import health, login, rest, ws_live
from hmi_backend.auth import Gate, problem
from hmi_backend.compress import Compress
from hmi_backend.errors import STATUS, ApiError, code_of
from hmi_backend.graphql.serve import GraphQLEdge
from hmi_backend.openapi import describe
from hmi_backend.state import Backend
from hmi_backend.static import Static
from kernel.errors import MlaError

_log = logging.getLogger(__name__)
CODES: Final = {400: "BAD_REQUEST", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}


def create_app(backend: Backend, *, static: Path | None, open_metrics: bool = True, origins: Sequence[str] = ()) -> FastAPI:
    """The ASGI application. `origins`: other pages that may use a log-in here, e.g. a development server."""
    app = FastAPI(title="MLA", version="1", docs_url=None, redoc_url=None)
    app.add_middleware(Compress)
    app.add_middleware(Gate, backend=backend, open_metrics=open_metrics, origins=tuple(origins))
    _errors(app)
    app.include_router(login.routes(backend))
    app.include_router(rest.routes(backend))
    app.include_router(health.routes(backend))
    edge = GraphQLEdge(backend, tuple(origins))
    app.router.routes.append(Route("/graphql", edge, include_in_schema=False))
    app.router.routes.append(WebSocketRoute("/graphql", edge))

    async def live(ws: WebSocket) -> None:
        await ws_live.serve(backend, ws)

    app.router.routes.append(WebSocketRoute("/ws/live", live))
    app.openapi = partial(describe, app, open_metrics)  # type: ignore[method-assign]
    app.router.routes.append(Route("/auth/{path:path}", _only_post, methods=["GET", "HEAD"], include_in_schema=False))
    app.router.routes.append(Route("/{path:path}", Static(static).__call__, methods=["GET", "HEAD"], include_in_schema=False))
    return app


async def _only_post(request: Request) -> Response:
    raise HTTPException(405, "log in and out with POST", {"allow": "POST"})


def _answer(error: ApiError, status: int) -> Response:
    headers = {}
    wait = (error.extensions or {}).get("retryAfter")
    if wait is not None:
        headers["retry-after"] = str(wait)
    return Response(problem(error), status, headers, "application/json")


def _errors(app: FastAPI) -> None:
    """Every error of the plain edges has the shape of GraphQL's."""

    @app.exception_handler(ApiError)
    async def api_error(request: Request, error: ApiError) -> Response:
        return _answer(error, STATUS.get(error.code, 400))

    @app.exception_handler(MlaError)
    async def platform_error(request: Request, error: MlaError) -> Response:
        code = code_of(error) or "FAILED"
        return _answer(ApiError(code, str(error)), STATUS.get(code, 500))

    @app.exception_handler(Exception)
    async def fault(request: Request, error: Exception) -> Response:
        number = uuid.uuid4().hex[:8]
        _log.error("error %s in %s", number, request.url.path)  # the server logs the traceback
        return _answer(ApiError("INTERNAL", f"internal error {number}: the server's log has the details"), 500)

    @app.exception_handler(RequestValidationError)
    async def bad_request(request: Request, error: RequestValidationError) -> Response:
        first: dict[str, Any] = dict(error.errors()[0])
        where = ".".join(str(x) for x in first["loc"][1:]) or "body"
        return _answer(ApiError("BAD_REQUEST", f"{where}: {first['msg']}"), 400)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        response = _answer(ApiError(CODES.get(error.status_code, "FAILED"), str(error.detail)), error.status_code)
        response.headers.update(error.headers or {})
        return response

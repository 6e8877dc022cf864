"""GraphQL over HTTP and over graphql-transport-ws."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from datetime import timedelta
from typing import Any, cast

import orjson
from cross_web import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http import GraphQLHTTPResponse
from strawberry.http.exceptions import NonJsonMessageReceived, WebSocketDisconnected
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType
from strawberry.types.unset import UNSET

from hmi_backend.auth import IDENTITY, caller, problem
from hmi_backend.columns import dumps
from hmi_backend.errors import ApiError
from hmi_backend.graphql.context import Context
from hmi_backend.graphql.schema import schema
from hmi_backend.links import KEY
from hmi_backend.pages import EXPLORER, Page
from hmi_backend.state import Backend

RESPONSE_TYPE = "application/graphql-response+json"
MOST_SUBSCRIPTIONS = 100


class Socket(ASGIWebSocketAdapter):
    """Frames are text, as the protocol wants; messages of a wrong shape end the connection with 4400 and not with a crash."""

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        async for message in super().iter_json(ignore_parsing_errors=ignore_parsing_errors):
            if not well_formed(message):
                raise NonJsonMessageReceived
            yield message

    async def send_json(self, message: Mapping[str, object]) -> None:
        try:
            await self.ws.send_text(dumps(message).decode())
        except (RuntimeError, OSError, WebSocketDisconnect) as error:  # the client went, or the socket was closed, before the send
            raise WebSocketDisconnected from error


def well_formed(message: object) -> bool:
    """Whether a message has the shape that graphql-transport-ws gives it."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return False
    if message["type"] == "subscribe":
        payload = message.get("payload")
        if not isinstance(payload, dict) or not isinstance(payload.get("query"), str):
            return False
        if not isinstance(payload.get("variables"), (dict, type(None))) or not isinstance(payload.get("operationName"), (str, type(None))):
            return False
    if message["type"] in ("subscribe", "complete"):
        return isinstance(message.get("id"), str) and bool(message["id"])
    return True


class Handler(BaseGraphQLTransportWSHandler[Context, None]):
    """A client that went away in the middle of a message is no error."""

    async def handle_task_exception(self, error: Exception) -> None:
        if not isinstance(error, (WebSocketDisconnected, OSError)):
            await super().handle_task_exception(error)

    async def _handle_pre_execution_error(self, operation: Operation[Context, None], result: PreExecutionError) -> None:
        """A document that cannot be parsed ends its own operation, not the socket with all others."""
        await operation.send_initial_errors(result.errors or [])


class GraphQLEdge(GraphQL[Context, None]):
    """The endpoint /graphql."""

    websocket_adapter_class = Socket
    graphql_transport_ws_handler_class = Handler

    def __init__(self, backend: Backend, origins: tuple[str, ...]) -> None:
        super().__init__(
            schema(),
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=timedelta(seconds=10),
            max_subscriptions_per_connection=MOST_SUBSCRIPTIONS,
            allowed_origins=origins,
        )
        self._backend = backend

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        identity = request.scope[IDENTITY]
        link = request.scope.get("extensions", {}).get(KEY)
        if link is not None:
            link.identity = identity
        return Context(self._backend, identity, caller(request.scope), link=link)

    async def on_ws_connect(self, context: Context) -> Any:
        token = context.connection_params.get("token")
        if token is not None:
            context.identity = self._backend.users.identify(token) if isinstance(token, str) else None
        if context.identity is None:
            raise ConnectionRejectionError
        if context.link is not None:
            context.link.identity = context.identity
        return UNSET

    def encode_json(self, data: object) -> bytes:
        return dumps(data)

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)

    def parse_json(self, data: str | bytes) -> Any:
        """A body that is JSON but no object, such as null, is a mistake of the asker too. (Text: a parameter of a GET request.)"""
        found = super().parse_json(data)
        if isinstance(data, bytes) and not isinstance(found, (dict, list)):
            raise HTTPException(400, 'a request is a JSON object: {"query": "{ me { user } }"}')
        return found

    async def render_graphql_ide(self, request: Request) -> Response:
        page: Page = EXPLORER
        return HTMLResponse(page.body, headers=page.headers)

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        answer = await super().process_result(request, result)
        for error in answer.get("errors") or ():  # a document that cannot be parsed is refused before any extension sees it
            cast(dict[str, Any], error).setdefault("extensions", {"code": "GRAPHQL_PARSE_FAILED"})
        if isinstance(result, PreExecutionError):
            answer.pop("data", None)  # nothing was executed: GraphQL over HTTP wants no data entry
            request.state.refused = True
        return answer

    async def run(self, request: Any, context: Any = UNSET, root_value: Any = UNSET) -> Any:
        try:
            response = await super().run(request, context, root_value)
        except HTTPException as error:
            return cast(Any, refusal(error, request.method))
        if isinstance(request, Request) and response.media_type == "application/json" and wants_response_type(request):
            response.headers["content-type"] = f"{RESPONSE_TYPE}; charset=utf-8"
            if getattr(request.state, "refused", False):
                response.status_code = 400
        return cast(Any, response)


def refusal(error: HTTPException, method: str) -> Response:
    """What is no GraphQL request at all, in the shape of every other error."""
    cause = error.__cause__
    reason, allow = str(error.reason), None
    if isinstance(cause, InvalidOperationTypeError) and cause.operation_type is OperationType.SUBSCRIPTION:
        reason = "subscriptions are for the web socket at this address, sub-protocol graphql-transport-ws"
    elif isinstance(cause, InvalidOperationTypeError) and method == "GET":
        reason, allow = "mutations are sent with POST", "POST"
    elif error.status_code == 405:
        allow = "GET, POST"
    code, status = ("METHOD_NOT_ALLOWED", 405) if allow else ("BAD_REQUEST", error.status_code)
    return Response(problem(ApiError(code, reason)), status, {"allow": allow} if allow else None, "application/json")


def wants_response_type(request: Request) -> bool:
    """Whether the client prefers application/graphql-response+json to application/json."""
    accepted = [a.split(";")[0].strip().lower() for a in request.headers.get("accept", "").split(",")]
    if RESPONSE_TYPE not in accepted:
        return False
    return "application/json" not in accepted or accepted.index(RESPONSE_TYPE) < accepted.index("application/json")

"""The conversation with the server, without a socket: a step yields requests, is sent the replies, and returns what it read.

Both clients, the blocking one and the async one, run the same steps; they differ only in how they wait.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, TypeVar

from mla_client.errors import MlaError, NotLoggedIn, error_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    token: str = field(default="", repr=False)
    sink: Callable[[bytes], None] | None = None
    """Where the body goes, piece by piece, if the answer is a file."""

    @property
    def headers(self) -> dict[str, str]:
        """What goes with it."""
        accept = {"Accept": "application/json"}
        return accept | ({"Authorization": f"Bearer {self.token}"} if self.token else {})

    @property
    def repeatable(self) -> bool:
        """Whether asking twice does no harm."""
        return self.sink is None and (self.body is None or not str(self.body.get("query", "mutation")).lstrip().startswith("mutation"))


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    body: bytes
    retry_after: str | None = None


Step: TypeAlias = Generator[Request, Reply, T]
"""Something to ask the server, in one request or several."""


def ask(query: str, **variables: Any) -> Step[dict[str, Any]]:
    """The data of a GraphQL document. Raises the typed error of the first error."""
    reply = yield Request("POST", "/graphql", {"query": query, "variables": variables})
    data = checked(reply).get("data")
    if not isinstance(data, dict):
        raise MlaError(f"the server answered with HTTP status {reply.status} and no data: is this the address of an MLA platform?")
    return data


def checked(reply: Reply) -> dict[str, Any]:
    """The decoded answer. Raises the typed error where it tells one."""
    try:
        found = json.loads(reply.body or b"{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise MlaError(f"the answer (HTTP status {reply.status}) is no JSON object: is this the address of an MLA platform?")
    errors = found.get("errors")
    if errors:
        first = errors[0]
        extensions = dict(first.get("extensions") or {})
        if reply.retry_after is not None:
            extensions.setdefault("retryAfter", reply.retry_after)
        raise error_of(str(first.get("message", "")), extensions)
    if reply.status >= 400:
        raise MlaError(f"the server answered with HTTP status {reply.status}")
    return found


@dataclass(slots=True)
class Session:
    """Who we are. The token of a log-in lasts some hours; with user and password it is renewed when it ended."""

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    own: bool = False
    """Whether the token came from our log-in, so that leaving ends it."""

    @property
    def leaving(self) -> Request | None:
        """The request that ends our log-in, if we made one."""
        return Request("POST", "/auth/logout", token=self.token) if self.own and self.token else None


def log_in(session: Session) -> Step[None]:
    """Gets a token for user and password. Raises NotLoggedIn."""
    if not session.user:
        raise NotLoggedIn("the log-in has ended" if session.token else "no log-in was given", "UNAUTHENTICATED")
    reply = yield Request("POST", "/auth/login", {"user": session.user, "password": session.password})
    session.token, session.own = str(checked(reply)["token"]), True


def token_of(session: Session) -> Step[str]:
    """The token to use; logs in where there is none."""
    if not session.token:
        yield from log_in(session)
    return session.token


def logged_in(session: Session, step: Step[T]) -> Step[T]:
    """The same step, with the token on every request; logs in before it, and again where the session ended meanwhile."""
    try:
        request = next(step)
        while True:
            reply = yield replace(request, token=(yield from token_of(session)))
            if refused(reply) and session.user:
                yield from log_in(session)
                reply = yield replace(request, token=session.token)
            request = step.send(reply)
    except StopIteration as done:
        result: T = done.value
        return result
    finally:
        step.close()


def refused(reply: Reply) -> bool:
    """Whether the server does not know us (any more). GraphQL says so with status 200."""
    if reply.status == 401:
        return True
    if len(reply.body) > 4000 or b"UNAUTHENTICATED" not in reply.body:
        return False
    try:
        checked(reply)
    except NotLoggedIn:
        return True
    except MlaError:
        return False
    return False

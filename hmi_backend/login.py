"""Logging in and out."""

from __future__ import annotations

import asyncio
from typing import Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from hmi_backend.attempts import Attempts
from hmi_backend.auth import COOKIE, IDENTITY, caller, foreign
from hmi_backend.errors import ApiError, Forbidden, Unauthenticated
from hmi_backend.state import Backend
from hmi_backend.users import LONGEST, SESSION_TTL, Identity

MOST_TOGETHER: Final = 4


class Credentials(BaseModel):
    """Who wants in."""

    user: str = Field(max_length=64)
    password: str = Field(max_length=LONGEST)


class LoggedIn(BaseModel):
    """The token for API clients; browsers also got a cookie."""

    token: str
    user: str
    role: str
    expires: int = Field(description="Microseconds UTC.")


def routes(backend: Backend) -> APIRouter:
    """The edges under /auth."""
    router = APIRouter(prefix="/auth", tags=["log-in"])
    attempts, turns = Attempts(), asyncio.Semaphore(MOST_TOGETHER)  # a password check costs 16 MB and tens of milliseconds

    @router.post("/login", summary="Log in")
    async def login(credentials: Credentials, request: Request, response: Response) -> LoggedIn:
        user, address = credentials.user, caller(request.scope)
        if foreign(request.headers):
            raise Forbidden("log in from our own page")
        attempts.check(user, address, backend.clock.now())
        async with turns:
            attempts.check(user, address, backend.clock.now())  # tries that waited together count together
            role = await asyncio.to_thread(backend.users.check, user, credentials.password)
            if role is None:
                attempts.failed(user, address, backend.clock.now())
        await backend.audit.write(user, role, "login", user, ok=role is not None, origin=address)
        if role is None:
            raise ApiError("UNAUTHENTICATED", "user or password is wrong")
        attempts.succeeded(user, address)
        token = backend.users.issue_token(user, role, SESSION_TTL)
        identity = backend.users.identify(token)
        assert identity is not None
        response.set_cookie(
            COOKIE, token, max_age=SESSION_TTL, path="/", httponly=True, samesite="strict", secure=request.url.scheme == "https"
        )
        return LoggedIn(token=token, user=user, role=role.value, expires=identity.expires)

    @router.post("/logout", status_code=204, summary="Log out")
    async def logout(request: Request) -> Response:
        identity: Identity | None = request.scope[IDENTITY]
        if identity is None:
            raise Unauthenticated
        backend.users.end(identity)
        await backend.audit.write(identity.user, identity.role, "logout", identity.user, ok=True, origin=caller(request.scope))
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return response

    return router

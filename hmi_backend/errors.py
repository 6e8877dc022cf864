"""The errors of the API: every one carries `extensions.code`, and its text names the remedy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError

from kernel.errors import BadUsage, Conflict, MlaError, NotAvailable


class ApiError(GraphQLError):
    """An error meant for the one who asked."""

    def __init__(self, code: str, message: str, **extensions: Any) -> None:
        super().__init__(message, extensions={"code": code, **extensions})

    @property
    def code(self) -> str:
        """BAD_REQUEST, UNAUTHENTICATED, FORBIDDEN, UNKNOWN_POINT, TOO_EXPENSIVE ..."""
        return str((self.extensions or {})["code"])


class BadRequest(ApiError):
    """What was asked for cannot be."""

    def __init__(self, message: str, **extensions: Any) -> None:
        super().__init__("BAD_REQUEST", message, **extensions)


class Unauthenticated(ApiError):
    """Nobody is logged in."""

    def __init__(self, message: str = "log in first: POST /auth/login, or send Authorization: Bearer TOKEN") -> None:
        super().__init__("UNAUTHENTICATED", message)


class Forbidden(ApiError):
    """The one logged in may not do this."""

    def __init__(self, message: str, **extensions: Any) -> None:
        super().__init__("FORBIDDEN", message, **extensions)


class TooExpensive(ApiError):
    """The answer would be larger than the asker's role allows."""

    def __init__(self, cost: int, budget: int, role: str) -> None:
        super().__init__(
            "TOO_EXPENSIVE",
            f"this asks for {cost:,} samples (points × buckets), and the role {role} may ask for {budget:,} at once: "
            "ask for fewer points, fewer buckets or a longer `every`, or use /export/series for bulk data",
            cost=cost,
            budget=budget,
        )


class TooManyValues(ApiError):
    """The answer would have more fields than the server fills at once."""

    def __init__(self, cost: int, budget: int) -> None:
        super().__init__(
            "TOO_EXPENSIVE",
            f"this asks for up to {cost:,} values of fields, at most {budget:,} are given at once: ask for smaller pages or fewer fields",
            cost=cost,
            budget=budget,
        )


class UnknownPoints(ApiError):
    """Points that are in no configuration and have no history."""

    def __init__(self, names: Sequence[str], hints: Sequence[Sequence[str]], revision: int) -> None:
        listed = [{"name": n, "didYouMean": list(h)} for n, h in zip(names, hints, strict=False)]
        first = listed[0]
        likely = first["didYouMean"]
        guess = f": did you mean {' or '.join(likely)}?" if likely else ": search with points(filter: {search: …})"
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        super().__init__("UNKNOWN_POINT", f"no point {first['name']}{more} in revision {revision}{guess}", points=listed)


def code_of(error: BaseException | None) -> str | None:
    """The code of an error raised on purpose; None for a mistake of ours, which is not shown to anyone."""
    if isinstance(error, ApiError):
        return error.code
    if isinstance(error, BadUsage):
        return "BAD_REQUEST"
    if isinstance(error, NotAvailable):
        return "UNAVAILABLE"
    if isinstance(error, Conflict):
        return "CONFLICT"
    return "FAILED" if isinstance(error, MlaError) else None


STATUS = {
    "BAD_REQUEST": 400,
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "UNKNOWN_POINT": 404,
    "NOT_FOUND": 404,
    "CONFLICT": 409,
    "TOO_EXPENSIVE": 413,
    "TOO_LARGE": 413,
    "TOO_MANY_REQUESTS": 429,
    "UNAVAILABLE": 503,
    "FAILED": 500,
}
"""The HTTP status of a code, for the edges outside GraphQL."""

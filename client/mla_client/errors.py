"""What can go wrong, as types: one per code of the API. Every error says what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar


class MlaError(Exception):
    """Every error of this package. `code` is the API's; `extensions` is all it told with the error."""

    remedy: ClassVar[str] = "the message says what is wrong"

    def __init__(self, message: str, code: str = "", extensions: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.extensions = dict(extensions or {})

    def __str__(self) -> str:
        code = f" [{self.code}]" if self.code else ""
        return f"{self.message}{code}\n  → {self.remedy}"


class BadRequest(MlaError):
    """What was asked for makes no sense. Nothing was read or changed."""

    remedy = "correct the arguments as the message says"


class NotLoggedIn(MlaError):
    """No log-in, a wrong one, or the session ended."""

    remedy = "connect(url, user=…, password=…) or token=…, or set MLA_TOKEN, or MLA_USER and MLA_PASSWORD"


class Forbidden(MlaError):
    """This user may not do this."""

    remedy = "log in as somebody with the role named in the message"

    @property
    def needed(self) -> str | None:
        """The role that would do."""
        return self.extensions.get("needed")


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name that is no point, and names that are nearly the same."""

    name: str
    did_you_mean: tuple[str, ...]


class UnknownPoint(MlaError):
    """Some points are in no configuration and have no history."""

    remedy = 'look for names with mla.search("wind") or mla.points("ast1.*")'

    @property
    def points(self) -> tuple[Unknown, ...]:
        """All unknown names, with guesses."""
        listed = self.extensions.get("points") or ()
        return tuple(Unknown(p["name"], tuple(p.get("didYouMean") or ())) for p in listed)


class NotFound(MlaError):
    """Nothing is there."""

    remedy = "check the path and the revision"


class Conflict(MlaError):
    """Somebody else changed it first."""

    remedy = "read it again, then repeat the change"


class TooExpensive(MlaError):
    """One request asked for more samples than the role allows."""

    remedy = "ask for fewer buckets, a longer `every` or a shorter range, or write the samples to a file with mla.export()"

    @property
    def cost(self) -> int:
        """Samples asked for."""
        return int(self.extensions.get("cost", 0))

    @property
    def budget(self) -> int:
        """Samples allowed."""
        return int(self.extensions.get("budget", 0))


class TooManyRequests(MlaError):
    """Slow down."""

    remedy = "wait for retry_after seconds, then try again"

    @property
    def retry_after(self) -> float | None:
        """Seconds, where the server said so."""
        told = self.extensions.get("retryAfter")
        return None if told is None else float(told)


class Unavailable(MlaError):
    """The server cannot answer this now."""

    remedy = "try again soon; mla.services() and /readyz name what is down"


class ConnectionLost(MlaError):
    """No answer: the server is not there, too slow, or the connection broke."""

    remedy = "check the URL, the network, and that the platform runs (curl URL/healthz); a longer timeout= helps with slow links"


class ServerFault(MlaError):
    """It went wrong at the server's side."""

    remedy = "the server's log tells more; its number is in the message"


BY_CODE: Mapping[str, type[MlaError]] = {
    "BAD_REQUEST": BadRequest,
    "GRAPHQL_PARSE_FAILED": BadRequest,
    "GRAPHQL_VALIDATION_FAILED": BadRequest,
    "TOO_LARGE": BadRequest,
    "METHOD_NOT_ALLOWED": BadRequest,
    "UNAUTHENTICATED": NotLoggedIn,
    "FORBIDDEN": Forbidden,
    "UNKNOWN_POINT": UnknownPoint,
    "NOT_FOUND": NotFound,
    "CONFLICT": Conflict,
    "TOO_EXPENSIVE": TooExpensive,
    "TOO_MANY_REQUESTS": TooManyRequests,
    "UNAVAILABLE": Unavailable,
    "FAILED": ServerFault,
    "INTERNAL": ServerFault,
}


def error_of(message: str, extensions: Mapping[str, Any]) -> MlaError:
    """The error for a message of the API; a code this version does not know gives a plain MlaError."""
    code = str(extensions.get("code", ""))
    return BY_CODE.get(code, MlaError)(message, code, extensions)

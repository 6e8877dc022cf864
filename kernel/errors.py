"""The errors people see: each names the thing and the remedy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class MlaError(Exception):
    """Base of every error the platform raises on purpose; its text is for people."""


class BadUsage(MlaError):
    """What was asked for cannot be: an unknown scheme, point, service or option. Exit code 2."""


class NotAvailable(MlaError):
    """Something needed does not answer or has no room now; trying again later may help."""


class Conflict(MlaError):
    """Somebody else changed the thing first: read it again and repeat the change."""


class SourceLost(MlaError):
    """A data source stopped answering; the collector decides when to try again."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a configuration: where it stands and what to write instead."""

    path: str
    line: int
    """1-based; 0 where the mistake is not on one line."""
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        return f"{where}: {self.text}" + (f" ({self.remedy})" if self.remedy else "")


class ConfigProblems(MlaError):
    """Every mistake of a configuration at once; nothing of it was applied."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

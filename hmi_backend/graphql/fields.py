"""strawberry's decorators, with types that a checker keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import strawberry

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def given(value: T | None, default: T) -> T:
    """What an optional argument stands for: clients with typed variables send null for what they leave out."""
    return default if value is None else value


def field(description: str) -> Callable[[F], F]:
    """A field of a root type."""
    made: Callable[[F], F] = strawberry.field(description=description)
    return made


def mutation(description: str) -> Callable[[F], F]:
    """A field that changes something."""
    made: Callable[[F], F] = strawberry.mutation(description=description)
    return made


def subscription(description: str) -> Callable[[F], F]:
    """A field that can be followed."""
    made: Callable[[F], F] = strawberry.subscription(description=description)
    return made

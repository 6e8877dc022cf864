"""Saved views: what is kept, who may see and change it, and the port of the store."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from hmi_backend.roles import Role

MOST_PER_USER = 500
VERSIONS_KEPT = 50
CONTENT_BYTES = 64 << 10
BYTES_PER_USER = 32 << 20
"""Of all versions together."""
_KIND = re.compile(r"[a-z][a-z0-9-]{0,30}")


@dataclass(frozen=True, slots=True)
class View:
    """One version of a view, by default the newest; without its content."""

    id: str
    owner: str
    name: str
    kind: str
    shared: bool
    version: int
    created: int
    """Microseconds UTC, of the first version."""
    updated: int
    updated_by: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be kept."""

    id: str | None
    """None: a new view."""
    base: int | None
    """The version that was changed; None: whatever is there."""
    name: str
    kind: str
    shared: bool
    content: str
    """JSON."""


class ViewStore(Protocol):
    """Views, durable and versioned. Saving and deleting are atomic."""

    async def list(self, *, mentioning: str | None = None) -> Sequence[View]:
        """The newest version of every view, by name; with `mentioning`, of those whose content has this text as a JSON string."""
        ...

    async def load(self, id: str, version: int | None = None) -> tuple[View, str, Sequence[View]] | None:
        """One version, its content, and every version kept, newest first; None where there is none such."""
        ...

    async def save(self, draft: Draft, *, user: str, time: int) -> View:
        """Keeps a new version; the oldest beyond VERSIONS_KEPT go. Raises Conflict where base is not the newest version, or the view is
        gone; BadUsage where the owner's views take more than BYTES_PER_USER; NotAvailable on a full disk."""
        ...

    async def delete(self, id: str) -> bool:
        """Whether there was one; all its versions are gone."""
        ...


def visible(view: View, user: str) -> bool:
    """One's own and the shared ones."""
    return view.shared or view.owner == user


def changeable(view: View, user: str, role: Role) -> bool:
    """The owner's; a shared one also an admin's."""
    return view.owner == user or (view.shared and role.includes(Role.ADMIN))


def draft_of(id: str | None, base: int | None, name: str, kind: str, shared: bool, content: dict[str, Any]) -> Draft | str:
    """A draft that can be kept, or why not."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= 100:
        return "name: 1 to 100 characters"
    if not _KIND.fullmatch(kind):
        return "kind: a word in small letters, the page it belongs to, such as trends"
    try:
        text = orjson.dumps(content)
    except TypeError as error:  # nested too deeply, or an integer of more than 64 bits
        return f"content: {error}"
    if len(text) > CONTENT_BYTES:
        return f"content: {len(text):,} bytes, at most {CONTENT_BYTES:,}"
    return Draft(id, base, name, kind, shared, text.decode())

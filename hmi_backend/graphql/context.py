"""What every resolver is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import strawberry

from hmi_backend.errors import Unauthenticated
from hmi_backend.links import WatchedProtocol
from hmi_backend.roles import Role, require
from hmi_backend.state import Backend
from hmi_backend.users import Identity


@dataclass(slots=True)
class Context:
    """One request's or one socket's surroundings."""

    backend: Backend
    identity: Identity | None
    origin: str
    """The address it came from."""
    link: WatchedProtocol | None = None
    """The socket, where there is one."""
    connection_params: dict[str, Any] = field(default_factory=dict)
    """The payload of connection_init, set by the protocol."""

    @property
    def who(self) -> Identity:
        """The one logged in; raises Unauthenticated."""
        if self.identity is None or self.backend.users.ended(self.identity):
            raise Unauthenticated
        return self.identity

    async def must(self, needed: Role, action: str, target: str) -> Identity:
        """The one logged in, who must have a role; a refusal is written to the audit."""
        who = self.who
        if not who.role.includes(needed):
            await self.backend.audit.write(who.user, who.role, action, target, ok=False, detail=f"needs {needed.value}", origin=self.origin)
        require(who.role, needed, action)
        return who

    async def did(self, who: Identity, action: str, target: str, *, ok: bool, detail: str = "") -> None:
        """Writes what was done to the audit."""
        await self.backend.audit.write(who.user, who.role, action, target, ok=ok, detail=detail, origin=self.origin)


Info = strawberry.Info[Context, None]

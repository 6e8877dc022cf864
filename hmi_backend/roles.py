"""Who may do what."""

from __future__ import annotations

from enum import Enum

from hmi_backend.errors import Forbidden


class Role(Enum):
    """Each role may do what the ones before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ENGINEER = "engineer"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """Whether this role may do what the other may."""
        return _ORDER.index(self) >= _ORDER.index(other)


_ORDER = tuple(Role)
SERIES_BUDGET = {Role.VIEWER: 2_000_000, Role.OPERATOR: 5_000_000, Role.ENGINEER: 20_000_000, Role.ADMIN: 20_000_000}
"""Samples (points × buckets) one request may ask for."""
VALUES_BUDGET = 100_000
"""Values of fields one request may ask for, full pages assumed: about a second of work."""


def require(role: Role, needed: Role, action: str) -> None:
    """Raises Forbidden, naming the role that is needed."""
    if not role.includes(needed):
        raise Forbidden(f"{action} needs the role {needed.value}, you are {role.value}: ask an admin", needed=needed.value)

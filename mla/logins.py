"""The first log-ins of a fresh installation, and the command line's own."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from hmi_backend.roles import Role
from hmi_backend.users import Users
from mla.api import TOKEN_FILE

USERS_FILE = "users.json"
FIRST_FILE = "first-login.txt"
LOCAL = "local-cli"
FIRST = (("operator", Role.OPERATOR), ("engineer", Role.ENGINEER), ("admin", Role.ADMIN))
TOKEN_TTL = 30 * 86_400


def users_of(data: Path) -> Users:
    """The users kept in a data folder."""
    return Users.open(data / USERS_FILE)


def first_logins(data: Path) -> list[tuple[str, str]]:
    """User and password of the first accounts, made with random passwords when there are none yet.

    They stay readable in first-login.txt (by its owner only) until somebody deletes that file, as an admin should after changing them.
    """
    users, file = users_of(data), data / FIRST_FILE
    if not users.names():
        made = [(name, secrets.token_urlsafe(9)) for name, _ in FIRST]
        for (name, password), (_, role) in zip(made, FIRST, strict=True):
            users.add(name, password, role)
        write_private(file, "".join(f"{name} {password}\n" for name, password in made))
    if not file.exists():
        return []
    return [(name, password) for name, _, password in (line.partition(" ") for line in file.read_text().splitlines())]


def local_token(data: Path) -> None:
    """Gives the command line on this host a new token, and ends the one before."""
    users = users_of(data)
    users.end_sessions(LOCAL)
    write_private(data / TOKEN_FILE, users.issue_token(LOCAL, Role.ENGINEER, TOKEN_TTL))


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner may read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)

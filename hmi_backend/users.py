"""Who may log in, and who is logged in: scrypt hashes at rest, random tokens of which only the digest is kept."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from hmi_backend.roles import Role
from kernel.clock import SECOND, Clock, SystemClock
from kernel.errors import BadUsage, NotAvailable

_log = logging.getLogger(__name__)
SESSION_TTL = 12 * 3600
N, R, P = 2**14, 8, 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
SHORTEST, LONGEST = 8, 1024


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody logged in."""

    user: str
    role: Role
    session: str
    """The digest of the token."""
    expires: int
    """Microseconds UTC."""


@dataclass(frozen=True, slots=True)
class _Account:
    role: Role
    hash: str


def hash_password(password: str) -> str:
    """scrypt (RFC 7914) with a random salt: `scrypt$N$r$p$salt$key`."""
    salt = secrets.token_bytes(16)
    key = hashlib.scrypt(password.encode(), salt=salt, n=N, r=R, p=P)
    return f"scrypt${N}${R}${P}${salt.hex()}${key.hex()}"


def matches(password: str, stored: str) -> bool:
    """Whether a password is the one that was hashed; takes the same time either way."""
    _, n, r, p, salt, key = stored.split("$")
    found = hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), n=int(n), r=int(r), p=int(p))
    return secrets.compare_digest(found, bytes.fromhex(key))


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


class Users:
    """The users file and the sessions beside it; both are written whole and atomically, readable by the owner only."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._sessions_path = path.with_name(path.stem + ".sessions.json")
        self._clock = clock
        self._accounts: dict[str, _Account] = {}
        self._sessions: dict[str, Identity] = {}
        self._stamps: tuple[int, int] = (-1, -1)
        self.refresh()
        self._decoy = hash_password(secrets.token_hex(16))
        self.on_end: Callable[[], None] = lambda: None
        """Called when sessions ended, so that open sockets are looked at at once."""

    @classmethod
    def open(cls, path: Path, *, clock: Clock | None = None) -> Users:
        """Reads the file; one that does not exist yet has no users. Raises BadUsage naming the file when it is damaged."""
        return cls(path, clock or SystemClock())

    def refresh(self) -> None:
        """Reads what another process wrote, for example the command line; costs two stat calls when nobody did."""
        stamps = (_stamp(self._path), _stamp(self._sessions_path))
        if stamps != self._stamps:
            self._accounts, self._sessions = _read_accounts(self._path), _read_sessions(self._sessions_path)
            self._stamps = stamps

    def names(self) -> dict[str, Role]:
        """Every user and role."""
        self.refresh()
        return {name: a.role for name, a in sorted(self._accounts.items())}

    def add(self, name: str, password: str, role: Role) -> None:
        """Adds a user, or gives one a new password and role; the sessions of one who existed end."""
        if not _NAME.fullmatch(name):
            raise BadUsage(f"{name!r} is no user name: use letters, digits, . _ @ -, at most 64")
        if len(password) < SHORTEST:
            raise BadUsage(f"the password of {name} is too short: use at least {SHORTEST} characters")
        if len(password) > LONGEST:
            raise BadUsage(f"the password of {name} is too long: use at most {LONGEST} characters")
        self.refresh()
        self._write_accounts(self._accounts | {name: _Account(role, hash_password(password))})
        self.end_sessions(name)

    def set_role(self, name: str, role: Role) -> None:
        """Changes a role; the sessions end, because they carry the old one."""
        self._known(name)
        self._write_accounts(self._accounts | {name: _Account(role, self._accounts[name].hash)})
        self.end_sessions(name)

    def remove(self, name: str) -> None:
        """Removes a user and ends the sessions."""
        self._known(name)
        self._write_accounts({n: a for n, a in self._accounts.items() if n != name})
        self.end_sessions(name)

    def check(self, name: str, password: str) -> Role | None:
        """The user's role, or None. Slow on purpose (tens of milliseconds): call it from a thread. Unknown users take as long."""
        self.refresh()
        account = self._accounts.get(name)
        good = matches(password, account.hash if account else self._decoy)
        return account.role if account and good else None

    def issue_token(self, user: str, role: Role, ttl: float = SESSION_TTL) -> str:
        """A new random token for somebody who was checked, or for a program; ttl in seconds. A disk that is full locks nobody out: the
        session then ends with this process, or stands in the file with the next that can be written."""
        self.refresh()
        token = secrets.token_urlsafe(32)
        session = digest(token)
        self._sessions[session] = Identity(user, role, session, self._clock.now() + round(ttl * SECOND))
        try:
            self._write_sessions()
        except NotAvailable as error:
            _log.warning("the session of %s is kept in memory only: %s", user, error)
        return token

    def identify(self, token: str) -> Identity | None:
        """Who a token stands for, while it is valid."""
        found = self._sessions.get(digest(token))
        if found is None:
            self.refresh()
            found = self._sessions.get(digest(token))
        return None if found is None or self.ended(found) else found

    def ended(self, identity: Identity) -> bool:
        """Whether a session was ended or has expired."""
        return identity.session not in self._sessions or identity.expires <= self._clock.now()

    def end(self, identity: Identity) -> None:
        """Ends one session."""
        self._drop({identity.session})

    def end_sessions(self, user: str) -> int:
        """Ends every session of a user; says how many."""
        self.refresh()
        return self._drop({s for s, i in self._sessions.items() if i.user == user})

    def sessions(self, user: str) -> int:
        """How many valid sessions a user has."""
        return sum(i.user == user and not self.ended(i) for i in self._sessions.values())

    def _drop(self, sessions: set[str]) -> int:
        self.refresh()
        gone = [s for s in sessions if self._sessions.pop(s, None)]
        if gone:
            try:
                self._write_sessions()
            finally:  # they have ended, whatever the disk says of it
                self.on_end()
        return len(gone)

    def _known(self, name: str) -> None:
        self.refresh()
        if name not in self._accounts:
            raise BadUsage(f"no user {name}: there are {', '.join(sorted(self._accounts)) or 'none yet'}")

    def _write_accounts(self, accounts: dict[str, _Account]) -> None:
        users = {n: {"role": a.role.value, "hash": a.hash} for n, a in sorted(accounts.items())}
        _write(self._path, {"users": users})
        self._accounts = accounts
        self._stamps = (_stamp(self._path), self._stamps[1])

    def _write_sessions(self) -> None:
        now = self._clock.now()
        self._sessions = {s: i for s, i in self._sessions.items() if i.expires > now}
        _write(self._sessions_path, {"sessions": [asdict(i) | {"role": i.role.value} for i in self._sessions.values()]})
        self._stamps = (self._stamps[0], _stamp(self._sessions_path))


def _stamp(path: Path) -> int:
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0
    return found.st_mtime_ns ^ found.st_ino


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise BadUsage(f"{path} is damaged ({error}): restore it from a copy, or move it away to begin anew") from error
    if not isinstance(found, dict):
        raise BadUsage(f"{path} is damaged (no JSON object): restore it from a copy, or move it away to begin anew")
    return found


def _read_accounts(path: Path) -> dict[str, _Account]:
    try:
        users = dict(_read(path).get("users", {}))  # type: ignore[call-overload]
        return {str(n): _Account(Role(u["role"]), str(u["hash"])) for n, u in users.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise BadUsage(f"{path} is damaged ({error}): each user needs role ({', '.join(r.value for r in Role)}) and hash") from error


def _read_sessions(path: Path) -> dict[str, Identity]:
    try:
        found: list[dict[str, object]] = list(_read(path).get("sessions", []))  # type: ignore[call-overload]
        listed = [Identity(str(s["user"]), Role(s["role"]), str(s["session"]), int(str(s["expires"]))) for s in found]
        return {i.session: i for i in listed}
    except (KeyError, TypeError, ValueError) as error:
        raise BadUsage(f"{path} is damaged ({error}): delete it, everybody will have to log in again") from error


def _write(path: Path, content: dict[str, object]) -> None:
    """All or nothing. Raises NotAvailable where the disk does not take it."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise NotAvailable(f"{path} cannot be written: {error.strerror}; check its owner, and the room on its disk") from error

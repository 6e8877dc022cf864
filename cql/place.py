"""What a Cassandra URL says: where the cluster is, who we are, which keyspace is ours, and how many nodes must agree."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from kernel.errors import BadUsage

FORM = "cassandra://[USER[:PASSWORD]@]HOST[:PORT][,HOST...]/KEYSPACE[?option=value&...]"
OPTIONS = ("user", "password", "password_file", "tls", "ca", "cert", "key", "check_hostname", "local_dc", "consistency", "replication")
CONSISTENCIES = ("ONE", "LOCAL_ONE", "TWO", "THREE", "QUORUM", "LOCAL_QUORUM", "EACH_QUORUM", "ALL")
ACROSS = ("QUORUM", "EACH_QUORUM", "ALL")
"""Levels that ask other data centres too."""
PORT = 9042
_KEYSPACE = re.compile(r"[a-z][a-z0-9_]{0,47}")


@dataclass(frozen=True, slots=True)
class Tls:
    """Certificates of a connection with TLS: files in PEM form."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    check_hostname: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """A keyspace in a cluster."""

    hosts: tuple[tuple[str, int], ...]
    keyspace: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls | None = None
    local_dc: str | None = None
    consistency: str | None = None
    """None: LOCAL_QUORUM, or ONE where the keyspace has one replica."""
    replication: tuple[tuple[str, int], ...] = ()
    """Of a keyspace that is made: (data centre, replicas), or one nameless entry. Empty: up to three replicas, as there are nodes."""

    @property
    def serial(self) -> str:
        """How far lightweight transactions reach: across data centres where `consistency` does, since writers may be in each then."""
        return "SERIAL" if self.consistency in ACROSS else "LOCAL_SERIAL"

    @property
    def shown(self) -> str:
        """The URL without secrets, for people."""
        return f"cassandra://{','.join(f'{h}:{p}' for h, p in self.hosts)}/{self.keyspace}"


def read_place(url: str) -> Place:
    """Reads a URL. A port after the last host is that of all hosts which name none.

    Options: user, password or password_file; tls=1 with ca, cert, key (PEM files) and check_hostname=0; local_dc; consistency (default
    LOCAL_QUORUM, or ONE with one replica); replication, used where the keyspace is made: `3`, or `dc1:3,dc2:3`. Raises BadUsage.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise BadUsage(f"Cassandra URL: unknown option {unknown[0]!r}; known are: {', '.join(OPTIONS)}")
    login, _, places = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    keyspace = unquote(parts.path.strip("/"))
    if not _KEYSPACE.fullmatch(keyspace):
        raise BadUsage(f"Cassandra URL names no keyspace (small letters, digits, _; up to 48): {keyspace!r}; write {FORM}")
    return Place(
        hosts=_hosts(places),
        keyspace=keyspace,
        user=options.get("user") or unquote(user) or None,
        password=_password(options) or unquote(password) or None,
        tls=_tls(options),
        local_dc=options.get("local_dc"),
        consistency=_consistency(options.get("consistency")),
        replication=_replication(options.get("replication")),
    )


def _hosts(text: str) -> tuple[tuple[str, int], ...]:
    found: list[tuple[str, int | None]] = []
    for piece in text.split(","):
        match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(?::(\d+))?", piece)
        if match is None:
            raise BadUsage(f"Cassandra URL names no host: {piece!r}; write {FORM}")
        found.append((match[1].strip("[]"), int(match[2]) if match[2] else None))
    common = next((p for _, p in reversed(found) if p is not None), PORT)
    return tuple((host, common if port is None else port) for host, port in found)


def _password(options: dict[str, str]) -> str | None:
    file = options.get("password_file")
    if not file:
        return options.get("password")
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise BadUsage(f"Cassandra URL: password_file {file} cannot be read: {error.strerror}") from error


def _tls(options: dict[str, str]) -> Tls | None:
    given = {name: options[name] for name in ("ca", "cert", "key") if name in options}
    if not given and not _switched(options, "tls", default=False):
        return None
    return Tls(**given, check_hostname=_switched(options, "check_hostname", default=True))


def _switched(options: dict[str, str], name: str, *, default: bool) -> bool:
    text = options.get(name, "1" if default else "0")
    if text not in ("0", "1", "true", "false"):
        raise BadUsage(f"Cassandra URL: {name}={text} is neither 1 nor 0")
    return text in ("1", "true")


def _consistency(text: str | None) -> str | None:
    if text is not None and text.upper() not in CONSISTENCIES:
        raise BadUsage(f"Cassandra URL: unknown consistency {text!r}; known are: {', '.join(CONSISTENCIES)}")
    return text and text.upper()


def _replication(text: str | None) -> tuple[tuple[str, int], ...]:
    if text is None:
        return ()
    found = []
    for piece in text.split(","):
        match = re.fullmatch(r"(?:([\w.-]+):)?([1-9]\d?)", piece)
        if match is None or (match[1] is None and "," in text):
            raise BadUsage(f"Cassandra URL: replication={text} is neither a number of replicas nor dc1:3,dc2:3")
        found.append((match[1] or "", int(match[2])))
    return tuple(found)

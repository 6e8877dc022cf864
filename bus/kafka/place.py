"""What a Kafka URL says: where the brokers are, who we are, and which topics and groups are ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from kernel.errors import BadUsage

FORM = "kafka://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…][?OPTION=VALUE&…]"
OPTIONS = (
    "prefix",
    "partitions",
    "replication",
    "session_timeout",
    "publish_timeout",
    "tls",
    "ca",
    "cert",
    "key",
    "sasl",
    "password_file",
)
SILENT = "15000"
"""Milliseconds after which a request that was not answered ends its connection."""
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


@dataclass(frozen=True, slots=True)
class KafkaPlace:
    """A cluster, as the client library wants it and as people may see it."""

    client: Mapping[str, str]
    """Settings of every client: addresses, security."""
    shown: str
    """The URL without secrets."""
    prefix: str = ""
    """Begins the name of every topic and group."""
    partitions: int | None = None
    """Of topics created, whatever the table says."""
    replication: int = -1
    """Copies of topics created; -1: as the cluster sets it."""
    session_timeout: float = 3.5
    """Seconds of silence after which a member's partitions go to others."""
    publish_timeout: float = 20.0
    """Seconds after which records that no broker accepted are given back to the publisher."""


def kafka_place(url: str) -> KafkaPlace:
    """Reads a URL. Options: prefix, partitions, replication, session_timeout and publish_timeout (seconds); tls=1 with ca, cert, key
    (PEM files); a user makes it SASL with sasl=PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512 (default), password_file instead of the password
    in the URL. Raises BadUsage."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise BadUsage(f"bus URL: unknown option {unknown[0]!r}; known are: {', '.join(OPTIONS)}")
    credentials, _, hosts = parts.netloc.rpartition("@")
    if not hosts or parts.path.strip("/") or not all(_is_address(h) for h in hosts.split(",")):
        raise BadUsage(f"bus URL names no brokers: write {FORM}")
    return KafkaPlace(
        client={
            "bootstrap.servers": hosts,
            "client.id": "mla",
            "reconnect.backoff.ms": "200",
            "reconnect.backoff.max.ms": "1000",
            "socket.keepalive.enable": "true",
            "socket.timeout.ms": SILENT,  # a broker that is frozen or cut off, with its connections open
            "log.connection.close": "false",
            **_security(credentials, options),
        },
        shown=f"kafka://{hosts}",
        prefix=options.get("prefix", ""),
        partitions=int(_number(options, "partitions", 0)) or None,
        replication=int(_number(options, "replication", -1)),
        session_timeout=_number(options, "session_timeout", 3.5),
        publish_timeout=_number(options, "publish_timeout", 20.0),
    )


def _is_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and port.isdigit() and 0 < int(port) < 65536


def _number(options: Mapping[str, str], name: str, default: float) -> float:
    try:
        value = float(options.get(name, default))
    except ValueError:
        value = 0.0
    if name in options and value <= 0:
        raise BadUsage(f"bus URL: {name}={options[name]} is no number above 0")
    return value


def _security(credentials: str, options: Mapping[str, str]) -> dict[str, str]:
    tls = options.get("tls", "0") not in ("0", "")
    found = {"security.protocol": ("SASL_" if credentials else "") + ("SSL" if tls else "PLAINTEXT")}
    files = {"ca": "ssl.ca.location", "cert": "ssl.certificate.location", "key": "ssl.key.location"}
    for name, setting in files.items():
        if name in options:
            if not tls:
                raise BadUsage(f"bus URL: {name} needs tls=1")
            if not Path(options[name]).is_file():
                raise BadUsage(f"bus URL: {name}={options[name]} is no file")
            found[setting] = options[name]
    if credentials:
        user, _, password = credentials.partition(":")
        mechanism = options.get("sasl", MECHANISMS[-1])
        if mechanism not in MECHANISMS:
            raise BadUsage(f"bus URL: sasl={mechanism} is none of {', '.join(MECHANISMS)}")
        found |= {"sasl.mechanism": mechanism, "sasl.username": unquote(user), "sasl.password": _password(password, options)}
    return found


def _password(given: str, options: Mapping[str, str]) -> str:
    file = options.get("password_file")
    if file is None:
        return unquote(given)
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise BadUsage(f"bus URL: password_file {file} cannot be read: {error.strerror}") from error

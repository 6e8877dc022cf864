"""The protocols a data source may speak: the scheme of its URL, its options, and what an address looks like.

A further protocol is one more entry in PROTOCOLS."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from cdb.reading import Keys, Log, Place, Refused, between, choice, text, whole_between
from cdb.urls import Fault, fault_of_server

POLICIES = ("None", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss")
MODES = ("None", "Sign", "SignAndEncrypt")


@dataclass(frozen=True, slots=True)
class Protocol:
    """What the compiler needs to know of a protocol."""

    url: Callable[[str], Fault | None]
    """What is wrong with a source's URL."""
    url_example: str
    options: Keys
    address: Callable[[str], bool]
    """Whether a text is an address of a point."""
    address_example: str
    check: Callable[[dict[str, str], Place, Log], None]
    """Reports options that do not go together."""


_NO_PASSWORD = Refused(
    "would be readable by everyone who may read the configuration", "put it into a file and name that with password_file"
)
_NODE = re.compile(r"(?:ns=(\d{1,5});|nsu=[^;]+;)?([isgb])=(.+)", re.DOTALL | re.ASCII)


def is_node_id(address: str) -> bool:
    """Whether a text is a node id of OPC-UA (part 6, 5.3.1.10): the name space is a UInt16, a numeric identifier a UInt32, a GUID has its
    usual form, and bytes are base64."""
    found = _NODE.fullmatch(address)
    if found is None or int(found[1] or 0) > 0xFFFF:
        return False
    kind, identifier = found[2], found[3]
    try:
        if kind == "i":
            return re.fullmatch(r"[0-9]{1,10}", identifier) is not None and int(identifier) <= 0xFFFF_FFFF
        if kind == "g":
            return str(uuid.UUID(identifier)) == identifier.lower()
        return kind == "s" or bool(base64.b64decode(identifier, validate=True))
    except (ValueError, binascii.Error):
        return False


def _check_opcua(options: dict[str, str], place: Place, log: Log) -> None:
    policy, mode = options.get("security_policy", "None"), options.get("security_mode")
    if policy == "None" and mode not in (None, "None"):
        log.add(place, f"security_mode {mode} needs a security_policy", f"add security_policy, one of {', '.join(POLICIES[1:])}")
    if policy != "None" and mode == "None":
        log.add(place, f"security_policy {policy} does not go with security_mode None", "write Sign or SignAndEncrypt, or leave it away")
    for one, other in (("certificate", "private_key"), ("user_certificate", "user_private_key"), ("user", "password_file")):
        if (one in options) != (other in options):
            log.add(place, f"{one} and {other} go together", "give both or neither")
    if "user" in options and "user_certificate" in options:
        log.add(place, "a user logs in by password or by certificate, not by both", "remove user and password_file, or user_certificate")


PROTOCOLS: dict[str, Protocol] = {
    "opcua": Protocol(
        url=lambda url: fault_of_server(url, "opc.tcp", 4840),
        url_example="opc.tcp://host:4840",
        options={
            "security_policy": choice(*POLICIES),
            "security_mode": choice(*MODES),
            "certificate": text,
            "private_key": text,
            "server_certificate": text,
            "user": text,
            "password": _NO_PASSWORD,
            "password_file": text,
            "user_certificate": text,
            "user_private_key": text,
            "publishing_interval": between(0.01, 3600.0),
            "queue_size": whole_between(1, 1_000_000),
            "trigger": choice("value", "timestamp"),
            "deadband": choice("server", "here"),
            "timeout": between(0.1, 3600.0),
            "session_timeout": between(1.0, 86_400.0),
            "channel_lifetime": between(10.0, 7 * 86_400.0),
            "watchdog": between(0.5, 3600.0),
            "retry_refused": between(0.1, 86_400.0),
        },
        address=is_node_id,
        address_example="ns=2;s=Mount.Azimuth or ns=3;i=1001",
        check=_check_opcua,
    ),
}


def option_text(value: object) -> str:
    """An option's value as kernel.array.Source.options holds it: durations in seconds, true and false in lower case."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


SOURCE_OPTIONS: Keys = {name: read for protocol in PROTOCOLS.values() for name, read in protocol.options.items()}
"""Options of all protocols: which of them a source may have is known once its protocol is."""

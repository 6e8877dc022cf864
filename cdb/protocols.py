"""The protocols a data source may speak: the scheme of its URL, its options, and what an address looks like.

A further protocol is one more entry in PROTOCOLS."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from cdb.reading import Context, Keys, Log, Place, Wrong, boolean, choice, duration, positive, text, whole
from cdb.yaml_tree import Node

POLICIES = ("None", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss")
MODES = ("None", "Sign", "SignAndEncrypt")


@dataclass(frozen=True, slots=True)
class Protocol:
    """What the compiler needs to know of a protocol."""

    schemes: tuple[str, ...]
    options: Keys
    address: re.Pattern[str]
    address_example: str
    check: Callable[[dict[str, str], Place, Log], None]
    """Reports options that do not go together."""


def _no_password(node: Node, ctx: Context) -> str:
    raise Wrong("would be readable by everyone who may read the configuration", "put it into a file and name that with password_file")


def _above_zero(node: Node, ctx: Context) -> int:
    value = whole(node, ctx)
    if value <= 0:
        raise Wrong(f"must be greater than 0: {value}", "write a whole number greater than 0")
    return value


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


def _check_nothing(options: dict[str, str], place: Place, log: Log) -> None:
    return


PROTOCOLS: dict[str, Protocol] = {
    "opcua": Protocol(
        schemes=("opc.tcp",),
        options={
            "security_policy": choice(*POLICIES),
            "security_mode": choice(*MODES),
            "certificate": text,
            "private_key": text,
            "server_certificate": text,
            "user": text,
            "password": _no_password,
            "password_file": text,
            "user_certificate": text,
            "user_private_key": text,
            "publishing_interval": duration,
            "queue_size": _above_zero,
            "trigger": choice("value", "timestamp"),
            "deadband": choice("server", "here"),
            "timeout": duration,
            "session_timeout": duration,
            "channel_lifetime": duration,
            "watchdog": duration,
            "retry_refused": duration,
        },
        address=re.compile(r"(ns=\d{1,5};)?(i=\d{1,10}|[sgb]=.+)|nsu=[^;]+;(i=\d{1,10}|[sgb]=.+)", re.DOTALL | re.ASCII),
        address_example="ns=2;s=Mount.Azimuth or ns=3;i=1001",
        check=_check_opcua,
    ),
    "replay": Protocol(
        schemes=("file",),
        options={"speed": positive, "loop": boolean},
        address=re.compile(r".+", re.DOTALL | re.ASCII),
        address_example="the name of a column",
        check=_check_nothing,
    ),
}


def option_text(value: object) -> str:
    """An option's value as kernel.array.Source.options holds it: durations in seconds, true and false in lower case."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


SOURCE_OPTIONS: Keys = {name: read for protocol in PROTOCOLS.values() for name, read in protocol.options.items()}
"""Options of all protocols: which of them a source may have is known once its protocol is."""

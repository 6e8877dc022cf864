"""The protocols a data source may speak: the scheme of its URL, its options, and what an address looks like.

A further protocol is one more entry in PROTOCOLS."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from cdb.reading import Context, Keys, Log, Place, Wrong, boolean, choice, duration, positive, text, whole
from cdb.yaml_tree import Node

POLICIES = ("None", "Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss")
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


def _whole_above_zero(node: Node, ctx: Context) -> int:
    value = whole(node, ctx)
    if value <= 0:
        raise Wrong(f"must be greater than 0: {value}", "write a whole number greater than 0")
    return value


def _check_opcua(options: dict[str, str], place: Place, log: Log) -> None:
    policy, mode = options.get("security_policy", "None"), options.get("security_mode", "None")
    if (policy == "None") != (mode == "None"):
        log.add(
            place, f"security_policy {policy} does not go with security_mode {mode}", "give both, e.g. Basic256Sha256 and SignAndEncrypt"
        )
    if policy != "None" and not ("certificate" in options and "private_key" in options):
        log.add(place, f"security_policy {policy} needs a certificate of ours", "give certificate and private_key, each the path of a file")
    if ("user" in options) != ("password_file" in options):
        log.add(place, "user and password_file go together", "give both or neither")


def _check_nothing(options: dict[str, str], place: Place, log: Log) -> None:
    return


PROTOCOLS: dict[str, Protocol] = {
    "opcua": Protocol(
        schemes=("opc.tcp",),
        options={
            "security_policy": choice(*POLICIES),
            "security_mode": choice(*MODES),
            "user": text,
            "password": _no_password,
            "password_file": text,
            "certificate": text,
            "private_key": text,
            "server_certificate": text,
            "publishing_interval": duration,
            "session_timeout": duration,
            "request_timeout": duration,
            "queue_size": _whole_above_zero,
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

"""What is wrong with the URL of a data source, if anything. Pure text work; nothing is looked up or connected to."""

from __future__ import annotations

import ipaddress
import re

Fault = tuple[str, str]
"""What is wrong, and what to write instead."""

_HOST = re.compile(r"[^\W_]([\w-]*\w)?(\.[\w-]*\w)*\.?")
_NUMBERS = re.compile(r"[0-9.]+")


def fault_of_server(url: str, scheme: str, usual_port: int) -> Fault | None:
    """What is wrong with scheme://host:port[/path].

    >>> fault_of_server("opc.tcp://plc:4840", "opc.tcp", 4840)
    >>> fault_of_server("opc.tcp://plc:99999", "opc.tcp", 4840)
    ('has the port 99999', 'ports are numbers from 1 to 65535; 4840 is the usual one')
    """
    form = f"write {scheme}://host:{usual_port}"
    found, separator, rest = url.partition("://")
    if not separator or found != scheme:
        close = f"{scheme}://{rest}" if separator and found.lower() == scheme else f"{scheme}://host:{usual_port}"
        return f"does not begin with {scheme}://", f"write {close}"
    if any(c.isspace() for c in url):
        return "has a blank in it", form
    if "?" in rest or "#" in rest:
        return "has a ? or # in it", f"{form}, or {scheme}://host:{usual_port}/path"
    authority = rest.split("/", 1)[0]
    if "@" in authority:
        return "holds a user or password", "use the keys user and password_file"
    return _fault_of_authority(authority, form, usual_port)


def _fault_of_authority(authority: str, form: str, usual_port: int) -> Fault | None:
    host, port = _cut(authority)
    if not host:
        return "names no host", form
    if fault := _fault_of_host(host):
        return fault, form
    if port is None:
        return "names no port", f"{form}; {usual_port} is the usual port"
    if re.fullmatch(r"[0-9]{1,9}", port) is None:
        what = f"has the port {port!r}, which is no number" if port else "has a colon but no port after it"
        return what, f"{form}; {usual_port} is the usual port"
    if not 1 <= int(port) <= 65535:
        return f"has the port {port}", f"ports are numbers from 1 to 65535; {usual_port} is the usual one"
    return None


def _cut(authority: str) -> tuple[str, str | None]:
    """Host and port; the address of IPv6 stands in brackets."""
    if authority.startswith("["):
        host, _, rest = authority.partition("]")
        return host + "]", rest[1:] if rest.startswith(":") else None
    host, colon, port = authority.rpartition(":")
    return (host, port) if colon else (authority, None)


def _fault_of_host(host: str) -> str | None:
    if ":" in host:
        try:
            ipaddress.IPv6Address(host.removeprefix("[").removesuffix("]"))
        except ValueError:
            return f"has the host {host}, which is no address of IPv6"
        return None if host.startswith("[") else f"has the host {host}, an address of IPv6 without brackets"
    if _NUMBERS.fullmatch(host):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            return f"has the host {host}, which is no address of IPv4"
    elif _HOST.fullmatch(host) is None:
        return f"has the host {host}, which is no name of a host"
    return None

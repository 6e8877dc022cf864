"""Certificates made on the spot, and the users of the simulated servers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from socket import gethostname
from typing import Any

from asyncua.crypto.permission_rules import User, UserRole

APPLICATION = "urn:mla:simulator"
USERS: Mapping[str, str] = {"collector": "collector", "observer": "observer"}
"""Users of the simulated servers and their passwords. The array is simulated: these protect nothing."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate (DER) and its private key (PEM)."""

    certificate: bytes
    private_key: bytes

    def parsed(self) -> tuple[Any, Any]:
        """Both as asyncua keeps them. Checking a key takes 25 ms, so servers of a process share them."""
        return _parsed(self)


@cache
def _parsed(identity: Identity) -> tuple[Any, Any]:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.x509 import load_der_x509_certificate

    return load_der_x509_certificate(identity.certificate), load_pem_private_key(identity.private_key, None)


def make_identity(folder: Path) -> Identity:
    """The certificate in a folder, made when it is not there (about 0.3 s of CPU). Several processes may ask at the same time."""
    files = folder / "simulator.der", folder / "simulator.pem"
    if not all(f.exists() for f in files):
        folder.mkdir(parents=True, exist_ok=True)
        certificate, key = _self_signed()
        _write_once(folder, {files[1]: key, files[0]: certificate})
    return Identity(files[0].read_bytes(), files[1].read_bytes())


def _self_signed() -> tuple[bytes, bytes]:
    from asyncua.crypto.cert_gen import dump_private_key_as_pem, generate_private_key, generate_self_signed_app_certificate
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = generate_private_key()
    names = [x509.UniformResourceIdentifier(APPLICATION), *(x509.DNSName(n) for n in ("localhost", gethostname()))]
    certificate = generate_self_signed_app_certificate(
        key,
        "Simulated array",
        {"organizationName": "MLA simulator"},
        names,
        [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH],
        days=3650,
    )
    return certificate.public_bytes(Encoding.DER), dump_private_key_as_pem(key)


def _write_once(folder: Path, pair: Mapping[Path, bytes]) -> None:
    """The first process wins: a lock file decides, the others use what it wrote."""
    import fcntl

    with (folder / "simulator.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if all(path.exists() for path in pair):
            return
        for path, content in pair.items():
            draft = path.with_suffix(".draft")
            draft.touch(mode=0o600)
            draft.write_bytes(content)
            os.replace(draft, path)


class UserTable:
    """Anonymous and certificate users may read; a user name must be in the table with its password."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = users

    def get_user(self, iserver: Any, username: str | None = None, password: str | None = None, certificate: Any = None) -> User | None:
        """asyncua asks at activation; None refuses the session."""
        if username is None:
            return User(role=UserRole.User)
        if self._users.get(username) == password:
            return User(role=UserRole.User, name=username)
        return None

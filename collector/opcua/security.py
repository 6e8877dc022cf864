"""Security policy, certificates and user identity of a connection, from a source's options."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from asyncua import Client, ua
from asyncua.crypto import cert_gen, security_policies, uacrypto
from asyncua.crypto.uacrypto import CertProperties
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from kernel.errors import SourceLost

POLICIES = ("None", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss")
MODES = ("Sign", "SignAndEncrypt")
APPLICATION_URI = "urn:mla:collector"
VALID_DAYS = 365
OPTIONS = (
    "security_policy",
    "security_mode",
    "certificate",
    "private_key",
    "server_certificate",
    "user",
    "password_file",
    "user_certificate",
    "user_private_key",
    "publishing_interval",
    "queue_size",
    "trigger",
    "deadband",
    "timeout",
    "session_timeout",
    "channel_lifetime",
    "watchdog",
    "retry_refused",
)


@dataclass(slots=True)
class Pki:
    """A folder with the collector's own certificate and key, made when missing or expired."""

    folder: Path
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def pair(self) -> tuple[Path, Path]:
        """The paths of certificate (DER) and private key (PEM, readable by the owner only)."""
        async with self._making:  # sources start together, and one pair serves them all
            await asyncio.to_thread(self._make)
        return self.folder / "collector.der", self.folder / "collector.pem"

    def _make(self) -> None:
        certificate, key = self.folder / "collector.der", self.folder / "collector.pem"
        host = socket.gethostname()
        if certificate.is_file() and key.is_file():
            present = x509.load_der_x509_certificate(certificate.read_bytes())
            if not uacrypto.check_certificate(present, APPLICATION_URI, host):
                return
        self.folder.mkdir(parents=True, exist_ok=True)
        made = cert_gen.generate_private_key()
        names = [x509.UniformResourceIdentifier(APPLICATION_URI), x509.DNSName(host)]
        own = cert_gen.generate_self_signed_app_certificate(
            made, APPLICATION_URI, {}, names, extended=[ExtendedKeyUsageOID.CLIENT_AUTH], days=VALID_DAYS
        )
        key.unlink(missing_ok=True)
        with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(cert_gen.dump_private_key_as_pem(made))
        certificate.write_bytes(own.public_bytes(Encoding.DER))


@dataclass(frozen=True, slots=True)
class Settings:
    """How to connect; times in seconds."""

    policy: str = "None"
    mode: str = "SignAndEncrypt"
    certificate: str = ""
    """Path of the application's certificate; empty: one is made and kept in `pki`."""
    private_key: str = ""
    server_certificate: str = ""
    """Path of the one certificate that the server may have; empty: the one that its endpoint offers."""
    pki: Pki | None = None
    timeout: float = 15.0
    session_timeout: float = 120.0
    channel_lifetime: float = 3600.0
    watchdog: float = 10.0
    """Silence of the whole connection after which it counts as lost."""
    publishing_interval: float | None = None
    queue_size: int | None = None
    """Values that the server keeps for each item; None: worked out from the intervals."""
    trigger: str = "value"
    """value: a changed value or status is reported; timestamp: a new source time too."""
    deadband: str = ""
    """server: it applies deadbands; here: the collector does; empty: the server, unless it is known to hide slow drifts."""
    retry_refused: float = 30.0
    """How often items that the server refused are asked for again."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are to the server; anonymous by default."""

    user: str | None = None
    password_file: str = ""
    certificate: str = ""
    private_key: str = ""
    password: str | None = None


def read_options(options: Mapping[str, str], pki: Pki | None) -> tuple[Settings, Identity]:
    """A source's options; raises SourceLost naming the option that is wrong and what it may be."""
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise SourceLost(f"unknown option {unknown[0]}; known are {', '.join(OPTIONS)}")
    policy = options.get("security_policy", "None")
    mode = options.get("security_mode", "SignAndEncrypt")
    trigger = options.get("trigger", "value")
    deadband = options.get("deadband", "")
    for name, value, known in (
        ("security_policy", policy, POLICIES),
        ("security_mode", mode, (*MODES, "None")),
        ("trigger", trigger, ("value", "timestamp")),
        ("deadband", deadband or "server", ("server", "here")),
    ):
        if value not in known:
            raise SourceLost(f"option {name} is {value!r}; it may be {', '.join(known)}")
    default = Settings()
    settings = Settings(
        policy=policy,
        mode=mode,
        certificate=options.get("certificate", ""),
        private_key=options.get("private_key", ""),
        server_certificate=options.get("server_certificate", ""),
        pki=pki,
        timeout=_seconds(options, "timeout", default.timeout),
        session_timeout=_seconds(options, "session_timeout", default.session_timeout),
        channel_lifetime=_seconds(options, "channel_lifetime", default.channel_lifetime),
        watchdog=_seconds(options, "watchdog", default.watchdog),
        publishing_interval=_seconds(options, "publishing_interval", 0.0) or None,
        queue_size=round(_seconds(options, "queue_size", 0.0)) or None,
        trigger=trigger,
        deadband=deadband,
        retry_refused=_seconds(options, "retry_refused", default.retry_refused),
    )
    identity = Identity(
        options.get("user"), options.get("password_file", ""), options.get("user_certificate", ""), options.get("user_private_key", "")
    )
    return settings, identity


def _seconds(options: Mapping[str, str], name: str, default: float) -> float:
    text = options.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e6:
        raise SourceLost(f"option {name} is {text!r}; it is a number above 0")
    return value


def read_password(identity: Identity) -> Identity:
    """The identity with the password from its file."""
    if not identity.password_file:
        return identity
    try:
        text = Path(identity.password_file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SourceLost(f"option password_file: cannot read {identity.password_file}: {error.strerror}") from error
    return Identity(identity.user, identity.password_file, identity.certificate, identity.private_key, text)


async def prepare(client: Client, settings: Settings, identity: Identity) -> None:
    """Gives the client its security policy and certificates. Asks the server for its endpoints when its certificate is not pinned."""
    client.application_uri = APPLICATION_URI
    if identity.certificate:
        user = await _content(identity.certificate, "user_certificate")
        client.user_certificate = await uacrypto.load_certificate(user.path_or_content, user.extension)
        key = await _content(identity.private_key, "user_private_key")
        client.user_private_key = await uacrypto.load_private_key(key.path_or_content, None, key.extension)
    if settings.policy == "None":
        return
    certificate, private_key = await _own_certificate(settings)
    await client.set_security(
        getattr(security_policies, f"SecurityPolicy{settings.policy}"),
        certificate,
        private_key,
        server_certificate=await _content(settings.server_certificate, "server_certificate") if settings.server_certificate else None,
        mode=getattr(ua.MessageSecurityMode, settings.mode),
    )


async def _own_certificate(settings: Settings) -> tuple[CertProperties, CertProperties]:
    certificate, private_key = settings.certificate, settings.private_key
    if not certificate and not private_key:
        if settings.pki is None:
            raise SourceLost(
                f"security policy {settings.policy} needs a certificate: give the options certificate and private_key, "
                "or the collector a folder for one of its own"
            )
        certificate, private_key = map(str, await settings.pki.pair())
    return await _content(certificate, "certificate"), await _content(private_key, "private_key")


async def _content(path: str, option: str) -> CertProperties:
    """A certificate or key, read; PEM or DER by its content."""
    if not path:
        raise SourceLost(f"option {option} is missing")
    try:
        data = await asyncio.to_thread(Path(path).read_bytes)
    except OSError as error:
        raise SourceLost(f"option {option}: cannot read {path}: {error.strerror}") from error
    return CertProperties(data, "pem" if data.lstrip().startswith(b"-----BEGIN") else "der")

"""The connection to an OPC-UA server: socket, secure channel, session. It raises SourceLost, naming what was tried."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from asyncua import Client, ua
from asyncua.client.ua_session import UaSession

from collector.opcua.security import Identity, Settings, prepare
from kernel.clock import Clock, sleep
from kernel.errors import SourceLost


class RawSession(UaSession):
    """asyncua's session without its publish loop: responses are handed out as bytes, and several requests may wait at once."""

    def ensure_publish_loop(self) -> None:
        """There is none: the driver asks for itself."""

    async def publish_raw(self, acks: Sequence[tuple[int, int]]) -> bytes:
        """One PublishRequest, acknowledging (subscription, number) pairs; its response's bytes, however long it takes."""
        request = ua.PublishRequest()
        request.Parameters.SubscriptionAcknowledgements = [
            ua.SubscriptionAcknowledgement(SubscriptionId=s, SequenceNumber=n) for s, n in acks
        ]
        return bytes(await self._send_request(request, timeout=0))

    async def republish_raw(self, subscription: int, number: int) -> bytes:
        """A message that went missing, if the server still has it."""
        request = ua.RepublishRequest()
        request.Parameters.SubscriptionId = subscription
        request.Parameters.RetransmitSequenceNumber = number
        return bytes(await self._send_request(request))

    async def create_raw_subscription(self, publishing: float, keep_alive: int, lifetime: int) -> ua.CreateSubscriptionResult:
        """A subscription without a callback; publishing interval in seconds."""
        params = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=publishing * 1000,
            RequestedLifetimeCount=lifetime,
            RequestedMaxKeepAliveCount=keep_alive,
            MaxNotificationsPerPublish=0,
            PublishingEnabled=True,
            Priority=0,
        )
        return await self.create_subscription(params, _no_callback)


def _no_callback(_: Any) -> None:
    """create_subscription registers one; nothing calls it."""


class Session:
    """One session on one server. `open`, or `resume` after a loss; then services through `ua`; `close` or `abort`."""

    def __init__(self, url: str, settings: Settings, identity: Identity, clock: Clock) -> None:
        self._settings = settings
        self._identity = identity
        self._clock = clock
        self._url = url
        self._client: Client | None = None

    @property
    def ua(self) -> RawSession:
        """The services."""
        assert self._client is not None, "open first"
        session = self._client.uaclient.session
        assert isinstance(session, RawSession)
        return session

    async def open(self) -> None:
        """A new connection and a new session."""
        with as_lost(f"connecting to {self._url}"):
            client = Client(self._url, timeout=self._settings.timeout)
            client.uaclient.session = RawSession(client.uaclient)
            client.name = client.description = "MLA collector"
            client.session_timeout = round(self._settings.session_timeout * 1000)
            client.secure_channel_timeout = round(self._settings.channel_lifetime * 1000)
            await prepare(client, self._settings, self._identity)
            self._client = client
            await self._channel(client)
            try:
                await client.create_session()
                await self._activate(client)
            except BaseException:
                self.abort()
                raise

    async def resume(self) -> bool:
        """A new channel for the session of before, whose subscriptions went on meanwhile. False: the server has forgotten it."""
        client = self._client
        if client is None or not client.uaclient.has_session:
            return False
        with as_lost(f"connecting to {self._url}"):
            await self._channel(client)
            self.ua.rebind_authentication_token()
            try:
                await self._activate(client)
            except ua.UaError:
                self.abort()
                self._client = None
                return False
        return True

    async def _channel(self, client: Client) -> None:
        await client.connect_socket()
        try:
            await client.send_hello()
            await client.open_secure_channel()
        except BaseException:
            self.abort()
            raise

    async def _activate(self, client: Client) -> None:
        identity = self._identity
        await client.activate_session(username=identity.user, password=identity.password, certificate=client.user_certificate)

    async def renew_channel(self) -> None:
        """Renews the secure channel after three quarters of its life (OPC 10000-4, 5.5.2.1), until cancelled."""
        while True:
            assert self._client is not None
            await sleep(self._clock, self._client.secure_channel_timeout * 0.75 / 1000)
            with as_lost("renewing the secure channel"):
                await self._client.open_secure_channel(renew=True)
                self._client.uaclient.revolve_security_token()

    async def close(self) -> None:
        """Ends the session, so that the server drops its subscriptions at once; never raises, never takes long."""
        client, self._client = self._client, None
        if client is None:
            return
        with suppress(Exception):  # the server may be gone, and then there is nothing to close
            async with asyncio.timeout(2.0):
                await client.uaclient.close_session(True)
                await client.close_secure_channel()
        _abort(client)

    def abort(self) -> None:
        """Drops the connection at once; the session may be resumed."""
        if self._client is not None:
            _abort(self._client)


def _abort(client: Client) -> None:
    protocol = client.uaclient.protocol
    if protocol is not None and protocol.transport is not None:
        protocol.transport.abort()  # close() would wait for a half-open socket to drain
    client.disconnect_socket()


def node_id(number: int) -> ua.NodeId:
    """A node of the OPC-UA name space, by its number."""
    return ua.NodeId(ua.Int32(number))


def status_name(code: int) -> str:
    """The name of a status code."""
    name: str = ua.StatusCode(ua.UInt32(code)).name
    return name


class LinkLost(SourceLost):
    """Only the connection is gone; the session may still live on the server."""


@contextmanager
def as_lost(what: str) -> Iterator[None]:
    """Whatever the OPC-UA stack or the network trips over is a loss of this source, and says at what."""
    try:
        yield
    except SourceLost:
        raise
    except (OSError, TimeoutError) as error:
        raise LinkLost(f"{what}: {describe(error)}") from error
    except Exception as error:
        raise SourceLost(f"{what}: {describe(error)}") from error


_TRUST = "it may not trust the collector's certificate yet: look among its rejected certificates for CN=urn:mla:collector"
_LOGIN = "see the source's user and password_file, or user_certificate"
REMEDIES = {
    ua.StatusCodes.BadSecurityChecksFailed: _TRUST,
    ua.StatusCodes.BadCertificateUntrusted: _TRUST,
    ua.StatusCodes.BadSecurityPolicyRejected: "see the source's security_policy and security_mode",
    ua.StatusCodes.BadUserAccessDenied: _LOGIN,
    ua.StatusCodes.BadIdentityTokenRejected: _LOGIN,
    ua.StatusCodes.BadIdentityTokenInvalid: _LOGIN,
}


def describe(error: BaseException) -> str:
    """An error in one line."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ua.UaStatusCodeError):
        remedy = REMEDIES.get(error.code, "")
        return f"the server says {type(error).__name__}" + (f" ({remedy})" if remedy else "")
    return str(error) or type(error).__name__

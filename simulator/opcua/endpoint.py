"""One source's server on its socket: it can lose the network and it can be restarted, as real ones do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlparse

from asyncua import Server, ua
from asyncua.server.binary_server_asyncio import BinaryServer, OPCUAProtocol
from asyncua.server.internal_server import InternalServer
from asyncua.server.uaprocessor import UaProcessor
from asyncua.server.user_managers import UserManager

from kernel.array import Source
from kernel.clock import Clock, settle
from kernel.errors import BadUsage, NotAvailable
from simulator.blocks import Block
from simulator.opcua.security import APPLICATION, Identity, UserTable
from simulator.opcua.service import SubscriptionServices
from simulator.opcua.space import ComputedSpace
from simulator.opcua.stack import data_value, moment, node_id

NAMESPACE_URI = "urn:mla:simulator:array"
OPEN = [ua.SecurityPolicyType.NoSecurity]
SECURED = [*OPEN, ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt, ua.SecurityPolicyType.Basic256Sha256_Sign]


class LeanProcessor(UaProcessor):
    """asyncua's request handling, with publish responses that are encoded already."""

    def __init__(self, server: Any, transport: Any, limits: Any, policies: Any) -> None:
        super().__init__(server, transport, limits)
        self._clock: Clock = server.clock
        self._connection.set_policy_factories(policies)

    async def forward_publish_response(self, result: Any, requestdata: Any) -> None:
        """Sends a response (a Published) without making objects of it."""
        results = [status.value for status in requestdata.results]
        body = result.response(requestdata.requesthdr.RequestHandle, results, self._clock.now())
        self._transport.write(self._connection.message_to_binary(body, request_id=requestdata.seqhdr.RequestId))

    async def close(self) -> None:
        """The connection is gone, and with it its waiting publish requests: what is to be told waits in the subscriptions."""
        self._publish_requests.clear()
        end: Callable[[], Awaitable[None]] = super().close
        await end()


class LeanProtocol(OPCUAProtocol):
    """asyncua's connection with the lean processor."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.processor is not None:
            self.processor = LeanProcessor(self.iserver, self.transport, self.limits, self.policies)
            if cast(LeanServer, self.iserver).stalled and self.transport is not None:
                self.transport.pause_reading()


class LeanSocket(BinaryServer):
    """asyncua's listening socket with lean connections."""

    def _make_protocol(self) -> LeanProtocol:
        return LeanProtocol(
            iserver=self.iserver, policies=self._policies, clients=self.clients, closing_tasks=self.closing_tasks, limits=self.limits
        )

    async def cut(self) -> None:
        """The network is gone: connections are reset, new ones are refused."""
        for transport in list(self.iserver.asyncio_transports):
            transport.abort()
        if self._server is not None:
            self._server.close()
            self._server = None

    async def mend(self) -> None:
        """The network is back."""
        if self._server is None:
            self._server = await asyncio.get_running_loop().create_server(self._make_protocol, self.hostname, self.port)


class LeanServer(InternalServer):
    """asyncua's server core over a computed address space, with bulk subscriptions."""

    def __init__(self, space: ComputedSpace, clock: Clock, users: UserTable) -> None:
        super().__init__(user_manager=cast(UserManager, users))
        self.clock, self.space = clock, space
        self.method_service.stop()
        self.aspace = space
        for service in (self.attribute_service, self.view_service, self.method_service, self.node_mgt_service):
            service._aspace = space
        self.subscriptions = SubscriptionServices(space, clock)
        self.subscription_service = self.isession.subscription_service = cast(Any, self.subscriptions)
        self.isession.aspace = space
        self.disabled_clock = True
        self.stalled = False
        self.allow_remote_admin = False

    async def load_standard_address_space(self, shelffile: Any = None) -> None:
        """It is there already."""

    async def _address_space_fixes(self) -> None:
        """Made once for all servers of the process."""


class Endpoint:
    """A source's server. `open` once, then `cut`, `mend` and `restart` at will, `close` at the end."""

    def __init__(
        self,
        source: Source,
        title: str,
        blocks: Sequence[Block],
        titles: Mapping[str, str],
        clock: Clock,
        identity: Identity | None,
        users: Mapping[str, str],
    ) -> None:
        self.source, self.title, self.blocks = source, title, blocks
        self._titles, self._clock, self._identity, self._users = titles, clock, identity, users
        self._server: Server | None = None
        self._socket: LeanSocket | None = None
        self._core: LeanServer | None = None

    @property
    def subscriptions(self) -> SubscriptionServices | None:
        """The services of the running server; None between two lives."""
        return self._core.subscriptions if self._core is not None else None

    async def open(self) -> None:
        """Listens at the source's URL. Raises BadUsage for a URL that is none, NotAvailable when the port is taken."""
        url = urlparse(self.source.url)
        if url.scheme != "opc.tcp" or url.port is None or not url.hostname:
            raise BadUsage(f"{self.source.name}: {self.source.url!r} is no opc.tcp://host:port address")
        core = self._core = LeanServer(ComputedSpace(self.blocks, self._titles), self._clock, UserTable(self._users))
        server = self._server = Server(iserver=core)
        server.name, server.product_uri, server.manufacturer_name = f"Simulated {self.title}", APPLICATION, "MLA simulator"
        server.application_type = ua.ApplicationType.Server
        server.set_endpoint(self.source.url)
        server._application_uri = APPLICATION
        await server.init()
        await server.register_namespace(NAMESPACE_URI)
        self._secure(server)
        await server._setup_server_nodes()
        await core.start()
        self._show_clock(core)
        self._socket = LeanSocket(core, url.hostname, url.port, server.limits)
        self._socket.set_policies(server._policies)
        try:
            await self._socket.start()
        except OSError as error:
            await self.close()
            raise NotAvailable(
                f"{self.source.name}: cannot listen at {self.source.url}: {error.strerror}; free the port or change the URL"
            ) from error

    def _secure(self, server: Server) -> None:
        server.set_identity_tokens([ua.AnonymousIdentityToken, ua.UserNameIdentityToken, ua.X509IdentityToken])
        if self._identity is None:
            server.set_security_policy(OPEN)
            server.set_identity_tokens([ua.AnonymousIdentityToken, ua.UserNameIdentityToken])
            return
        server.set_security_policy(SECURED)
        server.iserver.certificate, server.iserver.private_key = self._identity.parsed()

    def _show_clock(self, core: LeanServer) -> None:
        """The server's clock is told when it is read, not written every second."""
        space, status_id = core.space, node_id(ua.ObjectIds.Server_ServerStatus)
        status: Any = space.read_attribute_value(status_id, ua.AttributeIds.Value).Value
        status = status.Value

        def now(_: ua.NodeId, __: ua.AttributeIds) -> ua.DataValue:
            at = self._clock.now()
            return data_value(ua.Variant(moment(at), ua.VariantType.DateTime), 0, at, at)

        def whole(_: ua.NodeId, __: ua.AttributeIds) -> ua.DataValue:
            at = self._clock.now()
            status.CurrentTime = moment(at)
            return data_value(ua.Variant(status, ua.VariantType.ExtensionObject), 0, at, at)

        for nodeid, callback in ((node_id(ua.ObjectIds.Server_ServerStatus_CurrentTime), now), (status_id, whole)):
            space.owned(nodeid)
            space.set_attribute_value_callback(nodeid, ua.AttributeIds.Value, callback)

    async def cut(self) -> None:
        """The telescope drops off the network; its server and its sessions live on."""
        if self._socket is not None:
            await self._socket.cut()

    async def mend(self) -> None:
        """The telescope is reachable again."""
        if self._socket is not None:
            await self._socket.mend()

    @property
    def stalled(self) -> bool:
        """Whether the server hangs."""
        return self._core is not None and self._core.stalled

    def stall(self, on: bool) -> None:
        """The server hangs, or goes on with what was asked of it meanwhile."""
        if self._core is None:
            return
        self._core.stalled = on
        for transport in self._core.asyncio_transports:
            if on:
                transport.pause_reading()
            else:
                transport.resume_reading()

    async def close(self) -> None:
        """Ends every session and frees the port."""
        if self._core is not None:
            for session in list(self._core._external_sessions.values()):
                await session.close_session(True)
        if self._socket is not None:
            await self._socket.cut()
            await settle(2)
            await self._socket.stop()
        if self._core is not None:
            await self._core.stop()
        self._socket = self._core = self._server = None

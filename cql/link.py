"""A connection to a Cassandra cluster.

Requests are futures of the client library: awaited on the event loop, or waited for in worker threads.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from cassandra import (
    AuthenticationFailed,
    ConsistencyLevel,
    DriverException,
    InvalidRequest,
    OperationTimedOut,
    ReadTimeout,
    Unauthorized,
    WriteTimeout,
    WriteType,
)
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, Session
from cassandra.policies import (
    ConstantReconnectionPolicy,
    ConstantSpeculativeExecutionPolicy,
    DCAwareRoundRobinPolicy,
    RoundRobinPolicy,
    TokenAwarePolicy,
)
from cassandra.protocol import ErrorMessage
from cassandra.query import BatchStatement, BatchType, tuple_factory
from cassandra.timestamps import MonotonicTimestampGenerator

from cql.nodes import NamedNodes
from cql.page import Page, Row
from cql.place import Place, Tls
from cql.retry import TRIES, Again
from kernel.errors import BadUsage, MlaError, NotAvailable

T = TypeVar("T")
log = logging.getLogger(__name__)
FAILURES = (DriverException, NoHostAvailable, ErrorMessage)
"""What requests end with. ErrorMessage: an error that the client library has no name for, such as 0x1700, a lightweight transaction of
which no node knows whether it took place (native protocol v5, CAS_WRITE_UNKNOWN)."""
TIMEOUT = 20.0
"""Seconds that a request may take, with all its tries (see retry.py): three at nodes that wait for others for 5 s, as they do unless told
otherwise, or two at those of small hosts, which are told to wait for 8 s. A node that falls silent itself is noticed before, by BEAT."""
CONNECT_TIMEOUT = 5.0
RECONNECT = 1.0
"""Seconds between tries to reach a node that went away: what comes back is used again at once."""
BEAT, SILENT = 5, 10
"""Seconds between looks whether a node still answers, and until one that does not is taken for gone: it may be frozen, or cut off, with
its connections open."""
SECOND_TRY = 2.0
"""Seconds after which a request that may be done twice goes to a further node, without waiting for the first one's silence to end."""
_TABLE = re.compile(r"\b(FROM|INTO|UPDATE|TABLE IF NOT EXISTS|ALTER TABLE) ([a-z][a-z0-9_]*)(?![\w.])")
_CONDITION = re.compile(r"\bIF\b")
PAGE = 1000
"""Rows fetched at once."""
SAY_EVERY = 600
"""Seconds between two words about a clock that was set back; times of writing go on from where they were."""


_WIDE = type("WideConnection", (Cluster.connection_class,), {"in_buffer_size": 1 << 16, "out_buffer_size": 1 << 16})
"""The client library sends pieces of 4 kB; without its delay, and in larger pieces, a batch takes a fraction of the time."""


class Link:
    """One session, shared by all threads. Texts are prepared once and kept."""

    def __init__(self, place: Place, cluster: Cluster, session: Session) -> None:
        self.place = place
        self._cluster, self._session = cluster, session
        self._prepared: dict[str, Any] = {}
        self._serial = ConsistencyLevel.name_to_value[place.serial]

    @property
    def replicas(self) -> int:
        """How many copies the keyspace keeps, in the data centre that keeps the fewest."""
        strategy = self._cluster.metadata.keyspaces[self.place.keyspace].replication_strategy
        per_dc = getattr(strategy, "dc_replication_factors", None)
        return min(per_dc.values()) if per_dc else int(getattr(strategy, "replication_factor", 1))

    def table(self, name: str) -> Any:
        """The client library's description of a table; None where there is none such."""
        return self._cluster.metadata.keyspaces[self.place.keyspace].tables.get(name)

    def prepare(self, text: str) -> Any:
        """Blocks the first time."""
        found = self._prepared.get(text)
        if found is None:
            found = translated(self.place, lambda: self._prepared_anew(qualified(text, self.place.keyspace)))
            found.is_idempotent = repeatable(text)
            self._prepared[text] = found
        return found

    def _prepared_anew(self, text: str) -> Any:
        """The client library asks one node for ten seconds; another one each time, so that one that fell silent holds nobody up."""
        for _ in range(TRIES):
            try:
                return self._session.prepare(text)
            except OperationTimedOut as error:
                log.warning("%s: asking another node to prepare a statement: %s", self.place.shown, error)
        return self._session.prepare(text)

    def start(self, text: str, values: Sequence[Any] = (), *, serial: bool = False) -> Page:
        """Sends a request; see wait. `serial` reads what lightweight transactions have agreed on."""
        bound = self.prepare(text).bind(values)
        bound.serial_consistency_level = self._serial
        if serial:
            bound.consistency_level = self._serial
        return Page(self._session, bound)

    def start_batch(self, text: str, rows: Iterable[Sequence[Any]]) -> Page:
        """Sends rows of one partition as one mutation: all or none of them."""
        batch = BatchStatement(BatchType.UNLOGGED)
        prepared = self.prepare(text)
        for row in rows:
            batch.add(prepared, row)
        batch.is_idempotent = prepared.is_idempotent
        return Page(self._session, batch)

    def wait(self, page: Page) -> list[Row]:
        """All rows of an answer, from its first page on. Blocks: for worker threads."""
        return translated(self.place, lambda: _all_rows(page))

    def ask(self, text: str, values: Sequence[Any] = (), *, serial: bool = False) -> list[Row]:
        """Sends and waits. Blocks: for worker threads."""
        return translated(self.place, lambda: _all_rows(self.start(text, values, serial=serial)))

    def define(self, text: str) -> None:
        """Changes the schema. Blocks."""
        translated(self.place, lambda: self._session.execute(qualified(text, self.place.keyspace), timeout=60.0))

    async def run(self, text: str, values: Sequence[Any] = (), *, serial: bool = False) -> list[Row]:
        """All rows of an answer, without a thread: the client library's callbacks wake the event loop."""
        if text not in self._prepared:
            await asyncio.to_thread(self.prepare, text)
        try:
            page: Page | None = self.start(text, values, serial=serial)
            rows: list[Row] = []
            while page is not None:
                await _arrival(page)
                rows += page.rows()
                page = page.following()
        except FAILURES as error:
            raise explained(self.place, error) from error
        return rows


def qualified(text: str, keyspace: str) -> str:
    """A statement whose tables name their keyspace, as Cassandra wants it of statements that are prepared."""
    return _TABLE.sub(rf"\1 {keyspace}.\2", text)


def repeatable(text: str) -> bool:
    """Whether doing a statement twice is the same as once: all but lightweight transactions, since times of writing are given by us."""
    return not _CONDITION.search(text)


def _all_rows(first: Page) -> list[Row]:
    page: Page | None = first
    rows: list[Row] = []
    while page is not None:
        rows += page.rows()
        page = page.following()
    return rows


async def _arrival(page: Page) -> None:
    """Until the page, or an error, is there."""
    loop = asyncio.get_running_loop()
    arrived = asyncio.Event()
    page.tell(lambda: loop.is_closed() or loop.call_soon_threadsafe(arrived.set))
    await arrived.wait()


def translated(place: Place, work: Callable[[], T]) -> T:
    try:
        return work()
    except FAILURES as error:
        raise explained(place, error) from error


def undecided(error: BaseException) -> bool:
    """Whether a lightweight transaction may or may not have taken place: ask with a serial read."""
    cause = error.__cause__
    return isinstance(error, NotAvailable) and not (
        isinstance(cause, WriteTimeout) and cause.write_type not in (WriteType.CAS, WriteType.SIMPLE)
    )


def contended(error: BaseException) -> bool:
    """Whether the nodes took too long, as they do for transactions that compete or wait for a slow disk: worth repeating."""
    cause = error.__cause__
    timed_out = isinstance(cause, (WriteTimeout, ReadTimeout, OperationTimedOut))
    return isinstance(error, NotAvailable) and timed_out and undecided(error)


def explained(place: Place, error: Exception) -> MlaError:
    """The client library's error as one of ours, naming the cluster and the remedy."""
    reasons = list(error.errors.values()) if isinstance(error, NoHostAvailable) and isinstance(error.errors, dict) else [error]
    if any(isinstance(r, AuthenticationFailed) for r in reasons):
        return NotAvailable(f"{place.shown} refuses this user: check user and password or password_file in the URL")
    if any(isinstance(r, Unauthorized) for r in reasons):
        return NotAvailable(f"{place.shown} does not allow this: {reasons[0]}; grant the user its rights on the keyspace")
    if any(isinstance(r, InvalidRequest) for r in reasons):
        return BadUsage(f"{place.shown} refuses a request: {reasons[0]}")
    text = "; ".join(sorted({str(r) or type(r).__name__ for r in reasons})) or str(error)
    return NotAvailable(f"{place.shown} does not answer: {text}; check that enough Cassandra nodes run and can be reached")


def _tls_context(tls: Tls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.ca)
        context.check_hostname = tls.check_hostname
        if tls.cert:
            context.load_cert_chain(tls.cert, tls.key)
    except OSError as error:
        raise BadUsage(f"Cassandra URL: the certificates cannot be read: {error}") from error
    return context


def _connect(place: Place) -> Link:
    balancing = DCAwareRoundRobinPolicy(place.local_dc) if place.local_dc else RoundRobinPolicy()
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(balancing),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        serial_consistency_level=ConsistencyLevel.name_to_value[place.serial],
        request_timeout=TIMEOUT,
        row_factory=tuple_factory,
        retry_policy=Again(),
        speculative_execution_policy=ConstantSpeculativeExecutionPolicy(SECOND_TRY, 1),
    )
    nodes = NamedNodes(place.hosts)
    cluster = Cluster(
        contact_points=nodes.contact_points(),
        endpoint_factory=nodes,
        protocol_version=5,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        reconnection_policy=ConstantReconnectionPolicy(RECONNECT, max_attempts=None),
        auth_provider=PlainTextAuthProvider(place.user, place.password or "") if place.user else None,
        ssl_context=_tls_context(place.tls) if place.tls else None,
        connect_timeout=CONNECT_TIMEOUT,
        control_connection_timeout=SILENT,
        timestamp_generator=MonotonicTimestampGenerator(warning_interval=SAY_EVERY),
        idle_heartbeat_interval=BEAT,
        idle_heartbeat_timeout=SILENT,
        executor_threads=2,
        prepare_on_all_hosts=False,  # each does when it is asked; one that fell silent would be waited for, with every new statement
        connection_class=_WIDE,
        sockopts=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    )
    try:
        session = cluster.connect()
        session.default_fetch_size = PAGE
        _make_keyspace(place, cluster, session)
        link = Link(place, cluster, session)
        level = place.consistency or ("ONE" if link.replicas == 1 else "LOCAL_QUORUM")
        profile.consistency_level = ConsistencyLevel.name_to_value[level]
        return link
    except FAILURES as error:
        cluster.shutdown()
        raise explained(place, error) from error
    except BaseException:
        cluster.shutdown()
        raise


def _make_keyspace(place: Place, cluster: Cluster, session: Session) -> None:
    if place.keyspace not in cluster.metadata.keyspaces:
        session.execute(f"CREATE KEYSPACE IF NOT EXISTS {place.keyspace} WITH replication = {_strategy(place, cluster)}", timeout=60.0)
        cluster.refresh_keyspace_metadata(place.keyspace)


def _strategy(place: Place, cluster: Cluster) -> str:
    wanted = dict(place.replication)
    if not wanted and place.local_dc:
        wanted = {place.local_dc: min(3, sum(h.datacenter == place.local_dc for h in cluster.metadata.all_hosts()))}
    if not wanted or "" in wanted:
        copies = wanted.get("") or min(3, len(cluster.metadata.all_hosts()))
        return f"{{'class': 'SimpleStrategy', 'replication_factor': {copies}}}"
    return f"{{'class': 'NetworkTopologyStrategy', {', '.join(f'{name!r}: {n}' for name, n in wanted.items())}}}"


@asynccontextmanager
async def open_link(place: Place) -> AsyncIterator[Link]:
    """A connection for as long as the context lasts; the keyspace is made where there is none. Raises NotAvailable, or BadUsage."""
    connecting = asyncio.ensure_future(asyncio.to_thread(_connect, place))
    try:
        link = await asyncio.shield(connecting)
    except asyncio.CancelledError:
        found = (await asyncio.gather(connecting, return_exceptions=True))[0]
        if isinstance(found, Link):
            await asyncio.to_thread(found._cluster.shutdown)
        raise
    try:
        yield link
    finally:
        await asyncio.shield(asyncio.to_thread(link._cluster.shutdown))

"""The few bytes of each protocol that tell whether a server really serves; no client library needed.

Redis: RESP `PING`. MQTT 3.1.1: CONNECT and its CONNACK. Cassandra: native protocol v4 QUERY of system.local and system.peers_v2.
Kafka: Metadata request, version 1 (brokers that the controller has let in). Schema registry: GET of the kinds of schemas it holds.
"""

from __future__ import annotations

import http.client
import socket
import struct
from contextlib import closing

PATIENCE = 2.0


def _exchange(host: str, port: int, request: bytes) -> socket.socket:
    connection = socket.create_connection((host, port), timeout=PATIENCE)
    try:
        connection.sendall(request)
    except OSError:
        connection.close()
        raise
    return connection


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise ConnectionError("closed by the server")
        data += piece
    return data


def redis_answers(host: str, port: int) -> bool:
    """Whether a Redis server says PONG."""
    try:
        with closing(_exchange(host, port, b"PING\r\n")) as connection:
            return _exactly(connection, 7) == b"+PONG\r\n"
    except OSError:
        return False


def mqtt_answers(host: str, port: int) -> bool:
    """Whether an MQTT broker accepts a connection."""
    client = b"mla-probe"
    body = b"\x00\x04MQTT\x04\x02\x00\x0a" + struct.pack(">H", len(client)) + client
    try:
        with closing(_exchange(host, port, b"\x10" + bytes([len(body)]) + body)) as connection:
            return _exactly(connection, 4) == b"\x20\x02\x00\x00"
    except OSError:
        return False


def registry_answers(host: str, port: int, path: str) -> bool:
    """Whether a schema registry whose interface begins at that path holds Avro schemas."""
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    try:
        connection.request("GET", f"{path}/schemas/types")
        return b"AVRO" in connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def kafka_brokers(host: str, port: int) -> int:
    """How many brokers of its cluster this one knows to be in service; 0 while it does not answer or has no controller."""
    name = b"mla-probe"
    body = struct.pack(">hhih", 3, 1, 1, len(name)) + name + struct.pack(">i", 0)
    try:
        with closing(_exchange(host, port, struct.pack(">i", len(body)) + body)) as connection:
            size = struct.unpack(">i", _exactly(connection, 4))[0]
            answer = _exactly(connection, size)
    except OSError:
        return 0
    count, at = struct.unpack_from(">i", answer, 4)[0], 8
    for _ in range(count):
        at += 4 + 2 + struct.unpack_from(">h", answer, at + 4)[0] + 4  # node, host, port
        at += 2 + max(0, struct.unpack_from(">h", answer, at)[0])  # rack
    controller = struct.unpack_from(">i", answer, at)[0]
    return int(count) if controller >= 0 else 0


def cassandra_nodes(host: str, port: int) -> int:
    """How many nodes this one knows, itself included; 0 while it does not answer queries."""
    try:
        with closing(_exchange(host, port, _cql_frame(0x01, _string_map({"CQL_VERSION": "3.0.0"})))) as connection:
            if _cql_answer(connection)[0] != 0x02:
                return 0
            return _rows(connection, "SELECT key FROM system.local") + _rows(connection, "SELECT peer FROM system.peers_v2")
    except OSError:
        return 0


def _rows(connection: socket.socket, query: str) -> int:
    text = query.encode()
    connection.sendall(_cql_frame(0x07, struct.pack(">i", len(text)) + text + struct.pack(">HB", 1, 0)))
    kind, body = _cql_answer(connection)
    if kind != 0x08 or struct.unpack_from(">i", body)[0] != 2:
        raise ConnectionError("no rows")
    _, columns = struct.unpack_from(">ii", body, 4)
    at = 12
    for _ in range(2):  # keyspace and table
        at += 2 + struct.unpack_from(">H", body, at)[0]
    for _ in range(columns):  # name and a type without parameters
        at += 2 + struct.unpack_from(">H", body, at)[0] + 2
    return int(struct.unpack_from(">i", body, at)[0])


def _cql_frame(opcode: int, body: bytes) -> bytes:
    return struct.pack(">BBhBi", 0x04, 0, 0, opcode, len(body)) + body


def _cql_answer(connection: socket.socket) -> tuple[int, bytes]:
    _, _, _, opcode, size = struct.unpack(">BBhBi", _exactly(connection, 9))
    return opcode, _exactly(connection, size)


def _string_map(entries: dict[str, str]) -> bytes:
    pieces = [struct.pack(">H", len(entries))]
    for pair in entries.items():
        pieces += [struct.pack(">H", len(s)) + s.encode() for s in pair]
    return b"".join(pieces)

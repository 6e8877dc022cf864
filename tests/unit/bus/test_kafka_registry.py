"""What a registry's URL means, and which schema is meant by which head."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus import open_bus
from bus.kafka.registry import SchemaRegistry, registry_place
from bus.kafka.wire import RegisteredWire
from kernel.clock import SystemClock
from kernel.errors import BadUsage
from schemas import confluent
from schemas.registry import MARKER, current, marker
from tests.support.certificates import certificate


def test_hosts_path_user_and_no_secret_is_shown(tmp_path: Path) -> None:
    place = registry_place("http://mla:pa%3Ass@one:8081,two:8082/apis/ccompat/v7/")
    assert place.hosts == ("one:8081", "two:8082")
    assert place.path == "/apis/ccompat/v7"
    assert place.headers["Authorization"] == "Basic bWxhOnBhOnNz"
    assert place.tls is None
    assert place.shown == "http://one:8081,two:8082/apis/ccompat/v7"
    assert "Basic" not in repr(place)
    (tmp_path / "secret").write_text("pa:ss\n")
    assert registry_place(f"http://mla@one:8081?password_file={tmp_path}/secret").headers == place.headers


def test_tls_trusts_who_is_named(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    place = registry_place(f"https://one:8081?ca={cert}&cert={cert}&key={key}")
    assert place.tls is not None
    assert len(place.tls.get_ca_certs()) == 1
    assert place.shown == "https://one:8081"


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://one", "names no host and port"),
        ("ftp://one:1", "names no host and port"),
        ("http://one:1?cafile=x", "unknown option 'cafile'; known are: ca"),
        ("http://one:1?ca=/x", "ca needs https"),
        ("https://one:1?ca=/nowhere.pem", "cannot be used"),
        ("http://mla@one:1?password_file=/nowhere", "password_file /nowhere cannot be read"),
    ],
)
def test_what_is_wrong_with_a_url_is_said(url: str, text: str) -> None:
    with pytest.raises(BadUsage, match=text):
        registry_place(url)


def test_the_embedded_bus_takes_no_registry() -> None:
    with pytest.raises(BadUsage, match="a schema registry is for Kafka"):
        open_bus("sqlite:///data/bus", clock=SystemClock(), registry="http://one:8081")


@pytest.mark.parametrize(("number", "body"), [(0, b""), (1, b"\0"), (0x01020304, b"body"), (2**31 - 1, bytes(1000))])
def test_heads_are_exchanged_and_bodies_stay(number: int, body: bytes) -> None:
    mark = marker(current("AuditAction"))
    assert len(mark) == MARKER
    data = confluent.from_single_object(confluent.head(number), mark + body)
    assert data == b"\0" + number.to_bytes(4, "big") + body
    assert confluent.number_of(data) == number
    assert confluent.to_single_object(mark, data) == mark + body


@pytest.mark.parametrize("data", [b"", b"\0\0\0\1", b"\xc3\x01\0\0\0\0\0\0\0\0"], ids=["nothing", "too short", "single object"])
def test_other_bytes_have_no_number(data: bytes) -> None:
    assert confluent.number_of(data) is None


def test_bad_numbers_cost_one_question_each_and_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = SchemaRegistry(registry_place("http://one:8081"))
    wire = RegisteredWire(registry, str)
    monkeypatch.setattr(registry, "schema", lambda number: {"type": "no such type"})
    monkeypatch.setattr("bus.kafka.wire.REMEMBERED", 3)
    for number in range(10):
        data = confluent.head(number)
        assert list(wire.unknown([data, data])) == [number]
        wire.learn(number)
        assert list(wire.unknown([data])) == []
        assert len(wire._useless) <= 3

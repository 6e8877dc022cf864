"""What a Kafka URL means, and how topics are laid out."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from bus.kafka.client_log import CLIENT_LOG, Seldom
from bus.kafka.layout import LAYOUTS, layout_of, topic_settings
from bus.kafka.place import kafka_place
from bus.retention import KEEP, Retention
from kernel.errors import BadUsage
from schemas.records import TOPICS


def test_several_brokers_without_security() -> None:
    place = kafka_place("kafka://one:9092,two:9093?prefix=north.&partitions=4&replication=3&session_timeout=6&publish_timeout=2.5")
    assert place.client["bootstrap.servers"] == "one:9092,two:9093"
    assert place.client["security.protocol"] == "PLAINTEXT"
    assert (place.prefix, place.partitions, place.replication) == ("north.", 4, 3)
    assert (place.session_timeout, place.publish_timeout) == (6.0, 2.5)


def test_tls_and_sasl_and_no_secret_is_shown(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    (tmp_path / "secret").write_text("p@ss\n")
    place = kafka_place(f"kafka://mla:pa%3Ass@one:9093?tls=1&ca={tmp_path}/ca.pem")
    assert place.client["security.protocol"] == "SASL_SSL"
    assert (place.client["sasl.username"], place.client["sasl.password"]) == ("mla", "pa:ss")
    assert place.client["sasl.mechanism"] == "SCRAM-SHA-512"
    assert place.client["ssl.ca.location"] == f"{tmp_path}/ca.pem"
    assert place.shown == "kafka://one:9093"
    assert kafka_place(f"kafka://mla@one:9093?sasl=PLAIN&password_file={tmp_path}/secret").client["sasl.password"] == "p@ss"
    assert kafka_place("kafka://one:9093?tls=1").client["security.protocol"] == "SSL"


@pytest.mark.parametrize(
    ("rest", "text"),
    [
        ("", "names no brokers"),
        ("host", "names no brokers"),
        ("host:0", "names no brokers"),
        ("host:9092,", "names no brokers"),
        ("host:9092/topic", "names no brokers"),
        ("host:9092?prefx=a", "unknown option 'prefx'; known are: prefix, partitions"),
        ("host:9092?partitions=0", "partitions=0 is no number above 0"),
        ("host:9092?replication=many", "replication=many is no number above 0"),
        ("host:9092?ca=/nowhere", "ca needs tls=1"),
        ("host:9092?tls=1&ca=/nowhere", "ca=/nowhere is no file"),
        ("u:p@host:9092?sasl=GSSAPI", "none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"),
        ("u@host:9092?password_file=/nowhere", "password_file /nowhere cannot be read"),
    ],
)
def test_mistakes_are_named(rest: str, text: str) -> None:
    with pytest.raises(BadUsage, match=text):
        kafka_place(f"kafka://{rest}")


def test_every_topic_of_the_platform_has_its_layout() -> None:
    assert {t.name for t in TOPICS} <= set(LAYOUTS)
    assert layout_of("monitoring.points").partitions > 1
    assert layout_of("cdb.revisions").partitions == 1, "its order matters as a whole"


def test_age_counts_from_acceptance_and_bytes_are_shared_by_the_partitions() -> None:
    settings = topic_settings("t", 4, {"t": Retention(80, 64 << 20)})
    assert settings["message.timestamp.type"] == "LogAppendTime"
    assert settings["retention.ms"] == "80000"
    assert settings["retention.bytes"] == str(16 << 20)
    assert settings["segment.ms"] == "10000"
    assert int(settings["segment.bytes"]) == 2 << 20
    kept = topic_settings("t", 1, {"t": KEEP})
    assert (kept["retention.ms"], kept["retention.bytes"]) == ("-1", "-1")
    assert "segment.ms" not in kept


def test_the_client_library_repeats_itself_but_our_log_does_not() -> None:
    seldom = Seldom()

    def passes(text: str) -> bool:
        return seldom.filter(logging.makeLogRecord({"msg": text}))

    assert passes("FAIL [mla#producer-2] [thrd:one:9092/1]: Connection refused (after 3ms in state CONNECT)")
    assert not passes("FAIL [mla#producer-2] [thrd:one:9092/1]: Connection refused (after 5ms in state CONNECT)")
    assert passes("FAIL [mla#producer-2] [thrd:two:9092/2]: Connection refused (after 3ms in state CONNECT)")
    assert passes("FATAL [mla#producer-2] [thrd:one:9092/1]: fenced")


def test_what_the_client_library_tries_again_by_itself_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    waits = "GETPID [mla#producer-2] [thrd:main]: Failed to acquire idempotence PID: Broker: Coordinator load in progress: retrying"
    with caplog.at_level(logging.WARNING, CLIENT_LOG.name):
        assert not Seldom().filter(logging.makeLogRecord({"msg": waits, "levelno": logging.WARNING}))
    with caplog.at_level(logging.INFO, CLIENT_LOG.name):
        record = logging.makeLogRecord({"msg": waits, "levelno": logging.WARNING})
        assert Seldom().filter(record)
        assert record.levelname == "INFO"

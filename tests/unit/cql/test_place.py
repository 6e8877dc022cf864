"""What a Cassandra URL may say, and what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest
from cassandra.protocol import ErrorMessage

from cql import Place, read_place
from cql.link import qualified, repeatable, translated, undecided
from cql.place import Tls
from kernel.errors import BadUsage, NotAvailable


def test_a_plain_url() -> None:
    assert read_place("cassandra://127.0.0.1/mla") == Place((("127.0.0.1", 9042),), "mla")


def test_several_hosts_share_the_last_port() -> None:
    assert read_place("cassandra://a,b:9043,c,[::1]:9044/mla").hosts == (("a", 9044), ("b", 9043), ("c", 9044), ("::1", 9044))


def test_everything_at_once(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("se cret\n")
    url = f"cassandra://h/k?user=u&password_file={tmp_path}/word&ca=/ca.pem&local_dc=dc1&consistency=quorum&replication=dc1:3,dc2:2"
    place = read_place(url)
    assert place == Place((("h", 9042),), "k", "u", "se cret", Tls("/ca.pem"), "dc1", "QUORUM", (("dc1", 3), ("dc2", 2)))
    assert "cret" not in place.shown + repr(place)
    assert read_place("cassandra://u:p%40ss@h/k?tls=1&check_hostname=0").tls == Tls(check_hostname=False)
    assert read_place("cassandra://u:p%40ss@h/k").password == "p@ss"
    assert read_place("cassandra://h/k?replication=3").replication == (("", 3),)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("cassandra://h", "names no keyspace"),
        ("cassandra://h/Mla-1", "names no keyspace"),
        ("cassandra:///mla", "names no host"),
        ("cassandra://h:x/mla", "names no host"),
        ("cassandra://h/mla?colour=red", "unknown option 'colour'; known are: user"),
        ("cassandra://h/mla?consistency=MOST", "unknown consistency 'MOST'"),
        ("cassandra://h/mla?replication=0", "neither a number of replicas"),
        ("cassandra://h/mla?replication=3,dc2:3", "neither a number of replicas"),
        ("cassandra://h/mla?tls=maybe", "neither 1 nor 0"),
        ("cassandra://h/mla?password_file=/nowhere/at/all", "cannot be read"),
    ],
)
def test_mistakes_are_named(url: str, text: str) -> None:
    with pytest.raises(BadUsage, match=text):
        read_place(url)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SELECT a FROM t WHERE b = ?", "SELECT a FROM k.t WHERE b = ?"),
        ("SELECT value FROM system_views.settings", "SELECT value FROM system_views.settings"),
        ("INSERT INTO t (a) VALUES (?) IF NOT EXISTS", "INSERT INTO k.t (a) VALUES (?) IF NOT EXISTS"),
        ("UPDATE t USING TTL 5 SET a = 1", "UPDATE k.t USING TTL 5 SET a = 1"),
        ("DELETE FROM t USING TIMESTAMP ? WHERE a = ?", "DELETE FROM k.t USING TIMESTAMP ? WHERE a = ?"),
        ("CREATE TABLE IF NOT EXISTS t (a int)", "CREATE TABLE IF NOT EXISTS k.t (a int)"),
        ("ALTER TABLE t WITH x = 1", "ALTER TABLE k.t WITH x = 1"),
    ],
)
def test_tables_get_their_keyspace(text: str, found: str) -> None:
    assert qualified(text, "k") == found


@pytest.mark.parametrize(
    ("consistency", "serial"), [("", "LOCAL_SERIAL"), ("local_quorum", "LOCAL_SERIAL"), ("quorum", "SERIAL"), ("each_quorum", "SERIAL")]
)
def test_lightweight_transactions_reach_as_far_as_the_consistency(consistency: str, serial: str) -> None:
    assert read_place("cassandra://h/k" + (f"?consistency={consistency}" if consistency else "")).serial == serial


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SELECT a FROM t WHERE b = ?", True),
        ("INSERT INTO t (a, gift) VALUES (?, ?)", True),
        ("DELETE FROM t USING TIMESTAMP 5 WHERE a = ?", True),
        ("INSERT INTO t (a) VALUES (?) IF NOT EXISTS", False),
        ("UPDATE t USING TTL 5 SET a = 1 WHERE b = 2 IF a = null", False),
    ],
)
def test_only_lightweight_transactions_are_never_sent_to_a_second_node(text: str, found: bool) -> None:
    assert repeatable(text) is found


def test_a_transaction_of_which_no_node_knows_its_end_is_undecided() -> None:
    """Error 0x1700 of the native protocol v5, which the client library hands on as it came."""

    def work() -> None:
        raise ErrorMessage(code=0x1700, message="CAS operation result is unknown", info=None)

    with pytest.raises(NotAvailable, match="result is unknown") as raised:
        translated(read_place("cassandra://h/k"), work)
    assert undecided(raised.value)

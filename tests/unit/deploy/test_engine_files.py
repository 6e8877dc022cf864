"""What the native engines are configured with, and the bytes that probe them."""

from __future__ import annotations

import itertools
import os
import signal
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from deploy.engines import down, status, up
from deploy.engines.cassandra import cassandra_yaml
from deploy.engines.engine import Command, Node
from deploy.engines.kafka import server_properties
from deploy.engines.processes import find, start, stop, wait
from deploy.engines.talk import cassandra_nodes, kafka_brokers, mqtt_answers, redis_answers
from kernel.errors import BadUsage


def nodes(folder: Path, count: int) -> list[Node]:
    return [
        Node(i + 1, folder / f"node{i + 1}", f"127.0.0.{i + 1}", {"client": 9000 + i, "controller": 9100 + i, "storage": 7000})
        for i in range(count)
    ]


def test_three_brokers_keep_a_record_on_two_before_they_acknowledge(tmp_path: Path) -> None:
    members = nodes(tmp_path, 3)
    of_second = server_properties(members, members[1])
    assert of_second["node.id"] == "2"
    assert of_second["controller.quorum.voters"] == "1@127.0.0.1:9100,2@127.0.0.2:9101,3@127.0.0.3:9102"
    assert (of_second["default.replication.factor"], of_second["min.insync.replicas"]) == ("3", "2")
    alone = server_properties(members[:1], members[0])
    assert (alone["offsets.topic.replication.factor"], alone["min.insync.replicas"]) == ("1", "1")


def test_the_ring_is_divided_evenly_and_everyone_knows_the_seed(tmp_path: Path) -> None:
    members = nodes(tmp_path, 3)
    found = [yaml.safe_load(cassandra_yaml(members, n)) for n in members]
    tokens = [f["initial_token"] for f in found]
    assert tokens[0] == -(2**63)
    assert len({(b - a) for a, b in itertools.pairwise(tokens)}) == 1
    assert {f["seed_provider"][0]["parameters"][0]["seeds"] for f in found} == {"127.0.0.1:7000"}
    assert [f["rpc_address"] for f in found] == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]


def test_an_unknown_engine_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    for call in (up, down, status):
        with pytest.raises(BadUsage, match="kafka, cassandra, redis, mosquitto"):
            call(["rabbit"], tmp_path)


@contextmanager
def answering(reply: bytes) -> Iterator[int]:
    """A server that says the same to everybody; its port."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1000)
            self.request.sendall(reply)

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield server.server_address[1]
        server.shutdown()
        serving.join()


@pytest.mark.parametrize("reply", [b"", b"-LOADING", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["closes", "loading", "http"])
def test_a_server_of_another_kind_does_not_count_as_ready(reply: bytes) -> None:
    with answering(reply) as port:
        assert not redis_answers("127.0.0.1", port)
        assert not mqtt_answers("127.0.0.1", port)
        assert cassandra_nodes("127.0.0.1", port) == 0
        assert kafka_brokers("127.0.0.1", port) == 0


def test_nobody_there_does_not_count_as_ready() -> None:
    assert not redis_answers("127.0.0.1", 1)
    assert kafka_brokers("127.0.0.1", 1) == 0


def test_a_process_is_known_by_its_start_and_not_only_by_its_number(tmp_path: Path) -> None:
    start(Command((sys.executable, "-c", "import signal; signal.pause()")), tmp_path, tied=False)
    known = find(tmp_path)
    assert known is not None
    written = (tmp_path / "pid").read_text()
    (tmp_path / "pid").write_text(written.replace(str(known.create_time()), str(known.create_time() - 1000)))
    assert find(tmp_path) is None, "a later process with the number of an earlier one"
    (tmp_path / "pid").write_text(written)
    assert stop([tmp_path]) == 1
    assert find(tmp_path) is None
    assert stop([tmp_path]) == 0


def test_a_tied_process_ends_with_the_one_that_started_it(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib, signal; from deploy.engines.processes import start; from deploy.engines.engine import Command\n"
        f"start(Command((sys.executable, '-c', 'import signal; signal.pause()')), pathlib.Path({str(tmp_path)!r}), tied=True)\n"
        "sys.stdout.write('started'); sys.stdout.flush(); signal.pause()"
    )
    root = Path(__file__).parents[3]
    with subprocess.Popen([sys.executable, "-c", program], cwd=root, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        assert starter.stdout.read(7) == "started"
        assert find(tmp_path) is not None
        os.kill(starter.pid, signal.SIGKILL)
    wait(lambda: False, tmp_path, 20)
    assert find(tmp_path) is None

"""Apache Kafka in KRaft mode: every node is broker and controller; loopback, plain text, small heaps."""

from __future__ import annotations

import base64
import json
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deploy.engines.artefacts import jars
from deploy.engines.engine import HOST, Command, Node, Say
from deploy.engines.processes import last_words
from deploy.engines.talk import kafka_brokers
from kernel.errors import NotAvailable

VERSION: Final = "4.1.0"
ARTEFACTS: Final = (f"org.apache.kafka:kafka_2.13:{VERSION}", "org.slf4j:slf4j-simple:1.7.36")
JAVA: Final = ("java", "-XX:+UseSerialGC", "-Djava.net.preferIPv4Stack=true", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")


class Kafka:
    """One node, or three that keep a record on two of three disks before they acknowledge it."""

    name = "kafka"
    ports: Sequence[str] = ("client", "controller")
    one_by_one = False
    optional = False
    patience = 180.0

    def obtain(self, cache: Path, say: Say) -> Path:
        """See Engine."""
        return jars(cache, f"kafka-{VERSION}", ARTEFACTS, say)

    def hosts(self, nodes: int) -> Sequence[str]:
        """See Engine."""
        return (HOST,) * nodes

    def prepare(self, programs: Path, nodes: Sequence[Node], node: Node, say: Say) -> Command:
        """See Engine."""
        properties = node.folder / "server.properties"
        properties.write_text("".join(f"{k}={v}\n" for k, v in server_properties(nodes, node).items()))
        if not (node.folder / "data" / "meta.properties").exists():
            self._format(programs, properties, node, _cluster(node.folder.parent))
        return Command((*JAVA, "-Xms192m", "-Xmx512m", "-cp", f"{programs}/*", "kafka.Kafka", str(properties)))

    def answers(self, nodes: Sequence[Node], node: Node) -> bool:
        """See Engine."""
        return kafka_brokers(node.host, node.client) >= len(nodes)

    def url(self, nodes: Sequence[Node]) -> str:
        """See Engine."""
        return "kafka://" + ",".join(f"{n.host}:{n.client}" for n in nodes)

    def _format(self, programs: Path, properties: Path, node: Node, cluster: str) -> None:
        tool = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties)]
        with open(node.folder / "log.txt", "wb") as log:
            done = subprocess.run(
                [*JAVA, "-XX:TieredStopAtLevel=1", "-Xmx128m", "-cp", f"{programs}/*", *tool],
                cwd=node.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode:
            raise NotAvailable(f"kafka: storage {node.folder} could not be formatted: {last_words(node.folder)}")


def server_properties(nodes: Sequence[Node], node: Node) -> dict[str, str]:
    """A node's configuration."""
    copies = min(3, len(nodes))
    enough = max(1, copies - 1)
    at, controller = f"{node.host}:{node.client}", f"{node.host}:{node.ports['controller']}"
    return {
        "process.roles": "broker,controller",
        "node.id": str(node.number),
        "controller.quorum.voters": ",".join(f"{n.number}@{n.host}:{n.ports['controller']}" for n in nodes),
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{at},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{at}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": str(node.folder / "data"),
        "auto.create.topics.enable": "false",
        "default.replication.factor": str(copies),
        "min.insync.replicas": str(enough),
        "offsets.topic.replication.factor": str(copies),
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": str(copies),
        "transaction.state.log.min.isr": str(enough),
        "transaction.state.log.num.partitions": "2",
        "share.coordinator.state.topic.replication.factor": str(copies),
        "share.coordinator.state.topic.min.isr": str(enough),
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "2000",  # the platform's members are replaced within five seconds
        "broker.session.timeout.ms": "4000",
        "broker.heartbeat.interval.ms": "1000",
        "controller.quorum.election.timeout.ms": "500",
        "controller.quorum.fetch.timeout.ms": "1500",
        "log.cleaner.dedupe.buffer.size": "4194304",
        "num.network.threads": "2",
        "num.io.threads": "4",
    }


def _id() -> str:
    """16 random bytes in base 64; not beginning with a dash, which would be taken for an option."""
    while (made := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return made


def _cluster(folder: Path) -> str:
    """The cluster's id: 16 random bytes, base 64, kept beside the nodes."""
    file = folder / "cluster.json"
    if not file.exists():
        file.write_text(json.dumps({"id": _id()}))
    found: str = json.loads(file.read_text())["id"]
    return found

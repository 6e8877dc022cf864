"""Apache Cassandra: loopback, small heaps, one token per node; several nodes are 127.0.0.1, 127.0.0.2 ... with the same ports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deploy.engines.artefacts import jars
from deploy.engines.engine import Command, Node, Say
from deploy.engines.talk import cassandra_nodes

VERSION: Final = "5.0.5"
ARTEFACTS: Final = (f"org.apache.cassandra:cassandra-all:{VERSION}",)
_EXPORTS: Final = {
    "java.base": ("jdk.internal.misc", "jdk.internal.ref", "sun.nio.ch"),
    "java.management.rmi": ("com.sun.jmx.remote.internal.rmi",),
    "java.rmi": ("sun.rmi.registry", "sun.rmi.server", "sun.rmi.transport.tcp"),
    "java.sql": ("java.sql",),
}
_OPENS: Final = {
    "java.base": (
        "java.lang.module",
        "jdk.internal.loader",
        "jdk.internal.ref",
        "jdk.internal.reflect",
        "jdk.internal.math",
        "jdk.internal.module",
        "jdk.internal.util.jar",
        "java.lang",
        "java.util",
        "java.nio",
        "java.io",
        "java.lang.reflect",
        "java.util.concurrent",
        "java.util.concurrent.atomic",
        "sun.nio.ch",
    ),
    "java.rmi": ("sun.rmi.transport.tcp",),
    "java.management": ("com.sun.jmx.remote.security",),
    "jdk.management": ("com.sun.management.internal",),
}
_LOGBACK: Final = """<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d %level %logger{0}: %msg%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="OUT"/></root>
</configuration>
"""


class Cassandra:
    """One node, or several that form a ring."""

    name = "cassandra"
    ports: Sequence[str] = ("client", "storage")
    one_by_one = True
    optional = False
    patience = 300.0

    def obtain(self, cache: Path, say: Say) -> Path:
        """See Engine."""
        return jars(cache, f"cassandra-{VERSION}", ARTEFACTS, say)

    def hosts(self, nodes: int) -> Sequence[str]:
        """See Engine."""
        return tuple(f"127.0.0.{n + 1}" for n in range(nodes))

    def prepare(self, programs: Path, nodes: Sequence[Node], node: Node, say: Say) -> Command:
        """See Engine."""
        conf = node.folder / "conf"
        conf.mkdir(exist_ok=True)
        (conf / "cassandra.yaml").write_text(cassandra_yaml(nodes, node))
        (conf / "logback.xml").write_text(_LOGBACK)
        (conf / "jvm.options").write_text("\n".join(_module_options()) + "\n")
        system = {
            "cassandra.ring_delay_ms": "0" if len(nodes) == 1 else "1000",
            "cassandra.skip_wait_for_gossip_to_settle": "0",
            "cassandra.superuser_setup_delay_ms": "0",
            "cassandra-foreground": "yes",
            "cassandra.config": (conf / "cassandra.yaml").as_uri(),
            "cassandra.storagedir": str(node.folder / "data"),
            "logback.configurationFile": str(conf / "logback.xml"),
            "io.netty.tryReflectionSetAccessible": "true",
        }
        jamm = next(programs.glob("jamm-*.jar"))
        return Command(
            (
                "java",
                f"@{conf}/jvm.options",
                f"-javaagent:{jamm}",
                "-Xms384m",
                "-Xmx384m",
                "-XX:+UseSerialGC",
                *(f"-D{k}={v}" for k, v in system.items()),
                "-cp",
                f"{conf}:{programs}/*",
                "org.apache.cassandra.service.CassandraDaemon",
            )
        )

    def answers(self, nodes: Sequence[Node], node: Node) -> bool:
        """See Engine: it knows every node started so far."""
        return cassandra_nodes(node.host, node.client) >= node.number

    def url(self, nodes: Sequence[Node]) -> str:
        """See Engine."""
        return f"cassandra://{','.join(n.host for n in nodes)}:{nodes[0].client}/mla"


def cassandra_yaml(nodes: Sequence[Node], node: Node) -> str:
    """A node's configuration; JSON strings are YAML."""
    data = node.folder / "data"
    token = -(2**63) + (2**64 // len(nodes)) * (node.number - 1)
    settings: dict[str, object] = {
        "cluster_name": "mla",
        "num_tokens": 1,
        "initial_token": token,
        "auto_bootstrap": "false",
        "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
        "commitlog_sync": "batch",  # a write is on disk before it is acknowledged: a killed node, or a host without power, loses nothing
        "cas_contention_timeout": "8000ms",  # small hosts: transactions that compete wait for each other's disk
        "write_request_timeout": "8000ms",
        "read_request_timeout": "8000ms",
        "commitlog_segment_size": "8MiB",
        "commitlog_total_space": "64MiB",
        "listen_address": node.host,
        "rpc_address": node.host,
        "storage_port": node.ports["storage"],
        "native_transport_port": node.client,
        "endpoint_snitch": "SimpleSnitch",
        "auto_snapshot": "false",
        "file_cache_size": "32MiB",
    }
    for kind in ("commitlog", "saved_caches", "hints", "cdc_raw"):
        settings[f"{kind}_directory"] = f'"{data / kind}"'
    lines = [f"{k}: {v}" for k, v in settings.items()]
    lines += ["data_file_directories:", f'  - "{data / "tables"}"']
    lines += ["seed_provider:", "  - class_name: org.apache.cassandra.locator.SimpleSeedProvider", "    parameters:"]
    lines += [f'      - seeds: "{nodes[0].host}:{nodes[0].ports["storage"]}"']
    return "\n".join(lines) + "\n"


def _module_options() -> list[str]:
    options = ["-Djdk.attach.allowAttachSelf=true"]
    for flag, modules in (("--add-exports", _EXPORTS), ("--add-opens", _OPENS)):
        options += [f"{flag}={module}/{package}=ALL-UNNAMED" for module, packages in modules.items() for package in packages]
    return options

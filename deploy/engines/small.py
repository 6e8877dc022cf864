"""Redis and Mosquitto: one process each, from the distribution's packages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deploy.engines.artefacts import need
from deploy.engines.engine import HOST, Command, Node, Say
from deploy.engines.talk import mqtt_answers, redis_answers
from kernel.errors import BadUsage


class Single:
    """What engines of one process and one port have in common."""

    ports: Sequence[str] = ("client",)
    one_by_one = False
    optional = False
    patience = 20.0
    name = ""

    def hosts(self, nodes: int) -> Sequence[str]:
        """See Engine."""
        if nodes != 1:
            raise BadUsage(f"{self.name} runs as one process here, not {nodes}")
        return (HOST,)


class Redis(Single):
    """Redis for the hot queue: no files, since its content is refilled from the bus."""

    name = "redis"

    def obtain(self, cache: Path, say: Say) -> Path:
        """See Engine."""
        return Path(need("redis-server", "redis-server", say, service="redis-server"))

    def prepare(self, programs: Path, nodes: Sequence[Node], node: Node, say: Say) -> Command:
        """See Engine."""
        settings = {
            "bind": node.host,
            "port": str(node.client),
            "dir": f'"{node.folder}"',
            "daemonize": "no",
            "save": '""',
            "appendonly": "no",
            "maxmemory": "512mb",
            "maxmemory-policy": "noeviction",
            "protected-mode": "yes",
        }
        (node.folder / "redis.conf").write_text("".join(f"{k} {v}\n" for k, v in settings.items()))
        return Command((str(programs), str(node.folder / "redis.conf")))

    def answers(self, nodes: Sequence[Node], node: Node) -> bool:
        """See Engine."""
        return redis_answers(node.host, node.client)

    def url(self, nodes: Sequence[Node]) -> str:
        """See Engine."""
        return f"redis://{nodes[0].host}:{nodes[0].client}"


class Mosquitto(Single):
    """An MQTT broker that anyone on this host may use."""

    name = "mosquitto"

    def obtain(self, cache: Path, say: Say) -> Path:
        """See Engine."""
        return Path(need("mosquitto", "mosquitto", say, service="mosquitto"))

    def prepare(self, programs: Path, nodes: Sequence[Node], node: Node, say: Say) -> Command:
        """See Engine."""
        data = node.folder / "data"
        data.mkdir(exist_ok=True)
        data.chmod(0o777)  # the broker gives up root where it is started as root
        (node.folder / "mosquitto.conf").write_text(
            f"listener {node.client} {node.host}\nallow_anonymous true\npersistence true\npersistence_location {data}/\n"
            "log_dest stderr\nmax_queued_messages 10000\n"
        )
        return Command((str(programs), "-c", str(node.folder / "mosquitto.conf")))

    def answers(self, nodes: Sequence[Node], node: Node) -> bool:
        """See Engine."""
        return mqtt_answers(node.host, node.client)

    def url(self, nodes: Sequence[Node]) -> str:
        """See Engine."""
        return f"mqtt://{nodes[0].host}:{nodes[0].client}"

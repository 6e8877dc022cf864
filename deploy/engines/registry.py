"""A schema registry: Apicurio Registry with the interface of Confluent's, one process, its schemas in a file of its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deploy.engines.artefacts import unpacked
from deploy.engines.engine import Command, Node, Say
from deploy.engines.small import Single
from deploy.engines.talk import registry_answers

VERSION: Final = "2.6.13.Final"
ARTEFACT: Final = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
PATH: Final = "/apis/ccompat/v7"
JAVA: Final = ("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xms64m", "-Xmx256m", "-Djava.net.preferIPv4Stack=true")


class Registry(Single):
    """Numbers of schemas survive a restart: messages name them."""

    name = "registry"
    optional = True
    patience = 90.0

    def obtain(self, cache: Path, say: Say) -> Path:
        """See Engine."""
        return unpacked(cache, f"apicurio-registry-{VERSION}", ARTEFACT, say)

    def prepare(self, programs: Path, nodes: Sequence[Node], node: Node, say: Say) -> Command:
        """See Engine."""
        environment = {
            "QUARKUS_HTTP_HOST": node.host,
            "QUARKUS_HTTP_PORT": str(node.client),
            "QUARKUS_DATASOURCE_JDBC_URL": f"jdbc:h2:file:{node.folder}/registry",
        }
        return Command((*JAVA, "-jar", str(programs / f"apicurio-registry-app-{VERSION}-runner.jar")), environment)

    def answers(self, nodes: Sequence[Node], node: Node) -> bool:
        """See Engine."""
        return registry_answers(node.host, node.client, PATH)

    def url(self, nodes: Sequence[Node]) -> str:
        """See Engine."""
        return f"http://{nodes[0].host}:{nodes[0].client}{PATH}"

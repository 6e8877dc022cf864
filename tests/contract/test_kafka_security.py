"""The bus on a broker that wants TLS and a password."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest

from bus import open_bus
from deploy.engines import ENGINES, _choose, processes
from deploy.engines.artefacts import cache_folder
from deploy.engines.engine import HOST, Node
from deploy.engines.kafka import Kafka
from kernel.clock import SystemClock
from kernel.errors import NotAvailable
from tests.contract.bus_backends import action, action_topic, numbers
from tests.support.certificates import certificate


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """HOST:PORT of a listener with TLS and SASL PLAIN, and the folder with the certificate and passwords."""
    folder = tmp_path_factory.mktemp("secure")
    cert, key = certificate(folder)
    (folder / "store.pem").write_text(key.read_text() + cert.read_text())
    (folder / "password").write_text("s3cret\n")
    kafka = ENGINES["kafka"]
    assert isinstance(kafka, Kafka)
    ports = dict(zip(("client", "controller", "secure"), _choose([HOST] * 3), strict=True))
    node = Node(1, folder / "node1", HOST, ports)
    node.folder.mkdir()
    command = kafka.prepare(kafka.obtain(cache_folder(), lambda text: None), [node], node, lambda text: None)
    properties = node.folder / "server.properties"
    plain = properties.read_text()
    at = f"SECURE://{HOST}:{ports['secure']}"
    changed = plain.replace("listeners=PLAINTEXT", f"listeners={at},PLAINTEXT").replace(
        "listener.security.protocol.map=", "listener.security.protocol.map=SECURE:SASL_SSL,"
    )
    properties.write_text(
        changed + "inter.broker.listener.name=PLAINTEXT\nsasl.enabled.mechanisms=PLAIN\n"
        "listener.name.secure.plain.sasl.jaas.config="
        'org.apache.kafka.common.security.plain.PlainLoginModule required user_mla="s3cret";\n'
        f"listener.name.secure.ssl.keystore.type=PEM\nlistener.name.secure.ssl.keystore.location={folder}/store.pem\n"
    )
    with ExitStack() as stack:
        stack.callback(processes.stop, [node.folder], at_once=True)
        processes.start(command, node.folder, tied=True)
        assert processes.wait(lambda: kafka.answers([node], node), node.folder, 60), processes.last_words(node.folder)
        yield f"{HOST}:{ports['secure']}", folder


async def test_with_the_right_certificate_and_password_it_is_a_bus_like_any_other(secure: tuple[str, Path]) -> None:
    address, folder = secure
    topic = action_topic("secure")
    url = f"kafka://mla@{address}?tls=1&ca={quote(str(folder))}/cert.pem&sasl=PLAIN&password_file={folder}/password"
    async with asyncio.timeout(120), open_bus(url, clock=SystemClock()) as bus:
        await bus.publish(topic, [action(n) for n in range(5)])
        got: list[int] = []
        async with bus.subscribe(topic, group="g") as joined:
            async for batch in joined.batches():
                got += numbers(batch)
                await joined.commit()
                if len(got) == 5:
                    break
        assert got == list(range(5))
        assert [s.lag for s in await bus.stats() if s.topic == "secure"] == [{"g": 0}]


@pytest.mark.parametrize(
    ("user", "options", "text"),
    [
        ("mla:wrong@", "tls=1&ca={folder}/cert.pem&sasl=PLAIN", "check user, password"),
        ("mla:s3cret@", "tls=1&sasl=PLAIN", "check ca="),
    ],
    ids=["wrong password", "unknown authority"],
)
async def test_what_is_wrong_is_said(secure: tuple[str, Path], user: str, options: str, text: str) -> None:
    address, folder = secure
    with pytest.raises(NotAvailable, match=text) as raised:
        async with open_bus(f"kafka://{user}{address}?{options.format(folder=folder)}", clock=SystemClock()):
            pass
    assert "s3cret" not in str(raised.value)
    assert "wrong" not in str(raised.value)

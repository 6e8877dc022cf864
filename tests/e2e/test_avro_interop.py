"""Avro readers of other languages read our batches: the library avsc, from npm."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np

from kernel.batches import build
from kernel.samples import Kind
from schemas import registry
from schemas.codec import codec
from schemas.records import PointBatch
from tests.support.points import T0, column

PEERS = Path(__file__).resolve().parents[1] / "peers"


def test_a_javascript_library_reads_a_batch_of_columns() -> None:
    node = shutil.which("node")
    assert node, "Node 20 is needed: see the README"
    batch = build(
        source="ast1.opcua", epoch=T0, seq=3, received=T0 + 9, published=T0 + 10, names=["ast1.mount.azimuth", "ast1.mount.state", "µ°"],
        columns=[
            column(Kind.DOUBLE, [0, 0, 0], [T0, T0 + 1_000_003, T0 + 2], [1.5, np.nan, -np.inf], [0, 2, 1]),
            column(Kind.LONG, [1, 1], [T0, T0 + 5], [2**63 - 1, -(2**63)]),
            column(Kind.TEXT, [2], [T0], ["prêt ✓"]),
        ],
        covered=(T0, T0 + 5),
    )  # fmt: skip
    schema = Path(registry.__file__).parent / "avro" / "PointBatch.avsc"
    done = subprocess.run(
        [node, str(PEERS / "avro_reader.mjs"), str(schema)],
        input=codec(PointBatch).encode(batch).hex(),
        capture_output=True,
        text=True,
        check=True,
    )
    read = json.loads(done.stdout)
    assert read["source"] == "ast1.opcua"
    assert int(read["epoch"]) == T0
    assert read["names"] == ["ast1.mount.azimuth", "ast1.mount.state", "µ°"]
    assert [int(read["doubles"]["base"]) + int(t) for t in read["doubles"]["time"]] == [T0, T0 + 1_000_003, T0 + 2]
    assert read["doubles"]["value"] == [1.5, "NaN", "-Infinity"]
    assert read["doubles"]["quality"] == [0, 2, 1]
    assert [int(v) for v in read["longs"]["value"]] == [2**63 - 1, -(2**63)]
    assert read["texts"]["value"] == ["prêt ✓"]

"""A fresh demo whose ports are taken says so before anything is kept: its collectors would read somebody else's servers."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

import cdb
from kernel.errors import BadUsage
from mla.cli import cli
from mla.demo import example, ports_free
from mla.settings import load
from tests.support.platform import free_ports


def test_a_port_that_is_taken_is_named_with_the_setting(tmp_path: Path) -> None:
    first = free_ports(12)
    settings = load(None, overrides={"data": str(tmp_path), "demo_port": first})
    config = cdb.compile(example(first))
    ports_free(settings, config)
    with socket.socket() as other:
        other.bind(("127.0.0.1", first + 3))
        other.listen()
        with pytest.raises(BadUsage, match=rf"port {first + 3} for ast\d.opcua .*MLA_DEMO_PORT={first + 100}"):
            ports_free(settings, config)


def test_the_array_alone_takes_the_ports_of_the_setting(tmp_path: Path) -> None:
    """What it writes for `mla cdb import` is what it serves; a share that is none ends it at once."""
    words = ["--data", str(tmp_path), "simulate", "--write", str(tmp_path / "site"), "--share", "x/1"]
    CliRunner().invoke(cli, words, env={"MLA_DEMO_PORT": "27840"})
    assert "opc.tcp://127.0.0.1:27850" in (tmp_path / "site" / "site.yaml").read_text()

"""Programs are had once, whole or not at all, and what is missing is said with its remedy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deploy.engines.artefacts import cache_folder, jars, need
from kernel.errors import NotAvailable

SAID: list[str] = []


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands before PATH, with a java that does nothing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    SAID.clear()
    _program(folder / "java", "exit 0")
    return folder


def _program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_maven_is_asked_once_and_what_it_left_is_kept(programs: Path, tmp_path: Path) -> None:
    _program(programs / "mvn", 'for a; do case "$a" in -DoutputDirectory=*) mkdir "${a#*=}" && touch "${a#*=}/x.jar";; esac; done')
    cache = tmp_path / "cache"
    first = jars(cache, "thing-1", ["group:thing:1"], SAID.append)
    assert [p.name for p in first.iterdir()] == ["x.jar"]
    assert SAID == ["thing-1: fetching group:thing:1 with Maven, once"]
    _program(programs / "mvn", "exit 1")
    assert jars(cache, "thing-1", ["group:thing:1"], SAID.append) == first
    assert [p.name for p in cache.iterdir()] == ["thing-1"]


def test_a_failure_of_maven_leaves_nothing_and_is_told(programs: Path, tmp_path: Path) -> None:
    _program(programs / "mvn", "echo 'Could not resolve thing' >&2; exit 1")
    with pytest.raises(NotAvailable, match=r"could not fetch group:thing:1: Could not resolve thing; check the network"):
        jars(tmp_path / "cache", "thing-1", ["group:thing:1"], SAID.append)
    assert list((tmp_path / "cache").iterdir()) == []


def test_who_may_not_install_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NotAvailable, match="no-such-server is not installed: install it, for example with: apt-get install some-package"):
        need("no-such-server", "some-package", SAID.append)


def test_the_cache_is_where_the_desktop_specification_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "mla" / "engines"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "mla" / "engines"

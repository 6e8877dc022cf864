"""`mla check`: every mistake of the settings and of every folder at once."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from mla.cli import main

GOOD = 'assets: {hut: {sources: {plc: {protocol: opcua, url: "opc.tcp://h:1", nodes: "s={point}"}}, assemblies: {a: {points: {p: }}}}}\n'


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, without settings of the one who runs the tests."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def folder(path: Path, **documents: str | bytes) -> None:
    path.mkdir()
    for name, text in documents.items():
        (path / f"{name}.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())


def run(*arguments: str) -> int:
    """Exit code of a command."""
    try:
        main(list(arguments))
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.fixture
def broken(place: Path) -> Path:
    """One good folder among bad ones, and bad settings."""
    folder(place / "a", latin="# °C\n".encode("latin-1"), bad="assets: {hut: {sampling: 1s}\n", hut="assets: {Hut: }\n")
    folder(place / "b", good=GOOD)
    folder(place / "c", port=GOOD.replace("h:1", "h:99999"))
    folder(place / "empty")
    (place / "mla.toml").write_text('http = "nowhere"\nlog_levl = "INFO"\n')
    return place


def test_no_mistake_hides_another(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "a", "b", "missing", "c", "empty", "c") == 2
    out, err = capsys.readouterr()
    assert out == "b: good; 3 assets, 1 sources, 1 points, 1 archive classes\n"
    where = [line.split(": ")[0] for line in err.splitlines()]
    assert where[:-1] == ["mla.toml:2", "mla.toml:1", "a/bad.yaml:1", "a/hut.yaml:1", "a/latin.yaml:1", "missing", "c/port.yaml:1", "empty"]
    assert where[-1] == "8 problems; nothing was changed"
    assert "missing: is no configuration (missing is no folder of YAML documents" in err
    assert "the url opc.tcp://h:99999 has the port 99999 (ports are numbers from 1 to 65535" in err


def test_the_same_as_json(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "--json", "a", "b") == 2
    said = orjson.loads(capsys.readouterr().out)
    assert said["settings"] == {}
    assert said["configurations"] == {"b": {"assets": 3, "sources": 1, "points": 1, "archive classes": 1}}
    assert [(p["path"], p["line"]) for p in said["problems"]][2:] == [("a/bad.yaml", 1), ("a/hut.yaml", 1), ("a/latin.yaml", 1)]
    assert all(p["text"] and p["remedy"] for p in said["problems"])


def test_good_settings_and_folders(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder(place / "b", good=GOOD)
    assert run("check", "b") == 0
    assert "http = 127.0.0.1:8800\n" in capsys.readouterr().out
    assert run("check", "--json", "b") == 0
    said = orjson.loads(capsys.readouterr().out)
    assert said["settings"]["http"] == "127.0.0.1:8800"
    assert "problems" not in said


@pytest.mark.parametrize(
    ("content", "problem"), [(b"# \xb0\n", "mla.toml:1: is not UTF-8"), (None, "mla.toml: cannot be read: Is a directory")]
)
def test_settings_that_cannot_be_read(content: bytes | None, problem: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = place / "mla.toml"
    file.mkdir() if content is None else file.write_bytes(content)
    assert run("check") == 2
    assert problem in capsys.readouterr().err


def test_an_import_names_the_mistakes_of_the_readable_files_too(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (broken / "mla.toml").unlink()
    assert run("--data", "data", "cdb", "import", "a", "-m", "why") == 2
    err = capsys.readouterr().err
    assert [line.split(":")[0] for line in err.splitlines()[:-1]] == ["bad.yaml", "hut.yaml", "latin.yaml"]
    assert not (broken / "data").exists()

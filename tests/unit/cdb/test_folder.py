"""Documents as folders of files."""

from __future__ import annotations

from pathlib import Path

import pytest

import cdb
from kernel.errors import BadUsage, ConfigProblems, NotAvailable


def test_a_folder_holds_every_byte(tmp_path: Path) -> None:
    documents = {"a.yaml": "ä\r\n\n", "deep/er/b.yml": "\ufeff# no newline", "empty.yaml": "", **cdb.example()}
    cdb.write_folder(tmp_path / "new", documents)
    assert cdb.read_folder(tmp_path / "new") == documents
    assert (tmp_path / "new/a.yaml").read_bytes() == "ä\r\n\n".encode()
    cdb.write_folder(tmp_path / "new", documents | {"a.yaml": "other"})
    assert cdb.read_folder(tmp_path / "new")["a.yaml"] == "other"


def test_other_files_and_hidden_ones_are_passed_over(tmp_path: Path) -> None:
    for name in ("README.md", ".hidden.yaml", ".git/config.yaml", "a.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert cdb.read_folder(tmp_path) == {"a.yaml": "x"}


def test_export_does_not_mix_revisions(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text("x")
    with pytest.raises(BadUsage, match=r"other YAML files \(old.yaml\)"):
        cdb.write_folder(tmp_path, {"new.yaml": ""})
    assert [f.name for f in tmp_path.iterdir()] == ["old.yaml"]


@pytest.mark.parametrize("path", ["../out.yaml", "/out.yaml", "a/../../out.yaml", "notes.txt"])
def test_nothing_is_written_outside(tmp_path: Path, path: str) -> None:
    with pytest.raises(BadUsage, match="no path of a document"):
        cdb.write_folder(tmp_path / "in", {"a.yaml": "", path: ""})
    assert not list(tmp_path.iterdir())


def test_files_that_are_not_utf_8_are_named_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes("# temperature\n# °C\n".encode("latin-1"))
    (tmp_path / "b.yaml").write_bytes(b"\xff")
    with pytest.raises(ConfigProblems) as caught:
        cdb.read_folder(tmp_path)
    assert [(p.path, p.line) for p in caught.value.problems] == [("a.yaml", 2), ("b.yaml", 1)]


def test_folders_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match="is no folder"):
        cdb.read_folder(tmp_path / "nowhere")
    with pytest.raises(BadUsage, match=r"holds no \*.yaml"):
        cdb.read_folder(tmp_path)
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "good.yaml").touch()
    with pytest.raises(ConfigProblems, match=r"loop.yaml: cannot be read: Too many levels"):
        cdb.read_folder(tmp_path)


def test_files_that_cannot_be_read_do_not_hide_the_mistakes_of_others(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("profiles: {warm: {unit: °C}}".encode("latin-1"))
    (tmp_path / "broken.yaml").write_text("classes: {slow: {chunk: 1h}\n")
    (tmp_path / "hut.yaml").write_text(
        "assets: {hut: {parent: hut, title: [x], assemblies: {a: {defaults: {profile: warm, class: slow}}}}}"
    )
    documents, unread = cdb.scan_folder(tmp_path)
    with pytest.raises(ConfigProblems) as caught:
        cdb.compile(documents, unread=unread)
    found = [(p.path, p.text) for p in caught.value.problems]
    assert [path for path, _ in found] == ["broken.yaml", "hut.yaml", "hut.yaml", "latin.yaml"]
    assert {text for path, text in found if path == "hut.yaml"} == {"hut: title is not a text", "an asset is its own ancestor: hut -> hut"}


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadUsage, match="is no folder"):
        cdb.write_folder(tmp_path / "file", {"a.yaml": ""})
    with pytest.raises(NotAvailable, match="Not a directory"):
        cdb.write_folder(tmp_path / "file/below", {"a.yaml": ""})


def test_documents_that_somebody_has_edited_are_named(tmp_path: Path) -> None:
    documents = {"a.yaml": "a", "below/b.yaml": "b", "new.yaml": "n"}
    assert cdb.changed(tmp_path / "nowhere", documents) == []
    cdb.write_folder(tmp_path, {"a.yaml": "a", "below/b.yaml": "edited"})
    assert cdb.changed(tmp_path, documents) == ["below/b.yaml"]

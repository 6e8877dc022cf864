"""Documents as a folder of YAML files, byte for byte."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from cdb.paths import SUFFIXES, also_folders, check_path
from kernel.errors import BadUsage, ConfigProblems, NotAvailable, Problem


def read_folder(path: Path | str) -> dict[str, str]:
    """Every *.yaml and *.yml file below a folder, path within it to text exactly as written. Hidden files and folders are passed over.
    Raises BadUsage where there is no folder or no document in it, ConfigProblems naming the files that cannot be read."""
    documents, unread = scan_folder(path)
    if unread:
        raise ConfigProblems(unread)
    return documents


def scan_folder(path: Path | str) -> tuple[dict[str, str], list[Problem]]:
    """As read_folder, but with the files that cannot be read beside the others, so that those can be checked too."""
    root = Path(path)
    if not root.is_dir():
        raise BadUsage(f"{root} is no folder of YAML documents; name one, for example one written by `mla cdb export`")
    documents: dict[str, str] = {}
    unread: list[Problem] = []
    for file in sorted(_files(root)):
        name = file.relative_to(root).as_posix()
        try:
            documents[name] = file.read_bytes().decode()
        except UnicodeDecodeError as e:
            line = e.object.count(b"\n", 0, e.start) + 1
            unread.append(Problem(name, line, "is not UTF-8", "save the file as UTF-8"))
        except OSError as e:
            unread.append(Problem(name, 0, f"cannot be read: {e.strerror or e}", "check what it is, and its permissions"))
    if not documents and not unread:
        raise BadUsage(f"{root} holds no *.yaml document")
    return documents, unread


def changed(path: Path | str, documents: Mapping[str, str]) -> list[str]:
    """The documents that a folder holds with other contents, in order: writing these would overwrite somebody's work."""
    root = Path(path)
    found = (name for name in sorted(documents) if (root / name).is_file())
    try:
        return [name for name in found if (root / name).read_bytes() != documents[name].encode()]
    except OSError as e:
        raise NotAvailable(f"{root}: {e.strerror or e}; check its permissions") from e


def write_folder(path: Path | str, documents: Mapping[str, str]) -> None:
    """Writes each document below a folder, byte for byte. Raises BadUsage before writing anything where the folder holds YAML files that
    are no documents of this revision: read back, they would become part of it."""
    root = Path(path)
    for name in documents:
        check_path(name)
    if both := also_folders(documents):
        raise BadUsage(f"{', '.join(both)}: a document and a folder at once; rename one")
    if root.exists() and not root.is_dir():
        raise BadUsage(f"{root} is no folder; name one, it is created where it does not exist")
    others = sorted({f.relative_to(root).as_posix() for f in _files(root)} - documents.keys()) if root.is_dir() else []
    if others:
        shown = ", ".join(others[:5]) + (", ..." if len(others) > 5 else "")
        raise BadUsage(f"{root} holds other YAML files ({shown}): name an empty folder, or remove them first")
    try:
        for name, text in documents.items():
            _write(root / name, text.encode())
    except OSError as e:
        raise NotAvailable(f"{root}: {e.strerror or e}; check free space and permissions") from e


def _files(root: Path) -> list[Path]:
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = [f for f in folders if not f.startswith(".")]
        found += [Path(folder) / f for f in files if f.endswith(SUFFIXES) and not f.startswith(".")]
    return found


def _write(file: Path, data: bytes) -> None:
    """Whole or not at all: an interrupted export leaves no half document."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.part")
    part.write_bytes(data)
    part.replace(file)

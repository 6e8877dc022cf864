"""What a backup holds: every file with its size and SHA-256, and what the files mean."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from kernel.errors import BadUsage, NotAvailable

FILE = "manifest.json"
FORM = 1
PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """One backup."""

    made: int
    """Microseconds UTC; what was stored before is in it."""
    revisions: int
    configuration: str
    """SHA-256 over all revisions."""
    points: int
    samples: int
    users: int
    files: Mapping[str, tuple[int, str]]
    """Path within the backup to (bytes, SHA-256)."""
    form: int = FORM

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(size for size, _ in self.files.values())


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Durable when it returns."""
    with (folder / FILE).open("w") as file:
        json.dump(asdict(manifest), file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())


def read_manifest(folder: Path) -> Manifest:
    """Raises BadUsage where the folder is no backup, or one of a newer release."""
    try:
        found = json.loads((folder / FILE).read_text())
        manifest = Manifest(**{**found, "files": {name: (size, digest) for name, (size, digest) in found["files"].items()}})
    except FileNotFoundError:
        raise BadUsage(f"{folder} is no backup: it holds no {FILE}; name the folder that `mla backup` wrote") from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadUsage(f"{folder / FILE} cannot be read: {error}; take another backup") from error
    if manifest.form != FORM:
        raise BadUsage(f"{folder} was written in form {manifest.form}, known is {FORM}: restore it with the release that wrote it")
    for name in manifest.files:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise BadUsage(f"{folder / FILE} names a file outside of the backup ({name}): take another backup")
    return manifest


def sums_of(folder: Path, told: Callable[[int], None]) -> dict[str, tuple[int, str]]:
    """Every file below a folder, made durable. `told` hears of bytes."""
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        found[path.relative_to(folder).as_posix()] = (path.stat().st_size, _digest(path, None, told))
    return found


def copy_verified(source: Path, target: Path, wanted: tuple[int, str], told: Callable[[int], None]) -> None:
    """Copies a file of a backup, durably. Raises NotAvailable where it is missing or not what the manifest says."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        size, found = source.stat().st_size, _digest(source, target, told)
    except OSError as error:
        raise NotAvailable(f"{error.filename or source}: {error.strerror}; nothing was put in place") from error
    if (size, found) != wanted:
        raise NotAvailable(f"{source} is not what the manifest says: it is damaged; nothing was put in place, take another backup")


def _digest(source: Path, copy: Path | None, told: Callable[[int], None]) -> str:
    found = hashlib.sha256()
    target = copy or source
    with source.open("rb") as file, target.open("rb" if copy is None else "wb") as out:
        while piece := file.read(PIECE):
            found.update(piece)
            if copy is not None:
                out.write(piece)
            told(len(piece))
        out.flush()
        os.fsync(out.fileno())
    return found.hexdigest()

"""Every setting, in one frozen model: from mla.toml, then from MLA_… variables. All mistakes at once, before anything starts."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from kernel.errors import ConfigProblems, Problem

ENGINES = {
    "bus_url": ("sqlite", "kafka"),
    "hot_url": ("memory", "redis", "rediss"),
    "archive_url": ("sqlite", "cassandra"),
    "cdb_url": ("sqlite", "cassandra"),
    "registry_url": ("http", "https"),
}
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class Settings(BaseModel):
    """What a site may set. An empty URL stands for the embedded engine under `data`."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    data: Path = Field(Path("data"), description="Folder of everything the platform keeps")
    bus_url: str = Field("", description="Data in motion: sqlite:///DIR (default DATA/bus) or kafka://HOST:PORT")
    hot_url: str = Field("memory://", description="Hot monitoring queue: memory:// (one process) or redis://HOST:PORT")
    archive_url: str = Field("", description="Data at rest: sqlite:///DIR (default DATA/archive) or cassandra://HOST/KEYSPACE")
    cdb_url: str = Field("", description="Configuration database: sqlite:///DIR (default DATA/cdb) or cassandra://HOST/KEYSPACE")
    http: str = Field("127.0.0.1:8800", description="HOST:PORT of the HMI and API")
    registry_url: str = Field(
        "", description="Schema registry, for Kafka: http(s)://HOST:PORT; empty: records carry their schema's fingerprint"
    )
    log_level: str = Field("INFO", description="Level of the platform's own log on standard error: " + ", ".join(LEVELS))
    collector_processes: int = Field(1, ge=1, le=64, description="Collector processes that `mla up` starts; sources are divided among them")
    spool_bytes: int = Field(256 << 20, ge=0, description="Disk spool before the bus, bytes per collector process; 0: none")
    hot_retention: float = Field(120.0, gt=0, description="Recent window of the hot queue, seconds")
    hot_bytes: int = Field(64 << 20, ge=1 << 20, description="Bound of that window, bytes")
    demo_port: int = Field(4840, ge=1024, le=65_500, description="First of the ports that the simulated array listens on")
    metrics_open: bool = Field(False, description="/metrics without log-in on any address, as on loopback")

    @field_validator("log_level")
    @classmethod
    def _level(cls, value: str) -> str:
        if value.upper() not in LEVELS:
            raise ValueError(f"must be one of {', '.join(LEVELS)}")
        return value.upper()

    @field_validator("bus_url", "hot_url", "archive_url", "cdb_url", "registry_url")
    @classmethod
    def _known_engine(cls, value: str, info: ValidationInfo) -> str:
        known = ENGINES[str(info.field_name)]
        scheme, found, rest = value.partition("://")
        if value and (not found or scheme not in known or (not rest and scheme != "memory")):
            raise ValueError(f"is no URL of a known engine; write one of {', '.join(f'{k}://…' for k in known)}")
        return value

    @field_validator("registry_url")
    @classmethod
    def _for_kafka(cls, value: str, info: ValidationInfo) -> str:
        if value and not info.data.get("bus_url", "kafka:").startswith("kafka:"):
            raise ValueError("needs bus_url = kafka://…; on the embedded bus records carry their schema's fingerprint: leave it empty")
        return value

    @field_validator("http")
    @classmethod
    def _http(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or not 0 <= int(port) < 65536:
            raise ValueError("must be HOST:PORT, for example 127.0.0.1:8800")
        return value

    @field_validator("data")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @property
    def bus(self) -> str:
        return self.bus_url or f"sqlite://{self.data}/bus"

    @property
    def archive(self) -> str:
        return self.archive_url or f"sqlite://{self.data}/archive"

    @property
    def cdb(self) -> str:
        return self.cdb_url or f"sqlite://{self.data}/cdb"

    @property
    def host(self) -> str:
        return self.http.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.http.rpartition(":")[2])

    def effective(self) -> dict[str, Any]:
        """Every setting in force, without secrets: user names and passwords in URLs are masked."""
        shown = self.model_dump(mode="json")
        shown.update(bus_url=mask(self.bus), archive_url=mask(self.archive), cdb_url=mask(self.cdb), hot_url=mask(self.hot_url))
        shown.update(registry_url=mask(self.registry_url))
        return shown

    def environment(self) -> dict[str, str]:
        """The same settings for a child process."""
        return {f"MLA_{k.upper()}": str(v) for k, v in self.model_dump(mode="json").items() if v != ""}


def mask(url: str) -> str:
    """The URL without credentials."""
    scheme, sep, rest = url.partition("://")
    if "@" in rest.partition("/")[0]:
        rest = "***@" + rest.partition("@")[2]
    return scheme + sep + rest


CLIENT = ("MLA_URL", "MLA_TOKEN", "MLA_USER", "MLA_PASSWORD")
"""What the Python client takes from the same environment."""


def load(path: Path | None, environment: Mapping[str, str] | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings: defaults, then the file (default ./mla.toml where it exists), then the environment, then overrides.

    Raises ConfigProblems with every mistake, its file and line.
    """
    file = path or Path("mla.toml")
    problems: list[Problem] = []
    text = _text(file, problems) if path is not None or file.exists() else ""
    values, origin = _from_file(file, text, problems)
    for key, (value, name) in _from_environment(os.environ if environment is None else environment, problems).items():
        values[key], origin[key] = value, (name, 0)
    for key, value in (overrides or {}).items():
        values[key], origin[key] = value, ("command line", 0)
    try:
        settings = Settings(**values)
    except ValidationError as error:
        problems += [_problem(e, origin) for e in error.errors()]
    if problems:
        raise ConfigProblems(problems)
    return settings


def _text(file: Path, problems: list[Problem]) -> str:
    try:
        return file.read_bytes().decode()
    except FileNotFoundError:
        problems.append(Problem(str(file), 0, "does not exist", "name an existing file with --config, or leave it out"))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problems.append(Problem(str(file), line, "is not UTF-8", "save the file as UTF-8"))
    except OSError as error:
        problems.append(Problem(str(file), 0, f"cannot be read: {error.strerror or error}", "name a readable file with --config"))
    return ""


def _from_file(file: Path, text: str, problems: list[Problem]) -> tuple[dict[str, Any], dict[str, tuple[str, int]]]:
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = getattr(error, "lineno", 0) or _line_in(str(error))
        problems.append(Problem(str(file), line, f"not TOML: {error}", "see https://toml.io"))
        return {}, {}
    lines = {k.split("=")[0].strip("[] \t"): i for i, k in reversed(list(enumerate(text.splitlines(), 1))) if "=" in k or k.startswith("[")}
    origin = {k: (str(file), lines.get(k, 0)) for k in values}
    for key in [k for k in values if k not in Settings.model_fields]:
        problems.append(Problem(*origin[key], f"unknown setting {key!r}", _meant(key)))
        del values[key]
    return values, origin


def _from_environment(environment: Mapping[str, str], problems: list[Problem]) -> dict[str, tuple[str, str]]:
    found = {}
    for name, value in sorted(environment.items()):
        if (
            not name.startswith("MLA_")
            or name.startswith(("MLA_TEST_", "MLA_CHILD_", "MLA_REQUIRE_"))
            or name.removesuffix("_FILE") in CLIENT
        ):
            continue
        key = name[4:].lower()
        if key.endswith("_file") and key not in Settings.model_fields:
            key, value = key[:-5], _read(name, value, problems)
        if key in Settings.model_fields:
            found[key] = (value, name)
        else:
            problems.append(Problem(name, 0, "unknown setting", _meant(key, "MLA_{}")))
    return found


def _read(name: str, path: str, problems: list[Problem]) -> str:
    try:
        return Path(path).read_bytes().decode().strip()
    except UnicodeDecodeError:
        problems.append(Problem(name, 0, f"cannot read {path}: it is not UTF-8", "name a file of text"))
    except (OSError, ValueError) as error:
        problems.append(Problem(name, 0, f"cannot read {path}: {getattr(error, 'strerror', error)}", "name a readable file"))
    return ""


def _problem(error: Any, origin: Mapping[str, tuple[str, int]]) -> Problem:
    key = str(error["loc"][0])
    path, line = origin.get(key, ("settings", 0))
    text = error["msg"].removeprefix("Value error, ")
    return Problem(path, line, f"{key} = {error['input']!r}: {text}", Settings.model_fields[key].description or "")


def _meant(key: str, form: str = "{}") -> str:
    close = difflib.get_close_matches(key, Settings.model_fields, 1)
    shown = [form.format(k.upper() if "MLA" in form else k) for k in (close or Settings.model_fields)]
    return f"did you mean {shown[0]}?" if close else f"known are: {', '.join(shown)}"


def _line_in(text: str) -> int:
    _, _, rest = text.partition("line ")
    return int(rest.split(",")[0].split(")")[0]) if rest[:1].isdigit() else 0

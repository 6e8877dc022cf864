"""What the files in deploy/ and the guide say of settings, services and URLs is what the platform knows."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.kafka.place import kafka_place
from cql import read_place
from mla.modules import MODULES
from mla.run import check_names
from mla.settings import Settings, load
from mon_queue.redis_url import redis_place

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"
BINARY = {".pem", ".key", ".png", ".pyc"}
DOCS = [ROOT / "docs/guide/administration.md", *sorted((ROOT / "docs/how-to").glob("deploy-*.md"))]


def texts() -> Iterator[Path]:
    """Every text that an administrator reads or runs; not what belongs to the native engines or to one checkout."""
    for path in sorted(DEPLOY.rglob("*")):
        skipped = {"engines", "__pycache__"} & set(path.relative_to(DEPLOY).parts[:-1][:2])
        if path.is_file() and not path.is_symlink() and path.suffix not in BINARY and not skipped:
            yield path
    yield from (DEPLOY / "compose" / "engines").iterdir()
    yield from DOCS


@pytest.mark.parametrize("path", [pytest.param(p, id=str(p.relative_to(ROOT))) for p in texts()])
def test_every_variable_is_a_setting(path: Path) -> None:
    found = set(re.findall(r"\bMLA_[A-Z_]*[A-Z]\b", path.read_text()))
    known = {f"MLA_{name.upper()}" for name in Settings.model_fields}
    assert {v for v in found if v.removesuffix("_FILE") not in known and v not in known} == set()


def compose(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose" / name).read_text())
    return found


@pytest.mark.parametrize("name", ["compose.yaml", "compose.embedded.yaml"])
def test_compose_mentions_only_what_it_defines(name: str) -> None:
    file = compose(name)
    for service in file["services"].values():
        assert set(service.get("secrets", ())) <= set(file.get("secrets", {}))
        assert set(service.get("networks", ())) <= set(file.get("networks", {}))
        assert set(service.get("depends_on", ())) <= set(file["services"])
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in file["volumes"] or (DEPLOY / "compose" / source).exists(), volume


def test_compose_uses_every_secret_that_it_names() -> None:
    file = compose("compose.yaml")
    used = {s for service in file["services"].values() for s in service.get("secrets", ())}
    assert used == set(file["secrets"])
    written = (DEPLOY / "compose" / "secrets.sh").read_text()
    for where in file["secrets"].values():
        stem = where["file"].removeprefix("${SECRETS:-../../.mla-secrets}/")
        assert stem in written or stem.partition(".")[0] in written


def test_every_service_of_the_platform_runs_in_compose() -> None:
    services = compose("compose.yaml")["services"]
    ran = [tuple(s["command"][1:]) for s in services.values() if s.get("command", [""])[0] == "run"]
    assert {n for names in ran for n in names} == set(MODULES)
    distributed = Settings(hot_url="rediss://redis")
    for names in ran:
        assert check_names(names, distributed) == names


def test_containers_of_ours_are_confined() -> None:
    for service in (*compose("compose.yaml")["services"].values(), *compose("compose.embedded.yaml")["services"].values()):
        if str(service.get("image", "")).startswith("${IMAGE"):
            assert service["read_only"]
            assert service["cap_drop"] == ["ALL"]
            assert "no-new-privileges:true" in service["security_opt"]


def test_plain_http_is_never_published_beyond_the_host() -> None:
    for name in ("compose.yaml", "compose.embedded.yaml"):
        for who, service in compose(name)["services"].items():
            for port in service.get("ports", ()):
                assert port.startswith("127.0.0.1:") or who == "web", (who, port)


def test_the_urls_that_secrets_sh_writes_are_read_by_the_adapters(tmp_path: Path) -> None:
    for name in ("ca", "kafka_password", "redis_password", "cassandra_password"):
        (tmp_path / name).write_text("word")
    script = (DEPLOY / "compose" / "secrets.sh").read_text()
    urls = {found[2]: found[1].replace("%s", str(tmp_path)) for found in re.finditer(r"printf '(\w+://\S+)' .* > (\w+)\n", script)}
    assert kafka_place(urls["bus_url"]).client["sasl.password"] == "word"
    assert redis_place(urls["hot_url"]).password == "word"
    place = read_place(urls["cassandra_url"])
    assert (place.user, place.password, place.keyspace) == ("mla", "word", "mla")
    assert place.tls is not None


def test_the_examples_of_systemd_are_good_settings(tmp_path: Path) -> None:
    for name in ("ca.pem", "kafka_password", "redis_password", "cassandra_password"):
        (tmp_path / name).write_text("word")
    lines = (DEPLOY / "systemd" / "environment.example").read_text().replace("/etc/mla", str(tmp_path)).splitlines()
    given = dict(line.split("=", 1) for line in lines if line.startswith("MLA_"))
    settings = load(DEPLOY / "systemd" / "mla.toml.example", environment=given)
    assert settings.bus == given["MLA_BUS_URL"]
    assert len(kafka_place(settings.bus).client["bootstrap.servers"].split(",")) == 3
    assert redis_place(settings.hot_url).url.startswith("rediss://")
    assert read_place(settings.archive).replication == (("dc1", 3),)


def test_helm_and_ansible_run_services_that_exist() -> None:
    chart = "".join(p.read_text() for p in (DEPLOY / "helm/mla/templates").glob("*.yaml"))
    assert set(re.findall(r'list "run" "(\w+)"', chart)) == set(MODULES)
    role = (DEPLOY / "ansible/roles/mla/defaults/main.yml").read_text()
    assert set(re.findall(r"\['(\w+)'\]", role)) == set(MODULES)
    toml = (DEPLOY / "ansible/roles/mla/templates/mla.toml.j2").read_text()
    assert set(tomllib.loads(re.sub(r"\{\{[^}]*\}\}", "1", toml))) <= set(Settings.model_fields)


def test_the_image_is_built_from_what_is_there_and_runs_without_rights() -> None:
    lines = [line for line in (DEPLOY / "image/Dockerfile").read_text().replace("\\\n", " ").splitlines() if line and line[0] != "#"]
    words = [line.split() for line in lines]
    for line in words:
        if line[0] == "COPY" and not line[1].startswith("--from"):
            assert all((ROOT / source).exists() for source in line[1:-1]), line
    stages = {line[3] for line in words if line[0] == "FROM" and len(line) == 4}
    assert {found for line in lines for found in re.findall(r"--from=(\w+)", line)} <= stages
    last = words[max(i for i, line in enumerate(words) if line[0] == "FROM") :]
    assert ["USER", "10001:10001"] in last
    entry = next(ast.literal_eval(" ".join(line[1:])) for line in last if line[0] == "ENTRYPOINT")
    assert entry == ["mla"]
    assert any(line[0] == "HEALTHCHECK" for line in last)


def test_the_guide_names_commands_that_exist() -> None:
    from mla.cli import COMMANDS

    for path in DOCS:
        shell = "\n".join(re.findall(r"```sh\n(.*?)```", path.read_text(), re.DOTALL))
        named = set(re.findall(r"(?:^ *|; |&& |sudo |hmi |-- )mla ([a-z]+)\b", shell, re.MULTILINE))
        assert named <= set(COMMANDS), f"{path.name}: {sorted(named - set(COMMANDS))}"

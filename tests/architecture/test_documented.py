"""What people rely on is documented: every setting, service, command and topic."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import cql.place
from bus.kafka import place as kafka_place
from mla.cli import COMMANDS
from mla.modules import MODULES
from mla.settings import Settings
from mon_queue import redis_url
from schemas.records import TOPICS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    text = (ROOT / "docs/reference/settings.md").read_text()
    assert f"`{name}`" in text
    assert f"`MLA_{name.upper()}`" in text


@pytest.mark.parametrize("options", [kafka_place.OPTIONS, redis_url.OPTIONS, cql.place.OPTIONS, cql.place.CONSISTENCIES])
def test_every_option_of_an_engine_url_is_documented(options: tuple[str, ...]) -> None:
    text = (ROOT / "docs/reference/settings.md").read_text()
    assert [name for name in options if f"`{name}`" not in text] == []


@pytest.mark.parametrize("name", MODULES)
def test_every_service_is_documented(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs/reference/commands.md").read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str) -> None:
    assert f"mla {name}" in (ROOT / "docs/reference/commands.md").read_text()


@pytest.mark.parametrize("topic", TOPICS, ids=lambda t: t.name)
def test_every_topic_is_documented(topic: object) -> None:
    assert f"`{topic.name}`" in (ROOT / "docs/reference/topics.md").read_text()  # type: ignore[attr-defined]


def test_links_between_documents_lead_somewhere() -> None:
    import re

    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_floors_of_the_house_hold() -> None:
    done = subprocess.run([Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_no_address_of_a_registry_and_no_path_of_a_machine_is_kept() -> None:
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in files:
        if name.endswith((".lock", "package-lock.json", ".txt", ".toml", ".npmrc")):
            text = (ROOT / name).read_text(errors="replace")
            assert "://registry" not in text, name
            assert '"resolved"' not in text, name
            assert "--index-url" not in text, name


def test_no_placeholder_is_left_in_the_documents() -> None:
    import re

    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        assert not re.findall(r"@[A-Z_]{3,}@", page.read_text()), page.name

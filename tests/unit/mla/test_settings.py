from __future__ import annotations

from pathlib import Path

import pytest

from kernel.errors import ConfigProblems
from mla.settings import Settings, load, mask


def test_defaults_are_embedded_under_the_data_folder(tmp_path: Path) -> None:
    settings = load(None, {}, {"data": tmp_path})
    assert settings.bus == f"sqlite://{tmp_path}/bus"
    assert settings.archive == f"sqlite://{tmp_path}/archive"
    assert settings.cdb == f"sqlite://{tmp_path}/cdb"
    assert settings.hot_url == "memory://"


def test_the_default_folder_is_made_absolute() -> None:
    assert load(None, {}).bus == f"sqlite://{Path.cwd()}/data/bus"


def test_the_command_line_wins_over_the_environment_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mla.toml"
    file.write_text('http = "127.0.0.1:1"\nlog_level = "DEBUG"\nhot_retention = 30\n')
    settings = load(file, {"MLA_HTTP": "127.0.0.1:2", "MLA_LOG_LEVEL": "warning"}, {"http": "127.0.0.1:3"})
    assert (settings.port, settings.log_level, settings.hot_retention) == (3, "WARNING", 30)


def test_every_mistake_is_reported_at_once_with_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "mla.toml"
    file.write_text('# site\nhttp = "nowhere"\nlog_levl = "INFO"\ncollector_processes = 0\n')
    with pytest.raises(ConfigProblems) as caught:
        load(file, {"MLA_DATAS": "x", "MLA_HOT_BYTES": "many"})
    found = {(p.path, p.line) for p in caught.value.problems}
    assert found == {(str(file), 2), (str(file), 3), (str(file), 4), ("MLA_DATAS", 0), ("MLA_HOT_BYTES", 0)}
    text = str(caught.value)
    assert "did you mean log_level?" in text
    assert "did you mean MLA_DATA?" in text


def test_a_file_that_is_no_toml_names_its_line(tmp_path: Path) -> None:
    file = tmp_path / "mla.toml"
    file.write_text("http = 1\n\nthis is not toml\n")
    with pytest.raises(ConfigProblems, match=r"mla\.toml:3"):
        load(file, {})


def test_a_missing_file_is_a_mistake_only_when_it_was_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigProblems, match="does not exist"):
        load(tmp_path / "absent.toml", {})


def test_secrets_come_from_files_and_are_not_shown(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("kafka://user:pass@broker:9092\n")
    settings = load(None, {"MLA_BUS_URL_FILE": str(secret)})
    assert settings.bus_url == "kafka://user:pass@broker:9092"
    assert "pass" not in str(settings.effective())
    assert mask("redis://a:b@h:1/0") == "redis://***@h:1/0"


def test_a_child_process_gets_the_same_settings(tmp_path: Path) -> None:
    settings = load(None, {}, {"data": tmp_path, "http": "127.0.0.1:9", "collector_processes": 2})
    assert load(None, settings.environment()) == settings


def test_settings_are_frozen() -> None:
    with pytest.raises(Exception, match="frozen"):
        Settings().http = "x"  # type: ignore[misc]


def test_a_schema_registry_is_for_kafka_and_its_password_is_not_shown() -> None:
    settings = load(None, {"MLA_BUS_URL": "kafka://broker:9092", "MLA_REGISTRY_URL": "https://mla:pass@registry:8081?ca=/ca.pem"})
    assert settings.effective()["registry_url"] == "https://***@registry:8081?ca=/ca.pem"
    with pytest.raises(ConfigProblems, match=r"registry_url = .*needs bus_url = kafka"):
        load(None, {"MLA_REGISTRY_URL": "http://registry:8081"})
    with pytest.raises(ConfigProblems, match=r"registry_url = .*write one of http://…, https://…"):
        load(None, {"MLA_BUS_URL": "kafka://broker:9092", "MLA_REGISTRY_URL": "registry:8081"})


def test_what_the_python_client_takes_from_the_environment_is_no_mistake() -> None:
    load(None, {"MLA_URL": "http://host:8800", "MLA_TOKEN_FILE": "/x", "MLA_USER": "olga", "MLA_PASSWORD": "secret"})
    with pytest.raises(ConfigProblems, match="MLA_USERS"):
        load(None, {"MLA_USERS": "olga"})


def test_an_unknown_table_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "mla.toml"
    file.write_text('log_level = "DEBUG"\n\n[hmi]\nlog_level = "INFO"\nhttp = "x"\n')
    with pytest.raises(ConfigProblems) as caught:
        load(file, {})
    assert [(p.line, p.text) for p in caught.value.problems] == [(3, "unknown setting 'hmi'")]

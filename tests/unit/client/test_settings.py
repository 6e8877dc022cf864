"""Where the platform is and who we are."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from mla_client.errors import BadRequest
from mla_client.settings import HOME, Settings, settings_of, tls_of


def test_the_environment_stands_in_for_what_is_not_given() -> None:
    assert settings_of(None, None, None, None, {}) == Settings(HOME)
    env = {"MLA_URL": "https://host/mla/", "MLA_TOKEN": "t"}
    assert settings_of(None, None, None, None, env) == Settings("https://host/mla", token="t")
    named = {"MLA_USER": "x", "MLA_PASSWORD": "p"}
    assert settings_of("http://h:1", None, None, None, named) == Settings("http://h:1", "x", "p")


def test_arguments_win() -> None:
    env = {"MLA_URL": "http://other", "MLA_TOKEN": "t", "MLA_USER": "y", "MLA_PASSWORD": "q"}
    assert settings_of("http://h", "x", "p", None, env) == Settings("http://h", "x", "p")
    assert settings_of("http://h", None, None, "mine", env) == Settings("http://h", token="mine")
    assert settings_of("http://x:p%40q@h:8800", None, None, None, env) == Settings("http://h:8800", "x", "p@q")


def test_secrets_may_be_in_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hush\n")
    assert settings_of(None, None, None, None, {"MLA_TOKEN_FILE": str(secret)}).token == "hush"
    assert settings_of(None, "x", None, None, {"MLA_PASSWORD_FILE": str(secret)}).password == "hush"
    assert "hush" not in repr(Settings("http://h", "x", "hush", "hush"))


@pytest.mark.parametrize("url", ["host:8080", "ftp://host", "http://", "/x"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(BadRequest, match="http://host:8080"):
        settings_of(url, None, None, None, {})


def test_a_user_needs_a_password() -> None:
    with pytest.raises(BadRequest, match="MLA_PASSWORD"):
        settings_of(None, "x", None, None, {})


def test_the_live_socket_has_the_same_address() -> None:
    assert Settings("http://h:8800").live_url == "ws://h:8800/ws/live"
    assert Settings("https://h/mla").live_url == "wss://h/mla/ws/live"


def test_certificates() -> None:
    assert tls_of("http://h", True) is None
    checked, unchecked = tls_of("https://h", True), tls_of("https://h", False)
    assert checked is not None
    assert unchecked is not None
    assert (checked.verify_mode, unchecked.verify_mode) == (ssl.CERT_REQUIRED, ssl.CERT_NONE)
    assert tls_of("https://h", checked) is checked

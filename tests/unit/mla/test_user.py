"""`mla user`: passwords come from a file, standard input or a prompt, never from the command itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from mla.cli import cli, main
from mla.logins import users_of

PASSWORD = "correct horse é"


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_password_from_a_file(tmp_path: Path, end: str) -> None:
    (tmp_path / "secret").write_bytes((PASSWORD + end).encode())
    main(["--data", str(tmp_path / "d"), "user", "add", "maria", "--role", "operator", "--password-file", str(tmp_path / "secret")])
    assert users_of(tmp_path / "d").check("maria", PASSWORD) is not None


@pytest.mark.parametrize(("arguments", "typed"), [(["--password-file", "-"], PASSWORD + "\n"), ([], f"{PASSWORD}\n{PASSWORD}\n")])
def test_a_password_from_standard_input(tmp_path: Path, arguments: list[str], typed: str) -> None:
    done = CliRunner().invoke(cli, ["--data", str(tmp_path), "user", "add", "maria", "--role", "operator", *arguments], input=typed)
    assert done.exit_code == 0, done.output
    assert PASSWORD not in done.output
    assert users_of(tmp_path).check("maria", PASSWORD) is not None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file"),
        (b"", "must hold one line, the password; it holds 0 lines"),
        (b"one-password\nanother-one\n", "it holds 2 lines"),
        (b"p\xe9ssword-latin", "is not UTF-8"),
        (b"short", "too short"),
    ],
)
def test_what_is_no_password(tmp_path: Path, content: bytes | None, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(SystemExit) as end:
        main(["--data", str(tmp_path / "d"), "user", "add", "maria", "--role", "operator", "--password-file", str(tmp_path / "secret")])
    assert end.value.code == 2
    assert said in capsys.readouterr().err


def test_no_password_in_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--data", str(tmp_path), "user", "add", "maria", "--role", "operator", "--password", PASSWORD])
    assert "No such option" in capsys.readouterr().err

"""`mla user`: who may log in."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hmi_backend.roles import Role
from kernel.errors import BadUsage
from mla.cli.common import emit_json, emit_table, json_option, settings_of
from mla.logins import users_of

ROLES = click.Choice([r.value for r in Role])


@click.group()
def user() -> None:
    """Who may log in. A running platform takes changes up at its next start."""


@user.command("list")
@json_option
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """List users and roles."""
    names = users_of(settings_of(ctx).data).names()
    if as_json:
        emit_json([{"user": n, "role": r.value} for n, r in names.items()])
    else:
        emit_table(("USER", "ROLE"), [(n, r.value) for n, r in names.items()])


@user.command()
@click.argument("name")
@click.option("--role", type=ROLES, required=True)
@click.option("--password-file", "file", metavar="FILE", help="File that holds the password, - for standard input; default: asks for it.")
@click.pass_context
def add(ctx: click.Context, name: str, role: str, file: str | None) -> None:
    """Add a user, or give one a new password and role. The password never stands in the command: others could see it there."""
    settings = settings_of(ctx)
    password = click.prompt("Password", hide_input=True, confirmation_prompt=True) if file is None else _password_in(file)
    settings.data.mkdir(parents=True, exist_ok=True)
    users_of(settings.data).add(name, password, Role(role))
    click.echo(f"{name} may log in as {role}")


@user.command()
@click.argument("name")
@click.pass_context
def remove(ctx: click.Context, name: str) -> None:
    """Remove a user."""
    users_of(settings_of(ctx).data).remove(name)
    click.echo(f"{name} was removed")


def _password_in(file: str) -> str:
    """The one line of a file, without its end. Raises BadUsage where it is not one line of text."""
    try:
        text = (sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()).decode()
    except OSError as error:
        raise BadUsage(f"the password file {file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadUsage(f"the password in {_named(file)} is not UTF-8") from None
    lines = text.splitlines()
    if len(lines) != 1 or not lines[0]:
        raise BadUsage(f"{_named(file)} must hold one line, the password; it holds {len(lines)} lines")
    return lines[0]


def _named(file: str) -> str:
    return "standard input" if file == "-" else f"the password file {file}"

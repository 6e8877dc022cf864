"""`mla user`: who may log in."""

from __future__ import annotations

import click

from hmi_backend.roles import Role
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
@click.password_option()
@click.pass_context
def add(ctx: click.Context, name: str, role: str, password: str) -> None:
    """Add a user, or give one a new password and role."""
    settings = settings_of(ctx)
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

"""The command line. Each command's module is imported when it is used, so that `mla` answers at once."""

from __future__ import annotations

import importlib
from typing import Any

import click

from kernel.errors import BadUsage, ConfigProblems, MlaError

COMMANDS = {
    "up": ("mla.cli.services", "up"),
    "run": ("mla.cli.services", "run"),
    "services": ("mla.cli.services", "services"),
    "simulate": ("mla.cli.simulate", "simulate"),
    "status": ("mla.cli.manage", "status"),
    "start": ("mla.cli.manage", "start"),
    "stop": ("mla.cli.manage", "stop"),
    "restart": ("mla.cli.manage", "restart"),
    "check": ("mla.cli.check", "check"),
    "cdb": ("mla.cli.cdb", "cdb"),
    "points": ("mla.cli.read", "points"),
    "get": ("mla.cli.read", "get"),
    "watch": ("mla.cli.read", "watch"),
    "query": ("mla.cli.read", "query"),
    "export": ("mla.cli.export", "export"),
    "dead": ("mla.cli.dead", "dead"),
    "user": ("mla.cli.user", "user"),
    "engines": ("mla.cli.engines", "engines"),
    "backup": ("mla.cli.backup", "backup"),
    "restore": ("mla.cli.backup", "restore"),
    "migrate": ("mla.cli.migrate", "migrate"),
    "bench": ("mla.cli.bench", "bench"),
}


class Lazy(click.Group):
    """A group whose commands are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option("--config", type=click.Path(dir_okay=False), help="Settings file (default: mla.toml where it exists).")
@click.option("--data", type=click.Path(file_okay=False), help="Folder of everything the platform keeps (default: data).")
@click.version_option(package_name="mla-platform")
@click.pass_context
def cli(ctx: click.Context, config: str | None, data: str | None) -> None:
    """Monitoring, logging and alarms for telescope arrays and other sites."""
    ctx.obj = {"config": config, "data": data}


def main(arguments: list[str] | None = None) -> Any:
    """Runs the command line. Exit code 0: done, 1: failed, 2: bad usage or bad configuration."""
    try:
        cli.main(args=arguments, prog_name="mla", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except click.Abort:
        raise SystemExit(1) from None
    except ConfigProblems as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        click.echo(f"{len(error.problems)} problem{'s' if len(error.problems) > 1 else ''}; nothing was changed", err=True)
        raise SystemExit(2) from None
    except BadUsage as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(2) from None
    except MlaError as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(1) from None
    except OSError as error:
        click.echo(f"Error: {told(error)}", err=True)
        raise SystemExit(1) from None
    except BaseExceptionGroup as group:
        raise SystemExit(_grouped(group)) from None


def told(error: OSError) -> str:
    """The file and what is wrong with it, in one line."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}; check the path, its owner and the room on its disk"


def _grouped(group: BaseExceptionGroup[BaseException]) -> int:
    """Reports errors of ours that come out of a task group; anything else is a fault and shows its traceback."""
    ours, rest = group.split((MlaError, OSError))
    if rest is not None:
        raise rest
    assert ours is not None
    error: BaseException = ours
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    click.echo(f"Error: {told(error) if isinstance(error, OSError) else error}", err=True)
    return 2 if isinstance(error, (BadUsage, ConfigProblems)) else 1

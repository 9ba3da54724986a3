"""The commands as typer sees them: their list, their help, and what it says of wrong use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from whet import __version__
from whet.cli.main import COMMANDS, HELP_OPTIONS, PipeClosedError, explain_unknown, load_command, name_command
from whet.errors import UsageError

# typer keeps its own copy of click since 0.26; this class is click's in either case.
_ClickException: type[Exception] = typer.BadParameter.__mro__[2]


class WhetGroup(TyperGroup):
    """The commands of ``COMMANDS``, each imported when it is used."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401
        """Import the command called ``cmd_name``; ``None`` if there is none."""
        return load_command(cmd_name) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401
        """Find the command that ``args`` name; say what was probably meant if there is none."""
        if args[0] not in COMMANDS:
            raise explain_unknown(args)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def make_context(self, *args: Any, **words: Any) -> Any:  # noqa: ANN401
        """Read whet's own options, of which ``--help`` prints."""
        try:
            return super().make_context(*args, **words)
        except BrokenPipeError as error:
            raise PipeClosedError from error

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise PipeClosedError from error


def run_group(argv: list[str]) -> object:
    """Run the command that ``argv`` names and return what it returned. Raises :class:`UsageError` for wrong use."""
    try:
        return make_group().main(args=argv, prog_name="whet", standalone_mode=False)
    except _ClickException as error:
        raise _as_usage_error(error, argv) from error
    except typer.Abort:
        raise KeyboardInterrupt from None


def make_group() -> Any:  # noqa: ANN401
    """Return whet's own command line."""
    app = typer.Typer(
        name="whet",
        cls=WhetGroup,
        add_completion=False,
        rich_markup_mode=None,
        invoke_without_command=True,
        context_settings={"help_option_names": HELP_OPTIONS},
        help="Measure a Python program, advise on what is hot, prove the advice.",
        epilog="`whet COMMAND --help` tells more. To begin with: whet run script.py",
    )
    app.callback()(_whet)
    return typer.main.get_command(app)


def _whet(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(f"whet {__version__}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def _as_usage_error(error: Any, argv: Sequence[str]) -> UsageError:  # noqa: ANN401
    name = name_command(argv)
    hint = f"`whet {name} --help` tells the options" if name in COMMANDS else "`whet --help` lists the commands"
    return UsageError(error.format_message().rstrip(".").strip() or "wrong use", hint)

"""Calls a Typer application: a wrong command line is one message that names what was probably meant."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.main import get_command

from cgbm1_report.errors import ArgumentError, suggest


def call_app(app: typer.Typer, name: str, arguments: Sequence[str] | None = None) -> None:
    """Carry out a command line.

    Raises
    ------
    ArgumentError
        It names a command, an option or a value that there is not, or lacks one.
    SystemExit
        A command ends by a code of its own, or a shell asked what a word may become.
    """
    command = get_command(app)
    if f"_{name}_COMPLETE".replace("-", "_").upper() in os.environ:
        command.main(prog_name=name)
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        with command.make_context(name, list(given)) as context:
            command.invoke(context)
    except typer.Exit as end:
        raise SystemExit(end.exit_code) from None
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        if not given:
            # Without a word after it the command says what it can do.
            print(error.format_message(), file=sys.stderr)  # noqa: T201
            raise SystemExit(ArgumentError.exit_code) from None
        raise _tell(error, name) from None


def one_of(option: str, *names: str, help: str) -> Any:  # noqa: A002 - typer's word
    """An option that takes one of some names, in letters of either case."""

    def parse(text: str) -> str:
        found = next((name for name in names if name.casefold() == text.strip().casefold()), None)
        if found is None:
            raise ArgumentError(f"{option} {text} is unknown", remedy=suggest(text, names))
        return found

    return typer.Option(option, parser=parse, metavar="|".join(names), autocompletion=lambda: list(names), help=help)


def _tell(error: Any, name: str) -> ArgumentError:
    """What is wrong with a command line, as one problem."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else name
    message = str(getattr(error, "message", "")) or error.format_message()
    remedy = f"{path} --help tells what there is"
    given = getattr(error, "option_name", "")
    if given and context and type(error).__name__ == "NoSuchOption":
        known = [option for one in context.command.params for option in (*one.opts, *one.secondary_opts) if option.startswith("-")]
        message, remedy = f"there is no option {given}", suggest(given, [*known, "--help", "--debug"], remedy)
    elif getattr(error, "param", None) is not None:
        message = error.format_message()
    elif context and hasattr(context.command, "commands") and (word := _first_word(context)):
        message, remedy = f"there is no command {word}", suggest(word, context.command.commands, remedy)
    return ArgumentError(message.rstrip("."), file=path, remedy=remedy)


def _first_word(context: Any) -> str:
    """The word that should be a command: each version of click keeps it elsewhere."""
    left = [*getattr(context, "_protected_args", ()), *context.args]
    return str(left[0]) if left else ""

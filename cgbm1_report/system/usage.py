"""Calls a Typer application: a wrong command line is one message that names what was probably meant."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Sequence
from datetime import date
from typing import Any

import typer
from typer.main import get_command

from cgbm1_report.errors import ArgumentError, suggest

#: Words that a command has no place for, as click names them.
_MORE = re.compile(r"unexpected extra arguments?(?:\(s\))? \((.+)\)")


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
        raise _tell(error, name, given) from None


def one_of(option: str, *names: str, help: str) -> Any:  # noqa: A002 - typer's word
    """An option that takes one of some names, in letters of either case."""

    def parse(text: str) -> str:
        found = next((name for name in names if name.casefold() == text.strip().casefold()), None)
        if found is None:
            raise ArgumentError(f"{option} {text} is unknown", remedy=suggest(text, names))
        return found

    return typer.Option(option, parser=parse, metavar="|".join(names), autocompletion=lambda: list(names), help=help)


def a_number(option: str, *, least: float | None = None, whole: bool = True, metavar: str = "N", help: str) -> Any:  # noqa: A002
    """An option that takes a number, not below ``least``."""

    def parse(text: object) -> float:
        given = str(text).strip()
        try:
            found = int(given) if whole else float(given)
            finite = math.isfinite(found)
        except (ValueError, OverflowError):
            finite = False
        if not finite:
            told = f"{option} {given or repr(given)} is no {'whole ' if whole else ''}number"
            raise ArgumentError(told, remedy=f"write it in digits, as {max(least or 1, 1):g}")
        if least is not None and found < least:
            raise ArgumentError(f"{option} {given} is too small", remedy=f"it is at least {least:g}")
        return found

    return typer.Option(option, parser=parse, metavar=metavar, help=help)


def _tell(error: Any, name: str, words: Sequence[str]) -> ArgumentError:
    """What is wrong with a command line, as one problem in our words."""
    context = getattr(error, "ctx", None)
    word = next((word for word in words if not word.startswith("-")), "")
    path = context.command_path if context else f"{name} {word}".strip()
    kind, given = type(error).__name__, getattr(error, "option_name", "")
    message = str(getattr(error, "message", "")) or error.format_message()
    remedy = f"{path} --help tells what there is"
    if kind == "NoSuchOption" and given and context:
        known = [option for one in context.command.params for option in (*one.opts, *one.secondary_opts) if option.startswith("-")]
        message, remedy = f"there is no option {given}", suggest(given, [*known, "--help", "--debug"], remedy)
    elif kind == "BadOptionUsage" and given:
        message = f"{given} takes no value" if "not take" in message else f"{given} stands without its value"
    elif kind == "MissingParameter" and error.param is not None:
        option = next((one for one in error.param.opts if one.startswith("-")), "")
        message = f"{option} {error.param.metavar or error.param.name} is missing".strip()
    elif getattr(error, "param", None) is not None:
        message = error.format_message()
    elif context and hasattr(context.command, "commands"):
        message, remedy = f"there is no command {word}", suggest(word, context.command.commands, remedy)
    elif more := _MORE.search(message):
        message = f"there is more than the command takes: {more[1]}"
    return ArgumentError(message.rstrip("."), file=path, remedy=remedy)


def read_date(text: str, option: str) -> date:
    """A day as an option names it.

    Raises
    ------
    ArgumentError
        It is no date.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentError(f"{text!r} is no date", rule=option, remedy="write it as YYYY-MM-DD") from None

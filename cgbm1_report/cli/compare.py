"""The verb that tells what changed between two cuts, or two builds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cgbm1_report.cli.application import TrialOption, app
from cgbm1_report.system.terminal import say
from cgbm1_report.system.usage import one_of


@app.command(epilog="Exit codes: 0 nothing differs; 1 something does; others as of every command.")
def compare(
    old: Annotated[Path, typer.Argument(metavar="A", help="The earlier cut or build.")],
    new: Annotated[Path, typer.Argument(metavar="B", help="The later cut or build.")],
    as_format: Annotated[
        Literal["text", "html", "docx", "xlsx", "json"],
        one_of("--format", "text", "html", "docx", "xlsx", "json", help="How it is told; a document or workbook goes into --out."),
    ] = "text",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where it goes: a file that is not there yet.")] = None,
    unblind: Annotated[
        bool, typer.Option("--unblind", help="Compare also where one is blinded and the other open: the result tells treatment.")
    ] = False,
    trial: TrialOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Tell what changed: records, subjects, and every cell of every output with what stands behind it."""
    from shutil import get_terminal_size

    from cgbm1_report.build.compared import compare_places, settle_form, tell_comparison

    form = "json" if as_json else as_format
    settle_form(form, out)
    found = compare_places(old, new, trial, unblind=unblind)
    say(tell_comparison(found, form, out, {"A": old, "B": new}, get_terminal_size().columns))
    raise typer.Exit(1 if found.differs else 0)

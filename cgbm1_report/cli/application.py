"""The application, and the options that several verbs have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cgbm1_report.system.terminal import say

NAME = "cgbm1-report"
app = typer.Typer(
    help="Turns a clinical-trial data cut into the appendix of a clinical study report.",
    epilog=(
        "Exit codes: 0 done; 1 errors in the data, or findings; 2 a wrong command line: an option, a value or a number that there "
        "is not; 69 a program that is needed is missing or failed; 70 a fault of cgbm1-report; 71 not enough memory; 74 a place "
        "that cannot be written to; 75 another run is at work there, try later; 76 what was made does not say what the results "
        "say; 78 trial.yaml, a notebook, a template or a folder is wrong."
    ),
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def complete_numbers(context: typer.Context, incomplete: str) -> list[str]:
    """What a shell completes a number to."""
    from cgbm1_report.assets import asset
    from cgbm1_report.system.complete import complete_from

    def ask() -> list[str]:
        from cgbm1_report.outputs.catalogue import catalogue
        from cgbm1_report.protocol.trial import read_trial

        return list(catalogue(read_trial(trial)))

    trial = context.params.get("trial") or asset("trial.yaml")
    return complete_from(incomplete, trial, Path(__file__).parents[1], ask)


TrialOption = Annotated[Path | None, typer.Option("--trial", metavar="FILE", help="Protocol file of another study.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Print errors only.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print for a machine.")]
NumbersOption = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="NUMBER,…", autocompletion=complete_numbers, help="Only these outputs; may be repeated."),
]
CutArgument = Annotated[Path, typer.Argument(metavar="CUT", help="Folder of the data cut, with sdtm/ and/or adam/.")]
OutOption = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where the build goes. Default: build/<cut>.")]


def _print_version(asked: bool) -> None:
    if asked:
        from cgbm1_report.assets import __version__

        say(f"{NAME} {__version__}")
        raise typer.Exit


@app.callback()
def _every_command(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error; before or after the command.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    # `run_command` takes --debug out of the command line, wherever it stands; here it is declared for --help.
    pass

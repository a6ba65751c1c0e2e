"""The verbs that tell what there is: outputs, variables, programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cgbm1_report.cli.application import JsonOption, NumbersOption, QuietOption, TrialOption, app
from cgbm1_report.errors import ArgumentError
from cgbm1_report.system.terminal import fold, progress, say, say_json
from cgbm1_report.system.usage import a_number, one_of


@app.command(name="list")
def list_outputs(
    words: Annotated[list[str] | None, typer.Argument(metavar="[WORD]…", help="Only outputs that have all of these words.")] = None,
    by: Annotated[
        str, one_of("--by", "", "section", "population", "datasets", help="Outputs below what they have in common.")
    ] = "",
    e3: Annotated[
        bool, typer.Option("--e3", help="Print the sections of ICH E3: what is there, what is elsewhere and why, what is missing.")
    ] = False,
    shells: Annotated[bool, typer.Option("--shells", help="Write mock shells of the outputs, without data, into --out.")] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where the mock shells go.")] = None,
    only: NumbersOption = None,
    phase: Annotated[int | None, a_number("--phase", help="Mock shells of this phase.")] = None,
    formats: Annotated[str, typer.Option(metavar="LIST", help="Of docx, pdf, html: the documents of mock shells.")] = "docx,pdf",
    paper: Annotated[str, one_of("--paper", "a4", "letter", help="Sheet of the mock shells.")] = "a4",
    trial: TrialOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Print the catalogue, and which output answers which registry outcome; or write mock shells of it."""
    if (words or by) and (e3 or shells or out is not None):
        raise ArgumentError(
            "words and --by choose among outputs", rule="list", remedy="leave them out with --e3, --shells and --out"
        )
    if by and as_json:
        raise ArgumentError("--by groups what is printed for people", rule="list --json", remedy="leave out --by")
    if shells or out is not None:
        from cgbm1_report.build.shells.document import ask_shells, build_shells

        asked = ask_shells(shells, out, trial=trial, phase=phase, only=only, formats=[formats], paper=paper)
        with progress(quiet) as on_progress:
            files = build_shells(asked, on_progress)
        say_json({"shells": [str(file) for file in files]}) if as_json else say("\n".join(map(str, files)))
        return
    from cgbm1_report.build.sections import list_sections, tell_sections
    from cgbm1_report.build.show import list_contents, tell_contents
    from cgbm1_report.protocol.trial import read_trial

    found: Any = list_sections(read_trial(trial)) if e3 else list_contents(read_trial(trial), words or ())
    if as_json:
        say_json(found)
        return
    chosen: dict[str, Any] = {"by": by or "", "words": words or ()}
    for line, indent in tell_sections(found) if e3 else tell_contents(found, narrow=sys.stdout.isatty(), **chosen):
        say(fold(line, sys.stdout, indent))


@app.command()
def define(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for define.xml and define.html.")],
    trial: TrialOption = None,
) -> None:
    """Write the data definition: every dataset, variable and codelist, as Define-XML 2.1 and as a page."""
    from cgbm1_report.build.target import refuse_within
    from cgbm1_report.define import write_define
    from cgbm1_report.protocol.trial import read_trial
    from cgbm1_report.system.whole import find_place

    refuse_within(find_place(out))
    for file in write_define(out, read_trial(trial)):
        say(str(file))


@app.command()
def doctor(
    licences: Annotated[
        bool, typer.Option("--licences", "--licenses", help="Print what a build stands on, with licences.")
    ] = False,
    sbom: Annotated[bool, typer.Option("--sbom", help="Print the same for programs: a bill of materials, CycloneDX 1.6.")] = False,
) -> None:
    """Say which engines and fonts are there, and how to get what is missing."""
    from cgbm1_report.doctor import examine, list_licences

    if sbom:
        from cgbm1_report.build.sbom import tell_sbom

        say(tell_sbom().rstrip())
        return
    if licences:
        for line in list_licences():
            say(line)
        return

    lines, healthy = examine()
    for line in lines:
        say(line)
    raise typer.Exit(0 if healthy else 1)

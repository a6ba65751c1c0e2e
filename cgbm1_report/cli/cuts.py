"""The verbs of cuts: made and checked."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from cgbm1_report.cli.application import CutArgument, JsonOption, QuietOption, TrialOption, app
from cgbm1_report.system.terminal import fold, progress, say, say_json
from cgbm1_report.system.usage import a_number, read_date


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the cut and the build go.")] = Path("demo"),
    seed: Annotated[int, a_number("--seed", least=0, help="Seed of the synthetic cut.")] = 6740149,
    quiet: QuietOption = False,
) -> None:
    """Simulate a synthetic cut and build its report: the whole way, on a machine that has nothing else."""
    from cgbm1_report.build.demo import build_demo

    with progress(quiet) as on_progress:
        folder = build_demo(out, seed, on_progress)
    say(f"{folder / 'report.html'}\n{folder / 'report.docx'}\n{folder / 'report.pdf'}\n{folder / 'index.html'}")


@app.command()
def simulate(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to make.")],
    seed: Annotated[int, a_number("--seed", least=0, help="Same seed, same bytes.")] = 6740149,
    cutoff: Annotated[str | None, typer.Option(metavar="DATE", help="Data cut-off, YYYY-MM-DD. Default: all followed.")] = None,
    scale: Annotated[int, a_number("--scale", least=1, help="Multiplies the subjects of phase 2.")] = 1,
    parquet: Annotated[bool, typer.Option("--parquet", help="Write parquet instead of XPT v5.")] = False,
    adam: Annotated[bool, typer.Option("--adam", help="Also write the ADaM of this SDTM.")] = False,
    defects: Annotated[bool, typer.Option("--defects", help="Plant the catalogue of defects in both and list it.")] = False,
    trial: TrialOption = None,
) -> None:
    """Write a synthetic cut of the whole trial."""
    from cgbm1_report.build.target import refuse_within
    from cgbm1_report.protocol.trial import read_trial
    from cgbm1_report.simulate import simulate_cut
    from cgbm1_report.system.whole import find_place

    refuse_within(find_place(out))
    day = read_date(cutoff, "--cutoff") if cutoff else None
    form: Literal["parquet", "xpt"] = "parquet" if parquet else "xpt"
    simulate_cut(out, trial=read_trial(trial), seed=seed, scale=scale, cutoff=day, format=form, adam=adam, defects=defects)
    say(str(out))
    if (out / "trial.yaml").is_file():
        # On standard error: scripts take the folder from standard output.
        typer.echo(f"this cut was planned otherwise: use it with --trial {out / 'trial.yaml'}", err=True)


@app.command()
def validate(
    cut: CutArgument,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write findings.html, .csv, .json and .xlsx there.")
    ] = None,
    since: Annotated[
        Path | None, typer.Option("--since", metavar="OLD", help="Earlier cut: say what is new, standing or closed since then.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Print every finding, not some of each rule.")] = False,
    trial: TrialOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a cut, and say what build would refuse of it; exit 1 if it has errors or build refuses it."""
    from cgbm1_report.build import findings as forms
    from cgbm1_report.build.gate import find_trial, validate_everything
    from cgbm1_report.build.refused import tell_refused, tell_unmet
    from cgbm1_report.build.target import refuse_inside
    from cgbm1_report.errors import name_protocol
    from cgbm1_report.protocol.trial import read_trial
    from cgbm1_report.read.cut import read_cut
    from cgbm1_report.system.listed import refuse_files, write_files
    from cgbm1_report.system.whole import find_place
    from cgbm1_report.validate import compare_findings, name_protocol_in

    # Who reads the log of a job does not know where it was begun.
    cut, since = cut.absolute(), since and since.absolute()
    if out:
        refuse_inside(find_place(out), {"the cut": cut, **({"the earlier cut": since} if since else {})})
        refuse_files(out, forms.FILES, forms.LISTING)
    protocol = read_trial(find_trial(cut, trial))
    read = read_cut(cut, protocol)
    found = validate_everything(read, protocol)
    refused = [one.naming(trial) for one in tell_refused(read, protocol)]
    unmet = [name_protocol(one, trial) for one in tell_unmet(read, protocol)]
    # Both cuts by the protocol of this one: what differs is the data, not the rules.
    findings = compare_findings(found, validate_everything(read_cut(since, protocol), protocol)) if since else found
    findings = name_protocol_in(findings, trial)
    if out:
        write_files(out, forms.findings_files(findings), forms.LISTING)
    if as_json:
        about = {"refused": [asdict(one) for one in refused], "unmet": unmet}
        say_json({**json.loads(forms.findings_to_json(findings)), **about})
    else:
        say(forms.findings_to_text(findings, every))
        for line in (*(f"build refuses: {one}" for one in refused), *(f"not in the data: {one}" for one in unmet)):
            say(fold(line, sys.stdout))
    # A job that goes on to build after this must not learn it there: what build refuses is no clean cut.
    raise typer.Exit(1 if refused or (found["severity"] == "E").any() else 0)

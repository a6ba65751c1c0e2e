"""The command line: thin; every verb calls the function of the same name."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from cgbm1_report.system.endings import run_command
from cgbm1_report.system.terminal import fold, progress, say, say_json
from cgbm1_report.system.usage import a_number, call_app, one_of, read_date

NAME = "cgbm1-report"
app = typer.Typer(
    help="Turns a clinical-trial data cut into the appendix of a clinical study report.",
    epilog=(
        "Exit codes: 0 done; 1 errors in the data, or findings; 2 a wrong command line: an option, a value or a number that there "
        "is not; 69 a program that is needed is missing or failed; 70 a fault of cgbm1-report; 71 not enough memory; 74 a place "
        "that cannot be written to; 76 what was made does not say what the results say; 78 trial.yaml, a notebook, a template or "
        "a folder is wrong."
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
    return complete_from(incomplete, trial, Path(__file__).parent, ask)


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
    from cgbm1_report.protocol.trial import read_trial
    from cgbm1_report.simulate import simulate_cut

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
    """Check a cut; exit 1 if it has errors."""
    from cgbm1_report.build import findings as forms
    from cgbm1_report.build.gate import find_trial, validate_everything
    from cgbm1_report.build.target import refuse_inside
    from cgbm1_report.protocol.trial import read_trial
    from cgbm1_report.read.cut import read_cut
    from cgbm1_report.system.listed import refuse_files, write_files
    from cgbm1_report.system.whole import find_place
    from cgbm1_report.validate import compare_findings

    if out:
        refuse_inside(find_place(out), {"the cut": cut, **({"the earlier cut": since} if since else {})})
        refuse_files(out, forms.FILES, forms.LISTING)
    protocol = read_trial(find_trial(cut, trial))
    found = validate_everything(read_cut(cut, protocol), protocol)
    # Both cuts by the protocol of this one: what differs is the data, not the rules.
    findings = compare_findings(found, validate_everything(read_cut(since, protocol), protocol)) if since else found
    if out:
        write_files(out, forms.findings_files(findings), forms.LISTING)
    if as_json:
        say_json(json.loads(forms.findings_to_json(findings)))
    else:
        say(forms.findings_to_text(findings, every))
    raise typer.Exit(1 if (found["severity"] == "E").any() else 0)


@app.command()
def build(
    cut: CutArgument,
    out: OutOption = None,
    trial: TrialOption = None,
    phase: Annotated[int | None, a_number("--phase", help="Only this phase.")] = None,
    dose_group: Annotated[
        str | None, typer.Option(metavar="ARMCD", help="Only this dose group, or 'all' for no dose-group parts.")
    ] = None,
    only: NumbersOption = None,
    formats: Annotated[
        list[str],
        typer.Option(
            metavar="LIST", help="Of html, docx, pdf, rtf, xlsx: the report and each output; RTF and XLSX are of each output only."
        ),
    ] = ["html,docx,pdf,rtf"],  # noqa: B006 - typer reads it, nobody writes to it
    engine: Annotated[
        Literal["auto", "quarto", "embedded"], one_of("--engine", "auto", "quarto", "embedded", help="What renders the report.")
    ] = "auto",
    notebook_engine: Annotated[
        Literal["preloaded", "stock"], one_of("--notebook-engine", "preloaded", "stock", help="What runs the notebooks.")
    ] = "preloaded",
    notebook_timeout: Annotated[
        float, a_number("--notebook-timeout", least=1, whole=False, metavar="SECONDS", help="What one notebook may take.")
    ] = 1800,
    jobs: Annotated[int, a_number("--jobs", least=1, help="Processes at a time: of notebooks, of the proof.")] = 2,
    use_adam: Annotated[bool, typer.Option("--use-adam", help="Analyse the supplied ADaM instead of deriving it.")] = False,
    paper: Annotated[str, one_of("--paper", "a4", "letter", help="Sheet of the printed report.")] = "a4",
    status: Annotated[
        Literal["draft", "final"], one_of("--status", "draft", "final", help="What every page says it is.")
    ] = "draft",
    reference_doc: Annotated[
        Path | None, typer.Option("--reference-doc", metavar="DOCX", help="Your Word template: its styles, header and footer.")
    ] = None,
    package: Annotated[str, typer.Option(metavar="NAME", help="Not the report, but a committee's package: src or dsmb.")] = "",
    review: Annotated[str, typer.Option(metavar="NAME", help="Which review of the dose group a package is for.")] = "",
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Build the report of a cut, and each output as files of its own, in the formats asked for; data as CSV and JSON."""
    from cgbm1_report.build.report import build_report
    from cgbm1_report.build.request import Request
    from cgbm1_report.build.show import tell_build

    request = Request(
        cut=cut, out=out, trial=trial, phase=phase, dose_group=dose_group, only=tuple(only) if only else None,
        formats=tuple(formats), engine=engine, notebook_engine=notebook_engine, notebook_timeout=notebook_timeout, jobs=jobs,
        use_adam=use_adam, paper=paper, status=status, reference_doc=reference_doc, package=package, review=review,
    )  # fmt: skip
    with progress(quiet) as on_progress:
        folder = build_report(request, on_progress)
    if as_json:
        say_json(tell_build(folder))
    else:
        say(str(folder))


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(metavar="BUILD", help="Folder of a build.")],
    cut: Annotated[Path | None, typer.Argument(metavar="[CUT]", help="The cut it should have been made of.")] = None,
    jobs: Annotated[int, a_number("--jobs", least=1, help="Processes that read at a time.")] = 2,
    as_json: JsonOption = False,
) -> None:
    """Read a build back: files against the manifest, cells against the results, inputs against a CUT; exit 1 on findings."""
    from dataclasses import asdict

    from cgbm1_report.protocol.trial import read_trial
    from cgbm1_report.read.cut import hash_cut
    from cgbm1_report.readback import verify_build
    from cgbm1_report.system.manifest import read_manifest

    manifest = read_manifest(folder)
    # The build's own protocol says which files of a cut are read.
    inputs = hash_cut(cut, read_trial(folder / "trial.yaml")) if cut else None
    done = verify_build(folder, manifest, inputs, workers=jobs)
    if as_json:
        say_json(asdict(done))
    else:
        for finding in done.findings:
            say(fold(str(finding.problem), sys.stdout))
        say(done.told)
    raise typer.Exit(1 if done.findings else 0)


@app.command()
def show(
    number: Annotated[
        str,
        typer.Argument(
            metavar="NUMBER",
            autocompletion=complete_numbers,
            help="As T14.3.1.2.1; without the last digit, the phase, that of each phase.",
        ),
    ],
    place: Annotated[Path, typer.Argument(metavar="CUT|BUILD", help="A data cut, or a build: then as it was built, at once.")],
    as_format: Annotated[
        Literal["text", "html", "json", "csv", "xlsx"],
        one_of("--format", "text", "html", "json", "csv", "xlsx", help="How it is printed; a workbook goes into --out."),
    ] = "text",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="The workbook: a file that is not there yet.")] = None,
    phase: Annotated[int | None, a_number("--phase", help="That of this phase.")] = None,
    dose_group: Annotated[str, typer.Option(metavar="ARMCD", help="One dose group instead of all.")] = "all",
    review: Annotated[str, typer.Option(metavar="NAME", help="Of a package: which review. Default: the last begun.")] = "",
    trial: TrialOption = None,
    use_adam: Annotated[bool, typer.Option("--use-adam")] = False,
    cache: Annotated[bool, typer.Option(help="Keep what is derived of a cut, for the next look at the same content.")] = True,
) -> None:
    """Print one output at once; a text in the width of the terminal."""
    import gc
    from shutil import get_terminal_size

    # The process ends with the output: to look for what could be freed takes a tenth of its time.
    gc.disable()
    from cgbm1_report.build.stored import is_build, show_stored

    room = get_terminal_size().columns
    if is_build(place) and as_format != "xlsx" and out is None:
        group = "" if dose_group == "all" else dose_group
        say(show_stored(number, place, as_format, phase=phase, group=group, room=room))
        return
    from cgbm1_report.build.request import Request
    from cgbm1_report.build.show import show_output
    from cgbm1_report.build.workbook import write_workbook

    asked = Request(place, None, trial, phase, dose_group, (number,), use_adam=use_adam, review=review)
    if as_format == "xlsx" or out is not None:
        say(str(write_workbook(asked, as_format, out, keep=cache)))
    else:
        say(show_output(asked, as_format, room=room, keep=cache))


@app.command()
def refresh(
    document: Annotated[Path, typer.Argument(metavar="DOCX", help="Word document that holds outputs of an earlier build.")],
    build_folder: Annotated[Path, typer.Option("--from", metavar="BUILD", help="Build whose outputs take their place.")],
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where the new document goes. Default: DOCX.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace outputs also where the writer's changes, comments or text stand in them.")
    ] = False,
    fit: Annotated[bool, typer.Option("--fit", help="Make outputs that are wider than the text of their page fit it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Replace the outputs in a writer's own Word document by those of a build; nothing else of it changes."""
    from cgbm1_report.render.refresh import find_documents, refresh_docx
    from cgbm1_report.system.manifest import read_manifest

    manifest = read_manifest(build_folder)
    outputs = find_documents(build_folder, manifest["outputs"], manifest.get("files", {}))
    done = refresh_docx(document, outputs, out or document, force=force, fit=fit)
    if as_json:
        say_json({"document": str(out or document), **vars(done)})
        return
    for line in done.tell(out or document):
        say(line)


@app.command()
def narratives(
    cut: CutArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where it goes: a new file.")] = Path("narratives.csv"),
    trial: TrialOption = None,
) -> None:
    """Write what physicians write narratives' texts into: a row an event that has one, with the texts of the cut's file."""
    from cgbm1_report.build.narratives import write_narratives

    say(write_narratives(cut, out, trial))


@app.command(name="list")
def list_outputs(
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

    found: Any = (list_sections if e3 else list_contents)(read_trial(trial))
    if as_json:
        say_json(found)
        return
    for line, indent in tell_sections(found) if e3 else tell_contents(found, narrow=sys.stdout.isatty()):
        say(fold(line, sys.stdout, indent))


@app.command()
def define(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for define.xml and define.html.")],
    trial: TrialOption = None,
) -> None:
    """Write the data definition: every dataset, variable and codelist, as Define-XML 2.1 and as a page."""
    from cgbm1_report.define import write_define
    from cgbm1_report.protocol.trial import read_trial

    for file in write_define(out, read_trial(trial)):
        say(str(file))


@app.command()
def doctor(
    licences: Annotated[
        bool, typer.Option("--licences", "--licenses", help="Print what a build stands on, with licences.")
    ] = False,
) -> None:
    """Say which engines and fonts are there, and how to get what is missing."""
    from cgbm1_report.doctor import examine, list_licences

    if licences:
        for line in list_licences():
            say(line)
        return

    lines, healthy = examine()
    for line in lines:
        say(line)
    raise typer.Exit(0 if healthy else 1)


def main() -> None:
    """Run the command; see :mod:`cgbm1_report.system.endings`."""
    run_command(lambda: call_app(app, NAME))


if __name__ == "__main__":
    main()

"""The command line: thin; every verb calls the function of the same name."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import typer

from cgbm1_report.errors import PlanError
from cgbm1_report.system.endings import run_command
from cgbm1_report.system.processes import raise_if_ended

app = typer.Typer(
    help="Turns a clinical-trial data cut into the appendix of a clinical study report.",
    epilog=(
        "Exit codes: 0 done; 1 errors in the data, or findings; 2 a wrong command line; 69 a program that is needed is missing "
        "or failed; 70 a fault of cgbm1-report; 71 not enough memory; 74 a place that cannot be written to; 76 what was made "
        "does not say what the results say; 78 trial.yaml, a notebook, a template, a folder or an argument is wrong."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

TrialOption = Annotated[Path | None, typer.Option("--trial", metavar="FILE", help="Protocol file of another study.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Print errors only.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print for a machine.")]
CutArgument = Annotated[Path, typer.Argument(metavar="CUT", help="Folder of the data cut, with sdtm/ and/or adam/.")]
OutOption = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where the build goes. Default: build/<cut>.")]


@app.callback()
def _every_command(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error; before or after the command.")] = False,
) -> None:
    # `run_command` takes --debug out of the command line, wherever it stands; here it is declared for --help.
    pass


def _say(text: str) -> None:
    typer.echo(text)


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[str, str], None]]:
    """A moving line on a terminal, plain lines in a log, nothing when quiet."""
    if quiet:
        yield lambda _step, _detail: raise_if_ended()
    elif sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status("starting") as status:

            def update(step: str, detail: str) -> None:
                raise_if_ended()
                status.update(f"{step}: {detail}".replace("[", "\\["))

            yield update
    else:
        yield _plain_progress


def _plain_progress(step: str, detail: str) -> None:
    raise_if_ended()
    # In a log a line per cell would bury the rest.
    if ": cell " not in detail:
        typer.echo(f"{step:9} {detail}", err=True)


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the cut and the build go.")] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Seed of the synthetic cut.")] = 6740149,
    quiet: QuietOption = False,
) -> None:
    """Simulate a synthetic cut and build its report: the whole way, on a machine that has nothing else."""
    from cgbm1_report.build.report import Request, build_report
    from cgbm1_report.protocol.trial import read_trial
    from cgbm1_report.simulate import holds_cut, simulate_cut

    with _progress(quiet) as on_progress:
        cut = out / "cut"
        on_progress("simulate", str(cut))
        if not (cut / "cut.json").is_file():
            simulate_cut(cut, trial=read_trial(), seed=seed)
        elif not holds_cut(cut, trial=read_trial(), seed=seed):
            remedy = "choose another folder with --out, or build this cut with cgbm1-report build"
            raise PlanError(f"holds another cut than that of seed {seed}", file=cut, rule="demo", remedy=remedy)
        else:
            on_progress("simulate", f"{cut} holds the cut of seed {seed} already: it is used as it is")
        folder = build_report(Request(cut=cut, out=out / "report"), on_progress)
    _say(f"{folder / 'report.html'}\n{folder / 'report.docx'}\n{folder / 'report.pdf'}\n{folder / 'index.html'}")


@app.command()
def simulate(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to make.")],
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 6740149,
    cutoff: Annotated[str | None, typer.Option(metavar="DATE", help="Data cut-off, YYYY-MM-DD. Default: all followed.")] = None,
    scale: Annotated[int, typer.Option(min=1, help="Multiplies the subjects of phase 2.")] = 1,
    parquet: Annotated[bool, typer.Option("--parquet", help="Write parquet instead of XPT v5.")] = False,
    adam: Annotated[bool, typer.Option("--adam", help="Also write the ADaM of this SDTM.")] = False,
    defects: Annotated[bool, typer.Option("--defects", help="Plant the catalogue of defects in both and list it.")] = False,
    trial: TrialOption = None,
) -> None:
    """Write a synthetic cut of the whole trial."""
    from cgbm1_report.protocol.trial import read_trial
    from cgbm1_report.simulate import simulate_cut

    day = _read_date(cutoff) if cutoff else None
    form: Literal["parquet", "xpt"] = "parquet" if parquet else "xpt"
    simulate_cut(out, trial=read_trial(trial), seed=seed, scale=scale, cutoff=day, format=form, adam=adam, defects=defects)
    _say(str(out))
    if (out / "trial.yaml").is_file():
        # On standard error: scripts take the folder from standard output.
        typer.echo(f"this cut was planned otherwise: use it with --trial {out / 'trial.yaml'}", err=True)


def _read_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise PlanError(f"{text!r} is no date", rule="--cutoff", remedy="write it as YYYY-MM-DD") from None


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
    _say(forms.findings_to_json(findings) if as_json else forms.findings_to_text(findings, every))
    raise typer.Exit(1 if (found["severity"] == "E").any() else 0)


@app.command()
def build(
    cut: CutArgument,
    out: OutOption = None,
    trial: TrialOption = None,
    phase: Annotated[int | None, typer.Option(help="Only this phase.")] = None,
    dose_group: Annotated[
        str | None, typer.Option(metavar="ARMCD", help="Only this dose group, or 'all' for no dose-group parts.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="NUMBER", help="Only this output; may be repeated.")] = None,
    formats: Annotated[
        str,
        typer.Option(metavar="LIST", help="Of html, docx, pdf, rtf: the report and each output; RTF is of each output only."),
    ] = "html,docx,pdf,rtf",
    engine: Annotated[Literal["auto", "quarto", "embedded"], typer.Option(help="What renders the report.")] = "auto",
    notebook_engine: Annotated[Literal["preloaded", "stock"], typer.Option(help="What runs the notebooks.")] = "preloaded",
    jobs: Annotated[int, typer.Option(min=1, help="Notebooks at a time.")] = 2,
    use_adam: Annotated[bool, typer.Option("--use-adam", help="Analyse the supplied ADaM instead of deriving it.")] = False,
    paper: Annotated[str, typer.Option(help="Sheet of the printed report: a4 or letter.")] = "a4",
    status: Annotated[Literal["draft", "final"], typer.Option(help="What every page says the report is.")] = "draft",
    reference_doc: Annotated[
        Path | None, typer.Option("--reference-doc", metavar="DOCX", help="Your Word template: its styles, header and footer.")
    ] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Build the report of a cut, and each output as files of its own, in the formats asked for; data as CSV and JSON."""
    from cgbm1_report.build.report import Request, build_report

    request = Request(
        cut=cut,
        out=out,
        trial=trial,
        phase=phase,
        dose_group=dose_group,
        only=tuple(only) if only else None,
        formats=tuple(dict.fromkeys(part.strip() for part in formats.split(",") if part.strip())),
        engine=engine,
        notebook_engine=notebook_engine,
        jobs=jobs,
        use_adam=use_adam,
        paper=paper,
        status=status,
        reference_doc=reference_doc,
    )
    with _progress(quiet) as on_progress:
        folder = build_report(request, on_progress)
    _say(json.dumps({"build": str(folder)}) if as_json else str(folder))


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(metavar="BUILD", help="Folder of a build.")],
    cut: Annotated[Path | None, typer.Argument(metavar="[CUT]", help="The cut it should have been made of.")] = None,
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
    done = verify_build(folder, manifest, inputs)
    if as_json:
        _say(json.dumps(asdict(done), ensure_ascii=False, indent=1))
    else:
        for finding in done.findings:
            _say(str(finding.problem))
        _say(done.told)
    raise typer.Exit(1 if done.findings else 0)


@app.command()
def show(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="Full number, as T14.3.1.2.1.")],
    place: Annotated[Path, typer.Argument(metavar="CUT|BUILD", help="A data cut, or a build: then as it was built, at once.")],
    as_format: Annotated[Literal["text", "html", "json", "csv"], typer.Option("--format")] = "text",
    dose_group: Annotated[str, typer.Option(metavar="ARMCD", help="One dose group instead of all.")] = "all",
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
    if is_build(place):
        _say(show_stored(number, place, as_format, group="" if dose_group == "all" else dose_group, room=room))
        return
    from cgbm1_report import emit
    from cgbm1_report.build.gate import find_trial
    from cgbm1_report.build.kept import read_ready
    from cgbm1_report.build.report import make_stamp
    from cgbm1_report.outputs.catalogue import find, make
    from cgbm1_report.protocol.trial import read_trial

    protocol = read_trial(file := find_trial(place, trial))
    entry = find(number, protocol, scope="phase" if dose_group == "all" else "dose group")
    data = read_ready(place, protocol, file, use_adam=use_adam, keep=cache)
    _refuse_hidden_group(dose_group, entry.phase, data.pooled)
    stamp = make_stamp(protocol, data, pooled=data.pooled)
    made = make(entry, protocol, data.adam, stamp, dose_group=dose_group, pooled=entry.phase in data.pooled)
    emitters = {"html": emit.emit_html_page, "json": emit.emit_json, "csv": emit.emit_csv}
    _say((emitters[as_format](made) if as_format in emitters else emit.emit_text(made, room)).rstrip("\n"))


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

    outputs = find_documents(build_folder, read_manifest(build_folder)["outputs"])
    done = refresh_docx(document, outputs, out or document, force=force, fit=fit)
    if as_json:
        _say(json.dumps({"document": str(out or document), **vars(done)}, default=str))
        return
    for number in done.replaced:
        _say(f"{number}  {'changed' if number in done.changed else 'the same as before'}")
    for name in done.absent:
        _say(f"{name}  is not in this build: left as it was")
    for line in done.told:
        _say(line)
    if done.backup:
        _say(f"{done.backup}: the document as it was")
    _say(f"{out or document}: {len(done.replaced)} outputs replaced, {len(done.changed)} changed, {len(done.absent)} left")


def _refuse_hidden_group(dose_group: str, phase: int, pooled: frozenset[int]) -> None:
    if dose_group != "all" and phase in pooled:
        told = f"phase {phase} is blinded: it has no dose groups yet"
        raise PlanError(told, rule="unblinding record", remedy="leave out --dose-group")


@app.command(name="list")
def list_outputs(trial: TrialOption = None, as_json: JsonOption = False) -> None:
    """Print the catalogue, and which output answers which registry outcome."""
    from cgbm1_report.outputs.catalogue import catalogue, left_out
    from cgbm1_report.protocol.trial import read_trial

    protocol = read_trial(trial)
    entries, missing = catalogue(protocol), left_out(protocol)
    answers: dict[str, list[str]] = {}
    for outcome in protocol.outcomes:
        for number in outcome.tlf:
            answers.setdefault(number, []).append(outcome.id)
    rows = [
        {
            "number": number,
            "title": entry.title,
            "population": entry.population,
            "datasets": list(entry.source),
            "outcomes": answers.get(number, []),
        }
        for number, entry in entries.items()
    ]
    registry = [
        {"id": o.id, "title": o.registry_title, "outputs": list(o.tlf), "made": [n for n in o.tlf if n in entries]}
        for o in protocol.outcomes
    ]
    if as_json:
        _say(json.dumps({"outputs": rows, "left_out": missing, "outcomes": registry}, ensure_ascii=False, indent=1))
        return
    for row in rows:
        datasets, outcomes = ", ".join(row["datasets"]), ", ".join(row["outcomes"])
        _say(f"{row['number']:16} {row['population']:4} {row['title']}  [{datasets}] {outcomes}".rstrip())
    for what, why in missing.items():
        _say(f"{what:16} not made: {why}")
    _say(f"\n{len(rows)} outputs. Registry outcomes and the outputs that answer them (in brackets: not made yet):\n")
    for answer in registry:
        named = [number if number in answer["made"] else f"({number})" for number in answer["outputs"]]
        _say(f"{answer['id']:10} {', '.join(named):62} {answer['title']}")


@app.command()
def define(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for define.xml and define.html.")],
    trial: TrialOption = None,
) -> None:
    """Write the data definition: every dataset, variable and codelist, as Define-XML 2.1 and as a page."""
    from cgbm1_report.define import write_define
    from cgbm1_report.protocol.trial import read_trial

    for file in write_define(out, read_trial(trial)):
        _say(str(file))


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
            _say(line)
        return

    lines, healthy = examine()
    for line in lines:
        _say(line)
    raise typer.Exit(0 if healthy else 1)


def main() -> None:
    """Run the command; see :mod:`cgbm1_report.system.endings`."""
    run_command(app)


if __name__ == "__main__":
    main()

"""The verbs of builds: made, read back, shown, put into a writer's document."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from cgbm1_report.cli.application import (
    CutArgument,
    JsonOption,
    NumbersOption,
    OutOption,
    QuietOption,
    TrialOption,
    app,
    complete_numbers,
)
from cgbm1_report.system.terminal import fold, progress, say, say_json
from cgbm1_report.system.usage import a_number, one_of


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
    chain: Annotated[
        bool, typer.Option("--chain", help="Begin chain.jsonl beside the build: every build there adds its manifest's SHA-256.")
    ] = False,
    sign: Annotated[
        Path | None, typer.Option("--sign", metavar="KEY", help="Sign the manifest with this private key (Ed25519, PEM).")
    ] = None,
    since: Annotated[
        Path | None, typer.Option("--since", metavar="BUILD", help="Mark what changed since an earlier build, and list it.")
    ] = None,
    executor: Annotated[
        str, typer.Option(metavar="dask://HOST:PORT", help="Send notebooks and proof to this Dask cluster, not to processes here.")
    ] = "",
    anew: Annotated[
        bool, typer.Option("--anew", help="Make it also where nothing has changed since the build in its place.")
    ] = False,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Build the report of a cut, and each output as files of its own, in the formats asked for; data as CSV and JSON."""
    from cgbm1_report.build.report import build_report
    from cgbm1_report.build.request import Request

    request = Request(
        cut=cut, out=out, trial=trial, phase=phase, dose_group=dose_group, only=tuple(only) if only else None,
        formats=tuple(formats), engine=engine, notebook_engine=notebook_engine, notebook_timeout=notebook_timeout, jobs=jobs,
        use_adam=use_adam, paper=paper, status=status, reference_doc=reference_doc, package=package, review=review, since=since,
        chain=chain, sign=sign, executor=executor, anew=anew,
    )  # fmt: skip
    taken: dict[str, str] = {}
    with progress(quiet) as on_progress:
        folder = build_report(request, on_progress, taken.update)
    if as_json:
        # Not before: a build that is kept waits for none of what describes it.
        from cgbm1_report.build.show import tell_build

        say_json({**tell_build(folder), "taken": taken})
    else:
        say(str(folder))


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(metavar="BUILD", help="Folder of a build.")],
    cut: Annotated[Path | None, typer.Argument(metavar="[CUT]", help="The cut it should have been made of.")] = None,
    key: Annotated[Path | None, typer.Option("--key", metavar="PUB", help="The public key of who should have signed it.")] = None,
    jobs: Annotated[int, a_number("--jobs", least=1, help="Processes that read at a time.")] = 2,
    as_json: JsonOption = False,
) -> None:
    """Read a build back: files against manifest, chain and signature, cells against the results, a CUT; exit 1 on findings."""
    from cgbm1_report.build.audit import audit_build

    found = audit_build(folder.absolute(), cut=cut and cut.absolute(), key=key and key.absolute(), workers=jobs)
    if as_json:
        say_json(found.to_json())
    else:
        for line in (*found.problems, *found.lines):
            say(fold(str(line), sys.stdout))
    raise typer.Exit(1 if found.problems else 0)


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
    from cgbm1_report.build.stored import show_stored
    from cgbm1_report.system.manifest import says_built

    room = get_terminal_size().columns
    if says_built(place) and as_format != "xlsx" and out is None:
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
    unblind: Annotated[
        bool, typer.Option("--unblind", help="Replace blinded outputs also by open ones: the document tells treatment then.")
    ] = False,
    since: Annotated[
        Path | None,
        typer.Option("--since", metavar="BUILD", help="List beside it what changed of its outputs since an earlier build."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Replace the outputs in a writer's own Word document by those of a build; nothing else of it changes."""
    from cgbm1_report.build.compared import compare_builds, write_refreshed
    from cgbm1_report.build.target import refuse_within
    from cgbm1_report.render.refresh import find_documents, refresh_docx
    from cgbm1_report.system.manifest import read_manifest
    from cgbm1_report.system.whole import find_place

    # A build's own document stays as it was proved: a writer's is a copy.
    refuse_within(find_place(out or document))
    manifest = read_manifest(build_folder)
    outputs = find_documents(build_folder, manifest["outputs"], manifest.get("files", {}))
    # Before the document is touched: what may not be told apart is refused.
    found = compare_builds(since, build_folder) if since is not None else None
    done = refresh_docx(document, outputs, out or document, force=force, fit=fit, unblind=unblind)
    listed = {"changes": str(write_refreshed(found, out or document, done.outputs))} if found is not None else {}
    if as_json:
        say_json({"document": str(out or document), **vars(done), **listed})
    else:
        for line in done.tell(out or document):
            say(line)
        for name in listed.values():
            say(f"{name}: what changed of them since {since}")
        for line in done.warn():
            say(line)
    # The document is written: what is not of one cut may be what its writer wants now, and none may file it unknowing.
    raise typer.Exit(1 if done.is_mixed else 0)


@app.command()
def narratives(
    cut: CutArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where it goes: a new file.")] = Path("narratives.csv"),
    trial: TrialOption = None,
) -> None:
    """Write what physicians write narratives' texts into: a row an event that has one, with the texts of the cut's file."""
    from cgbm1_report.build.narratives import write_narratives

    say(write_narratives(cut, out, trial))

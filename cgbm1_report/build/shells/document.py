"""The document of mock shells: ``list --shells``. Rendered as a report is, and read back as one."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cgbm1_report.assets import __version__, asset
from cgbm1_report.build.gate import OnProgress, report_quietly
from cgbm1_report.build.request import DOCUMENTS
from cgbm1_report.build.shells.make import make_some
from cgbm1_report.build.target import refuse_within
from cgbm1_report.errors import ArgumentError, Problem, ReportError, number_of, suggest
from cgbm1_report.notebook.receipts import PLACE
from cgbm1_report.outputs.catalogue import Entry, catalogue, find_every
from cgbm1_report.paper import find_paper
from cgbm1_report.protocol.packages import packages
from cgbm1_report.protocol.trial import Trial, read_trial
from cgbm1_report.system.clock import read_epoch
from cgbm1_report.system.listed import refuse_files, write_files
from cgbm1_report.system.manifest import sha256_of
from cgbm1_report.system.whole import find_place
from cgbm1_report.system.workers import Workers, gather
from cgbm1_report.tabulate.files import file_stem
from cgbm1_report.tabulate.numbers import split_numbers
from cgbm1_report.tabulate.table import Output, Stamp

#: The files' name, and the listing by which the next run knows them again.
NAME, LISTING = "shells", "shells.sha256"
_MARK = "Mock shells"
_RULE = "list --shells"
#: Outputs that are made in the time another process takes to begin.
_WORTH = 40


@dataclass(frozen=True)
class ShellRequest:
    """Which shells, in which formats, on which sheet; ``only`` are numbers as `find_every` takes them."""

    out: Path
    trial: Path | None = None
    phase: int | None = None
    only: tuple[str, ...] | None = None
    formats: tuple[str, ...] = ("docx", "pdf")
    paper: str = "a4"
    jobs: int = 2


def ask_shells(
    shells: bool, out: Path | None, *, trial: Path | None, phase: int | None, only: Sequence[str] | None, formats: Sequence[str],
    paper: str,
) -> ShellRequest:  # fmt: skip
    """The request of a command line.

    Raises
    ------
    ArgumentError
        A folder without shells, or shells without a folder.
    """
    if not shells:
        raise ArgumentError("--out is of mock shells", rule="list", remedy="add --shells, or leave --out out")
    if out is None:
        raise ArgumentError("mock shells go into a folder", rule=_RULE, remedy="name it with --out DIR")
    return ShellRequest(out, trial, phase, tuple(only) if only else None, tuple(formats), paper)


def build_shells(request: ShellRequest, on_progress: OnProgress = report_quietly) -> list[Path]:
    """Write the mock shells of a trial's outputs as documents; their paths.

    No cut is read. Files appear when all of them are whole and were read back; a file of the same name that this command did
    not write is not overwritten.

    Raises
    ------
    ReportError
        Numbers, formats or the phase are unknown; a shell cannot be made or rendered; a document does not say what its shells do.
    """
    from cgbm1_report.render.engines import require_programs

    file = request.trial or asset("trial.yaml")
    trial = read_trial(file)
    formats, entries = _settle(request, trial)
    require_programs(formats)
    refuse_within(find_place(request.out))
    refuse_files(request.out, [f"{NAME}.{form}" for form in formats], LISTING)
    stamp = _make_stamp(trial, find_paper(request.paper).name)
    on_progress("shells", number_of(len(entries), "output"))
    made = _make_all(file, list(entries), stamp, request.jobs)
    with tempfile.TemporaryDirectory(prefix="shells-") as scratch:
        contents = _render(Path(scratch), made, trial, file, stamp, formats, on_progress)
    write_files(request.out, contents, LISTING)
    return [request.out / name for name in contents]


def _settle(request: ShellRequest, trial: Trial) -> tuple[tuple[str, ...], dict[str, Entry]]:
    """The formats, and the outputs by their full numbers: without numbers those of the report."""
    formats = tuple(dict.fromkeys(part.strip().casefold() for text in request.formats for part in text.split(",") if part.strip()))
    problems = [
        Problem(f"format {name!r} is unknown", rule="--formats", remedy=suggest(name, DOCUMENTS))
        for name in formats
        if name not in DOCUMENTS
    ]
    if request.phase is not None and request.phase not in trial.phases:
        phases = " or ".join(map(str, trial.phase_numbers))
        problems.append(Problem(f"phase {request.phase} is not declared", rule="--phase", remedy=f"use {phases}"))
    entries = catalogue(trial) if request.only is None else {}
    for number in split_numbers(request.only or ()):
        try:
            entries |= {entry.number: entry for entry in find_every(number, trial, scope="every", phase=request.phase)}
        except ReportError as error:
            problems += error.problems
    if problems:
        raise ArgumentError.of(problems)
    chosen = {number: entry for number, entry in entries.items() if request.phase in (None, entry.phase)}
    if not chosen or not formats:
        told = "no output is asked for" if formats else "no format is asked for"
        raise ArgumentError(told, rule=_RULE, remedy="name outputs with --only, formats with --formats, or leave both out")
    if (
        len(
            scopes := sorted(
                {entry.declared.scope if entry.declared.scope in packages() else "report" for entry in chosen.values()}
            )
        )
        > 1
    ):
        told = f"outputs of {' and '.join(scopes)} are asked for, which are documents of their own"
        raise ArgumentError(told, rule="--only", remedy="name outputs of one of them")
    order = catalogue(trial, scope="every")
    return formats, {number: order[number] for number in order if number in chosen}


def _make_stamp(trial: Trial, paper: str) -> Stamp:
    epoch = read_epoch()
    return Stamp(
        protocol=trial.study.studyid,
        mark=_MARK,
        cutoff="no data",
        program=f"cgbm1-report {__version__}",
        produced=epoch.strftime("%Y-%m-%d %H:%M UTC") if epoch else "",
        paper=paper,
        sponsor=trial.study.sponsor,
    )


def _make_all(file: Path, numbers: Sequence[str], stamp: Stamp, jobs: int) -> list[Output]:
    """The shells in their order, made by several processes in turns: neighbours take about as long."""
    hired = min(jobs, 1 + len(numbers) // _WORTH)
    with Workers(hired) as hands:
        turns = [numbers[at::hired] for at in range(hired)]
        parts = gather([hands.call(make_some, file.resolve(), turn, stamp) for turn in turns], _RULE)
    made = {number: one for turn, part in zip(turns, parts, strict=True) for number, one in zip(turn, part, strict=True)}
    return [made[number] for number in numbers]


def _render(
    work: Path, made: Sequence[Output], trial: Trial, file: Path, stamp: Stamp, formats: Sequence[str], on_progress: OnProgress
) -> dict[str, bytes]:
    """The documents by name, rendered of a notebook that shows the shells, and read back against them."""
    from cgbm1_report.emit import emit_printed
    from cgbm1_report.readback import raise_on_findings, read_document
    from cgbm1_report.render import ReportAbout, render_report

    for folder in ("outputs", "notebooks"):
        (work / folder).mkdir()
    for one in made:
        (work / "outputs" / f"{file_stem(one.number)}.json").write_text(emit_printed(one), encoding="utf-8")
    notebook = work / "notebooks" / f"{NAME}.ipynb"
    notebook.write_text(json.dumps(_write_notebook(made)), encoding="utf-8")
    used = {short: words for one in made for short, words in one.abbreviations.items()}
    about = ReportAbout(
        title=trial.study.title,
        subtitle=f"Mock shells of tables, listings and figures, of {file.name} {sha256_of(file)[:12]}",
        phase_label=trial.study.phase_label,
        product=trial.study.product,
        abbreviations=tuple(sorted(used.items(), key=lambda one: (one[0].casefold(), one[0]))),
        **{name: getattr(stamp, name) for name in ("protocol", "sponsor", "mark", "cutoff", "produced", "program", "paper")},
    )
    on_progress("render", ", ".join(formats))
    done = render_report([notebook], work, about=about, formats=formats, engine="embedded", name=NAME)
    on_progress("read back", number_of(len(made), "output"))
    told = {"title": about.title, "subtitle": about.subtitle, "sponsor": about.sponsor, "product": about.product}
    findings = read_document(
        work, NAME, [one.number for one in made], formats=formats, stamp=asdict(stamp), log="; ".join(done.notes),
        about={**told, "phase": about.phase_label, "notebooks": [notebook.name]},
    )  # fmt: skip
    raise_on_findings(findings)
    return {f"{NAME}.{form}": (work / f"{NAME}.{form}").read_bytes() for form in formats}


def _write_notebook(made: Sequence[Output]) -> dict[str, Any]:
    """An executed notebook that shows the shells below their headings, as those of a build show outputs."""
    cells = [
        {"cell_type": "code", "id": f"cell-{at}", "metadata": {}, "source": "", "execution_count": at, "outputs": [shown]}
        for at, shown in enumerate(_displays(made), start=1)
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def _displays(made: Sequence[Output]) -> Iterator[dict[str, Any]]:
    from cgbm1_report.emit import anchor, mime_bundle

    before: tuple[str, ...] = ()
    for one in made:
        if one.place != before:
            heads = "\n\n".join(f"{'#' * level} {text}" for level, text in enumerate(one.place, start=1))
            yield _display({"text/markdown": heads, "text/plain": heads}, one.place, "heading")
            before = one.place
        linked = {"name": anchor(one.number), "links": [anchor(link) for link in one.links]}
        yield _display(mime_bundle(one), one.place, "output", **linked)


def _display(data: dict[str, str], place: Sequence[str], what: str, **linked: Any) -> dict[str, Any]:
    return {"output_type": "display_data", "data": data, "metadata": {PLACE: {"place": list(place), "is": what, **linked}}}

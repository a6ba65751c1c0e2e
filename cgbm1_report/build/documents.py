"""The documents of a build: the report, one of each dose group, and each output's own PDF."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cgbm1_report.errors import PlanError, Problem
from cgbm1_report.notebook.receipts import PLACE, Witness
from cgbm1_report.notebook.run import NotebookJob, part_of
from cgbm1_report.protocol.packages import find_package, packages
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.protocol.wording import group_noun
from cgbm1_report.system.manifest import INTERACTIVE, PRINTED, RESULTS
from cgbm1_report.system.memory import give_back
from cgbm1_report.system.workers import Workers, gather
from cgbm1_report.tabulate.files import ALL_GROUPS, file_stem, split_group
from cgbm1_report.tabulate.reviews import settle_review, tell_review
from cgbm1_report.tabulate.table import Stamp

if TYPE_CHECKING:
    from cgbm1_report.build.request import Request
    from cgbm1_report.render import RenderResult, ReportAbout
    from cgbm1_report.render.engines import Engine
    from cgbm1_report.render.join import Typeset


_RULE = "rendering"
#: Where, beside the results, the pages of the outputs are kept until the documents that hold them are made.
_PAGES = "pages"
#: Outputs that are rendered in the time another process takes to begin.
_WORTH = 50
#: A block of another format among words: what an output is made of.
_RAW = re.compile(r"^`{3,}\s*\{=", re.M)


@dataclass(frozen=True)
class Showing:
    """What notebooks of a build showed, and what documents are to be made of it."""

    #: The folder of the work, and the notebooks that were run in it, in their order.
    work: Path
    jobs: Sequence[NotebookJob]
    #: The outputs that they showed, in CSR order.
    outputs: Sequence[str]
    request: Request
    trial: Trial
    stamp: Stamp
    #: Phases that are blind.
    pooled: Collection[int]
    #: A sponsor's Word template.
    template: bytes | None
    witness: Witness
    engine: Engine
    #: The number of this program, where what it made before may be taken.
    program: str


class Documents:
    """The documents of a build on their way: the report, one of each dose group, and the PDF of each output.

    They are begun in the order in which what they are made of is there, and gathered at the end, so that others may use the
    processes that have nothing to do meanwhile.
    """

    def __init__(self, showing: Showing, hands: Workers) -> None:
        from cgbm1_report.render import FORMATS as WHOLE

        self._showing, self._hands = showing, hands
        self._about = _about_report(showing.trial, showing.stamp, showing.request)
        self._wanted = [name for name in showing.request.formats if name in WHOLE]
        # The embedded engine takes the pages of the outputs, once they are typeset.
        self._joins = "pdf" in self._wanted and showing.engine.name == "embedded"
        self._singles: Future[tuple[dict[str, Typeset], tuple[str, ...]]] | None = None
        self._ways: dict[str, Callable[..., RenderResult]] = {}
        self._rendering: list[tuple[str, Future[RenderResult]]] = []
        self._told: dict[str, dict[str, object]] = {}

    def begin_outputs(self) -> None:
        """Begin each output's own PDF, which takes longest and needs nothing but what its notebook left."""
        if "pdf" in self._showing.request.formats:
            folder, kept = self._showing.work / "outputs", self._showing.work / RESULTS / _PAGES
            self._singles = self._hands.call(
                _render_singles, self._showing.outputs, self._showing.witness, folder, self._about, kept, self._showing.program
            )

    def begin(self, changes: Mapping[str, Sequence[tuple[str, str]]]) -> None:
        """Begin the documents that need no pages.

        ``changes`` are by dose group, of the report under an empty name, what changed since an earlier build.
        """
        from cgbm1_report.render import render_report
        from cgbm1_report.render.quarto import write_workbench

        for group, notebooks in notebooks_of(self._showing.work, self._showing.jobs).items():
            path = Path("groups", group) if group else Path("report")
            used = _abbreviations([one for one in self._showing.outputs if _group_of(one) == group], self._showing.witness)
            own = replace(_about_document(self._about, group, self._showing.trial, used), changes=tuple(changes.get(group, ())))
            own = replace(own, interactive=f"../{INTERACTIVE}" if group else INTERACTIVE)
            how = partial(
                render_report, notebooks, (self._showing.work / path).parent, about=own, engine=self._showing.engine, name=path.name
            )
            self._ways[path.as_posix()] = partial(how, reference=self._showing.template, program=self._showing.program)
            self._told[path.as_posix()] = _record_document(own, notebooks)
        if self._wanted:
            write_workbench(self._showing.work / "notebooks", self._about, self._showing.template)
        self._call([kind for kind in self._wanted if kind != "pdf" or not self._joins], {})

    def begin_joined(self) -> None:
        """Begin the documents that are made of the pages of the outputs, once these are typeset."""
        if self._joins:
            pages, _ = gather([self._singles], _RULE)[0] if self._singles else ({}, ())
            self._call(["pdf"], pages)

    def _call(self, kinds: Sequence[str], made: Mapping[str, Typeset]) -> None:
        # Where outputs have formats of their own alone, who renders says so of each document.
        if kinds or not self._wanted:
            self._rendering += [(path, self._hands.call(how, formats=kinds, made=made)) for path, how in self._ways.items()]

    def finish(self) -> tuple[dict[str, str], dict[str, dict[str, object]]]:
        """Which engine made them, with its notes; and of each document, by its path without suffix, what it is.

        That is what its title page says and which notebooks it is made of, in their order. By that it is read back.
        """
        done = gather([one for _, one in self._rendering], _RULE)
        more = gather([self._singles], _RULE)[0][1] if self._singles else ()
        made = list(zip([path for path, _ in self._rendering], done, strict=True))
        name, version = next(((one.engine, one.version) for _, one in made), ("none", ""))
        notes = [note if path == "report" else f"{path}.pdf: {note}" for path, one in made for note in one.notes]
        return {"name": name, "version": version, "notes": "; ".join([*notes, *more])}, self._told


def count_hands(outputs: Sequence[str]) -> int:
    """In how many processes it is worth while to render so many outputs."""
    return 1 + len(outputs) // _WORTH


def _about_report(trial: Trial, stamp: Stamp, request: Request) -> ReportAbout:
    """What stands on the title page of the whole report and at the edges of its pages."""
    from cgbm1_report.render import ReportAbout

    return ReportAbout(
        title=trial.study.title,
        subtitle=_subtitle(trial, request),
        protocol=trial.study.studyid,
        sponsor=trial.study.sponsor,
        product=trial.study.product,
        phase_label=_phase_label(trial, request),
        mark=stamp.mark,
        cutoff=stamp.cutoff,
        produced=stamp.produced,
        program=stamp.program,
        paper=stamp.paper,
    )


def _subtitle(trial: Trial, request: Request) -> str:
    """What the document is: the appendix, or a package and the review it is made for."""
    if not request.package:
        return "Clinical study report, appendix: tables, listings and figures"
    package = find_package(request.package)
    review = settle_review(package, request.dose_group, request.review, trial)
    return f"{package.title}: {tell_review(review, trial)}" if review else package.title


def _phase_label(trial: Trial, request: Request) -> str:
    phase = find_package(request.package).phase_in(trial) if request.package else None
    return trial.study.phase_label if phase is None else trial.phases[phase].label


def _about_document(about: ReportAbout, group: str, trial: Trial, abbreviations: tuple[tuple[str, str], ...]) -> ReportAbout:
    """The same of one document: of a dose group by its heading and its phase, of the report under an empty name."""
    own = replace(about, abbreviations=abbreviations)
    if not group:
        return own
    arm = trial.arm(group)
    subtitle = f"Clinical study report, appendix: {group_noun(trial, arm.phase)} {arm.heading}"
    return replace(own, subtitle=subtitle, phase_label=trial.phases[arm.phase].label)


def _record_document(about: ReportAbout, notebooks: Sequence[Path]) -> dict[str, object]:
    """What a document is, for whoever reads it back."""
    return {
        "title": about.title,
        "subtitle": about.subtitle,
        "sponsor": about.sponsor,
        "product": about.product,
        "phase": about.phase_label,
        "notebooks": [notebook.name for notebook in notebooks],
        **({"changes": [list(one) for one in about.changes]} if about.changes else {}),
    }


def _render_singles(
    outputs: Sequence[str], witness: Witness, folder: Path, about: ReportAbout, kept: Path, program: str
) -> tuple[dict[str, Typeset], tuple[str, ...]]:
    """Each output's own PDF, of what its notebook left: read where it is rendered, for it is as long as the whole report."""
    from cgbm1_report.render import SingleOutput, render_outputs

    singles = (SingleOutput(number, **json.loads(witness.read(f"{RESULTS}/{number}{PRINTED}"))) for number in outputs)
    return render_outputs(singles, folder, about=about, keep=kept, program=program)


def _group_of(number: str) -> str:
    """The dose group of an output's number; empty where it is of all."""
    return split_group(number)[1]


def _abbreviations(outputs: Sequence[str], witness: Witness) -> tuple[tuple[str, str], ...]:
    """All abbreviations that the outputs of a document use, from A to Z."""
    used: dict[str, str] = {}
    for number in outputs:
        used |= json.loads(witness.read(f"outputs/{file_stem(number)}.json"))["abbreviations"]
    return tuple(sorted(used.items(), key=lambda one: (one[0].casefold(), one[0])))


def notebooks_of(work: Path, jobs: Sequence[NotebookJob]) -> dict[str, list[Path]]:
    """The notebooks of each document that shows something: of the report under an empty name, of each dose group under its own.

    Raises
    ------
    ReportError
        A notebook displays a table or picture of its own: it would be printed, and be in no results.
    """
    found: dict[str, list[Path]] = {}
    problems: list[Problem] = []
    for job in jobs:
        group = part_of(job)
        notebook = work / "notebooks" / job.target
        shown = list(_displays(notebook))
        problems += [_own(job, cell) for cell, output in shown if not output]
        if any(output for _, output in shown):
            found.setdefault("" if group in (ALL_GROUPS, *packages()) else group, []).append(notebook)
    if problems:
        raise PlanError.of(problems)
    # Read as a whole, notebooks take several hundred megabytes, which whoever renders now needs.
    give_back()
    return found


def _displays(notebook: Path) -> Iterator[tuple[int, bool]]:
    """The cells, from 1, that display more than words, and whether that is an output; with ``only`` some have words alone."""
    cells = json.loads(notebook.read_bytes())["cells"]
    for number, cell in enumerate(cells, start=1):
        for shown in cell.get("outputs", []):
            data = shown.get("data", {})
            if "text/html" in data or _RAW.search("".join(data.get("text/markdown", ""))):
                yield number, shown.get("metadata", {}).get(PLACE, {}).get("is") == "output"


def _own(job: NotebookJob, cell: int) -> Problem:
    return Problem(
        "displays a table or picture that is no output",
        file=str(job.source),
        rule="a build prints what the catalogue declares",
        place=f"cell {cell}",
        remedy="show a declared output with report.show(), quote a number with report.value(), or end the line with a semicolon",
    )

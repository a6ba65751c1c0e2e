"""Renders executed notebooks to one report: HTML, DOCX and PDF, by Quarto or by the embedded engine."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cgbm1_report.errors import PlanError, Problem, ToolError
from cgbm1_report.paper import find_paper
from cgbm1_report.system.memory import give_back
from cgbm1_report.system.room import tell_unwritten
from cgbm1_report.tabulate.files import file_stem

if TYPE_CHECKING:
    from cgbm1_report.render.engines import Engine, EngineChoice
    from cgbm1_report.render.join import Typeset
    from cgbm1_report.tabulate.table import Stamp

FORMATS = ("html", "docx", "pdf")


@dataclass(frozen=True)
class ReportAbout:
    """What stands on the title page and at the edges of every page.

    ``mark`` says what the document is (``Confidential``, ``Synthetic data``). ``cutoff`` and
    ``produced`` are printed as given, and date the files. Empty texts
    are left out.
    """

    title: str
    subtitle: str = ""
    protocol: str = ""
    sponsor: str = ""
    product: str = ""
    phase_label: str = ""
    mark: str = ""
    cutoff: str = ""
    produced: str = ""
    program: str = ""
    paper: str = "a4"
    #: Where the folder lies, seen from the document, of which its numbers are opened (HTML); empty where there is none.
    interactive: str = ""
    #: Abbreviations that outputs of the report use, each with its words: a list behind the contents.
    abbreviations: tuple[tuple[str, str], ...] = ()
    #: What changed since an earlier build, where the report marks it: of what, and how; a list behind the abbreviations.
    changes: tuple[tuple[str, str], ...] = ()

    @property
    def stamp(self) -> Stamp:
        """The same as every page carries it."""
        from cgbm1_report.tabulate.table import Stamp

        return Stamp(self.protocol, self.mark, self.cutoff, self.program, self.produced, self.paper, sponsor=self.sponsor)

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """The lines of the title page below the title: what, and its value."""
        facts = (
            ("Protocol", self.protocol),
            ("Sponsor", self.sponsor),
            ("Investigational product", self.product),
            ("Phase", self.phase_label),
            ("Data cut-off", self.cutoff),
            ("Produced", self.produced),
            ("Program", self.program),
        )
        return tuple((what, value) for what, value in facts if value)

    @property
    def seconds(self) -> int:
        """When the files say they were made (`Stamp.dated`), in seconds since 1970; the start of 1980 where nothing says it."""
        dated = self.stamp.dated
        return int(dated.timestamp()) if dated else 315532800

    def as_data(self) -> dict[str, Any]:
        """The same as JSON knows it."""
        return {**asdict(self), "facts": self.facts, "paper": find_paper(self.paper).typst}


#: What heads the list of changes.
CHANGES = "Changes since an earlier build"


@dataclass(frozen=True)
class RenderResult:
    """The files by format, what made them, and what a reader of the log should know."""

    files: dict[str, Path]
    engine: str
    version: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SingleOutput:
    """One output to be a file of its own: its number, its title, what a notebook shows of it as Markdown, its links."""

    number: str
    title: str
    markdown: str
    links: tuple[str, ...] = ()


def render_outputs(
    outputs: Iterable[SingleOutput],
    out: Path,
    *,
    about: ReportAbout,
    timeout: float = 1800,
    keep: Path | None = None,
    program: str = "",
) -> tuple[dict[str, Typeset], tuple[str, ...]]:
    """Write a PDF of every output into ``out``, named by `file_stem`, tagged, titled, its pages numbered 1 of y.

    The files appear together, when all of them are whole. An output leads to the files of those that it is linked with.

    Parameters
    ----------
    keep
        Folder, not there yet, in which the pages are kept as they were typeset, for the documents that hold the outputs.
    program
        The number of this program (`system.program.hash_program`), where what it made before may be taken from the user's store.

    Returns
    -------
    tuple
        What is kept of each output, by the name it is linked by; and what a reader of the log should know.

    Raises
    ------
    ReportError
        A character that the fonts lack, an output typst refuses, no time left.
    """
    from cgbm1_report.render.singles import write_single_pdfs

    try:
        out.mkdir(parents=True, exist_ok=True)
        if keep is not None:
            keep.mkdir()
        with tempfile.TemporaryDirectory(prefix=".render-", dir=out) as scratch:
            done = write_single_pdfs(outputs, about, keep or Path(scratch), timeout, program=program)
            for number, path in done.files.items():
                os.replace(path, out / f"{file_stem(number)}.pdf")
    except OSError as error:
        raise tell_unwritten(error, out) from error
    return done.pages if keep is not None else {}, done.notes


def render_report(
    notebooks: Sequence[Path],
    out: Path,
    *,
    about: ReportAbout,
    formats: Sequence[str] = FORMATS,
    engine: Engine | EngineChoice = "auto",
    timeout: float = 1800,
    reference: bytes | None = None,
    name: str = "report",
    made: Mapping[str, Typeset] | None = None,
    program: str = "",
) -> RenderResult:
    """Write ``report.html``, ``report.docx`` and ``report.pdf``, or another ``name``, of executed notebooks into ``out``.

    Markdown cells are the narrative; what code cells display as ``text/html`` and ``text/markdown``
    are the outputs. Code, printed text and warnings are not shown. Both engines take the same
    notebooks. The files appear together, when all of them are whole.

    Parameters
    ----------
    notebooks
        Executed notebooks. What they show stands in the report where their displays say (:mod:`.tree`), whatever
        order they come in; those that say nothing follow in the order given.
    engine
        What renders, as `choose_engine` gives it or by name: ``auto`` takes Quarto where one is on PATH that works,
        else the embedded engine.
    timeout
        Seconds the rendering may take.
    reference
        A sponsor's Word template, as `emit.read_reference` gives it, in the place of our own.
    made
        Outputs that `render_outputs` has typeset, by the name they are linked by: the embedded engine takes their pages.
    program
        As of `render_outputs`: what the embedded engine made of the same notebooks before is taken.

    Raises
    ------
    ReportError
        An unknown format, a notebook that is missing, not executed or failed, an output that
        cannot be printed, a folder that cannot be written, an engine that is missing or fails.
    """
    _check(notebooks, formats)
    from cgbm1_report.render.engines import Engine, choose_engine
    from cgbm1_report.render.finish import finish_pdf

    chosen = engine if isinstance(engine, Engine) else choose_engine(engine)
    render = _renderer(chosen)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".render-", dir=out) as scratch:
            result = render(list(notebooks), Path(scratch), about, list(formats), timeout, reference, made or {}, program)
            files = {}
            for kind, file in result.files.items():
                files[kind] = out / f"{name}.{kind}"
                if kind == "pdf" and file.read_bytes().startswith(b"%PDF-"):
                    finish_pdf(file)
                os.replace(file, files[kind])
    except OSError as error:
        raise tell_unwritten(error, out) from error
    # Whoever renders beside it needs the room.
    give_back()
    return RenderResult(files, result.engine, result.version, result.notes)


def emit_index(
    whole: Sequence[str], outputs: Mapping[str, Sequence[str]],
    groups: Mapping[str, Mapping[str, Sequence[str]]] | None = None, mark: str = "",
    counted: Mapping[str, str] | None = None, lacking: Sequence[str] = (), titles: Mapping[str, str] | None = None,
    name: str = "Build",
) -> str:  # fmt: skip
    """Write the HTML page that leads to everything a build made.

    ``whole`` are the paths of whole documents, ``outputs`` the paths of each output's files by its
    number, ``groups`` those of each group's document by its name, below the word for such groups; all relative to the page.
    ``mark`` says what they are, ``counted`` how many numbers of an output were computed a second time,
    ``lacking`` what the report lacks, ``titles`` what outputs are of, and ``name`` stands above all.
    Names of files are text and addresses, never markup.
    """
    from cgbm1_report.render.index import write_index

    return write_index(whole, outputs, groups or {}, mark, counted or {}, lacking, titles, name)


def seconds_left(ends: float) -> float:
    """Seconds until ``ends`` on the monotonic clock; none left is an error, before anything is started."""
    left = ends - time.monotonic()
    if left <= 0:
        raise ToolError("the time for rendering is over", rule="rendering", remedy="allow more time, or make fewer formats")
    return left


def _check(notebooks: Sequence[Path], formats: Sequence[str]) -> None:
    problems = [
        Problem(f"format {kind!r} is unknown", rule="formats", remedy=f"use {', '.join(FORMATS)}")
        for kind in formats
        if kind not in FORMATS
    ]
    problems += [
        Problem("is not there", file=str(path), rule="executed notebooks", remedy="run the notebooks first")
        for path in notebooks
        if not path.is_file()
    ]
    if not notebooks:
        problems.append(Problem("there is no notebook to render", rule="executed notebooks", remedy="name at least one"))
    if problems:
        raise PlanError.of(problems)


def _renderer(engine: Engine) -> Callable[..., RenderResult]:
    if engine.name == "quarto":
        from cgbm1_report.render.quarto import render_with_quarto

        # Quarto typesets what the notebooks show, and knows of no pages, and of nothing that was made before.
        return lambda *given: render_with_quarto(*given[:-2], engine=engine)
    from cgbm1_report.render.embedded import render_embedded

    return render_embedded

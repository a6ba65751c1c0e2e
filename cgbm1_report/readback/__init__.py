"""Reads the files of a build back and proves them against its results.

Written apart from the code that emits and renders: it shares no function with it, so that a slip there
is not repeated here. What every output should print comes from the JSON beside its files, and that is
itself held against the results in ard.parquet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cgbm1_report.errors import ProofError
from cgbm1_report.readback.docx import anchors, check_docx
from cgbm1_report.readback.files import check_files, check_index, check_inputs, read_links
from cgbm1_report.readback.html import check_outside, check_page, check_report
from cgbm1_report.readback.notebooks import check_notebooks
from cgbm1_report.readback.pdf import check_pdf
from cgbm1_report.readback.pictures import read_displayed
from cgbm1_report.readback.printed import Finding, Printed, read_printed
from cgbm1_report.readback.quoted import check_quoted
from cgbm1_report.readback.results import check_csv, check_results
from cgbm1_report.readback.rtf import check_rtf
from cgbm1_report.readback.told import Said, Told, read_told
from cgbm1_report.readback.xlsx import check_xlsx
from cgbm1_report.system.workers import Workers, gather
from cgbm1_report.tabulate.files import file_stem, split_group

__all__ = ["Finding", "ReadBack", "raise_on_findings", "read_back", "verify_build"]

#: The files an output has in the formats that were asked for, and those it always has; its JSON says what the
#: others should print.
PRINTED, DATA = ("html", "docx", "pdf", "rtf", "xlsx"), ("csv", "json")
_COMPLETE = "every output has every file"
_TOLD = "a document tells what its notebooks say"
_RULE = "reading back"
#: Cells that are read in the time another process takes to begin; and how many cells are one part of the work.
_WORTH, _PART = 20_000, 4_000


@dataclass(frozen=True)
class ReadBack:
    """What was read back: how much of it, and every place where it is not what the results say.

    ``cells`` counts the cells of one format; every one of ``files`` that prints them was compared.
    """

    outputs: int
    cells: int
    pages: int
    files: int
    findings: tuple[Finding, ...]

    @property
    def counts(self) -> dict[str, int]:
        """The counts by what they count."""
        return {**{name: getattr(self, name) for name in ("outputs", "cells", "files", "pages")}, "findings": len(self.findings)}

    @property
    def told(self) -> str:
        """The counts on one line."""
        return (
            f"{self.outputs} outputs, {self.cells} cells, {self.files} files, {self.pages} PDF pages, {len(self.findings)} findings"
        )


@dataclass(frozen=True)
class _Build:
    """What is read back, and what all of its files are held against beside the results."""

    folder: Path
    formats: Sequence[str]
    stamp: Said
    engine: str
    documents: Mapping[str, Mapping[str, Any]]
    log: str
    every_tag: bool
    links: frozenset[str]

    @property
    def suffixes(self) -> list[str]:
        """The kinds of files that every output has."""
        return [name for name in PRINTED if name in self.formats] + list(DATA)

    @property
    def whole(self) -> list[str]:
        """The formats of whole documents."""
        return [name for name in self.formats if name not in ("rtf", "xlsx")]

    def file(self, number: str, suffix: str) -> Path:
        """A file of one output."""
        return self.folder / "outputs" / f"{file_stem(number)}.{suffix}"


def read_back(
    folder: Path,
    outputs: Sequence[str],
    *,
    formats: Sequence[str],
    stamp: Mapping[str, str],
    engine: str,
    documents: Mapping[str, Mapping[str, Any]],
    free_edges: bool = False,
    log: str = "",
    every_tag: bool = True,
    workers: int = 1,
) -> ReadBack:
    """Read every printed file of a build back and compare it with the results.

    Parameters
    ----------
    outputs
        Numbers of the outputs the build made.
    formats
        Formats asked for, of the report and of each output: of html, docx, pdf, rtf.
    stamp
        What stands at the edges of every page: protocol, mark, cutoff, program, produced.
    engine
        What rendered the report; only the embedded engine's HTML has no scripts but ours.
    documents
        What each whole document is, by its path without suffix: its title page, and its notebooks in their order.
    free_edges
        A sponsor's Word template says more in header and footer than we do.
    log
        What the build says about its PDF.
    every_tag
        Read the tags of each output's own PDF too; they are made as those of the report, which are always read.
    workers
        How many processes may read at a time. What they find is told in the same order.
    """
    said = Said({name: str(text) for name, text in stamp.items()}, free_edges)
    build = _Build(folder, formats, said, engine, documents, log, every_tag, read_links(folder))
    printed, broken = _read_all(folder, outputs)
    held = _documents(printed)
    cells = sum(len(row) for one in printed.values() for row in one.rows)
    with Workers(min(workers, 1 + cells // _WORTH)) as hands:
        # The longest first: the report is one file.
        parts = [(name, kind) for kind in sorted(build.whole, reverse=True) for name in held]
        told = {name: _read_told(build, name, own) for name, own in held.items()}
        reading = [hands.call(_check_whole, build, name, kind, held[name], told[name]) for name, kind in parts]
        alone = [hands.call(_check_outputs, build, part) for part in _share(printed)]
        results = [*_absent(build, outputs), *broken, *_check_results(folder, printed), *check_notebooks(folder, printed, said)]
        singles, pages = _join(gather(alone, _RULE))
        wholes = dict(zip(parts, gather(reading, _RULE), strict=True))
    doubted = frozenset(finding.output for finding in (*results, *singles))
    for name, kind in parts if doubted else ():
        # What was taken for sound is not: such outputs are read in the report for themselves.
        if kind == "html":
            wholes[name, kind] = _check_whole(build, name, kind, held[name], told[name], doubted)
    whole, more = _join(wholes[name, kind] for name in held for kind in build.whole)
    untold = [one for one in told.values() if isinstance(one, Finding)]
    beside = [*check_index(folder, said), *check_outside(folder, "findings.html")]
    files = len(printed) * len(build.suffixes) + len(held) * len(build.whole)
    return ReadBack(len(printed), cells, pages + more, files, (*results, *singles, *untold, *whole, *beside))


def read_document(
    folder: Path,
    name: str,
    outputs: Sequence[str],
    *,
    formats: Sequence[str],
    stamp: Mapping[str, str],
    about: Mapping[str, Any],
    log: str = "",
) -> list[Finding]:
    """Read one whole document back that is of no build: it prints what the JSON of its outputs says, and nothing else.

    Parameters
    ----------
    folder
        Holds the document, ``outputs/*.json`` and its notebooks, as a build does.
    about
        What it is: its title page, and its notebooks in their order.
    """
    said = Said({what: str(text) for what, text in stamp.items()})
    build = _Build(folder, formats, said, "embedded", {name: about}, log, True, frozenset())
    printed, findings = _read_all(folder, outputs)
    told = _read_told(build, name, printed)
    findings += [told] if isinstance(told, Finding) else []
    return findings + [one for kind in build.whole for one in _check_whole(build, name, kind, printed, told)[0]]


def _documents(printed: Mapping[str, Printed]) -> dict[str, dict[str, Printed]]:
    """The outputs of each whole document by its path: those of a dose group, whose number says so, are a document of their own."""
    found: dict[str, dict[str, Printed]] = {}
    for number, one in printed.items():
        _, group = split_group(number)
        found.setdefault(f"groups/{group}" if group else "report", {})[number] = one
    return found


def _absent(build: _Build, outputs: Sequence[str]) -> list[Finding]:
    return [
        Finding(f"outputs/{file_stem(number)}.{suffix}", "is not there", _COMPLETE, number)
        for number in outputs
        for suffix in build.suffixes
        if not build.file(number, suffix).is_file()
    ]


def _read_all(folder: Path, outputs: Sequence[str]) -> tuple[dict[str, Printed], list[Finding]]:
    """What each output should print, and findings about JSON that cannot be read."""
    printed, findings = {}, []
    displayed = read_displayed(folder)
    for number in outputs:
        path = folder / "outputs" / f"{file_stem(number)}.json"
        if not path.is_file():
            continue
        try:
            one = read_printed(path)
            ((anchor, _),) = anchors({number: one})
            drawing, still = displayed.get(anchor, ("", ""))
            printed[number] = replace(one, drawing=drawing, still=still)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            findings.append(Finding(f"outputs/{path.name}", f"cannot be read: {error}", "the file can be read", number))
    return printed, findings


def _check_results(folder: Path, printed: dict[str, Printed]) -> list[Finding]:
    import pandas as pd

    try:
        ard = pd.read_parquet((folder / "ard.parquet").open("rb"))
    except (OSError, ValueError) as error:
        return [Finding("ard.parquet", f"cannot be read: {error}", "the file can be read")]
    return [*check_results(ard, printed), *check_quoted(folder, printed, ard)]


def _check_outputs(build: _Build, printed: Mapping[str, Printed]) -> tuple[list[Finding], int]:
    """Findings about the files of every output, and the pages of its PDFs."""
    findings: list[Finding] = []
    all_pages = 0
    for number, one in printed.items():
        findings += _check_output(build, number, one)
        path = build.file(number, "pdf")
        if "pdf" in build.suffixes and path.is_file():
            name = f"outputs/{path.name}"
            said, pages = check_pdf(path, {number: one}, build.stamp, build.log, build.links, name=name, every_tag=build.every_tag)
            findings += said
            all_pages += pages
    return findings, all_pages


def _check_output(build: _Build, number: str, printed: Printed) -> list[Finding]:
    """Findings about the files of one output but its PDF; those that are absent have been told."""
    stem, stamp, links = f"outputs/{file_stem(number)}", build.stamp, build.links
    files = {suffix: build.file(number, suffix) for suffix in build.suffixes if build.file(number, suffix).is_file()}
    named = dict(anchors({number: printed}))
    findings: list[Finding] = []
    if "html" in files:
        findings += check_page(files["html"], f"{stem}.html", named, stamp=stamp, links=links)
    if "docx" in files:
        findings += check_docx(files["docx"], f"{stem}.docx", named, stamp=stamp, links=links)
    if "rtf" in files:
        findings += check_rtf(files["rtf"], f"{stem}.rtf", printed, stamp)
    if "xlsx" in files:
        findings += check_xlsx(files["xlsx"], f"{stem}.xlsx", printed, stamp)
    if "csv" in files and not printed.is_figure:
        findings += check_csv(files["csv"], f"{stem}.csv", printed)
    return findings


def _share(printed: Mapping[str, Printed]) -> list[dict[str, Printed]]:
    """The outputs in parts of about as many cells, in their order."""
    parts: list[dict[str, Printed]] = []
    room = 0
    for number, one in printed.items():
        if room <= 0:
            parts.append({})
            room = _PART
        parts[-1][number] = one
        # Opening its files costs about as much as reading two hundred cells.
        room -= 200 + sum(len(row) for row in one.rows)
    return parts


def _join(read: Iterable[tuple[list[Finding], int]]) -> tuple[list[Finding], int]:
    """Findings and pages of several parts."""
    every = list(read)
    return [finding for findings, _ in every for finding in findings], sum(pages for _, pages in every)


def _read_told(build: _Build, name: str, outputs: Mapping[str, Printed]) -> Told | Finding:
    """What a document should tell; where its notebooks cannot be read, that they cannot."""
    try:
        return read_told(build.folder, build.documents.get(name) or {}, build.stamp, dict(anchors(outputs)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return Finding(name, f"has notebooks that cannot be read: {type(error).__name__} {error}", _TOLD)


def _check_whole(
    build: _Build,
    document: str,
    kind: str,
    printed: Mapping[str, Printed],
    told: Told | Finding,
    doubted: frozenset[str] = frozenset(),
) -> tuple[list[Finding], int]:
    """Findings about a whole document in one format, and its pages as PDF; ``document`` is its path.

    An output whose own files are ``doubted`` is read in the report for itself. A document of which nobody knows what it should
    tell is not read.
    """
    named = dict(anchors(printed))
    stamp, links = build.stamp, build.links
    path, name = build.folder / f"{document}.{kind}", f"{document}.{kind}"
    if isinstance(told, Finding):
        return [], 0
    if not path.is_file():
        return [Finding(name, "is not there", _COMPLETE)], 0
    if kind == "pdf":
        return check_pdf(path, printed, stamp, build.log, links, name=name, told=told)
    if kind == "docx":
        return check_docx(path, name, named, stamp=stamp, told=told, links=links), 0
    singles = _sound_pages(build, {anchor: one.number for anchor, one in named.items() if one.number not in doubted})
    ours = build.engine == "embedded"
    return check_report(path, name, named, singles, told, ours=ours, stamp=stamp, links=links), 0


def _sound_pages(build: _Build, numbers: Mapping[str, str]) -> dict[str, str]:
    """The HTML pages of outputs by their anchors: where a report holds the same, it need not be read twice."""
    files = {anchor: build.file(number, "html") for anchor, number in numbers.items()}
    return {anchor: file.read_text("utf-8", "replace") for anchor, file in files.items() if file.is_file()}


def verify_build(folder: Path, manifest: dict[str, Any], cut: Mapping[str, str] | None = None, *, workers: int = 1) -> ReadBack:
    """Read a finished build back: its files against its manifest, its prints against its results, its inputs against a cut.

    Parameters
    ----------
    cut
        SHA-256 of every file of the cut it should have been made of, by its path in the cut.
    workers
        How many processes may read at a time.

    Raises
    ------
    ReportError
        The manifest is not that of a finished build.
    """
    lacking = sorted({"report", "outputs", "files", "engine", "documents"} - set(manifest))
    if lacking:
        raise ProofError(
            f"lacks {', '.join(lacking)}", file=folder / "manifest.json", rule="a finished build", remedy="build again"
        )
    about = manifest["report"]
    done = read_back(
        folder,
        list(manifest["outputs"]),
        formats=about["formats"],
        stamp=about["stamp"],
        engine=manifest["engine"]["name"],
        documents=manifest["documents"],
        free_edges=bool(manifest.get("look", {}).get("reference_doc")),
        log=manifest["engine"].get("notes", ""),
        workers=workers,
    )
    changed = check_files(folder, manifest["files"])
    inputs = [] if cut is None else check_inputs(manifest["inputs"], cut)
    return ReadBack(done.outputs, done.cells, done.pages, done.files, (*inputs, *changed, *done.findings))


def raise_on_findings(findings: Iterable[Finding]) -> None:
    """Stop the build when a file does not say what the results say.

    Raises
    ------
    ReportError
        With every finding: file, output, place, what.
    """
    problems = [finding.problem for finding in findings]
    if problems:
        raise ProofError.of(problems)

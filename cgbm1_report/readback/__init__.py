"""Reads the files of a build back and proves them against its results.

Written apart from the code that emits and renders: it shares no function with it, so that a slip there
is not repeated here. What every output should print comes from the JSON beside its files, and that is
itself held against the results in ard.parquet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from cgbm1_report.errors import ProofError, number_of
from cgbm1_report.readback.files import check_files, check_index, check_inputs, read_links, tell_lost_link
from cgbm1_report.readback.html import check_outside
from cgbm1_report.readback.opened import Opened, check_opened
from cgbm1_report.readback.parts import (
    Build,
    Read,
    check_data,
    check_document,
    check_outputs,
    check_shown,
    check_whole,
    documents_of,
    find_absent,
    forget,
    join_findings,
    read_outputs,
    share_outputs,
    tell_document,
    tell_unread,
    weigh_outputs,
)
from cgbm1_report.readback.pictures import read_displayed
from cgbm1_report.readback.printed import Finding
from cgbm1_report.readback.told import Said
from cgbm1_report.system.manifest import INTERACTIVE
from cgbm1_report.system.workers import Workers, gather

if TYPE_CHECKING:
    from concurrent.futures import Future

    from cgbm1_report.readback.taken import Proofs

__all__ = ["Finding", "ReadBack", "raise_on_findings", "read_back", "verify_build"]

_RULE = "reading back"
_FIRST = "put the files back that are not as the build left them, and verify again"
#: Bytes of the outputs' JSON whose files are read in the time another process takes to begin.
_WORTH = 1_300_000


@dataclass(frozen=True)
class ReadBack:
    """What was read back: how much of it, and every place where it is not what the results say.

    ``cells`` counts the cells of one format; every one of ``files`` that prints them was compared. ``opened`` are the numbers that
    were counted again of the records that a page opens.
    """

    outputs: int
    cells: int
    pages: int
    files: int
    findings: tuple[Finding, ...]
    opened: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """The counts by what they count."""
        return {
            **{name: getattr(self, name) for name in ("outputs", "cells", "files", "pages", "opened")},
            "findings": len(self.findings),
        }

    def tell(self, findings: int) -> str:
        """The counts on one line, the last of it all that was found, also around the build."""
        return (
            f"{number_of(self.outputs, 'output')}, {number_of(self.cells, 'cell')}, {number_of(self.files, 'printed file')}, "
            f"{number_of(self.pages, 'PDF page')}, {number_of(self.opened, 'number')} opened, {number_of(findings, 'finding')}"
        )


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
    program: str = "",
    opens: bool = True,
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
    program
        The number of this program (`system.program.hash_program`): files are not read again that it read back before, byte for
        byte, and found sound (:mod:`.taken`). Without it every file is read.
    opens
        Whether its pages open numbers; those of builds of earlier versions do not.
    """
    from cgbm1_report.readback.taken import Proofs

    said = Said({name: str(text) for name, text in stamp.items()}, free_edges)
    build = Build(folder, tuple(outputs), formats, said, engine, documents, log, every_tag, reading=uuid4().hex)
    sizes = weigh_outputs(build)
    with Workers(min(workers, 1 + sum(sizes.values()) // _WORTH)) as hands:
        links, displayed = hands.call(read_links, folder), hands.call(read_displayed, folder)
        build = replace(build, links=gather([links], _RULE)[0], displayed=gather([displayed], _RULE)[0])
        proofs = Proofs(build, program)
        reading = _begin(build, sizes, proofs, hands, opens=opens and "html" in formats)
        beside = [*check_index(folder, said), *check_outside(folder, "findings.html")]
        done = reading.end()
    results = [*find_absent(build), *done.singles.broken, *done.held]
    doubted = frozenset(finding.output for finding in (*results, *done.singles.findings))
    for name, kind in done.wholes if doubted else ():
        # What was taken for sound is not: such outputs are read in the report for themselves.
        done.wholes[name, kind] = check_whole(build, name, kind, doubted)
    forget()
    done.keep(proofs, sound=not doubted)
    unread = tell_unread(build, set(done.singles.outputs))
    read = [name for name in documents_of(done.singles.outputs) if name not in unread]
    whole = [done.wholes[name, kind] for name in read for kind in build.whole]
    # That its notebooks cannot be read is told of a document once, and not in every format.
    told = dict.fromkeys(finding for one in whole for finding in one.findings)
    return ReadBack(
        len(done.singles.outputs),
        done.singles.cells,
        done.singles.pages + sum(one.pages for one in whole),
        len(done.singles.outputs) * len(build.suffixes) + len(whole),
        (*results, *unread.values(), *done.singles.findings, *told, *beside, *done.opened.findings),
        done.opened.numbers,
    )


@dataclass(frozen=True)
class _Done:
    """What was read, and what of it is new: the rest was known to be sound."""

    #: What was read of all outputs' own files, in their order.
    singles: Read
    #: What was read of whole documents, by path and format.
    wholes: dict[tuple[str, str], Read]
    held: list[Finding]
    opened: Opened
    fresh: Mapping[str, Read]
    unread: Sequence[tuple[str, str]]
    opened_anew: bool
    holds: Mapping[str, list[str]]

    def keep(self, proofs: Proofs, *, sound: bool) -> None:
        """Keep for the next build what was read now; where an output is doubted, no document was held against its files."""
        if self.opened_anew and sound:
            proofs.keep_opened(self.opened)
        proofs.keep(self.fresh, {part: self.wholes[part] for part in self.unread} if sound else {}, self.holds)


@dataclass(frozen=True)
class _Reading:
    """What is being read, and what needs no reading."""

    numbers: Sequence[str]
    holds: Mapping[str, list[str]]
    known: Mapping[str, Read]
    known_wholes: Mapping[tuple[str, str], Read]
    known_opened: Opened | None
    shares: Sequence[Sequence[str]]
    alone: Sequence[Future[list[Read]]]
    unread: Sequence[tuple[str, str]]
    wholes: Sequence[Future[Read]]
    holding: Sequence[Future[list[Finding]]]
    opening: Sequence[Future[Opened]]

    def end(self) -> _Done:
        """Wait for all of it."""
        fresh = dict(zip(chain(*self.shares), chain(*gather(self.alone, _RULE)), strict=True))
        held = [finding for found in gather(self.holding, _RULE) for finding in found]
        opened = self.known_opened if self.known_opened is not None else gather(self.opening, _RULE)[0]
        wholes = {**self.known_wholes, **dict(zip(self.unread, gather(self.wholes, _RULE), strict=True))}
        singles = Read.join([self.known.get(number) or fresh[number] for number in self.numbers])
        return _Done(singles, wholes, held, opened, fresh, self.unread, bool(self.opening), self.holds)


def _begin(build: Build, sizes: Mapping[str, int], proofs: Proofs, hands: Workers, *, opens: bool) -> _Reading:
    """Begin to read what is not known to be sound: the longest first, and the report is one file."""
    holds = documents_of(sizes)
    parts = [(name, kind) for kind in sorted(build.whole, reverse=True) for name in holds]
    known, known_wholes = proofs.find_outputs(sizes), proofs.find_whole(parts, holds)
    unread = [part for part in parts if part not in known_wholes]
    wholes = [hands.call(check_whole, build, name, kind) for name, kind in unread]
    holding = [hands.call(check_data, build), hands.call(check_shown, build)]
    known_opened = proofs.find_opened() if opens else Opened()
    opening = [] if known_opened is not None else [hands.call(check_opened, build.folder, build.outputs)]
    shares = share_outputs({number: size for number, size in sizes.items() if number not in known})
    alone = [hands.call(check_outputs, build, part) for part in shares]
    return _Reading(list(sizes), holds, known, known_wholes, known_opened, shares, alone, unread, wholes, holding, opening)


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
    displayed = read_displayed(folder)
    build = Build(folder, tuple(outputs), formats, said, "embedded", {name: about}, log, True, displayed=displayed)
    printed, findings = read_outputs(folder, outputs, displayed)
    told = tell_document(build, name, printed)
    if isinstance(told, Finding):
        return [*findings, told]
    return findings + join_findings(check_document(build, name, kind, printed, told).findings for kind in build.whole)


def verify_build(folder: Path, manifest: dict[str, Any], cut: Mapping[str, str] | None = None, *, workers: int = 1) -> ReadBack:
    """Read a finished build back: its files against its manifest, its prints against its results, its inputs against a cut.

    Parameters
    ----------
    cut
        SHA-256 of every file of the cut it should have been made of, by its path in the cut; of a blind build, of what may be seen.
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
        opens=any(name.startswith(f"{INTERACTIVE}/") for name in manifest["files"]),
    )
    changed = check_files(folder, manifest["files"])
    absent = {name for name in manifest["files"] if not (folder / name).is_file()}
    inputs = [] if cut is None else check_inputs(manifest["inputs"] or manifest.get("blind", {}).get("seen", {}), cut)
    # What its files say follows from what somebody changed: that is looked into first.
    inside = [replace(one, remedy=_FIRST) for one in done.findings] if changed else done.findings
    # A file that is gone is told once: not again as one that an output lacks, and not of the page that leads to it.
    lost = {(one.file, one.message) for name in absent for one in [tell_lost_link(name)]}
    inside = [one for one in inside if one.file not in absent and (one.file, one.message) not in lost]
    return replace(done, findings=(*inputs, *changed, *inside))


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

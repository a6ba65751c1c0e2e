"""The parts that the reading back of a build is done in, each the work of one process: some outputs' files, a whole document.

Every process reads for itself what its part is held against: to read it takes no longer than to be sent it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cgbm1_report.errors import number_of
from cgbm1_report.readback.docx import anchors, check_docx
from cgbm1_report.readback.html import check_page, check_report
from cgbm1_report.readback.notebooks import check_notebooks
from cgbm1_report.readback.pdf import check_pdf
from cgbm1_report.readback.printed import Finding, Printed, read_printed
from cgbm1_report.readback.quoted import check_quoted
from cgbm1_report.readback.results import READ, check_csv, check_results
from cgbm1_report.readback.rtf import check_rtf
from cgbm1_report.readback.told import Said, Told, read_told
from cgbm1_report.readback.xlsx import check_xlsx
from cgbm1_report.tabulate.files import file_stem, split_group
from cgbm1_report.tabulate.named import output_label

#: The files an output has in the formats that were asked for, and those it always has; its JSON says what the
#: others should print.
PRINTED, DATA = ("html", "docx", "pdf", "rtf", "xlsx"), ("csv", "json")
_COMPLETE = "every output has every file"
_TOLD = "a document tells what its notebooks say"
#: Bytes of the outputs' JSON that are one part of the work; to open an output's files costs as much as to read so many.
_PART, _OPENING = 270_000, 13_000
#: So many outputs are named of which nobody knows what they should print.
_NAMED = 5


@dataclass(frozen=True)
class Build:
    """What is read back, and what all of its files are held against beside the results."""

    folder: Path
    outputs: tuple[str, ...]
    formats: Sequence[str]
    stamp: Said
    engine: str
    documents: Mapping[str, Mapping[str, Any]]
    log: str
    every_tag: bool
    links: frozenset[str] = frozenset()
    displayed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    #: Tells it from what is read at another time, in all processes that read: those of a cluster read for many runs.
    reading: str = ""

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

    def beside(self, printed: Printed) -> dict[str, str]:
        """The PDFs of the outputs that one is linked with, and how a reader is told of them."""
        return {path.name: output_label(one) for one in printed.links if (path := self.file(one, "pdf")).is_file()}


@dataclass(frozen=True)
class Read:
    """What was read of some files: findings, pages, and the outputs with the number of their cells; ``broken`` is their JSON."""

    findings: list[Finding] = field(default_factory=list)
    pages: int = 0
    outputs: list[str] = field(default_factory=list)
    cells: int = 0
    broken: list[Finding] = field(default_factory=list)

    @classmethod
    def join(cls, parts: Sequence[Read]) -> Read:
        """What several parts say, as one."""
        return cls(
            join_findings(part.findings for part in parts),
            sum(part.pages for part in parts),
            [number for part in parts for number in part.outputs],
            sum(part.cells for part in parts),
            join_findings(part.broken for part in parts),
        )


def join_findings(parts: Iterable[Iterable[Finding]]) -> list[Finding]:
    """The findings of several parts, in their order."""
    return [finding for part in parts for finding in part]


def documents_of(outputs: Iterable[str]) -> dict[str, list[str]]:
    """The outputs of each whole document by its path: those of a dose group, whose number says so, are a document of their own."""
    found: dict[str, list[str]] = {}
    for number in outputs:
        _, group = split_group(number)
        found.setdefault(f"groups/{group}" if group else "report", []).append(number)
    return found


def find_absent(build: Build) -> list[Finding]:
    """Findings of files that outputs should have and have not."""
    return [
        Finding(f"outputs/{file_stem(number)}.{suffix}", "is not there", _COMPLETE, number)
        for number in build.outputs
        for suffix in build.suffixes
        if not build.file(number, suffix).is_file()
    ]


def tell_unread(build: Build, known: Collection[str]) -> dict[str, Finding]:
    """By its path each document that is not read: of some of its outputs nobody knows what they should print.

    What it says of these would be told as wrong else, though it may be right.
    """
    found = {}
    for name, numbers in documents_of(number for number in build.outputs if number not in known).items():
        named = ", ".join(numbers[:_NAMED]) + (f" and {len(numbers) - _NAMED} more" if len(numbers) > _NAMED else "")
        files = ", ".join(f"{name}.{kind}" for kind in build.whole) or name
        what = f"{number_of(len(numbers), 'output')} ({named})"
        told = f"not read, nor the own files of {what}: the JSON, which says what they print, is not there or cannot be read"
        found[name] = Finding(files, told, _COMPLETE)
    return found


def weigh_outputs(build: Build) -> dict[str, int]:
    """How large the JSON of each output is; of those that have one."""
    files = {number: build.file(number, "json") for number in build.outputs}
    return {number: file.stat().st_size for number, file in files.items() if file.is_file()}


def share_outputs(sizes: Mapping[str, int]) -> list[list[str]]:
    """The outputs in parts of about the same size, in their order."""
    parts: list[list[str]] = []
    room = 0
    for number, size in sizes.items():
        if room <= 0:
            parts.append([])
            room = _PART
        parts[-1].append(number)
        room -= _OPENING + size
    return parts


def read_outputs(
    folder: Path, outputs: Sequence[str], displayed: Mapping[str, tuple[str, str]]
) -> tuple[dict[str, Printed], list[Finding]]:
    """What outputs should print, with the pictures that notebooks ``displayed``, and findings about JSON that cannot be read."""
    printed, findings = {}, []
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


class _Kept:
    """What all outputs of a build should print and its documents tell: read when first asked for, once in a process."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self.printed = read_outputs(build.folder, build.outputs, build.displayed)[0]
        self.held = {
            name: {number: self.printed[number] for number in numbers} for name, numbers in documents_of(self.printed).items()
        }
        self._told: dict[str, Told | Finding] = {}

    def tell(self, name: str) -> Told | Finding:
        """What a document tells outside its outputs; where that cannot be read, the finding."""
        if name not in self._told:
            self._told[name] = tell_document(self._build, name, self.held[name])
        return self._told[name]


#: What this process has read, by the time of reading.
_kept: dict[str, _Kept] = {}


def _keep(build: Build) -> _Kept:
    if build.reading not in _kept:
        forget()
        _kept[build.reading] = _Kept(build)
    return _kept[build.reading]


def forget() -> None:
    """Let go of what was read."""
    _kept.clear()


def check_data(build: Build) -> list[Finding]:
    """Findings where results, printed cells and quoted texts differ."""
    import pandas as pd

    printed = _keep(build).printed
    try:
        ard = pd.read_parquet((build.folder / "ard.parquet").open("rb"), columns=list(READ))
    except (OSError, ValueError) as error:
        return [Finding("ard.parquet", f"cannot be read: {error}", "the file can be read")]
    # Of an output whose JSON cannot be read that has been told: its results follow from it.
    ard = ard[~ard["output"].isin(set(build.outputs) - set(printed))]
    return [*check_results(ard, printed), *check_quoted(build.folder, printed, ard)]


def check_shown(build: Build) -> list[Finding]:
    """Findings where notebooks show anything else than is printed."""
    return check_notebooks(build.folder, _keep(build).printed, build.stamp)


def check_outputs(build: Build, numbers: Sequence[str]) -> list[Read]:
    """What was read of the files of each output."""
    return [_read_output(build, number) for number in numbers]


def _read_output(build: Build, number: str) -> Read:
    kept = _kept.get(build.reading)
    if kept and number in kept.printed:
        printed = {number: kept.printed[number]}
    else:
        printed, broken = read_outputs(build.folder, [number], build.displayed)
        if number not in printed:
            return Read(broken=broken)
    one, pages = printed[number], 0
    findings = _check_output(build, number, one)
    path = build.file(number, "pdf")
    if "pdf" in build.suffixes and path.is_file():
        name = f"outputs/{path.name}"
        said, pages = check_pdf(
            path, printed, build.stamp, build.log, build.links,
            name=name, every_tag=build.every_tag, beside=build.beside(one),
        )  # fmt: skip
        findings += said
    return Read(findings, pages, [number], sum(map(len, one.rows)))


def _check_output(build: Build, number: str, printed: Printed) -> list[Finding]:
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
        findings += check_csv(files["csv"], f"{stem}.csv", printed, stamp.texts.get("blind", ""))
    return findings


def tell_document(build: Build, name: str, outputs: Mapping[str, Printed]) -> Told | Finding:
    """What a document should tell; where its notebooks cannot be read, that they cannot."""
    try:
        return read_told(build.folder, build.documents.get(name) or {}, build.stamp, dict(anchors(outputs)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return Finding(name, f"has notebooks that cannot be read: {type(error).__name__} {error}", _TOLD)


def check_whole(build: Build, document: str, kind: str, doubted: frozenset[str] = frozenset()) -> Read:
    """What was read of a whole document in one format; ``document`` is its path.

    An output whose own files are ``doubted`` is read in the report for itself. A document of which nobody knows what it should
    print or tell is not read.
    """
    kept = _keep(build)
    if document not in kept.held or document in tell_unread(build, kept.printed):
        return Read()
    told = kept.tell(document)
    return Read([told]) if isinstance(told, Finding) else check_document(build, document, kind, kept.held[document], told, doubted)


def check_document(
    build: Build,
    document: str,
    kind: str,
    printed: Mapping[str, Printed],
    told: Told,
    doubted: frozenset[str] = frozenset(),
) -> Read:
    """What was read of a document in one format, held against the outputs that it prints and what it tells."""
    named = dict(anchors(printed))
    stamp, links = build.stamp, build.links
    path, name = build.folder / f"{document}.{kind}", f"{document}.{kind}"
    if not path.is_file():
        return Read([Finding(name, "is not there", _COMPLETE)])
    sound = {number: file for number in printed if number not in doubted and (file := build.file(number, kind)).is_file()}
    if kind == "pdf":
        return Read(*check_pdf(path, printed, stamp, build.log, links, name=name, told=told, singles=sound))
    if kind == "docx":
        files = {anchor: sound[one.number] for anchor, one in named.items() if one.number in sound}
        return Read(check_docx(path, name, named, stamp=stamp, told=told, links=links, singles=files))
    singles = _sound_pages(build, {anchor: one.number for anchor, one in named.items() if one.number not in doubted})
    ours = build.engine == "embedded"
    return Read(check_report(path, name, named, singles, told, ours=ours, stamp=stamp, links=links))


def _sound_pages(build: Build, numbers: Mapping[str, str]) -> dict[str, str]:
    """The HTML pages of outputs by their anchors: where a report holds the same, it need not be read twice."""
    files = {anchor: build.file(number, "html") for anchor, number in numbers.items()}
    return {anchor: file.read_text("utf-8", "replace") for anchor, file in files.items() if file.is_file()}

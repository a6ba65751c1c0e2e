"""What a notebook sees: a report that can show its outputs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from cgbm1_report.errors import PlanError
from cgbm1_report.notebook.asked import Bundle, Questions, display_as_printed, read_phase, refuse_cut, refuse_other_package
from cgbm1_report.notebook.datasets import Datasets, refuse_changed
from cgbm1_report.notebook.given import checked
from cgbm1_report.notebook.receipts import PLACE, QUOTED, write_receipts
from cgbm1_report.notebook.since import mark_changes
from cgbm1_report.notebook.taken import FROM, Taken, open_taken
from cgbm1_report.notebook.values import RowAsked, find_value
from cgbm1_report.outputs.catalogue import Entry, catalogue, make, place_of, refuse_own, require_group_of, scope_of
from cgbm1_report.protocol.e3 import E3Section
from cgbm1_report.protocol.packages import find_package, find_section
from cgbm1_report.protocol.trial import Trial, read_trial
from cgbm1_report.system.manifest import FIRST_PAGE, MAKING, PRINTED, REFERENCE, RESULTS, TAKEN, read_manifest
from cgbm1_report.system.room import tell_unwritten
from cgbm1_report.tabulate.files import ALL_GROUPS, file_stem, split_group
from cgbm1_report.tabulate.reviews import settle_review, tell_review
from cgbm1_report.tabulate.shared import Shared
from cgbm1_report.tabulate.stamped import read_stamp
from cgbm1_report.tabulate.table import Output, Stamp
from cgbm1_report.tabulate.view import Review


@dataclass(frozen=True, repr=False)
class Report(Questions):
    """One build as seen from one notebook: a phase and ``all`` or one dose group, or a package.

    ``report.show_section("14.3.1")`` shows what the catalogue holds there, ``report.show("T14.1.1")`` one
    output; ``report.section("14.1")`` heads a section; ``report.adsl`` and ``report.data["ADSL"]`` are a dataset, for
    exploring. What is done to ``data`` and ``trial`` reaches no output: outputs are made from frames and a protocol that were
    read apart.
    """

    folder: Path
    trial: Trial
    phase: int
    dose_group: str
    data: Mapping[str, pd.DataFrame]
    stamp: Stamp
    pooled: bool
    building: bool
    only: tuple[str, ...] | None
    formats: tuple[str, ...]
    package: str
    review: Review | None
    _entries: dict[str, Entry] = field(repr=False)
    _trial: Trial = field(repr=False)
    _counted: Shared = field(repr=False)
    _taken: Taken | None = field(default=None, repr=False)
    _shown: set[str] = field(default_factory=set, repr=False)
    _headed: set[str] = field(default_factory=set, repr=False)
    _sections: set[str] = field(default_factory=set, repr=False)
    _quoted: list[dict[str, str]] = field(default_factory=list, repr=False)
    _read: dict[str, tuple[Entry, Output]] = field(default_factory=dict, repr=False)

    @checked("number")
    def output(self, number: str) -> Output:
        """The Table or Figure with this number; the phase digit may be left out."""
        made = self._make(self._found(number))
        return replace(made, ard=made.ard.copy())

    def _make(self, entry: Entry, shown: tuple[str, ...] = ()) -> Output:
        return make(
            entry, self._trial, self._counted, self.stamp,
            dose_group=self.dose_group, pooled=self.pooled, review=self.review, shown=shown,
        )  # fmt: skip

    @checked("number", "row")
    def value(self, number: str, row: RowAsked | None = None, column: str | None = None, stat: str | None = None) -> str:
        """What an output prints in one place, to be quoted in a sentence (`write`).

        ``report.value("T14.3.1.1", row={"TRTEMFL": "Y"}, column="Total", stat="n")`` is the number of the first row as the
        table prints it; without ``stat`` it is all that the cell prints, ``13 (100.0) [44]``. The reading back of a build holds
        the text against the results, and the printed sentence against the text.

        Parameters
        ----------
        row
            Variables of the row's key with their levels, as ``outputs/*.json`` have them; as many as tell it from others. A label
            as printed will do where one row has it: ``"Male"``, or ``{"AGE": "Median"}``.
        column
            The column's key or its head, in any case of letters; not needed where there is one.
        stat
            A statistic of ``ard.parquet`` by its ``stat_name``.

        Raises
        ------
        ReportError
            The output, the row, the column or the statistic is not there, or is not one; what there is is named.
        """
        entry = self._found(number)
        made_by, made = self._read.get(entry.number, (None, None))
        if made is None or made_by is not entry:
            # An analyst declares an own output anew: its number is another output's then.
            made = self.output(number)
            self._read[entry.number] = entry, made
        found = find_value(made, row, column, stat)
        self._quoted.append(found)
        return str(found["text"])

    @checked()
    def write(self, text: str) -> None:
        """Print words, as a text cell does (Markdown): a sentence with numbers of outputs, each by `value`.

        ``report.write(f"Of {n} subjects {k} had an event.")``
        """
        from IPython.display import display

        # What was asked for and is not said, as in a condition, is not quoted.
        quoted = [one for one in self._quoted if one["text"] in text] if self.building else []
        display(_words(text), raw=True, metadata={QUOTED: quoted} if quoted else {})  # type: ignore[no-untyped-call]

    @checked("number", "page")
    def show(self, number: str, page: int | Literal["all"] | None = None) -> None:
        """Show an output; of one that belongs to the other phase only, a line that says so, in a build's notebook nothing.

        An analyst's notebook shows the first page of a long one, of some 200 rows, and says how to see the others: ``page=2``
        is the next, ``page="all"`` all of it. While a build is made its notebooks show all, and so does one that Quarto runs
        where no page is named: documents are made of it; what the build hands out has the first page (`delivered`).

        Raises
        ------
        ReportError
            The number is unknown in every phase, the output cannot be made, or it has no such page.
        """
        from IPython.display import display

        entry = self._entry(number)
        if entry is None:
            if not self.building:
                # A notebook that is of every phase runs of each, and goes on below what this one has not.
                (lost,) = self._elsewhere(number).problems
                display(Bundle({"text/plain": f"{lost.message}: {lost.remedy}"}), raw=True)  # type: ignore[no-untyped-call]
            return
        if self.building and not self._wanted(entry.number):
            return
        if self.building:
            refuse_own([entry])
        if self.building and entry.number in self._shown:
            raise PlanError(
                f"{entry.number} is shown twice in one notebook",
                rule="every output is shown once",
                remedy="take one of its lines out; show_section() shows what was not shown above it",
            )
        self._shown.add(entry.number)
        if self.building:
            bundle, told = self._show_built(entry)
        else:
            from cgbm1_report.emit import mime_bundle, take_page

            made = self._make(entry)
            bundle, told = mime_bundle(take_page(made, _page_shown() if page is None else page, number)), _mark_output(made)
        display(Bundle(bundle), raw=True, metadata=told)  # type: ignore[no-untyped-call]

    def _show_built(self, entry: Entry) -> tuple[Mapping[str, str], dict[str, object]]:
        """What is displayed of an output while the build is made, and its metadata; its files are in the build's folder then."""
        files = self._taken.find(entry.number) if self._taken else None
        if files is None:
            from cgbm1_report.emit import mime_bundle

            self._counted.begin()
            made = mark_changes(self._make(entry), self.folder, entry.source)
            bundle = mime_bundle(made)
            files = self._print(made, bundle)
            shown, told = bundle, _mark_output(made)
            if self._taken:
                kept = {**files, _DISPLAY: json.dumps([shown, told]).encode()}
                self._taken.keep(entry.number, self._counted.asked, kept)
        else:
            shown, told = json.loads(files.pop(_DISPLAY))
            # Nothing of it stays in the build, which has the same bytes either way; whoever builds counts and says them. An output
            # of a dose group has another number than its entry: that of its results.
            results = next(name for name in files if name.endswith(".parquet"))
            files[results.removesuffix(".parquet") + TAKEN] = files.pop(FROM)
        paths = [self.folder / name for name in files]
        try:
            for folder in ("outputs", RESULTS):
                (self.folder / folder).mkdir(exist_ok=True)
            for path, content in zip(paths, files.values(), strict=True):
                path.write_bytes(content)
        except OSError as error:
            # A full disk is no fault of the cell, and may be over when the build is tried again.
            raise tell_unwritten(error, self.folder) from error
        return shown, {**write_receipts(self.folder, paths), **told}

    @checked("number")
    def show_section(self, number: str) -> None:
        """Show every output that the catalogue holds in a section of ICH E3, in its order, below the section's heading.

        What `show` has shown above it in this notebook is left out, so that words may stand between single
        outputs. A section that holds nothing for this phase shows nothing. A cell that an analyst runs again shows the
        section again.

        Raises
        ------
        ReportError
            The section is none of ICH E3's, the notebook of a build shows it twice, or an output cannot be made.
        """
        wanted = self._in_section(find_section(number))
        if self.building and number in self._sections:
            raise PlanError(
                f"section {number} is shown twice in one notebook", rule="every output is shown once", remedy="take one line out"
            )
        self._sections.add(number)
        if number not in self._headed:
            self.section(number)
        for entry in [one for one in wanted if one.number not in self._shown] or ([] if self.building else wanted):
            self.show(entry.number)

    def _in_section(self, section: E3Section) -> list[Entry]:
        return [entry for entry in self._held() if entry.section == section and self._wanted(entry.number)]

    def _wanted(self, number: str) -> bool:
        return self.only is None or number in self.only

    def _print(self, made: Output, bundle: Mapping[str, str]) -> dict[str, bytes]:
        """One file per format asked for, and the results, by their paths in the build's folder.

        CSV and JSON are data and always there. What a PDF is made of is left beside the results, and so is what a screen is
        shown of a long output in the notebooks that a build hands out.
        """
        from cgbm1_report.emit import emit_csv, emit_docx, emit_html, emit_html_page, emit_printed, emit_rtf, heading, take_page

        stem, results = file_stem(made.number), f"{RESULTS}/{made.number}"
        parts = {
            f"outputs/{stem}.csv": emit_csv(made).encode("utf-8-sig"),
            f"outputs/{stem}.json": emit_printed(made).encode(),
        }
        if "html" in self.formats:
            parts[f"outputs/{stem}.html"] = emit_html_page(made, bundle["text/html"]).encode()
        if "docx" in self.formats:
            template = self.folder / RESULTS / REFERENCE
            parts[f"outputs/{stem}.docx"] = emit_docx(made, template.read_bytes() if template.is_file() else None)
        if "rtf" in self.formats:
            parts[f"outputs/{stem}.rtf"] = emit_rtf(made)
        if "xlsx" in self.formats:
            from cgbm1_report.emit.xlsx import emit_xlsx

            parts[f"outputs/{stem}.xlsx"] = emit_xlsx(made)
        if "pdf" in self.formats:
            printed = {"title": heading(made), "markdown": bundle["text/markdown"], "links": list(made.links)}
            parts[f"{results}{PRINTED}"] = json.dumps(printed).encode()
        whole = next((form for form in _READ if form in self.formats), "csv")
        page = take_page(made, 1, split_group(made.number)[0], f"../outputs/{stem}.{whole}")
        if page is not made:
            parts[f"{results}{FIRST_PAGE}"] = emit_html(page).encode()
        written = BytesIO()
        made.ard.to_parquet(written, index=False)
        return {**parts, f"{results}.parquet": written.getvalue()}

    @checked("number")
    def section(self, number: str) -> None:
        """Head a section of ICH E3 for this phase and say what the phase is.

        The words below it up to the next heading are the section's: the report prints them once where every phase
        has the same, and not at all where the catalogue holds nothing there.

        Raises
        ------
        ReportError
            The section is none of ICH E3's.
        """
        from IPython.display import display

        section = find_section(number)
        first = not self._headed
        self._headed.add(number)
        place = place_of(section, self._trial, self.phase, self.dose_group)
        if not self._in_section(section):
            text = f"*{', '.join(place)}: no output.*"
            display(_words(text), raw=True, metadata=_mark(place, "nothing"))  # type: ignore[no-untyped-call]
            return
        heads = "\n\n".join(f"{'#' * level} {text}" for level, text in enumerate(place, start=1))
        display(_words(heads), raw=True, metadata=_mark(place, "heading"))  # type: ignore[no-untyped-call]
        if self.package and not first:
            # It is one document of one review: what that is, is said once.
            return
        display(_words(self._lead()), raw=True, metadata=_mark(place, "lead"))  # type: ignore[no-untyped-call]

    def _lead(self) -> str:
        """What the phase is, and whether it is blind. Numbers of subjects stand in the heads of the tables."""
        design = self._trial.phases[self.phase].design
        told = ["The phase is blinded: all treatment groups are pooled."] if self.pooled else []
        if self.review:
            told = [f"{tell_review(self.review, self._trial)}."]
        return " ".join([f"{design[:1].upper()}{design[1:]}.", *told])


#: What is displayed of an output, among its files in a store.
_DISPLAY = "display.json"
#: Files of an output that people read, the one that opens at once first.
_READ = ("html", "pdf", "docx", "rtf", "xlsx")

#: What Quarto tells a notebook that it runs (https://quarto.org/docs/advanced/environment-vars.html).
_QUARTO_RUNS = frozenset({"QUARTO_EXECUTE_INFO", "QUARTO_FIG_WIDTH"})


def _page_shown() -> int | Literal["all"]:
    """What is shown where no page is named: a screen's first page, in a document everything."""
    return "all" if _QUARTO_RUNS & os.environ.keys() else 1


def _words(text: str) -> Bundle:
    return Bundle({"text/markdown": text, "text/plain": text})


def _mark_output(made: Output) -> dict[str, object]:
    from cgbm1_report.emit import anchor

    return _mark(made.place, "output", name=anchor(made.number), links=[anchor(one) for one in made.links])


def _mark(place: Sequence[str], what: str, **linked: str | list[str]) -> dict[str, object]:
    """Metadata of a display: where it stands in the report, what it is, by what name it is linked and with what."""
    return {PLACE: {"place": list(place), "is": what, **linked}} if place else {}


@checked("phase", called="cg.open_report")
def open_report(
    folder: str | Path, phase: int | str = 1, dose_group: str = ALL_GROUPS, *, package: str = "", review: str = ""
) -> Report:
    """Open a build, or the folder of a build being made, for one phase and dose group, or for a package.

    Of a package that is made for a review, ``dose_group`` is the one under review, and ``review`` which one it is. A phase may
    be written as a text. In a notebook an output that a cell ends with is shown as the report prints it.

    Raises
    ------
    ReportError
        The folder is no build; its protocol or, while it is made, its manifest was changed; the phase
        or the dose group is not the trial's; the dose group is asked for while its phase is blinded.
    """
    # Where it is now: a cell may change the folder in which the next one runs.
    place = Path(folder).resolve()
    refuse_cut(place)
    manifest = read_manifest(place)
    refuse_other_package(place, manifest, package)
    about, digests = manifest["report"], manifest.get("files", {})
    refuse_changed(place, digests, building=about["building"])
    trial = read_trial(place / "trial.yaml")
    phase = read_phase(phase, trial)
    require_group_of(dose_group, phase, trial)
    asked = find_package(package) if package else None
    pooled = phase in about["pooled_phases"] or bool(asked and asked.pooled)
    reviewed = settle_review(asked, dose_group, review, trial) if asked else None
    dose_group = ALL_GROUPS if asked else dose_group
    if pooled and dose_group != ALL_GROUPS:
        raise PlanError(
            f"phase {phase} is blinded: it has no dose groups yet", rule="unblinding record", remedy="show dose group 'all'"
        )
    entries = catalogue(trial, scope=scope_of(dose_group, package))
    if about["building"]:
        refuse_own(entries.values())
    else:
        display_as_printed()
    told = {"phase": phase, "dose_group": dose_group, "package": package, "pooled": pooled}
    return Report(
        folder=place,
        trial=trial.model_copy(deep=True),
        phase=phase,
        dose_group=dose_group,
        data=Datasets(place, digests),
        stamp=read_stamp(manifest, place),
        pooled=pooled,
        building=about["building"],
        only=tuple(about["only"]) if about["only"] is not None else None,
        formats=tuple(about["formats"]),
        package=package,
        review=reviewed,
        _entries=entries,
        _trial=trial,
        _counted=Shared(Datasets(place, digests), noted=about["building"]),
        _taken=_find_taken(place, manifest, trial, {**told, "review": asdict(reviewed) if reviewed else None}),
    )


def _find_taken(place: Path, manifest: Mapping[str, Any], trial: Trial, told: Mapping[str, object]) -> Taken | None:
    """What a notebook may take of outputs made before: of a sponsor's own, and of a build that is made already, nothing."""
    about = manifest["report"]
    if not about["building"] or trial.notebooks is not None:
        return None
    made_as = {**told, "stamp": about["stamp"], "formats": about["formats"]}
    return open_taken(place, made_as, manifest["files"]["trial.yaml"], manifest[MAKING])

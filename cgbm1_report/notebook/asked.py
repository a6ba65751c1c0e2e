"""What an analyst asks of a build beside its outputs: which there are, and who stands behind a number."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cgbm1_report.distinct import fold_text
from cgbm1_report.errors import ArgumentError, PlanError, number_of, suggest
from cgbm1_report.notebook.found import Found
from cgbm1_report.notebook.given import checked
from cgbm1_report.notebook.values import RowAsked, find_results, find_value, is_label
from cgbm1_report.outputs.catalogue import Entry, find_every, scope_of
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.read.find import find_signs
from cgbm1_report.system.manifest import says_built
from cgbm1_report.tabulate.files import ALL_GROUPS
from cgbm1_report.tabulate.table import Figure, Output, Table

_LISTED = ["number", "title", "population", "code", "section", "data"]
_WHO = "report.who"


class Bundle(dict[str, str]):
    """What a notebook displays, by type; where none runs, `IPython.display.display` prints the output as text."""

    def __str__(self) -> str:
        return self.get("text/plain", "")


class Questions:
    """What a report answers beside showing its outputs."""

    folder: Path
    trial: Trial
    phase: int
    dose_group: str
    data: Mapping[str, pd.DataFrame]
    pooled: bool
    package: str
    _entries: dict[str, Entry]
    _trial: Trial

    if TYPE_CHECKING:

        def output(self, number: str) -> Output: ...

    @property
    def _opened_by(self) -> str:
        """What opens its folder for another phase."""
        return "cg.open_report"

    def __repr__(self) -> str:
        of = self.package or (self.dose_group if self.dose_group != ALL_GROUPS else self.trial.phases[self.phase].label)
        return f"<Report {self.folder.name}: {of}{', blinded' * self.pooled}, {number_of(len(self.list()), 'output')}>"

    def __getattr__(self, name: str) -> pd.DataFrame:
        # What looks for a method of Python's own, or at a report that is not made yet, asks for no dataset.
        if name.startswith("_") or "data" not in self.__dict__:
            raise AttributeError(name)
        return self.data[_find_dataset(name, self.data)]

    def __dir__(self) -> Iterable[str]:
        return [*super().__dir__(), *(name.lower() for name in self.data)]

    @checked()
    def find(self, words: str) -> pd.DataFrame:
        """The outputs that have all of these words in number, title, population, section or datasets.

        Letter case means nothing.

        Returns
        -------
        DataFrame
            By number, in CSR order: title, population, its code, section, data. Where nothing has the words, it says what is near.
        """
        return _list_outputs(self._held(), self._trial, words)

    @checked("number", "row")
    def who(self, number: str, row: RowAsked | None = None, column: str | None = None, stat: str | None = None) -> pd.DataFrame:
        """The subjects behind a number of an output, with all that ADSL says of them.

        ``report.who("T14.3.1.1", row={"TRTEMFL": "Y"}, column="Total")``

        Parameters
        ----------
        row, column, stat
            As of `Report.value`. Without ``stat`` the subjects that the cell counts; where it counts none, as a mean, those whose
            records it is of.

        Raises
        ------
        ReportError
            The output, the row or the column is not there, or no subjects are told of the number, as of a p-value.
        """
        told, known = _find_subjects(self.output(number), row, column, stat)
        who = self._contributing(number, told) if known is None else known
        subjects = self.data["ADSL"]
        return subjects[subjects["USUBJID"].isin(who)].reset_index(drop=True)

    def _contributing(self, number: str, told: Mapping[str, Any]) -> Collection[str]:
        """Whose records a number is of that counts no subjects."""
        raise PlanError(f"{told['text']} of {told['output']} counts no subjects", rule=_WHO, remedy="name a count of subjects")

    @checked()
    def list(self, words: str = "") -> pd.DataFrame:
        """The outputs of this phase, or package, whether the build holds them or not; with ``words`` as `find` has them."""
        return self.find(words)

    def _held(self) -> Iterable[Entry]:
        """The outputs of this phase."""
        return (entry for entry in self._entries.values() if entry.phase == self.phase)

    def _found(self, number: str) -> Entry:
        entry = self._entry(number)
        if entry is None:
            raise self._elsewhere(number)
        return entry

    def _elsewhere(self, number: str) -> PlanError:
        """That an output is made for other phases than this one, and how to see it there."""
        phases = [entry.phase for entry in self._named(number)]
        of_package = f', package="{self.package}"' if self.package else ""
        ways = " or ".join(f'{self._opened_by}("{self.folder}", phase={phase}{of_package})' for phase in phases)
        told = f"{number} is of phase {' and '.join(map(str, phases))}, and this report was opened for phase {self.phase}"
        return PlanError(told, rule="output numbers", remedy=f"open {ways}")

    def _entry(self, number: str) -> Entry | None:
        """The output of this phase that a number names, as people write it; None where it is another phase's."""
        # Never another phase's: this one may be open while that one is blind.
        return next((entry for entry in self._named(number) if entry.phase == self.phase), None)

    def _named(self, number: str) -> Sequence[Entry]:
        """The outputs that a number names, found as the command finds them."""
        return find_every(number, self._trial, scope=scope_of(self.dose_group, self.package), phase=self.phase, known=self._entries)


def _list_outputs(entries: Iterable[Entry], trial: Trial, words: str = "") -> pd.DataFrame:
    """One row per output in CSR order: number, title, population and its code, section of ICH E3, datasets.

    Those alone that have all words. Letter case means nothing, and a word may stand in any of these.
    """
    rows = [
        (
            entry.number,
            entry.title,
            *((trial.population(entry.population).label, entry.population) if entry.source else ("", "")),
            entry.section.heading,
            ", ".join(entry.source),
        )
        for entry in entries
    ]
    texts = [fold_text(" ".join(row)) for row in rows]
    wanted = fold_text(words).split()
    found = [row for row, text in zip(rows, texts, strict=True) if all(word in text for word in wanted)]
    listed = Found(pd.DataFrame(found, columns=_LISTED, dtype="str").set_index("number"))
    if not found:
        listed.say_near(words, texts)
    return listed


def _find_subjects(
    made: Output, row: RowAsked | None, column: str | None, stat: str | None
) -> tuple[Mapping[str, Any], Collection[str] | None]:
    """The place of a number (`find_value`), and the subjects that it counts; None where it counts none.

    Raises
    ------
    ReportError
        There is no such number.
    """
    told = _find_number(made, row, column, stat)
    ard = made.ard
    here = ard[(ard["row"] == told["row"]) & (ard["column"] == told["column"]) & ard["subjects"].notna()]
    if told["stat"]:
        here = here[here["stat_name"] == told["stat"]]
    return told, None if here.empty else {subject for own in here["subjects"] for subject in own}


def _find_number(made: Output, row: RowAsked | None, column: str | None, stat: str | None) -> dict[str, Any]:
    """The place of a number: without a statistic that of a count of subjects, else that of all results of the row."""
    if stat is not None:
        return find_value(made, row, column, stat)
    if is_label(row):
        # One row has the label on the page: of its numbers the count is meant, if it has one.
        row = find_results(made, row, column)["row"]
    try:
        return find_value(made, row, column, "n")
    except PlanError:
        return find_results(made, row, column)


def _find_dataset(name: str, datasets: Collection[str]) -> str:
    """The dataset that an attribute names, ``adae`` or ``ADAE``.

    Raises
    ------
    AttributeError
        There is none; what is near is named.
    """
    wanted = name.upper()
    if wanted in datasets:
        return wanted
    raise AttributeError(f"a report has no {name!r} and no such dataset: {suggest(name, datasets)}")


def read_phase(phase: int | str, trial: Trial) -> int:
    """A phase as a number, however it is written.

    Raises
    ------
    ReportError
        The trial has no such phase.
    """
    text = str(phase).strip()
    found = int(text) if text.isdecimal() else None
    if found not in trial.phases:
        raise PlanError(
            f"phase {phase} is not declared", file="trial.yaml", rule="phases", remedy=f"use one of {trial.phase_numbers}"
        )
    return int(text)


def refuse_cut(place: Path) -> None:
    """Refuse a data cut where a build is opened, and say what opens it.

    Raises
    ------
    ReportError
        The folder is a cut: data, and no manifest of a build.
    """
    if (signs := find_signs(place)) and not says_built(place):
        told = f"is a data cut (it holds {' and '.join(signs)})"
        raise ArgumentError(told, file=place, rule="cg.open_report", remedy=f'open it with cg.open_cut("{place}")')


def refuse_other_package(place: Path, manifest: Mapping[str, Any], package: str) -> None:
    """Refuse a build as one of a package that it was not made for: its data are not those that the package is made of.

    Raises
    ------
    ReportError
        The build is finished, and was made for the report or for another package.
    """
    made_for = manifest.get("parameters", {}).get("package", "")
    if package and package != made_for and not manifest["report"]["building"]:
        told = f"is a build of {f'package {made_for}' if made_for else 'the report'}, not of package {package}"
        remedy = f"build the package: cgbm1-report build CUT --package {package} --out DIR, and open that"
        raise ArgumentError(told, file=place, rule="cg.open_report", remedy=remedy)


def display_as_printed() -> None:
    """Let a notebook show an output that a cell ends with as the report prints it: of a long one the first page."""
    if "IPython" not in sys.modules:
        # No notebook runs: a program that opens a report need not load one.
        return
    from IPython import get_ipython

    shell = get_ipython()  # type: ignore[no-untyped-call]
    if shell is not None:
        for kind in (Table, Figure):
            shell.display_formatter.mimebundle_formatter.for_type(kind, _print_first)


def _print_first(made: Output, **_: Any) -> dict[str, str]:
    from cgbm1_report.emit import mime_bundle, take_page

    return mime_bundle(take_page(made, 1, made.number))

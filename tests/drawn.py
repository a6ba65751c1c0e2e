"""Clinical cases drawn as small text tables, a comment per case."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from cgbm1_report.assets import asset
from cgbm1_report.build.stamp import make_stamp
from cgbm1_report.protocol.trial import Trial, read_trial
from cgbm1_report.read.cut import Cut
from cgbm1_report.tabulate.table import Row, Stamp, Table

DATES = ("DT", "DTM", "LSTALV0")


def draw(text: str) -> pd.DataFrame:
    """Read a drawn table: a heading, then rows; cells apart by ``|``; ``.`` is missing; ``#`` starts a comment.

    Columns ending in DT or DTM, and LSTALV0, become dates, columns whose every cell is a number become numbers,
    unless the name ends in ``$`` (text), which is cut off.
    """
    lines = [line.split("#")[0].strip() for line in text.strip().splitlines()]
    rows = [[cell.strip() for cell in line.split("|")] for line in lines if line]
    frame = pd.DataFrame(rows[1:], columns=rows[0]).astype("str").replace(".", pd.NA)
    made = {}
    for name in frame:
        own = frame[name].astype("str").where(frame[name].notna())
        if name.endswith("$"):
            made[name[:-1]] = own
        elif name.endswith(DATES):
            made[name] = pd.to_datetime(own).astype("datetime64[s]")
        else:
            numeric = pd.to_numeric(own, errors="coerce")
            made[name] = numeric.astype("float64") if numeric.notna().eq(own.notna()).all() and own.notna().any() else own
    return pd.DataFrame(made)


@cache
def our_trial() -> Trial:
    """The trial of the package, read once in a process: it is frozen, and one is as good for all tests as another.

    But where it is recorded what is asked of a trial: it keeps some answers, and is asked for them no more.
    """
    return read_trial()


@cache
def opened_trial() -> Trial:
    """The same of which no phase is blind: an error of reading tells records, as it does to who may see all."""
    trial = our_trial()
    return trial.model_copy(
        update={"phases": {n: phase.model_copy(update={"blinded": False}) for n, phase in trial.phases.items()}}
    )


@cache
def _read_plain(file: Path) -> Any:
    return yaml.load(file.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506


def plain_protocol(file: Path | None = None) -> Any:
    """A protocol as plain data, to be changed: the package's trial.yaml, or another. YAML in C is ten times as fast."""
    return deepcopy(_read_plain(file or asset("trial.yaml")))


def write_plain(data: Any) -> str:
    """Plain data as YAML."""
    return yaml.dump(data, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), allow_unicode=True)


def stamp_of(trial: Trial, *, synthetic: bool = True) -> Stamp:
    """The stamp the product makes of a cut of this trial."""
    cut = Cut(
        folder=Path(), sdtm={}, adam={}, src_decisions=None, unblinding=None, cutoff=date(2026, 1, 1), synthetic=synthetic,
        about={}, files={},
    )  # fmt: skip
    return make_stamp(trial, cut)


def stamp_saying(text: str, **other: str) -> Stamp:
    """A stamp whose every text is this one, hostile as the product never makes it: for tests of what emitters do with texts."""
    texts = dict.fromkeys(("protocol", "mark", "cutoff", "program", "produced"), text)
    return Stamp(**{**texts, **other})  # type: ignore[arg-type]


def find_row(table: Table, path: str) -> Row:
    """The row a reader finds by its label under the labels of the rows it is indented below: ``Sex, n (%) | Male``."""
    labels = path.split(" | ")
    trail: list[Row] = []
    for row in table.rows:
        trail = [*(over for over in trail if over.indent < row.indent), row]
        if [one.label for one in trail][-len(labels) :] == labels:
            return row
    raise LookupError(f"no row {path!r} in {[row.label for row in table.rows]}")


def read_cells(table: Table, path: str) -> list[str]:
    """The printed cells of the row that `find_row` finds."""
    return list(find_row(table, path).cells.values())

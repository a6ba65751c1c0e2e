"""Faults of a program, planted where they would stand, and who finds them: the second count, the reviewer or reading back.

An output is made with the fault, whole and consistent with itself, as a faulty release would make it; then what every
build asks is asked of it, with the analysis data as they are. ``found by`` is what each fault was found by, and by no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, chi2, hypergeom

from cgbm1_report.analyse.proportions import Interval
from cgbm1_report.build.recounted import tell_facts
from cgbm1_report.emit.data import emit_csv, emit_printed
from cgbm1_report.emit.escape import anchor
from cgbm1_report.emit.html import emit_html_page
from cgbm1_report.emit.rtf import emit_rtf
from cgbm1_report.errors import DataError
from cgbm1_report.outputs.catalogue import Entry, catalogue, make
from cgbm1_report.readback.html import check_page
from cgbm1_report.readback.printed import read_printed
from cgbm1_report.readback.results import check_csv, check_results
from cgbm1_report.readback.rtf import check_rtf
from cgbm1_report.readback.told import Said
from cgbm1_report.recount import recount
from cgbm1_report.recount.reviewer import review
from cgbm1_report.tabulate.table import Table
from tests.drawn import our_trial, stamp_of

TRIAL = our_trial()
STAMP = stamp_of(TRIAL)
Adam = dict[str, pd.DataFrame]

#: Numbers of the fault, the output it is planted in, what is done wrong (a function of its words below), who finds it.
FAULTS = """
T14.1.4.2    | a randomised subject is lost                       | second count
T14.1.4.2    | who was not randomised is counted                  | second count
T14.1.2.2    | a population is told by the flag of another        | second count
T14.1.9.2    | the planned arm stands for the actual one          | second count
T14.2.10.2   | the actual arm stands for the planned one          | second count
T14.3.1.1.2  | two subjects have each other's arm                 | second count
T14.3.1.1.2  | subjects of the other phase are counted            | the output itself
T14.3.1.2.2  | events before treatment are counted                | second count
T14.3.1.2.2  | a merge doubles the events                         | second count
T14.3.1.2.2  | who withdrew is not counted                        | second count
T14.3.1.1.2  | an event without causality is unrelated            | second count
T14.3.1.2.2  | events are counted as subjects                     | second count, reviewer
T14.3.1.3.2  | the first grade stands for the highest             | second count
T14.3.1.13.2 | the difference is of placebo from the dose         | second count, reviewer
T14.3.1.2.2  | the share is of the events                         | second count, reviewer
T14.3.2.3.2  | deaths after treatment are left out                | second count
T14.2.10.2   | every visit has the value of the visit before      | second count
T14.2.10.2   | every value stands one visit late                  | second count
T14.2.10.2   | the change is from screening                       | second count
T14.2.10.2   | one site's unit is not converted                   | second count
T14.2.10.2   | all records of a window are analysed               | the output itself
T14.2.10.2   | quartiles are interpolated                         | second count
T14.2.10.2   | the standard deviation is of a population          | second count
T14.2.8.2    | a missing component counts 0                       | second count
T14.2.21.2   | values below the limit have the limit              | second count
T14.2.21.2   | the mean is not geometric                          | second count
T14.3.4.2.2  | the worst grade may lie before treatment           | second count
T14.2.20.2   | Wald's interval stands for the exact one           | second count
T14.2.5.2    | the interval of a difference is Newcombe's         | second count
T14.2.5.2    | Fisher's test is one-sided                         | second count
T14.2.1.2    | a censoring is an event                            | second count
T14.2.1.2    | a death is a day late                              | second count
T14.2.1.2    | the follow-up is not cut                           | second count
T14.2.1.2    | the hazard ratio is of placebo against the dose    | second count
T14.2.1.2    | the log-rank test is corrected for continuity      | second count
T14.2.1.2    | limits are of the plain scale                      | second count
T14.2.7.2    | the covariate is not in the model                  | second count
T14.2.7.2    | the records of one dose are the other's            | second count
T14.2.10.2   | numbers are rounded twice                          | reading back
T14.3.4.1.2  | ties are rounded to even                           | reading back
T14.1.4.2    | a share is printed for a percentage                | reading back
T14.1.4.2    | cells stand in the next column                     | reading back
T14.1.4.2    | cells stand in the next row                        | reading back
T14.1.4.2    | a cell is of an earlier cut                        | reading back
L16.2.7.1.2  | events of the first week are not listed            | second count
L16.2.7.1.2  | an event is listed twice                           | second count
L16.2.6.4.2  | samples of who was not randomised are listed       | second count
L16.2.7.1.2  | two subjects have each other's age                 | second count
L16.2.7.1.2  | study days begin with 0                            | second count
L16.2.7.1.2  | the day of an imputed date is printed              | second count
L16.2.7.1.2  | an end that has not come is blank                  | second count
L16.2.6.9.2  | records stand in the order of their numbers        | second count
L16.2.6.4.2  | a value out of range has no mark                   | second count
L16.2.6.4.2  | of two results in a sample the last is listed      | second count
L16.2.7.1.2  | the last row of a CSV file is lost                 | reading back
L16.2.7.1.2  | rows of a page are sorted without their heads      | reading back
L16.2.7.1.2  | a page leaves out the rows of a subject            | reading back
T14.1.4.2    | a page has the title of another phase              | reading back
T14.1.4.2    | a page has the N of an earlier cut                 | reading back
T14.1.4.2    | columns of an RTF file are in another order        | reading back
T14.1.4.2    | a note is lost                                     | reading back
"""


def _cases() -> list[tuple[str, str, str]]:
    return [tuple(cell.strip() for cell in line.split("|")) for line in FAULTS.strip().splitlines()]  # type: ignore[misc]


# ---- What a faulty program sees: the analysis data as it takes them to be.


def _change(dataset: str, **changed: Callable[[pd.DataFrame], Any]) -> Callable[[Adam], Adam]:
    """The analysis data with these variables of a dataset computed anew."""
    return lambda adam: {**adam, dataset: adam[dataset].assign(**changed)}


def _keep(dataset: str, chosen: Callable[[pd.DataFrame], Any]) -> Callable[[Adam], Adam]:
    """The analysis data with these records of a dataset alone."""
    return lambda adam: {**adam, dataset: adam[dataset][chosen(adam[dataset])].reset_index(drop=True)}


def _phase_of_comparisons(frame: pd.DataFrame) -> pd.Series:
    return frame["PHASE"].eq(2)


def _lose_a_subject(adsl: pd.DataFrame) -> pd.Series:
    return adsl["USUBJID"].ne(adsl.loc[adsl["FASFL"].eq("Y") & _phase_of_comparisons(adsl), "USUBJID"].iloc[3])


def _swap_two(adam: Adam) -> Adam:
    """The first subject with a serious event and the first of another arm without one have each other's treatment."""
    safe = adam["ADSL"][adam["ADSL"]["SAFFL"].eq("Y") & _phase_of_comparisons(adam["ADSL"])]
    had = safe[safe["USUBJID"].isin(adam["ADAE"].loc[adam["ADAE"]["AESER"].eq("Y"), "USUBJID"])]
    without = safe[~safe["USUBJID"].isin(had["USUBJID"])]
    one = had.iloc[0]
    two = without[without["TRT01A"].ne(one["TRT01A"])].iloc[0]
    given = {one["USUBJID"]: two["TRT01A"], two["USUBJID"]: one["TRT01A"]}
    return _change("ADSL", TRT01A=lambda f: f["USUBJID"].map(given).fillna(f["TRT01A"]))(adam)


def _by_visit(frame: pd.DataFrame) -> Any:
    ordered = frame.sort_values(["USUBJID", "PARAMCD", "AVISITN"])
    return ordered[ordered["ANL02FL"].eq("Y")].groupby(["USUBJID", "PARAMCD"])


def _move_visits(adam: Adam) -> Adam:
    own = adam["ADLB"]
    later = _by_visit(own)[["AVISIT", "AVISITN"]].shift(-1).reindex(own.index)
    moved = {name: lambda f, name=name: later[name].fillna(f[name]) for name in later}
    # The last has no visit to move to: two values of one would be refused.
    return _change("ADLB", **moved, ANL02FL=lambda f: f["ANL02FL"].where(later["AVISIT"].notna()))(adam)


def _one_a_visit(frame: pd.DataFrame) -> pd.Series:
    """The flag of the record that is analysed, which of every visit one record has, whether it has a value or not."""
    flagged_first = frame.sort_values("ANL02FL", kind="stable", na_position="last")
    later = flagged_first.duplicated(["USUBJID", "PARAMCD", "AVISITN"])
    return frame["ANL02FL"].mask(~later.reindex(frame.index), "Y")


def _change_from_screening(frame: pd.DataFrame) -> pd.Series:
    first = frame.sort_values("ADTM").groupby(["USUBJID", "PARAMCD"])["AVAL"].transform("first")
    return frame["CHG"].where(frame["CHG"].isna(), frame["AVAL"] - first)


def _dropped_out(adam: Adam) -> pd.Series:
    return adam["ADSL"].loc[adam["ADSL"]["EOSSTT"].ne("DISCONTINUED"), "USUBJID"]


SEEN: dict[str, Callable[[Adam], Adam]] = {
    "a randomised subject is lost": _keep("ADSL", _lose_a_subject),
    "who was not randomised is counted": _change("ADSL", FASFL=lambda f: "Y", TRT01P=lambda f: f["TRT01P"].fillna("Placebo")),
    "a population is told by the flag of another": _change("ADSL", PPROTFL=lambda f: f["FASFL"]),
    "the planned arm stands for the actual one": _change("ADSL", TRT01A=lambda f: f["TRT01P"]),
    "the actual arm stands for the planned one": _change("ADSL", TRT01P=lambda f: f["TRT01A"]),
    "two subjects have each other's arm": _swap_two,
    "subjects of the other phase are counted": _change("ADSL", PHASE=lambda f: 2.0),
    "events before treatment are counted": _change("ADAE", TRTEMFL=lambda f: "Y"),
    "a merge doubles the events": lambda adam: {
        **adam,
        "ADAE": pd.concat([adam["ADAE"], adam["ADAE"].tail(40)], ignore_index=True),
    },
    "who withdrew is not counted": lambda adam: _keep("ADAE", lambda f: f["USUBJID"].isin(_dropped_out(adam)))(adam),
    "an event without causality is unrelated": _change(
        "ADAE", RELGR1=lambda f: f["RELGR1"].where(f["AREL"].notna() & f["AREL"].ne("MISSING"), "NOT RELATED")
    ),
    "the first grade stands for the highest": lambda adam: _keep(
        "ADAE", lambda f: ~f.sort_values("ASTDTM").duplicated(["USUBJID", "AEBODSYS", "AEDECOD"]).reindex(f.index)
    )(adam),
    "deaths after treatment are left out": _change("ADSL", DTHFL=lambda f: f["DTHFL"].where(f["DTHDT"] <= f["TRTEDT"])),
    "every visit has the value of the visit before": _change(
        "ADLB", AVAL=lambda f: _by_visit(f)["AVAL"].shift(1).reindex(f.index).fillna(f["AVAL"])
    ),
    "every value stands one visit late": _move_visits,
    "the change is from screening": _change("ADLB", CHG=_change_from_screening),
    "one site's unit is not converted": _change("ADLB", AVAL=lambda f: f["AVAL"].mask(f["SITEID"].eq("02"), f["AVAL"] / 16.67)),
    "all records of a window are analysed": _change("ADLB", ANL02FL=lambda f: f["ANL02FL"].mask(f["AVISIT"].notna(), "Y")),
    "a missing component counts 0": _change("ADEFF", AVAL=lambda f: f["AVAL"].fillna(6.0), ANL02FL=_one_a_visit),
    "values below the limit have the limit": _change("ADLB", AVAL=lambda f: f["AVAL"].mask(f["LLOQFL"].eq("Y"), 2 * f["AVAL"])),
    "the worst grade may lie before treatment": _change("ADLB", ONTRTFL=lambda f: "Y"),
    "a censoring is an event": _change(
        "ADTTE",
        EVNTDESC=lambda f: f["EVNTDESC"].mask((f["AVAL"] < 150) & f["CNSR"].gt(0), "DEATH"),
        CNSR=lambda f: f["CNSR"].mask(f["AVAL"] < 150, 0.0),
    ),
    "a death is a day late": _change("ADTTE", AVAL=lambda f: f["AVAL"].mask(f["CNSR"].eq(0), f["AVAL"] + 1)),
    "events of the first week are not listed": _keep("ADAE", lambda f: ~f["ASTDY"].between(1, 7)),
    "an event is listed twice": lambda adam: {**adam, "ADAE": pd.concat([adam["ADAE"], adam["ADAE"].tail(1)], ignore_index=True)},
    "samples of who was not randomised are listed": _change(
        "ADSL", FASFL=lambda f: "Y", TRT01P=lambda f: f["TRT01P"].fillna("Placebo")
    ),
    "two subjects have each other's age": _change("ADSL", AGE=lambda f: f["AGE"].shift(1).fillna(f["AGE"].iloc[-1])),
    "study days begin with 0": _change("ADAE", ASTDY=lambda f: f["ASTDY"] - 1),
    "the day of an imputed date is printed": _change("ADAE", AESTDTC=lambda f: f["ASTDT"].dt.strftime("%Y-%m-%d")),
    "an end that has not come is blank": _change("ADAE", AEENRTPT=lambda f: None),
    "records stand in the order of their numbers": _change("ADCE", ASTDT=lambda f: f["ASTDT"].min()),
    "a value out of range has no mark": _change("ADLB", ANRIND=lambda f: "NORMAL"),
    "of two results in a sample the last is listed": lambda adam: _keep(
        "ADLB", lambda f: ~f.duplicated(["USUBJID", "PARAMCD", "ADT", "VISITNUM"], keep="last")
    )(adam),
    "the records of one dose are the other's": _change(
        "ADSL", TRT01P=lambda f: f["TRT01P"].replace({"Low": "Medium", "Medium": "Low"})
    ),
}


# ---- What a faulty program computes.


def _of(original: str) -> Any:
    module, _, name = original.rpartition(".")
    return getattr(import_module(module), name)


def _twisted(target: str, twist: Callable[..., Any]) -> tuple[str, Callable[..., Any]]:
    """What stands for a function: ``twist`` of the right one and of what it is given."""
    return target, partial(twist, _of(target))


def _plain_limits(_: Any, free: float, variance: float) -> tuple[float, float]:
    half = 1.96 * np.sqrt(variance)
    return max(0.0, free - half), min(1.0, free + half)


def _wald(_: Any, x: int, n: int) -> Interval:
    half = 1.96 * np.sqrt(x * (n - x) / n**3) if n else np.nan
    return Interval(x / n - half, x / n + half) if n else Interval(np.nan, np.nan)


def _newcombe(_: Any, x1: int, n1: int, x2: int, n2: int) -> Interval:
    """Of two Wilson intervals."""
    (p1, l1, u1), (p2, l2, u2) = ((x / n, *binomtest(x, n).proportion_ci(method="wilson")) for x, n in ((x1, n1), (x2, n2)))
    return Interval(p1 - p2 - np.hypot(p1 - l1, u2 - p2), p1 - p2 + np.hypot(u1 - p1, p2 - l2))


def _with_continuity(right: Any, time: Any, event: Any, treated: Any) -> Any:
    made = right(time, event, treated)
    apart = abs(made.observed[1] - made.expected[1])
    statistic = made.chi2 * ((apart - 0.5) / apart) ** 2
    return made._replace(chi2=statistic, p=float(chi2.sf(statistic, 1)))


def _population_sd(right: Any, values: np.ndarray, **named: bool) -> dict[str, float]:
    made = right(values, **named)
    return made | {"sd": made["sd"] * np.sqrt((made["N"] - 1) / made["N"])} if made["N"] else made


def _arithmetic(right: Any, values: np.ndarray) -> dict[str, float]:
    return right(values) | {"geom_mean": float(np.nanmean(values)) if len(values) else np.nan}


def _share_of_events(right: Any, *given: Any, **named: Any) -> pd.DataFrame:
    made = right(*given, **named)
    wide = made.pivot_table(index=["row", "column", "context"], columns="stat_name", values="stat", sort=False)
    of_events = (wide["n_events"] / wide["N"]).rename("own").reset_index()
    shares = made.merge(of_events, on=["row", "column", "context"], how="left")["own"].to_numpy()
    return made.assign(stat=np.where(made["stat_name"].eq("p"), shares, made["stat"]))


def _events_as_subjects(right: Any, *given: Any, **named: Any) -> pd.DataFrame:
    made = right(*given, **named)
    places = ["row", "column", "context"]
    events = made.loc[made["stat_name"].eq("n_events"), [*places, "stat"]].rename(columns={"stat": "own"})
    own = made[places].merge(events, on=places, how="left")["own"].to_numpy()
    return made.assign(stat=np.where(made["stat_name"].eq("n") & ~np.isnan(own), own, made["stat"]))


def _reversed(right: Any, x1: int, n1: int, x2: int, n2: int) -> Interval:
    return right(x2, n2, x1, n1)


COMPUTED: dict[str, tuple[str, Callable[..., Any]]] = {
    "events are counted as subjects": _twisted("cgbm1_report.tabulate.terms.analyse_counts", _events_as_subjects),
    "the share is of the events": _twisted("cgbm1_report.tabulate.terms.analyse_counts", _share_of_events),
    "the difference is of placebo from the dose": _twisted("cgbm1_report.tabulate.builders.miettinen_nurminen", _reversed),
    "quartiles are interpolated": (
        "cgbm1_report.analyse.continuous.take_quantile",
        lambda ordered, share: float(np.quantile(ordered, share)) if len(ordered) else float("nan"),
    ),
    "the standard deviation is of a population": _twisted("cgbm1_report.analyse.continuous.summarise", _population_sd),
    "the mean is not geometric": _twisted("cgbm1_report.analyse.continuous.summarise_geometric", _arithmetic),
    "Wald's interval stands for the exact one": _twisted("cgbm1_report.tabulate.builders.clopper_pearson", _wald),
    "the interval of a difference is Newcombe's": _twisted("cgbm1_report.tabulate.builders.miettinen_nurminen", _newcombe),
    "Fisher's test is one-sided": _twisted(
        "cgbm1_report.tabulate.builders.fisher_exact",
        lambda _, x1, n1, x2, n2: float(hypergeom.sf(x1 - 1, n1 + n2, x1 + x2, n1)),
    ),
    "the follow-up is not cut": ("cgbm1_report.outputs.survival.cut_follow_up", lambda time, event, day: (time, event)),
    "the hazard ratio is of placebo against the dose": _twisted(
        "cgbm1_report.tabulate.times.cox_hazard_ratio", lambda right, time, event, treated: right(time, event, ~treated)
    ),
    "the log-rank test is corrected for continuity": _twisted("cgbm1_report.outputs.survival.log_rank", _with_continuity),
    "limits are of the plain scale": _twisted("cgbm1_report.analyse.event_times.log_log_limits", _plain_limits),
    "the covariate is not in the model": _twisted(
        "cgbm1_report.outputs.change_models.fit_ancova_by_visit",
        lambda right, records, terms, *rest: right(records, replace(terms, covariates=()), *rest),
    ),
    "numbers are rounded twice": _twisted(
        "cgbm1_report.tabulate.table.round_half_up", lambda right, value, dp: right(float(right(value, dp + 1)), dp)
    ),
    "ties are rounded to even": ("cgbm1_report.tabulate.table.round_half_up", lambda value, dp: f"{round(value, dp):.{dp}f}"),
    "a share is printed for a percentage": _twisted(
        "cgbm1_report.tabulate.table._number", lambda right, stats, name, dp, percent=False: right(stats, name, dp)
    ),
}


# ---- What a faulty program prints, in the cells and in the files.


def _in_cells(change: Callable[[Table], Sequence[dict[str, str]]]) -> Callable[[Table], Table]:
    """The table with other cells in its rows."""
    return lambda table: replace(
        table, rows=tuple(replace(row, cells=cells) for row, cells in zip(table.rows, change(table), strict=True))
    )


def _next_column(table: Table) -> list[dict[str, str]]:
    keys = [column.key for column in table.columns]
    return [dict(zip(keys, [row.cells.get(key, "") for key in (*keys[1:], keys[0])], strict=True)) for row in table.rows]


def _without_first_subject(table: Table) -> Table:
    first = dict(table.rows[0].key)["USUBJID"]
    return replace(table, rows=tuple(row for row in table.rows if dict(row.key)["USUBJID"] != first), blocks=())


def _earlier_cell(table: Table) -> list[dict[str, str]]:
    """The first cell that has a count says one fewer."""
    place = next(number for number, row in enumerate(table.rows) if any(text[:1].isdigit() for text in row.cells.values()))
    fewer = {key: re.sub(r"\d+", lambda m: str(int(m[0]) - 1), text, count=1) for key, text in table.rows[place].cells.items()}
    return [fewer if number == place else row.cells for number, row in enumerate(table.rows)]


def _sorted_alone(table: Table) -> Table:
    """Cells of one column in another order than those beside them."""
    key = table.columns[-1].key
    texts = sorted(row.cells.get(key, "") for row in table.rows)
    return _in_cells(lambda _: [{**row.cells, key: text} for row, text in zip(table.rows, texts, strict=True)])(table)


PRINTED: dict[str, Callable[[Table], Table]] = {
    "cells stand in the next column": _in_cells(_next_column),
    "cells stand in the next row": _in_cells(lambda table: [row.cells for row in (*table.rows[-1:], *table.rows[:-1])]),
    "a cell is of an earlier cut": _in_cells(_earlier_cell),
}
FILED: dict[str, tuple[str, Callable[[Table], Table]]] = {
    "the last row of a CSV file is lost": ("csv", lambda table: replace(table, rows=table.rows[:-1])),
    "rows of a page are sorted without their heads": ("html", _sorted_alone),
    "a page leaves out the rows of a subject": ("html", _without_first_subject),
    "a page has the title of another phase": ("html", lambda table: replace(table, number=f"{table.number[:-1]}1")),
    "a page has the N of an earlier cut": (
        "html", lambda table: replace(table, columns=tuple(replace(one, N=(one.N or 0) - 1) for one in table.columns)),
    ),
    "columns of an RTF file are in another order": ("rtf", lambda table: replace(table, columns=table.columns[::-1])),
    "a note is lost": ("rtf", lambda table: replace(table, footnotes=table.footnotes[1:])),
}  # fmt: skip


# ---- What every build asks.


class Study(NamedTuple):
    """The analysis data of the default cut, and the folder that holds them for the second count."""

    adam: Adam
    folder: Path


@pytest.fixture(scope="module")
def study(final_data: tuple[Adam, Adam], tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("adam")
    adam = {name: final_data[1][name] for name in ("ADSL", "ADAE", "ADLB", "ADTTE", "ADEX", "ADCE", "ADEFF", "ADIS")}
    # Three laboratory tests tell as much as thirty.
    adam["ADLB"] = adam["ADLB"][adam["ADLB"]["PARAMCD"].isin(["ALT", "IL6", "BILI"])].reset_index(drop=True)
    for name, frame in adam.items():
        frame.to_parquet(folder / f"{name.lower()}.parquet", index=False)
    return Study(adam, folder)


@cache
def _entries() -> dict[str, Entry]:
    return catalogue(TRIAL)


def _make(number: str, adam: Adam) -> Table:
    made = make(_entries()[number], TRIAL, adam, STAMP)
    assert isinstance(made, Table)
    return made


def _found_by(made: Table, files: dict[str, Table], study: Study, folder: Path, *, counted: bool = True) -> Iterator[str]:
    """Who has something to say of an output and of its files, each made of a table that may be another.

    Of results that are right the counts are not asked: that they say nothing is asked of every output by itself.
    """
    facts = [tell_facts(made.number, _entries()[made.number], TRIAL)]
    if counted and recount(study.folder, made.ard, facts).differences:
        yield "second count"
    if counted and review(made.ard, facts):
        yield "reviewer"
    (folder / "printed.json").write_text(emit_printed(made), encoding="utf-8")
    printed, said = read_printed(folder / "printed.json"), Said({name: str(text) for name, text in asdict(STAMP).items()})
    found = check_results(made.ard, {made.number: printed})
    for kind, table in files.items():
        file = folder / f"made.{kind}"
        made_as = {"csv": lambda one: emit_csv(one).encode("utf-8-sig"), "html": lambda one: emit_html_page(one).encode()}
        file.write_bytes(made_as.get(kind, emit_rtf)(table))
        if kind == "csv":
            found += check_csv(file, file.name, printed)
        elif kind == "rtf":
            found += check_rtf(file, file.name, printed, said)
        else:
            found += check_page(file, file.name, {anchor(made.number): printed}, stamp=said, links=frozenset())
    if found:
        yield "reading back"


@pytest.mark.parametrize(("number", "fault", "finder"), _cases())
def test_planted_fault_is_found(
    number: str, fault: str, finder: str, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Any
) -> None:
    if fault in COMPUTED:
        monkeypatch.setattr(*COMPUTED[fault])
    found, ways = [], ("the output itself", "second count", "reviewer", "reading back", "nobody")
    try:
        made = PRINTED.get(fault, lambda table: table)(_make(number, SEEN.get(fault, dict)(study.adam)))
    except DataError:
        found = [ways[0]]
    monkeypatch.undo()
    if not found:
        kind, change = FILED.get(fault, ("csv", lambda table: table))
        counted = fault in SEEN or fault in COMPUTED
        found = list(_found_by(made, {kind: change(made)}, study, tmp_path, counted=counted))
    record_property("tallied", ("planted faults", found[0] if found else ways[-1], ways))
    assert ", ".join(found) == finder


@pytest.mark.parametrize("number", sorted({number for number, _, _ in _cases()}))
def test_output_without_a_fault_is_questioned_by_nobody(number: str, study: Study, tmp_path: Path) -> None:
    made = _make(number, study.adam)
    assert list(_found_by(made, dict.fromkeys(("csv", "html", "rtf"), made), study, tmp_path)) == []


def test_every_fault_is_planted_and_there_are_forty() -> None:
    planted = [fault for _, fault, _ in _cases()]
    assert len(planted) == len(set(planted)) >= 40
    assert set(planted) == {*SEEN, *COMPUTED, *PRINTED, *FILED}

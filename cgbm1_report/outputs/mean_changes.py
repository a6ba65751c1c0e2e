"""14.2.3 Mean changes from baseline over time, as a picture, and how many subjects are still followed with a result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from cgbm1_report.analyse.continuous import analyse_continuous
from cgbm1_report.analyse.counts import analyse_counts
from cgbm1_report.analyse.numbers import join_numbers
from cgbm1_report.outputs.laboratory import BASELINE, explain_left_out, listings_of, records_by_visit, registry_visits
from cgbm1_report.protocol.outcomes import SHARED_FLAG, efficacy_flag, efficacy_flags
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import Is, Key
from cgbm1_report.tabulate.declare import Declaration, Drawing, family
from cgbm1_report.tabulate.draw_means import Trend, draw_trends
from cgbm1_report.tabulate.table import round_half_up
from cgbm1_report.tabulate.view import View

#: Parameters with a panel, in this order; of the first it is told how many subjects still have a result.
PARAMETERS = ("MELD", "CLIFCOF", "BILI", "INR", "ALB")
_READ = ("PARAMCD", "AVAL", "CHG", "ABLFL", "AVISITN")
#: What is shown of a change.
_SHOWN = ("N", "mean", "std.error")
_SIZE = (9.4, 5.0)
_Found = Mapping[tuple[Key, str, str], float]


def _drawn(trial: Trial, phase: int | None = None) -> list[str]:
    """The parameters that are measured at visits of the phase, or of any."""
    phases = trial.phases if phase is None else (phase,)
    return [code for code in PARAMETERS if code in trial.parameters and any(trial.registry_days(one, code) for one in phases)]


def _read(view: View, paramcd: str) -> pd.DataFrame:
    """The records that the table of the parameter by visit is made of."""
    flag, dataset = efficacy_flag(view.trial, paramcd), str(view.parameter(paramcd).dataset)
    records = view.records(dataset, *_READ, flag, only=True)
    return records_by_visit(records[records["PARAMCD"] == paramcd], registry_visits(view, paramcd), flag, dataset)


def _summarise(view: View, paramcd: str) -> pd.DataFrame:
    """Of each visit the number of changes, their mean and its standard error; at baseline how many values there are."""
    records, prefix = _read(view, paramcd), (("PARAMCD", paramcd),)
    told: dict[str, Any] = {"by": ["AVISIT"], "prefix": prefix}
    values = analyse_continuous(records, "AVAL", view.column_keys, levels=[(BASELINE,)], **told)
    visits = [(visit,) for visit in registry_visits(view, paramcd).values()]
    changes = analyse_continuous(records, "CHG", view.column_keys, levels=visits, error=True, **told)
    return pd.concat([values[values["stat_name"] == "N"], changes[changes["stat_name"].isin(_SHOWN)]], ignore_index=True)


def _count_followed(view: View, paramcd: str) -> pd.DataFrame:
    """At baseline and at each visit the subjects with a value, of all subjects."""
    records = _read(view, paramcd)
    keys = [(("PARAMCD", paramcd), ("AVISIT", visit)) for visit in (BASELINE, *registry_visits(view, paramcd).values())]
    known = records[records["AVAL"].notna()]
    counted = analyse_counts(known, ["AVISIT"], view.column_keys, view.population_counts, keys=keys, prefix=keys[0][:1])
    return counted[counted["stat_name"] != "n_events"]


def _look_up(numbers: pd.DataFrame) -> _Found:
    names = ("row", "column", "stat_name", "stat")
    return {(row, column, name): value for row, column, name, value in zip(*(numbers[one] for one in names), strict=True)}


def _days(view: View, paramcd: str) -> list[int]:
    """The day of the first dose and those of the visits, on which the axis has them."""
    return [0, *view.trial.registry_days(view.phase, paramcd)]


def _trend(view: View, paramcd: str, found: _Found) -> Trend:
    """The panel of a parameter: at baseline nothing has changed."""
    parameter, visits = view.parameter(paramcd), registry_visits(view, paramcd)
    of: Key = (("PARAMCD", paramcd),)
    begun: Key = (*of, ("AVISIT", BASELINE), ("AVAL", None))
    rows: list[Key] = [(*of, ("AVISIT", visit), ("CHG", None)) for visit in visits.values()]
    values, errors, counts = {}, {}, {}
    for column in view.column_keys:
        first = int(found[begun, column, "N"])
        values[column] = [0.0 if first else float("nan"), *(found[row, column, "mean"] for row in rows)]
        errors[column] = [float("nan"), *(found[row, column, "std.error"] for row in rows)]
        counts[column] = [first, *(int(found[row, column, "N"]) for row in rows)]
    unit = parameter.unit or "score"
    return Trend(parameter.name, f"Mean change ({unit})", _days(view, paramcd), values, errors, counts, level=0.0)


def _followed(view: View, paramcd: str, found: _Found) -> Trend:
    """The panel of who still has a result."""
    visits = registry_visits(view, paramcd)
    rows: list[Key] = [(("PARAMCD", paramcd), ("AVISIT", visit)) for visit in (BASELINE, *visits.values())]
    shares = {column: [100 * found[row, column, "p"] for row in rows] for column in view.column_keys}
    counts = {column: [int(found[row, column, "n"]) for row in rows] for column in view.column_keys}
    bare = {column: [float("nan")] * len(rows) for column in view.column_keys}
    title = f"Followed with a {view.parameter(paramcd).name} result"
    return Trend(title, "Subjects (% of N)", _days(view, paramcd), shares, bare, counts, extent=(0, 104))


def draw_changes(view: View) -> Drawing:
    """A panel per parameter with the mean change of each treatment, and one of who still has a result."""
    codes = _drawn(view.trial, view.phase)
    numbers = join_numbers([*(_summarise(view, code) for code in codes), _count_followed(view, codes[0])])
    found = _look_up(numbers)
    trends, followed = [_trend(view, code, found) for code in codes], _followed(view, codes[0], found)
    headings = {column.key: f"{column.label} (N={column.N})".replace("\n", " ") for column in view.columns}
    svg = draw_trends([*trends, followed], headings, xlabel=view.days_axis, size=_SIZE)
    told = [_in_words(view, code, trend) for code, trend in zip(codes, trends, strict=True)]
    alt = f"Mean change from baseline (standard error; number of values). {' '.join(told)} {_followed_in_words(followed)}"
    notes = [
        "Bars: mean ± SE; a mean of one value has none. Days are those of the tables by visit.",
        "Under each axis: subjects with a change, on day 0 with a baseline value; in the last panel subjects with a value.",
    ]
    if (view.subjects_with("EOSSTT")["EOSSTT"] == "ONGOING").any():
        # An early cut: whoever has not come to a day yet has no result of it.
        notes.append("Subjects whose follow-up goes on are among N on days they have not reached.")
    return Drawing(numbers, svg, alt, *_SIZE, footnotes=notes)


def _in_words(view: View, paramcd: str, trend: Trend) -> str:
    parameter = view.parameter(paramcd)
    told = []
    for column, values in trend.values.items():
        days = [
            f"day {day} {_print(values[at], parameter.dp + 1)} ({_print(trend.errors[column][at], parameter.dp + 2)}; {count})"
            for at, (day, count) in enumerate(zip(trend.days, trend.counts[column], strict=True))
            if day and count
        ]
        told.append(f"{column}: {', '.join(days) or 'no value'}")
    return f"{parameter.heading}: {'; '.join(told)}."


def _print(value: float, dp: int) -> str:
    return "not estimable" if value != value else round_half_up(value, dp).replace("-", "−")


def _followed_in_words(trend: Trend) -> str:
    told = []
    for column, shares in trend.values.items():
        days = [
            f"day {day} {_print(share, 1)}% ({count})"
            for day, share, count in zip(trend.days, shares, trend.counts[column], strict=True)
            if share == share
        ]
        told.append(f"{column}: {', '.join(days) or 'no subject'}")
    return f"{trend.title}, % of all subjects (number): {'; '.join(told)}."


@family(
    "Mean changes over time",
    needs={f"outcome of {', '.join(PARAMETERS[:-1])} or {PARAMETERS[-1]} with nominal_days": lambda trial: bool(_drawn(trial))},
)
def change_figures(trial: Trial) -> Iterator[Declaration]:
    """The figure of the trial's own parameters."""
    codes = _drawn(trial)
    if not codes:
        return
    flag = efficacy_flag(trial, codes[0])
    of = {code: str(trial.parameter(code).dataset) for code in codes}
    sources = tuple(dict.fromkeys(of.values()))
    yield Declaration(
        "F14.2.3", f"Mean (SE) Change of {', '.join(trial.parameter(code).name for code in codes)} over Time", "FAS", sources,
        ("F12", "F13"), draw_changes, tuple(phase for phase in trial.phases if _drawn(trial, phase)),
        where={"PARAMCD": tuple(codes), flag: "Y"}, total=False,
        variables=dict.fromkeys(sources, ("USUBJID", *_READ, flag)) | {"ADSL": ("EOSSTT",)},
        listings=tuple(sorted({number for code, dataset in of.items() for number in listings_of(trial, (code,), dataset)})),
        meanings={("AVISIT", BASELINE): ({"ABLFL": Is("=", "Y")},)}, given=explain_left_out(sources[0]),
        needs={SHARED_FLAG: lambda trial: len(efficacy_flags(trial, codes)) == 1},
    )  # fmt: skip

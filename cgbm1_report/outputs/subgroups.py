"""14.2.3 Transplant-free survival by subgroup: hazard ratios within each, whether they differ between them, and their forest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cgbm1_report.analyse.event_times import cut_follow_up
from cgbm1_report.analyse.interactions import compare_effects
from cgbm1_report.analyse.numbers import ANOVA, REGRESSION, TABULATE, Record, list_statistics, make_numbers
from cgbm1_report.outputs.survival import PARAMCD
from cgbm1_report.protocol.baseline import Subgroup
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.protocol.wording import print_condition
from cgbm1_report.rows import MISSING_LEVEL, Key, Part
from cgbm1_report.tabulate.builders import Rows, Selection, count_rows, head_row, join_rows
from cgbm1_report.tabulate.declare import Declaration, Drawing, Needs, Summary, family
from cgbm1_report.tabulate.draw_forest import Ratio, Rung, draw_forest, forest_height
from cgbm1_report.tabulate.table import NOT_ESTIMABLE, Line, count, p_value, round_half_up
from cgbm1_report.tabulate.times import compared_rows, day_one, read_times
from cgbm1_report.tabulate.view import View, refuse_unexpected

OF_SURVIVAL: Key = (("PARAMCD", PARAMCD),)
NEEDS: Needs = {
    f"parameter {PARAMCD}": lambda trial: PARAMCD in trial.parameters,
    "subgroups": lambda trial: bool(trial.subgroups),
}


class Level(NamedTuple):
    """A group of subjects: the part of a row's key, its words, and who of a series of values is in it."""

    part: Part
    label: str
    chosen: pd.Series


def _number_levels(view: View, subgroup: Subgroup, values: pd.Series) -> list[Level]:
    """A number in two: below the first value of the upper group and from it on, or up to the median and above it."""
    line, name = view.trial.characteristic(subgroup.variable), subgroup.variable
    if subgroup.at == "median":
        middle = float(view.subjects[name].median())
        dp = (view.parameter(line.of).dp if line.of else line.dp or 0) + 1
        told = f"median ({round_half_up(middle, dp)})" if view.subjects[name].notna().any() else "median"
        bound = "NE" if np.isnan(middle) else repr(middle)
        return [
            Level((name, f"<={bound}"), f"≤ {told}", values <= middle),
            Level((name, f">{bound}"), f"> {told}", values > middle),
        ]
    limit = float(subgroup.at or 0)
    codes = [int(code) for code in line.categories or ()]
    sides = [[code for code in codes if code < limit], [code for code in codes if code >= limit]]
    # Of grades those that there are: 0 and 1–4 say more than <1 and ≥1.
    words = [f"{own[0]}–{own[-1]}" if len(own) > 1 else str(own[0]) if own else "" for own in sides]
    return [
        Level((name, f"<{limit:g}"), words[0] or f"<{limit:g}", values < limit),
        Level((name, f">={limit:g}"), words[1] or f"≥{limit:g}", values >= limit),
    ]


def part_subjects(view: View, subgroup: Subgroup, times: pd.DataFrame) -> list[Level]:
    """The groups of a subgroup, each with its records of ``times``; values that are no category are refused."""
    name, values = subgroup.variable, times[subgroup.variable]
    if subgroup.at is not None:
        return _number_levels(view, subgroup, values)
    words = view.trial.characteristic(name).categories or {}
    texts = values.map("{:g}".format, na_action="ignore") if pd.api.types.is_numeric_dtype(values) else values
    refuse_unexpected("ADSL", times.assign(**{name: texts}), name, words, optional=True)
    return [Level((name, code), label, texts == code) for code, label in words.items()]


def read_subgroups(view: View) -> pd.DataFrame:
    """Times to the event with the variables of all subgroups."""
    names = [one.variable for one in view.trial.subgroups]
    subjects, times = view.subjects_with(*names), read_times(view, PARAMCD)
    return times.drop(columns=names, errors="ignore").merge(subjects[["USUBJID", *names]], on="USUBJID", validate="one_to_one")


def interaction_rows(view: View, times: pd.DataFrame, subgroup: Subgroup, levels: list[Level]) -> Rows:
    """The test, under each comparison, that its hazard ratio is one in all groups."""
    end = view.trial.study.followup_days
    # Groups are the values of the variable, or what its lower bound parts.
    told: Part = levels[0].part if subgroup.at is not None else (subgroup.variable, None)
    row: Key = (*OF_SURVIVAL, told, ("interaction, follow-up cut at day", str(end)))
    group = np.select([level.chosen.to_numpy(dtype=bool) for level in levels], range(len(levels)), default=-1)
    records: list[Record] = []
    for column in view.compared:
        pair = times["COLUMN"].isin([column, view.reference]).to_numpy() & (group >= 0)
        time, event = cut_follow_up(times["ELAPSED"].to_numpy()[pair], times["EVENT"].to_numpy()[pair], end)
        test = compare_effects(time, event, (times["COLUMN"] == column).to_numpy()[pair], group[pair])
        records += list_statistics(row, column, ANOVA, {"statistic": test.statistic, "df": test.df, "p.value": test.p})
    line = Line(row, "Interaction p", p_value, 1, context=ANOVA, columns=view.compared)
    return Rows(make_numbers(records), [line] if view.compared else [])


def subgroup_table(view: View) -> Summary:
    """All subjects, then each subgroup: subjects, events and hazard ratio of its groups, and the test of the interaction."""
    times, parts, end = read_subgroups(view), [], view.trial.study.followup_days
    parts += compared_rows(view, times, OF_SURVIVAL, "All subjects", end)
    for subgroup in view.trial.subgroups:
        line = view.trial.characteristic(subgroup.variable)
        heading = line.label or view.parameter(str(line.of)).heading
        levels = part_subjects(view, subgroup, times)
        parts.append(head_row((*OF_SURVIVAL, (subgroup.variable, None)), heading))
        for level in levels:
            label = print_condition(level.label)
            parts += compared_rows(view, times[level.chosen], (*OF_SURVIVAL, level.part), label, end, indent=1)
        unknown = times[times[subgroup.variable].isna()]
        if len(unknown):
            of: Key = (*OF_SURVIVAL, (subgroup.variable, MISSING_LEVEL))
            parts.append(count_rows(view, [Selection(of, "Missing: subjects, n", unknown)], show=count, indent=1))
        parts.append(interaction_rows(view, times, subgroup, levels))
    return Summary(*join_rows(parts), "Subgroup", stub_width=3.6)


#: What a forest shows of the numbers of the table, by context.
_SHOWN = {TABULATE: {"n"}, REGRESSION: {"estimate", "conf.low", "conf.high"}, ANOVA: {"p.value"}}


def subgroup_forest(view: View) -> Drawing:
    """The table of the subgroups as a picture: events of subjects by column, and each hazard ratio on a logarithmic axis."""
    table = subgroup_table(view)
    told = table.numbers[["row", "context", "stat_name"]].itertuples(index=False, name=None)
    # Who has no value is in no group, and is told below the table.
    shown = table.numbers[[name in _SHOWN[context] and row[-1][1] != MISSING_LEVEL for row, context, name in told]]
    names = shown[["row", "column", "context", "stat_name"]].itertuples(index=False, name=None)
    values = dict(zip(names, shown["stat"], strict=True))
    rungs = [_make_rung(view, line, values) for line in table.lines if line.show is None]
    panels = {f"{column} vs {view.reference}": (column, str(view.reference)) for column in view.compared}
    svg = draw_forest(rungs, view.column_keys, panels, counted="events/n", ratio="HR (95% CI)")
    words, heading = [], ""
    for rung in rungs:
        heading = heading if rung.indent else rung.label
        said = [f"{column} {text}" for column, text in zip(view.column_keys, rung.counts, strict=False)]
        said += [f"{panel} {one.text}" for panel, one in rung.ratios.items()]
        said += [f"{panel} {text}" for panel, text in rung.words.items()]
        if said:
            words.append(f"{f'{heading} ' * bool(rung.indent)}{rung.label}: {', '.join(said)}")
    ratios = "Hazard ratios with 95% CI by subgroup; events of subjects by column" if panels else "Events of subjects by subgroup"
    alt = f"{ratios}. {'; '.join(words)}."
    return Drawing(shown, svg, alt, height_in=forest_height(rungs))


def _make_rung(view: View, line: Line, values: Mapping[tuple[Key, str, str, str], float]) -> Rung:
    """A heading of the table with what stands below it: of a group its numbers, of a subgroup the tests of its interaction."""
    of, end = line.row, view.trial.study.followup_days
    if of[-1][1] is None:
        rows = {row for row, _, context, _ in values if context == ANOVA and row[-2][0] == of[-1][0]}
        found = {column: values.get((row, column, ANOVA, "p.value"), np.nan) for row in rows for column in view.compared}
        words = {f"{column} vs {view.reference}": f"interaction p {p_value({'p.value': p}).text}" for column, p in found.items()}
        return Rung(line.label, line.indent, words=words)
    until: Part = ("AVAL", f"<={end + day_one(view)}")
    had, cut = (*of, until, ("CNSR", "0")), (*of, ("follow-up cut at day", str(end)))
    counts = [f"{values[had, column, TABULATE, 'n']:g}/{values[of, column, TABULATE, 'n']:g}" for column in view.column_keys]
    ratios = {}
    for column in view.compared:
        estimate, low, high = (values[cut, column, REGRESSION, name] for name in ("estimate", "conf.low", "conf.high"))
        texts = [round_half_up(one, 2) for one in (estimate, low, high)]
        text = NOT_ESTIMABLE if np.isnan(estimate) else f"{texts[0]} ({texts[1]}, {texts[2]})"
        ratios[f"{column} vs {view.reference}"] = Ratio(estimate, low, high, text)
    return Rung(line.label, line.indent, counts, ratios)


@family("Survival by subgroup", needs=NEEDS)
def subgroup_tables(trial: Trial) -> Iterator[Declaration]:
    """One table and its picture where arms are compared."""
    compared = tuple(number for number, phase in trial.phases.items() if phase.reference)
    if compared:
        told: dict[str, Any] = {
            "where": {"PARAMCD": PARAMCD}, "total": False, "needs": NEEDS, "comparisons": ("F10", "F10b"),
            "listings": ("L16.2.6.1",),
            "variables": {
                "ADTTE": ("USUBJID", "PARAMCD", "AVAL", "CNSR"), "ADSL": tuple(one.variable for one in trial.subgroups),
            },
        }  # fmt: skip
        sources, notes = ("ADTTE", "ADSL"), ("F10", "F10b", "F11b")
        what = "Liver Transplant-Free Survival"
        yield Declaration("T14.2.3", f"Subgroup Analysis of {what}", "FAS", sources, notes, subgroup_table, compared, **told)
        yield Declaration("F14.2.2", f"Forest Plot of {what} by Subgroup", "FAS", sources, notes, subgroup_forest, compared, **told)

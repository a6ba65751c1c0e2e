"""Adjusted means by visit and their differences from the reference: statistics are columns, under a head for each model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cgbm1_report.analyse.covariances import STRUCTURES
from cgbm1_report.analyse.models import Adjusted
from cgbm1_report.analyse.numbers import EMMEANS, EMMEANS_CONTRAST, Record, list_statistics, make_numbers
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.by_visit import head_visits, treatment_lines
from cgbm1_report.tabulate.declare import Summary
from cgbm1_report.tabulate.layout import LIMITS
from cgbm1_report.tabulate.table import NOT_ESTIMABLE, Column, Line, Show, count, mean_sd, numbers, p_value
from cgbm1_report.tabulate.view import View

_MEAN: Key = (("CHG", None),)
_STUB = 2.0


@dataclass(frozen=True)
class Modelled:
    """A parameter with its models by their names: adjusted means and differences by treatment and visit.

    ``key`` is what its rows are about, ``dp`` the decimals of its values. ``heading`` heads them where a table has several.
    """

    key: Key
    name: str
    dp: int
    visits: Sequence[str]
    models: Mapping[str, Adjusted]
    heading: str = ""


def adjusted_by_visit(view: View, parameters: Sequence[Modelled], stub: str) -> Summary:
    """A table of models side by side: a row per visit and treatment, below each model n, mean, difference, interval, p.

    The interval and p are those of the difference; the results also hold the interval of each mean and all degrees of freedom.
    Where treatments are pooled there is nothing to compare, and means stand alone.
    """
    names = dict.fromkeys(name for one in parameters for name in one.models)
    columns = [column for name in names for column in _columns_of(name, view)]
    records = [record for one in parameters for name in one.models for record in _records_of(one, name, view)]
    lines = [line for one in parameters for line in _lines_of(one, view)]
    return Summary(
        make_numbers(records), lines, head_visits(view, stub), columns, stub_width=_STUB, footnotes=_notes(view, parameters)
    )


def _difference(reference: str) -> Key:
    return (("contrast", reference),)


def _columns_of(model: str, view: View) -> list[Column]:
    made: Key = (("model", model),)
    apart = _difference(str(view.reference))
    parts = [("n", 0.5, _MEAN), ("LS mean (SE)", 1.3, _MEAN)]
    if view.compared:
        parts += [(f"Difference vs {view.reference}", 1.1, apart), ("95% CI", 1.3, apart), ("p", 0.8, apart)]
    return [
        Column(f"{model} {name}", name, width=width, spanner=model, measure=(*made, *measure), statistic=name)
        for name, width, measure in parts
    ]


def _shows(model: str, reference: str, dp: int) -> dict[str, Show]:
    shows = {
        "n": count,
        "LS mean (SE)": mean_sd(dp, names=("estimate", "std.error"), missing=NOT_ESTIMABLE),
        f"Difference vs {reference}": numbers(("estimate",), dp + 1, missing=NOT_ESTIMABLE),
        "95% CI": numbers(LIMITS, dp + 1, missing=NOT_ESTIMABLE),
        "p": p_value,
    }
    return {f"{model} {name}": show for name, show in shows.items()}


def _records_of(one: Modelled, name: str, view: View) -> list[Record]:
    """Means of every treatment at every visit, and differences of those that are compared."""
    found, made, records = one.models[name], (("model", name),), list[Record]()
    for visit in one.visits:
        row = (*one.key, ("AVISIT", visit), *made)
        for arm in view.column_keys:
            subjects, mean = list(found.subjects[arm, visit]), found.means[arm, visit]
            stats = {"n": float(len(subjects)), "estimate": mean.estimate, "std.error": mean.se, "df": mean.df}
            stats |= {"conf.low": mean.lo, "conf.high": mean.hi}
            records += list_statistics((*row, *_MEAN), arm, EMMEANS, stats, subjects, behind="n")
        for arm in view.compared:
            apart = found.differences[arm, visit]
            stats = {"estimate": apart.estimate, "std.error": apart.se, "df": apart.df}
            stats |= {"conf.low": apart.lo, "conf.high": apart.hi, "p.value": apart.p}
            records += list_statistics((*row, *_difference(str(view.reference))), arm, EMMEANS_CONTRAST, stats)
    return records


def _lines_of(one: Modelled, view: View) -> list[Line]:
    lines = [Line(one.key, one.heading, block=True)] if one.heading else []
    shows = {key: show for name in one.models for key, show in _shows(name, str(view.reference), one.dp).items()}
    for visit in one.visits:
        label = f"{one.name}, {visit}" if one.heading else visit
        lines += treatment_lines(view, (*one.key, ("AVISIT", visit)), label, shows, (), int(bool(one.heading)))
    return lines


def _notes(view: View, parameters: Sequence[Modelled]) -> list[str]:
    """Where the means stand, which covariance each model over visits has, and why not the one that was tried before it."""
    notes = ["LS means are those at the mean baseline of all records of their model."]
    notes += [] if view.compared else ["Treatments are pooled: means are adjusted for baseline alone."]
    used: dict[str, list[str]] = {}
    for one, found in [(owner, model) for owner in parameters for model in owner.models.values()]:
        if found.structure:
            used.setdefault(STRUCTURES[found.structure], []).append(one.name)
        if found.failed:
            why = "; ".join(f"{STRUCTURES[structure]}: {reason}" for structure, reason in found.failed.items())
            notes.append(f"{one.name}, covariance that could not be fitted: {why}.")
    if used:
        several = len(parameters) > 1
        told = "; ".join(f"{label} ({', '.join(names)})" if several and len(used) > 1 else label for label, names in used.items())
        notes.insert(1, f"Covariance of the MMRM: {told}.")
    return notes

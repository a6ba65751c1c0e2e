"""Adjusted means by visit and their differences from the reference, or ratios to it.

Of models alone statistics are columns, under a head for each model. Below what was observed at a visit, treatments are columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cgbm1_report.analyse.covariances import STRUCTURES
from cgbm1_report.analyse.models import OVERALL, Adjusted
from cgbm1_report.analyse.numbers import EMMEANS, EMMEANS_CONTRAST, TERM, Record, join_numbers, list_statistics, make_numbers
from cgbm1_report.errors import number_of
from cgbm1_report.protocol.registry import Model
from cgbm1_report.protocol.trial import TOTAL
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.builders import OF_DIFFERENCE
from cgbm1_report.tabulate.by_visit import Measured, Visited, head_visits, summarise_visits, treatment_lines
from cgbm1_report.tabulate.declare import Summary
from cgbm1_report.tabulate.layout import LIMITS
from cgbm1_report.tabulate.table import NOT_ESTIMABLE, Column, Line, Show, count, mean_sd, numbers, p_value
from cgbm1_report.tabulate.view import View

_STUB = 2.0
#: The model that the slope of a dose is tested in.
_SLOPED = "ANCOVA"
_RATIO_DP = 2
_ON_LOGARITHMS = (
    "Models are of logarithms: of the change of log₁₀ of the value, adjusted for log₁₀ of the baseline. Geometric LS means are of "
    "the ratio to baseline; a ratio vs {} is one of two such means."
)


@dataclass(frozen=True)
class Modelled:
    """A parameter with its models by their names: adjusted means and differences by treatment and visit.

    ``key`` is what its rows are about, ``dp`` the decimals of its values. ``heading`` heads them where a table has several.
    ``measure`` is the variable that means are of. Where they are ``ratio``, models are of logarithms, taken back: means are
    geometric, and what is compared with the reference is divided by it. ``lost`` records have a change without a logarithm.
    ``model`` is what explains it besides treatment and, where it is ``based``, the baseline.
    """

    key: Key
    name: str
    dp: int
    visits: Sequence[str]
    models: Mapping[str, Adjusted]
    heading: str = ""
    measure: str = "CHG"
    ratio: bool = False
    lost: int = 0
    model: Model = field(default_factory=Model)
    based: bool = True


class _Told(NamedTuple):
    """A statistic of a model: its name, what its numbers are of, how it prints, the width of its column, its label in a row.

    ``columns`` are the treatments it is told of.
    """

    name: str
    of: Key
    show: Show
    width: float
    label: str
    columns: tuple[str, ...]


def arms_of(view: View) -> tuple[str, ...]:
    """The columns that are in models: all but the total."""
    return tuple(key for key in view.column_keys if key != TOTAL)


def adjusted_by_visit(view: View, parameters: Sequence[Modelled], stub: str) -> Summary:
    """A table of models side by side: a row per visit and treatment, below each model n, mean, difference, interval, p.

    The interval and p are those of the difference; the results also hold the interval of each mean and all degrees of freedom.
    Where treatments are pooled there is nothing to compare, and means stand alone.
    """
    names = dict.fromkeys(name for one in parameters for name in one.models)
    columns = [column for name in names for column in _columns_of(name, view, parameters[0])]
    records = [record for one in parameters for name in one.models for record in _records_of(one, name, view)]
    lines = [line for one in parameters for line in _lines_of(one, view)]
    return Summary(
        make_numbers(records), lines, head_visits(view, stub), columns, stub_width=_STUB, footnotes=_notes(view, parameters)
    )


def _compared(ratio: bool, reference: str | None) -> Key:
    return (("ratio" if ratio else "contrast", str(reference)),)


def _slope_of(one: Modelled) -> Key:
    return (("slope", one.model.dose),)


def _others(one: Modelled, view: View) -> dict[str, tuple[str, ...]]:
    """The treatments that are compared with each treatment but the last; with the reference alone where pairs are not asked for."""
    if not view.compared:
        return {}
    pairs = {other: view.compared[at + 1 :] for at, other in enumerate(view.compared[:-1])} if one.model.pairwise else {}
    return {str(view.reference): view.compared, **pairs}


def _told(view: View, one: Modelled, model: str) -> list[_Told]:
    """What is told of a model at a visit, in its order."""
    mean, arms, dp, ratio = ((one.measure, None),), arms_of(view), one.dp, one.ratio

    def limits(decimals: int) -> Show:
        return numbers(LIMITS, decimals, missing=NOT_ESTIMABLE)

    def estimate(decimals: int) -> Show:
        return numbers(("estimate",), decimals, missing=NOT_ESTIMABLE)

    def comparison(reference: str, columns: tuple[str, ...]) -> list[_Told]:
        # With another than the reference the statistics have another name: both stand in one row of a table of models alone.
        apart, versus = _compared(ratio, reference), f"vs {reference}"
        of = "" if reference == view.reference else f" {versus}"
        if ratio:
            first = _Told(f"Ratio {versus}", apart, estimate(_RATIO_DP), 1.1, f"Ratio {versus}", columns)
            second = _Told(f"95% CI{of}", apart, limits(_RATIO_DP), 1.3, "95% CI of the ratio", columns)
        else:
            first = _Told(f"Difference {versus}", apart, estimate(dp + 1), 1.1, f"Difference {versus}", columns)
            second = _Told(f"95% CI{of}", apart, limits(dp + 1), 1.3, OF_DIFFERENCE, columns)
        return [first, second, _Told(f"p{of}", apart, p_value, 0.8, "p", columns)]

    if ratio:
        means = [
            _Told("Geometric LS mean", mean, estimate(_RATIO_DP), 1.1, "Geometric LS mean", arms),
            _Told("95% CI of mean", mean, limits(_RATIO_DP), 1.3, "95% CI of mean", arms),
        ]
    else:
        show = mean_sd(dp, names=("estimate", "std.error"), missing=NOT_ESTIMABLE)
        means = [_Told("LS mean (SE)", mean, show, 1.3, "LS mean (SE)", arms)]
    found = [_Told("n", mean, count, 0.5, "n", arms), *means]
    found += [told for reference, columns in _others(one, view).items() for told in comparison(reference, columns)]
    if one.model.dose and model == _SLOPED and view.compared:
        found.append(_Told("p of dose", _slope_of(one), p_value, 0.8, "p of the dose response", view.compared[-1:]))
    return found


def _columns_of(model: str, view: View, one: Modelled) -> list[Column]:
    made: Key = (("model", model),)
    return [
        Column(f"{model} {told.name}", told.name, width=told.width, spanner=model, measure=(*made, *told.of), statistic=told.name)
        for told in _told(view, one, model)
    ]


def _records_of(one: Modelled, name: str, view: View) -> list[Record]:
    """Means of every treatment at every visit, and differences of those that are compared."""
    found, made, records = one.models[name], (("model", name),), list[Record]()
    for visit in one.visits:
        row = (*one.key, ("AVISIT", visit), *made)
        for arm in arms_of(view):
            subjects, mean = list(found.subjects[arm, visit]), found.means[arm, visit]
            stats = {"n": float(len(subjects)), "estimate": mean.estimate, "df": mean.df}
            stats |= {} if one.ratio else {"std.error": mean.se}
            stats |= {"conf.low": mean.lo, "conf.high": mean.hi}
            records += list_statistics((*row, (one.measure, None)), arm, EMMEANS, stats, subjects, behind="n")
        for reference, columns in _others(one, view).items():
            for arm in columns:
                apart = found.differences[arm, visit] if reference == view.reference else found.pairs[arm, reference, visit]
                stats = {"estimate": apart.estimate, "df": apart.df, "conf.low": apart.lo, "conf.high": apart.hi}
                stats |= {"p.value": apart.p} | ({} if one.ratio else {"std.error": apart.se})
                records += list_statistics((*row, *_compared(one.ratio, reference)), arm, EMMEANS_CONTRAST, stats)
        # One test of all treatments stands with the last of them.
        for arm in view.compared[-1:] if visit in found.slopes else ():
            records += list_statistics((*row, *_slope_of(one)), arm, TERM, {"p.value": found.slopes[visit].p})
    return records


def summarise_with_models(view: View, own: Visited, modelled: Modelled, stub: str) -> Summary:
    """A table of one parameter: of each visit what was observed, below it the models; treatments are columns.

    Of the total there is no model: its cells stay blank.
    """
    models = [record for name in modelled.models for record in _records_of(modelled, name, view)]
    lines = [line for visit, measures in own.visits.items() for line in _visit_lines(view, own.key, visit, measures, modelled)]
    return Summary(
        join_numbers([*summarise_visits(own, view), make_numbers(models)]), lines, f"{stub}\nVisit", stub_width=_STUB,
        footnotes=_notes(view, [modelled]),
    )  # fmt: skip


def _visit_lines(view: View, key: Key, visit: str, measures: Sequence[Measured], modelled: Modelled) -> list[Line]:
    row = (*key, ("AVISIT", visit))
    lines, named = [Line(row, visit, block=True)], ""
    for one in measures:
        if one.name != named:
            lines.append(Line((*row, *one.part), _at(visit, one.name), indent=1))
            named = one.name
        lines += [
            Line(
                (*row, *column.measure), column.label, show, 2, statistic=column.statistic, context=column.context or one.context
            )
            for column, show in zip(one.columns, one.shows.values(), strict=True)
        ]  # fmt: skip
    # A model is of one measure, which need not be the last that is told.
    of = next((one.name for one in measures if one.variable == modelled.measure), named)
    for name in modelled.models if visit in modelled.visits else ():
        lines += _model_lines(view, (*row, ("model", name)), f"{_at(visit, of)}, {name}", modelled, name)
    return lines


def _at(visit: str, name: str) -> str:
    """What heads a part of a visit: a page may begin there."""
    return f"{visit}, {name[:1].lower()}{name[1:]}"


def _model_lines(view: View, row: Key, label: str, one: Modelled, model: str) -> list[Line]:
    """A model at a visit: ``label`` names what it is of and the model."""
    return [
        Line(row, label, indent=1),
        *(
            Line((*row, *part.of), part.label, part.show, 2, statistic=part.name, columns=part.columns)
            for part in _told(view, one, model)
        ),
    ]


def _lines_of(one: Modelled, view: View) -> list[Line]:
    lines = [Line(one.key, one.heading, block=True)] if one.heading else []
    shows = {f"{name} {part.name}": part.show for name in one.models for part in _told(view, one, name)}
    for visit in one.visits:
        label = f"{one.name}, {visit}" if one.heading else visit
        lines += treatment_lines(view, (*one.key, ("AVISIT", visit)), label, shows, (), int(bool(one.heading)))
    return lines


def _tell_baselines(models: Mapping[str, Adjusted]) -> str:
    """At which baseline the means of each model stand: those of one page may be of different ones."""
    whose = {
        name: "all visits" if any(visit == OVERALL for _, visit in found.means) else "the visit" for name, found in models.items()
    }
    told = [f"those of the {name} at that of the records of {records}" for name, records in whose.items()]
    told[0] = f"LS means{told[0].removeprefix('those')}".replace(" at that ", " are at the mean baseline ")
    return f"{', '.join(told)}."


def _tell_model(one: Modelled) -> list[str]:
    """What explains the response besides treatment and baseline, how its levels count in means, and what the slope is of."""
    factors, model = ", ".join(one.model.factors), one.model
    counted = {"equal": "levels count the same", "observed": "levels count as often as records of the model have them"}
    notes = [f"Models have {factors} besides; in LS means its {counted[model.weights]}."] if factors else []
    sloped = bool(model.dose) and _SLOPED in one.models
    return notes + (
        [f"Dose response: the slope of {model.dose} as a number in place of the treatments, {_SLOPED}."] if sloped else []
    )


def _notes(view: View, parameters: Sequence[Modelled]) -> list[str]:
    """Where the means stand, which covariance each model over visits has, and why not the one that was tried before it."""
    based = {name: model for one in parameters if one.based for name, model in one.models.items()}
    notes = [_tell_baselines(based)] if based else []
    notes += list(dict.fromkeys(note for one in parameters for note in _tell_model(one)))
    notes += [_ON_LOGARITHMS.format(view.reference)] if any(one.ratio for one in parameters) else []
    notes += [
        f"{one.name}: not in the models: {number_of(one.lost, 'record')},"
        " as a value or baseline that is not above 0 has no logarithm."
        for one in parameters
        if one.lost
    ]
    if not view.compared and len(arms_of(view)) <= 1:
        notes.append(f"{'Treatments are pooled' if view.pooled else 'One treatment alone'}: means are adjusted for baseline alone.")
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
        notes.insert(min(1, len(notes)), f"Covariance of the MMRM: {told}.")
    return notes

"""What rows of models ask: analyses of covariance by their normal equations, models over visits by a second fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from cgbm1_report.recount.asked import Asked
from cgbm1_report.recount.conditions import quote
from cgbm1_report.recount.covariance import Fitted, fit_groups, read_groups
from cgbm1_report.recount.database import View
from cgbm1_report.recount.repeated import Repeated, fit_anew, take_back
from cgbm1_report.recount.survival import Stats
from cgbm1_report.rows import Explained, Key, Part

_VISIT = "AVISIT"
#: What a model is of where a declaration says nothing of its parameter.
_CHANGE = Explained("CHG", "BASE")
#: The last part of rows of models besides what they are of: two treatments, and the slope of the dose.
_CONTRAST, _RATIO, _SLOPE = "contrast", "ratio", "slope"
_RATIO_OF = "R2BASE"
#: The model that least squares solve, and the one over visits.
_CLOSED, _OVER_VISITS = "ANCOVA", "MMRM"
#: How far two fits of one model may be apart, and of what that is a share of the standard error.
_APART, _WITH_ERROR = 1e-5, ("estimate", "conf.low", "conf.high")
#: How degrees of freedom are told where standard errors are wider.
_WIDENED = "kenward-roger"
_UNKNOWN, _UNSURE = "no model that the declaration says", "the model has no closed form or no sure maximum"


@dataclass(frozen=True)
class _Series:
    """Rows of one model of one series: they differ by their visits. ``cells`` are their rows without words.

    ``terms`` are response and covariate as SQL tells them, of a ratio their logarithms.
    """

    view: View
    model: str
    rows: Mapping[int, Key]
    cells: Mapping[int, Key]
    explained: Explained
    terms: tuple[str, str]

    @property
    def is_ratio(self) -> bool:
        return self.explained.response == _RATIO_OF


def _series(asked: Asked) -> Iterator[_Series]:
    """The rows of each model, those of one model over visits together."""
    found: dict[tuple[str, Part, Key, Explained], list[Key]] = {}
    for row in asked.rows:
        parts, last = dict(row), row[-1]
        explained = asked.facts.models.get(str(parts.get("PARAMCD")), _CHANGE)
        if last[0] == _RATIO or last[0] == _RATIO_OF:
            explained = explained._replace(response=_RATIO_OF, covariate=_CHANGE.covariate)
        if "model" in parts and last[0] in (explained.response, _CONTRAST, _RATIO, _SLOPE):
            chosen = tuple(part for part in row if part[0].isupper() and part[1] is not None and part[0] != _VISIT)
            found.setdefault((str(parts["model"]), last, chosen, explained), []).append(row)
        else:
            asked.reasons[row] = _UNKNOWN
    # Of a column that holds everybody there is no model.
    arms = {head: treatment for head, treatment in asked.facts.columns.items() if treatment is not None}
    facts = replace(asked.facts, columns=arms or asked.facts.columns)
    for (model, _, _, explained), members in found.items():
        cells = {at: tuple(part for part in row if part[0].isupper() and part[1] is not None) for at, row in enumerate(members)}
        own = [explained.response, explained.covariate, *explained.factors, explained.dose]
        names = list(dict.fromkeys(filter(None, [*(name for cell in cells.values() for name, _ in cell), *own])))
        dataset = asked.database.holder(asked.facts, names)
        if not dataset:
            asked.reasons |= dict.fromkeys(members, _UNKNOWN)
            continue
        # Said of what is not answered: no residual freedom, no spread of the baseline, a likelihood without a sure maximum.
        asked.reasons |= dict.fromkeys(members, _UNSURE)
        view = asked.database.view(facts, dataset, names)
        yield _Series(view, model, dict(enumerate(members)), cells, explained, _terms(explained))


def _terms(explained: Explained) -> tuple[str, str]:
    """Response and covariate of a record as SQL tells them; no covariate is empty."""
    names = (explained.response, explained.covariate)
    first, second = (f"CAST(r.{quote(name)} AS DOUBLE)" if name else "" for name in names)
    return (first, second) if explained.response != _RATIO_OF else (_logarithm(first), _logarithm(second))


def _logarithm(term: str) -> str:
    return f"CASE WHEN {term} > 0 THEN log10({term}) END"


_Tell = Callable[[Fitted | None, Repeated | None, str, int], Mapping[str, float]]


def _answer_models(asked: Asked, tell: Callable[[Key], _Tell], *, counted: bool = False, dosed: bool = False) -> Stats:
    """What models tell of their rows: ``tell`` of a row what a fit says of a treatment, ``counted`` also its records."""
    found: Stats = {}
    for series in _series(asked):
        explained, closed = series.explained, series.model == _CLOSED
        groups = read_groups(
            asked.database, series.view, series.cells, *series.terms, explained.factors, explained.dose if dosed else ""
        )
        model = None
        if series.model == _OVER_VISITS:
            model = fit_anew(asked.database, series.view, series.cells, *series.terms, explained)
        for at, row in series.rows.items():
            fit = fit_groups(groups[at], explained.weights, dosed=dosed, based=bool(explained.covariate)) if closed else None
            for head in asked.facts.columns:
                stats = {"n": float(sum(one.n for one in groups[at] if one.head == head))} if counted else {}
                again = dict(tell(row)(fit, model, head, at))
                again = take_back(again) if series.is_ratio else again
                found[row, head] = {**stats, **(again if closed else _as_told(asked.told.get((row, head), {}), again))}
    return found


def _as_told(told: Mapping[str, float], again: Mapping[str, float]) -> dict[str, float]:
    """What was fitted again, as it was told where it is that: two climbs to one maximum end a little apart.

    An estimate and its limits may be apart by a hundred-thousandth of the standard error, all else by one of itself.
    """
    error = again.get("std.error", 0.0)
    return {
        name: told[name]
        if name in told and abs(told[name] - value) <= _APART * max(abs(value), error if name in _WITH_ERROR else 0.0)
        else value
        for name, value in again.items()
    }


def _tell_pair(
    asked: Asked, fit: Fitted | None, model: Repeated | None, own: tuple[str, int], other: tuple[str, int] | None = None
) -> Mapping[str, float]:
    """What a fit says of a treatment at a visit, or of two; nothing where one of them is in no record of it."""
    places = {own, other} - {None}
    if fit is not None and {head for head, _ in filter(None, (own, other))} <= set(fit.heads):
        return fit.tell(own[0], other[0] if other else "")
    if model is not None and places <= set(model.cells):
        return model.tell(own, other, widened=asked.facts.freedom == _WIDENED)
    return {}


def answer_means(asked: Asked) -> Stats:
    """Adjusted means of models."""

    def mean(fit: Fitted | None, model: Repeated | None, head: str, at: int) -> Mapping[str, float]:
        return _tell_pair(asked, fit, model, (head, at))

    return _answer_models(asked, lambda _: mean, counted=True)


def answer_contrasts(asked: Asked) -> Stats:
    """What models compare with another treatment, which the last part of a row names."""

    def apart_from(row: Key) -> _Tell:
        other = str(row[-1][1])

        def apart(fit: Fitted | None, model: Repeated | None, head: str, at: int) -> Mapping[str, float]:
            return _tell_pair(asked, fit, model, (head, at), (other, at)) if head != other else {}

        return apart

    return _answer_models(asked, apart_from)


def answer_slopes(asked: Asked) -> Stats:
    """The dose as a number in place of the treatments."""

    def slope(fit: Fitted | None, _: Repeated | None, __: str, ___: int) -> Mapping[str, float]:
        return {"p.value": fit.slope()["p.value"]} if fit else {}

    return _answer_models(asked, lambda _: slope, dosed=True)

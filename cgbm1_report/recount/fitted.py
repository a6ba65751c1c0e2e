"""What rows of models ask: analyses of covariance in closed form, models over visits by a second fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from cgbm1_report.recount.asked import Asked
from cgbm1_report.recount.conditions import quote
from cgbm1_report.recount.covariance import Arm, adjust_anew, compare_anew, read_arms
from cgbm1_report.recount.database import View
from cgbm1_report.recount.repeated import Repeated, fit_anew, take_back
from cgbm1_report.recount.survival import Stats
from cgbm1_report.rows import Key

_VISIT = "AVISIT"
#: By the last part of a row of a model: what the model is of, and what explains it; of a ratio both are logarithms.
_MODELLED = {"CHG": ("CHG", "BASE"), "contrast": ("CHG", "BASE"), "R2BASE": ("R2BASE", "BASE"), "ratio": ("R2BASE", "BASE")}
_RATIOS = ("R2BASE", "ratio")
#: The model whose least squares have a closed form, and the one over visits.
_CLOSED, _OVER_VISITS = "ANCOVA", "MMRM"
#: How far two fits of one model may be apart, and of what that is a share of the standard error.
_APART, _WITH_ERROR = 1e-5, ("estimate", "conf.low", "conf.high")


@dataclass(frozen=True)
class _Series:
    """Rows of one model of one series: they differ by their visits. ``cells`` are their rows without words."""

    view: View
    model: str
    ratio: bool
    rows: Mapping[int, Key]
    cells: Mapping[int, Key]
    terms: tuple[str, str]


def _series(asked: Asked) -> Iterator[_Series]:
    """The rows of each model, those of one model over visits together."""
    found: dict[tuple[str, str, Key], list[Key]] = {}
    for row in asked.rows:
        parts, last = dict(row), row[-1][0]
        if "model" in parts and last in _MODELLED:
            chosen = tuple(part for part in row if part[0].isupper() and part[1] is not None and part[0] != _VISIT)
            found.setdefault((str(parts["model"]), last, chosen), []).append(row)
        else:
            asked.reasons[row] = "no model of a change that its baseline explains"
    # Of a column that holds everybody there is no model.
    arms = {head: treatment for head, treatment in asked.facts.columns.items() if treatment is not None}
    facts = replace(asked.facts, columns=arms or asked.facts.columns)
    for (model, last, _), members in found.items():
        cells = {at: tuple(part for part in row if part[0].isupper() and part[1] is not None) for at, row in enumerate(members)}
        names = dict.fromkeys([*(name for cell in cells.values() for name, _ in cell), *_MODELLED[last]])
        dataset = asked.database.holder(asked.facts, names)
        if not dataset:
            asked.reasons |= dict.fromkeys(members, "no model of a change that its baseline explains")
            continue
        # Said of what is not answered: no residual freedom, no spread of the baseline, a likelihood without a sure maximum.
        asked.reasons |= dict.fromkeys(members, "the model has no closed form or no sure maximum")
        view, ratio = asked.database.view(facts, dataset, names), last in _RATIOS
        yield _Series(view, model, ratio, dict(enumerate(members)), cells, _terms(_MODELLED[last], logarithms=ratio))


def _terms(names: tuple[str, str], *, logarithms: bool) -> tuple[str, str]:
    """Variables of a record as SQL tells them."""
    first, second = (f"CAST(r.{quote(name)} AS DOUBLE)" for name in names)
    return (first, second) if not logarithms else (_logarithm(first), _logarithm(second))


def _logarithm(term: str) -> str:
    return f"CASE WHEN {term} > 0 THEN log10({term}) END"


def _answer_models(
    asked: Asked,
    closed: Callable[[Mapping[str, Arm]], Mapping[str, Mapping[str, float]]],
    fitted: Callable[[Repeated, str, int], Mapping[str, float]],
) -> Stats:
    found: Stats = {}
    for series in _series(asked):
        arms = read_arms(asked.database, series.view, series.cells, *series.terms)
        model = fit_anew(asked.database, series.view, series.cells, *series.terms) if series.model == _OVER_VISITS else None
        for at, row in series.rows.items():
            told = closed(arms[at]) if series.model == _CLOSED else {head: {"n": float(arm.n)} for head, arm in arms[at].items()}
            for head in asked.facts.columns:
                stats = dict(told.get(head, {"n": 0.0}))
                again = fitted(model, head, at) if model else {}
                if series.ratio:
                    stats, again = take_back(stats), take_back(again)
                found[row, head] = {**stats, **_as_told(asked.told.get((row, head), {}), again)}
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


def _by_freedom(asked: Asked, told: Mapping[str, float]) -> Mapping[str, float]:
    """Of a model with other degrees of freedom than Satterthwaite's the estimate alone."""
    return told if asked.facts.freedom == "satterthwaite" else {"estimate": told["estimate"]}


def answer_means(asked: Asked) -> Stats:
    """Adjusted means of models."""

    def mean(model: Repeated, head: str, at: int) -> Mapping[str, float]:
        return _by_freedom(asked, model.tell((head, at))) if (head, at) in model.cells else {}

    return _answer_models(asked, lambda arms: adjust_anew(arms, asked.facts.columns), mean)


def answer_contrasts(asked: Asked) -> Stats:
    """What models compare with the reference."""
    reference = str(asked.facts.compared_with)

    def apart(model: Repeated, head: str, at: int) -> Mapping[str, float]:
        own, other = (head, at), (reference, at)
        return _by_freedom(asked, model.tell(own, other)) if head != reference and {own, other} <= set(model.cells) else {}

    return _answer_models(asked, lambda arms: compare_anew(arms, reference), apart)

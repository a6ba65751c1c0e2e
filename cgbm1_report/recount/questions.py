"""What each context of the results asks of the data: rows by their keys, and what answers them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cgbm1_report.recount.counts import (
    Answers,
    count_anew,
    count_highest_anew,
    count_shifts_anew,
    summarise_anew,
    summarise_logarithms_anew,
)
from cgbm1_report.recount.covariance import Arm, adjust_anew, compare_anew, read_arms
from cgbm1_report.recount.database import Database, View, quote
from cgbm1_report.recount.facts import Facts
from cgbm1_report.recount.interactions import interact_anew
from cgbm1_report.recount.proportions import difference_anew, fisher_anew, interval_anew
from cgbm1_report.recount.repeated import Repeated, fit_anew, take_back
from cgbm1_report.recount.survival import Stats, compare_times_anew, differ_anew, end_anew, read_curves, survive_anew
from cgbm1_report.recount.values import tell_anew
from cgbm1_report.rows import Key, Meaning, Shift

_VISIT = "AVISIT"
_TIMES = ("PARAMCD", "AVAL", "CNSR")
#: By the last part of a row of a model: what the model is of, and what explains it; of a ratio both are logarithms.
_MODELLED = {"CHG": ("CHG", "BASE"), "contrast": ("CHG", "BASE"), "R2BASE": ("R2BASE", "BASE"), "ratio": ("R2BASE", "BASE")}
_RATIOS = ("R2BASE", "ratio")
#: The model whose least squares have a closed form, and the one over visits.
_CLOSED, _OVER_VISITS = "ANCOVA", "MMRM"
#: How far two fits of one model may be apart, and of what that is a share of the standard error.
_APART, _WITH_ERROR = 1e-5, ("estimate", "conf.low", "conf.high")


@dataclass
class Asked:
    """The rows of one context of an output, and what was told of them: what stays open says why."""

    database: Database
    facts: Facts
    rows: Sequence[Key]
    told: Mapping[tuple[Key, str], Mapping[str, float]]
    reasons: dict[Key, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Group:
    """Rows that are asked of the same records: each with what remains of its key."""

    dataset: str
    meaning: Meaning | None
    of: Meaning | None
    rows: Mapping[int, Key]
    whole: Mapping[int, Key]
    highest: str = ""
    shift: Shift | None = None


#: What stands for the choice of a declaration where all records are asked.
_ALL: Meaning = ({},)


def _shift_groups(asked: Asked) -> Iterator[_Group]:
    """Rows of subjects by baseline and worst value, those of one shift together."""
    found: dict[str, list[Key]] = {}
    for row in asked.rows:
        for name in {name for name, _ in row[-2:]} & asked.facts.shifts.keys():
            found.setdefault(name, []).append(row)
    for name, members in found.items():
        shift = asked.facts.shifts[name]
        dataset = asked.database.holder(
            asked.facts, {shift.baseline, shift.variable, *(one for row in members for one, _ in row[:-2])}
        )
        if dataset:
            rows = dict(enumerate(members))
            yield _Group(dataset, _ALL, None, rows, rows, shift=shift)
        else:
            asked.reasons |= dict.fromkeys(members, f"no dataset has {shift.baseline}, {shift.variable}")


def _groups(asked: Asked) -> Iterator[_Group]:
    facts = asked.facts
    found: dict[tuple[str, Key, Key, str], list[tuple[Key, Key]]] = {}
    yield from _shift_groups(asked)
    for row in asked.rows:
        if {name for name, _ in row[-2:]} & facts.shifts.keys():
            continue
        means = tuple(part for part in row if part in facts.meanings)
        rest = tuple(part for part in row if part not in means)
        tops = [name for name, _ in rest if name in facts.highest]
        needed = {facts.highest.get(name, name) for name, _ in rest}
        # What is chosen of the records must be theirs, or their subjects'.
        needed = needed or {name for part in means for way in facts.meanings[part] for name in way}
        dataset = asked.database.holder(facts, needed, dict(rest).get("PARAMCD"))
        words = sorted(name for name in needed if not name.isupper())
        if words:
            asked.reasons[row] = f"rows are told in words ({words[0]})"
        elif len(means) > 1 or not dataset:
            asked.reasons[row] = f"no dataset has {', '.join(sorted(needed))}"
        else:
            of = tuple(part for part in row if part in facts.counted_of)
            found.setdefault((dataset, means, of, tops[0] if tops else ""), []).append((row, rest))
    for (dataset, means, of, top), members in found.items():
        rows, whole = ({at: pair[side] for at, pair in enumerate(members)} for side in (1, 0))
        yield _Group(
            dataset,
            facts.meanings[means[0]] if means else None,
            facts.counted_of[of[0]] if of else None,
            rows,
            whole,
            facts.highest.get(top, ""),
        )


def _each(asked: Asked, anew: Callable[[Database, View, Mapping[int, Key]], Answers]) -> Stats:
    found: Stats = {}
    for group in _groups(asked):
        if group.shift:
            answers = _count_shifts(asked, group, group.shift)
            found |= {(group.whole[at], head): stats for (at, head), stats in answers.items()}
            continue
        variables = [asked.facts.highest.get(name, name) for row in group.rows.values() for name, _ in row]
        view = asked.database.view(asked.facts, group.dataset, variables, of=group.of, meaning=group.meaning)
        if group.highest:
            answers = count_highest_anew(asked.database, view, group.rows, group.highest)
        else:
            answers = anew(asked.database, view, group.rows)
        if group.of == ():
            # How many there are of whom these are counted is told by no variable.
            answers = {place: {name: stats[name] for name in stats.keys() - {"N", "p"}} for place, stats in answers.items()}
        found |= {(group.whole[at], head): stats for (at, head), stats in answers.items()}
    return found


def _count_shifts(asked: Asked, group: _Group, shift: Shift) -> Answers:
    variables = [name for row in group.rows.values() for name, _ in row[:-2]]
    every = asked.database.view(asked.facts, group.dataset, [*variables, shift.baseline], meaning=group.meaning)
    after = asked.database.view(asked.facts, group.dataset, [*variables, shift.variable])
    return count_shifts_anew(asked.database, (every, after), group.rows, shift)


def _counts(asked: Asked) -> Stats:
    found = _each(asked, count_anew)
    wholes = {row: (*row[:-1], (row[-1][0], None)) for row in asked.rows if _is_share(row, asked.facts)}
    known = _each(replace(asked, rows=list(dict.fromkeys(wholes.values()))), count_anew)
    for (row, head), stats in found.items():
        if row in wholes and (wholes[row], head) in known:
            total = known[wholes[row], head]["n"]
            found[row, head] = {**stats, "N": total, "p": stats["n"] / total if total else float("nan")}
    return found


def _is_share(row: Key, facts: Facts) -> bool:
    """Whether a row is of those who have any value of its last variable; how many these are is of the population."""
    return bool(row) and row[-1][0] in facts.shares and row[-1][1] is not None


def _summaries(asked: Asked) -> Stats:
    return _each(asked, summarise_anew)


def _values(asked: Asked) -> Stats:
    """A value as a figure shows it, or the day of a date, of the one record that its row chooses."""
    return _each(asked, tell_anew)


def _geometric(asked: Asked) -> Stats:
    return _each(asked, summarise_logarithms_anew)


def _numbers(stats: Mapping[str, float]) -> tuple[int, int]:
    return int(stats["n"]), int(stats["N"])


def _intervals(asked: Asked) -> Stats:
    counted = _counts(asked)
    return {
        place: interval_anew(told, *_numbers(counted[place]))
        for place, told in asked.told.items()
        if place in counted
    }  # fmt: skip


def _compared(asked: Asked) -> Iterator[tuple[tuple[Key, str], tuple[int, int], tuple[int, int]]]:
    counted = _counts(asked)
    for row, head in asked.told:
        other = (row, str(asked.facts.compared_with))
        if (row, head) in counted and other in counted:
            yield (row, head), _numbers(counted[row, head]), _numbers(counted[other])


def _differences(asked: Asked) -> Stats:
    return {place: difference_anew(asked.told[place], own, other) for place, own, other in _compared(asked)}


def _fisher(asked: Asked) -> Stats:
    return {place: fisher_anew(own, other) for place, own, other in _compared(asked)}


def _by_records(asked: Asked, *, apart: Sequence[str] = ()) -> Iterator[tuple[str, list[Key]]]:
    """The parameters of time-to-event rows, the records that a row's other parts choose ready to be asked.

    The last part says what is asked of them, and parts named ``apart`` are told by the question.
    """
    chosen: dict[Key, list[Key]] = {}
    for row in asked.rows:
        parts = tuple(part for part in row[:-1] if part[0] not in apart)
        named = [name for name, _ in parts]
        dataset = asked.database.holder(asked.facts, (*_TIMES, *named))
        if dataset and dict(parts).get("PARAMCD") and all(name.isupper() for name in named):
            chosen.setdefault(parts, []).append(row)
        else:
            asked.reasons[row] = "no times to an event of one parameter"
    for parts, rows in chosen.items():
        named = [name for name, _ in parts]
        dataset = asked.database.holder(asked.facts, (*_TIMES, *named))
        asked.database.hold(asked.database.view(asked.facts, dataset, (*_TIMES, *named)), parts)
        yield str(dict(parts)["PARAMCD"]), rows


def _survival(asked: Asked) -> Stats:
    found: Stats = {}
    for paramcd, rows in _by_records(asked):
        found |= survive_anew(read_curves(asked.database, asked.facts, paramcd), asked.facts, rows)
    return found


def _survival_differences(asked: Asked) -> Stats:
    found: Stats = {}
    for paramcd, rows in _by_records(asked):
        found |= differ_anew(read_curves(asked.database, asked.facts, paramcd), asked.facts, rows)
    return found


def _incidences(asked: Asked) -> Stats:
    found: Stats = {}
    for paramcd, rows in _by_records(asked, apart=("CNSR",)):
        found |= end_anew(asked.database, asked.facts, paramcd, rows)
    return found


def _tests(asked: Asked, *, cox: bool = False) -> Stats:
    found: Stats = {}
    for paramcd, rows in _by_records(asked):
        found |= compare_times_anew(asked.database, asked.facts, paramcd, rows, asked.told, cox=cox)
    return found


def _hazard_ratios(asked: Asked) -> Stats:
    return _tests(asked, cox=True)


def _interactions(asked: Asked) -> Stats:
    """Tests that the hazard ratio is one in all groups: those that a variable tells apart, or that keep a bound and do not."""
    found: Stats = {}
    for row in asked.rows:
        variable, bound = row[-2]
        known = (*row[:-2], (variable, None))
        dataset = asked.database.holder(asked.facts, (*_TIMES, variable))
        if not dataset:
            asked.reasons[row] = f"no dataset has {variable}"
            continue
        view = asked.database.view(asked.facts, dataset, (*_TIMES, variable))
        groups = asked.database.tell_groups(view, known, (variable, bound))
        found |= interact_anew(groups, asked.facts, row, [head for told, head in asked.told if told == row])
    return found


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


def _adjusted(asked: Asked) -> Stats:
    def mean(model: Repeated, head: str, at: int) -> Mapping[str, float]:
        return _by_freedom(asked, model.tell((head, at))) if (head, at) in model.cells else {}

    return _answer_models(asked, lambda arms: adjust_anew(arms, asked.facts.columns), mean)


def _contrasts(asked: Asked) -> Stats:
    reference = str(asked.facts.compared_with)

    def apart(model: Repeated, head: str, at: int) -> Mapping[str, float]:
        own, other = (head, at), (reference, at)
        return _by_freedom(asked, model.tell(own, other)) if head != reference and {own, other} <= set(model.cells) else {}

    return _answer_models(asked, lambda arms: compare_anew(arms, reference), apart)


#: What answers each context of the results.
ANSWERED: Mapping[str, Callable[[Asked], Stats]] = {
    "tabulate": _counts,
    "hierarchical": _counts,
    "missing": _counts,
    "summary": _summaries,
    "geometric": _geometric,
    "value": _values,
    "proportion_ci": _intervals,
    "proportion_difference": _differences,
    "stats_fisher_test": _fisher,
    "survival_survfit": _survival,
    "survival_survfit_diff": _survival_differences,
    "tidycmprsk_cuminc": _incidences,
    "survival_survdiff": _tests,
    "regression": _hazard_ratios,
    "stats_anova": _interactions,
    "emmeans_emmeans": _adjusted,
    "emmeans_contrast": _contrasts,
}

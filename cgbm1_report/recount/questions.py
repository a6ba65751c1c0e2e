"""What each context of the results asks of the data: rows by their keys, and what answers them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from cgbm1_report.recount.asked import Asked
from cgbm1_report.recount.counts import (
    Answers,
    count_anew,
    count_highest_anew,
    count_shifts_anew,
    summarise_anew,
    summarise_logarithms_anew,
)
from cgbm1_report.recount.database import Database, View
from cgbm1_report.recount.fitted import answer_contrasts, answer_means, answer_slopes
from cgbm1_report.recount.grouped import Group, group_rows, is_share
from cgbm1_report.recount.interactions import interact_anew
from cgbm1_report.recount.proportions import difference_anew, fisher_anew, interval_anew
from cgbm1_report.recount.rates import compare_rates_anew, rate_anew
from cgbm1_report.recount.survival import Stats, compare_times_anew, differ_anew, end_anew, read_curves, survive_anew
from cgbm1_report.recount.values import tell_anew
from cgbm1_report.rows import Key, Shift

_TIMES = ("PARAMCD", "AVAL", "CNSR")


def _each(asked: Asked, anew: Callable[[Database, View, Mapping[int, Key]], Answers]) -> Stats:
    found: Stats = {}
    for group in group_rows(asked):
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


def _count_shifts(asked: Asked, group: Group, shift: Shift) -> Answers:
    variables = [name for row in group.rows.values() for name, _ in row[:-2]]
    every = asked.database.view(asked.facts, group.dataset, [*variables, shift.baseline], meaning=group.meaning)
    after = asked.database.view(asked.facts, group.dataset, [*variables, shift.variable])
    return count_shifts_anew(asked.database, (every, after), group.rows, shift)


def _counts(asked: Asked) -> Stats:
    found = _each(asked, count_anew)
    wholes = {row: (*row[:-1], (row[-1][0], None)) for row in asked.rows if is_share(row, asked.facts)}
    known = _each(replace(asked, rows=list(dict.fromkeys(wholes.values()))), count_anew)
    for (row, head), stats in found.items():
        if row in wholes and (wholes[row], head) in known:
            total = known[wholes[row], head]["n"]
            found[row, head] = {**stats, "N": total, "p": stats["n"] / total if total else float("nan")}
    return found


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


def _rates(asked: Asked) -> Stats:
    observed, found = asked.facts.at_risk, Stats()
    for group in group_rows(asked) if observed else ():
        variables = [*(name for row in group.rows.values() for name, _ in row), observed.onset]  # type: ignore[union-attr]
        events = asked.database.view(asked.facts, group.dataset, variables, meaning=group.meaning)
        subjects = asked.database.view(asked.facts, "ADSL", (observed.begin, observed.end))  # type: ignore[union-attr]
        rates = rate_anew(asked.database, events, subjects, group.rows, observed)  # type: ignore[arg-type]
        found |= {(group.whole[at], head): stats for (at, head), stats in rates.items()}
    return found


def _rate_ratios(asked: Asked) -> Stats:
    rates, reference = _rates(asked), str(asked.facts.compared_with)
    return {
        place: compare_rates_anew(rates[place], rates[place[0], reference])
        for place in asked.told
        if {place, (place[0], reference)} <= rates.keys()
    }


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
    "incidence_rate": _rates,
    "incidence_rate_ratio": _rate_ratios,
    "emmeans_emmeans": answer_means,
    "emmeans_contrast": answer_contrasts,
    "car_anova": answer_slopes,
}

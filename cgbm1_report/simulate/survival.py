"""How long they live: piecewise exponential hazards with frailty, transplantation, dropout."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgbm1_report.protocol.trial import Trial
from cgbm1_report.simulate import design, design_findings
from cgbm1_report.simulate.accrual import find_parts
from cgbm1_report.simulate.streams import Flags, Floats, Ints, pick, stream, text_where
from cgbm1_report.simulate.workdays import draw_offset, move_to_working

_DAY = np.timedelta64(1, "D")


def follow_up(people: pd.DataFrame, trial: Trial, seed: int) -> pd.DataFrame:
    """Add what ends each subject's follow-up, in elapsed days since the anchor date.

    ``death_day``, ``transplant_day``, ``drop_day`` (NaN where it does not happen), ``end_day`` (last
    day under observation), ``cause``, ``drop_reason``, ``lasting`` (no event within the days in which
    patients worsen), ``turn_day`` and ``graft_turn_day`` (from which the course leads to the first event,
    and to a death after transplantation). Nobody in the escalation phase is lost before the observation period of the
    3+3 rule, but for the early death the plan holds.
    """
    people = people.copy()
    rng = stream(seed, "survival")
    escalation = find_parts(trial).escalation
    rule = trial.dose_escalation
    observed = rule.observation_days if rule else 0
    held = np.where(people["phase"] == escalation, float(observed), 0.0)
    risk = np.exp(design.MELD_LOG_HAZARD * (people["meld"] - design.MELD_CENTRE) + design.FRAILTY_SD * people["frailty"])
    rank = arm_effect(people)
    event = np.ceil(_event_time(rng, rank, np.asarray(risk), held))
    event[event > trial.study.followup_days] = np.nan
    event[people["lost"]] = design.LOST_DAY
    absent = (people["arm"] < 0) | people["never_dosed"]
    event[absent] = np.nan
    _part(people, event, trial.study.followup_days, rng)
    _dropouts(people, held, trial.study.followup_days, rng)
    _ends(people, trial, rng)
    _turns(people, stream(seed, "turn"))
    return people


def arm_effect(people: pd.DataFrame) -> Ints:
    """Place of each subject's arm in the tables of the course: 0 reference, then ascending dose; failures 0."""
    return np.asarray(people["rank"].clip(0, len(design.HAZARDS) - 1))


def _event_time(rng: np.random.Generator, rank: Ints, risk: Floats, held: Floats) -> Floats:
    """Time to event by inverting the cumulative hazard; given no event before ``held``."""
    hazards = np.asarray(design.HAZARDS)[rank] * risk[:, None]
    starts = np.asarray(design.HAZARD_STARTS)
    widths = np.append(np.diff(starts), np.inf)
    begins = np.concatenate([np.zeros((len(rank), 1)), np.cumsum(hazards[:, :-1] * widths[:-1], axis=1)], axis=1)
    spent = (np.clip(held[:, None] - starts, 0, widths) * hazards).sum(axis=1)
    target = spent + rng.exponential(1.0, len(rank))
    piece = (target[:, None] >= begins).sum(axis=1) - 1
    rows = np.arange(len(rank))
    return np.asarray(starts[piece] + (target - begins[rows, piece]) / hazards[rows, piece])


def _part(people: pd.DataFrame, event: Floats, followed: int, rng: np.random.Generator) -> None:
    """Split events into transplantations and deaths; the transplanted may die later."""
    limits, shares = (np.asarray(column) for column in zip(*design.TRANSPLANT_SHARE, strict=True))
    share = shares[np.searchsorted(limits, np.nan_to_num(event), side="left").clip(max=len(shares) - 1)]
    grafted = _systematic(rng, np.where(np.isnan(event) | people["lost"].to_numpy(), 0.0, share))
    people["transplant_day"] = np.where(grafted, event, np.nan)
    later = event + np.ceil(rng.exponential(1 / design.POST_TRANSPLANT_HAZARD, len(people)))
    death = np.where(grafted, np.where(later <= followed, later, np.nan), event)
    people["death_day"] = death
    people["event_day"] = event
    people["lasting"] = ~(event <= design_findings.WORSENING_WITHIN)
    cause = pick(rng, list(design.CAUSES), list(design.CAUSES.values()), len(people))
    people["cause"] = text_where(np.isnan(death), None, cause)


def _systematic(rng: np.random.Generator, share: Floats) -> Flags:
    """Choose each with its own probability, the number chosen within one of what is expected."""
    order = rng.permutation(len(share))
    passed = rng.random() + np.cumsum(share[order])
    chosen = np.empty(len(share), dtype=bool)
    chosen[order] = np.floor(passed) > np.floor(passed - share[order])
    return chosen


def _dropouts(people: pd.DataFrame, held: Floats, followed: int, rng: np.random.Generator) -> None:
    """Who leaves, why, and on which day: uniform over the follow-up, after the observation of the escalation."""
    n = len(people)
    treated = (people["arm"] >= 0).to_numpy()
    day = np.ceil(np.maximum(rng.uniform(0, followed - 1, n), held + 2))
    day = move_to_working(people["anchor"], day, followed - 1)
    never = people["never_dosed"].to_numpy()
    day = np.where(never, design.NEVER_DOSED_WITHDRAWS, day)
    # Who has an event first cannot leave: the shares of all treated are drawn from the others.
    free = treated & ~(people["event_day"].to_numpy() <= day) & ~people["lost"].to_numpy()
    of_free = treated.sum() / max(free.sum(), 1)
    lost = _systematic(rng, np.where(free & ~never, design.LOST_SHARE * of_free, 0.0))
    withdrawn = _systematic(rng, np.where(free & ~lost & ~never, design.WITHDRAWN_SHARE * of_free, 0.0))
    reason = np.select([lost, withdrawn | never], ["LOST TO FOLLOW-UP", "WITHDRAWAL BY SUBJECT"], "")
    leaves = reason != ""
    people["drop_day"] = np.where(leaves, day, np.nan)
    people["drop_reason"] = text_where(leaves, reason)
    # An event after somebody left is never seen.
    for column in ("event_day", "death_day", "transplant_day", "cause"):
        people[column] = people[column].mask(leaves)


def _turns(people: pd.DataFrame, rng: np.random.Generator) -> None:
    """The days on which the course turns: weeks before the end, not before the first infusion or the transplantation."""
    low, high = design_findings.TURN_DAYS
    length = rng.integers(low, high + 1, len(people))
    people["turn_day"] = (people["event_day"] - length).clip(lower=0)
    again = (people["death_day"] - length).clip(lower=people["transplant_day"])
    people["graft_turn_day"] = again.where(people["transplant_day"].notna())


def _ends(people: pd.DataFrame, trial: Trial, rng: np.random.Generator) -> None:
    """The last day of each subject: those who complete are seen once more when their follow-up is over."""
    low = trial.study.followup_days
    high = max(v.protocol_window[1] for phase in trial.phases.values() for v in phase.visits if v.protocol_window)
    contact = draw_offset(rng, people["anchor"], range(low, high + 1))
    end = people["death_day"].fillna(people["drop_day"]).fillna(pd.Series(contact, index=people.index))
    people["end_day"] = end.where(people["arm"] >= 0)
    people["completed"] = (people["arm"] >= 0) & people["death_day"].isna() & people["drop_day"].isna()
    people["end_date"] = people["anchor"] + pd.to_timedelta(people["end_day"], unit="D")

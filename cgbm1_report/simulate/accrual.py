"""Who comes when: dose cohorts with their reviews, then permuted blocks within sites."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cgbm1_report.errors import PlanError
from cgbm1_report.protocol.sections import Arm
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.simulate import design
from cgbm1_report.simulate.streams import stream
from cgbm1_report.simulate.workdays import draw_day, draw_offset, next_working

_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Parts:
    """The two parts of the trial the simulator knows, found by their kind and not by their number.

    ``places`` are the places of the randomised arms in ``trial.arms``.
    """

    escalation: int
    randomised: int
    cohorts: tuple[Arm, ...]
    arms: tuple[Arm, ...]
    places: tuple[int, ...]


def find_parts(trial: Trial) -> Parts:
    """The escalation phase (no reference arm) and the randomised phase, arms by ascending dose.

    Raises
    ------
    ReportError
        The trial has not exactly one of each, or its randomised arms differ in planned size.
    """
    referenced = [number for number in trial.phase_numbers if trial.phases[number].reference]
    open_label = [number for number in trial.phase_numbers if not trial.phases[number].reference]
    if len(referenced) != 1 or len(open_label) != 1 or trial.dose_escalation is None:
        raise PlanError(
            "the simulator needs one dose escalation phase and one randomised phase",
            file="trial.yaml",
            rule="phases",
            remedy="declare dose_escalation, one phase without and one with a reference arm",
        )
    arms = _ascending(trial, referenced[0])
    places = tuple(trial.arms.index(arm) for arm in arms)
    parts = Parts(open_label[0], referenced[0], _ascending(trial, open_label[0]), arms, places)
    if len({arm.planned_n for arm in parts.arms}) != 1 or parts.arms[0].planned_n is None:
        raise PlanError(
            "the simulator randomises arms of one planned size",
            file="trial.yaml",
            rule="arms.planned_n",
            remedy="give every randomised arm the same planned_n",
        )
    return parts


def _ascending(trial: Trial, phase: int) -> tuple[Arm, ...]:
    reference = trial.phases[phase].reference
    return tuple(
        sorted(trial.arms_of(phase), key=lambda arm: (arm.column != reference, arm.dose_per_infusion_e6_cells_per_kg or 0.0))
    )


def accrue(trial: Trial, seed: int, scale: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Everybody who consents, in the order of consent, and the reviews of the dose cohorts.

    Grain: one row per subject; one row per review (COHORT, REVIEW, REVDTC, DECISION). Screen
    failures have no arm. ``rank`` is the place of the arm in ascending dose: 0 is the reference.
    """
    parts = find_parts(trial)
    escalated, reviews = _escalate(trial, parts, stream(seed, "escalation"))
    start = reviews["REVDTC"].max() + design.WAIT_AFTER_LAST_REVIEW * _DAY
    randomised = _randomise(parts, start.to_datetime64(), scale, stream(seed, "randomisation"))
    people = pd.concat([escalated, randomised], ignore_index=True).sort_values("consent", kind="stable", ignore_index=True)
    people["dosed"] = people["anchor"].notna() & ~people["never_dosed"]
    rng = stream(seed, "clock")
    people["dose_minute"] = rng.integers(9 * 60 + 30, 14 * 60, len(people))
    _number(people, trial)
    return people, reviews


def _number(people: pd.DataFrame, trial: Trial) -> None:
    width = max(3, len(str(len(people))))
    people["SUBJID"] = pd.Series(np.arange(1, len(people) + 1), dtype="str").str.zfill(width)
    people["SITEID"] = people["site"].astype("str").str.zfill(2)
    people["USUBJID"] = trial.study.studyid + "-" + people["SITEID"] + "-" + people["SUBJID"]
    people["armcd"] = pd.Series([arm.armcd for arm in trial.arms], dtype="str").reindex(people["arm"]).to_numpy()
    order = people.groupby("site")["enrol"].rank(method="first")
    number = people["SITEID"] + order.fillna(0).astype(int).astype("str").str.zfill(width)
    people["RANDNO"] = number.where(people["randomised"])


def _escalate(trial: Trial, parts: Parts, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Dose cohorts one after the other; a level opens after the decision on the level below."""
    opened = draw_day(rng, np.datetime64(design.FIRST_CONSENT, "D"), 4, 8)
    people: list[dict[str, object]] = []
    reviews: list[tuple[str, str, np.datetime64, str]] = []
    for level, arm in enumerate(parts.cohorts):
        plan = design.COHORTS[min(level, len(design.COHORTS) - 1)]
        doses, decisions = _fill_cohort(trial, plan, opened, rng)
        highest = level == len(parts.cohorts) - 1
        decisions[-1] = ("COHORT", decisions[-1][1], design.LAST_DECISION if highest else "ESCALATE")
        reviews += [(arm.column.upper(), *decision) for decision in decisions]
        people += [_cohort_member(trial, arm, level, place, dose, plan) for place, dose in enumerate(doses, start=1)]
        opened = draw_day(rng, decisions[-1][1], 2, 8)
    frame = pd.DataFrame(people)
    # A dose is decided on before the consent of those who get it, so screening is short.
    gaps = draw_offset(rng, frame["anchor"], range(-8, -2))
    gaps[0] = (pd.Timestamp(design.FIRST_CONSENT) - frame["anchor"].iloc[0]).days
    frame["consent"] = frame["anchor"] + pd.to_timedelta(gaps, unit="D")
    frame["enrol"] = frame["anchor"] + pd.to_timedelta(draw_offset(rng, frame["anchor"], (-1, 0)), unit="D")
    frame["randomised"] = False
    failures = _failures(
        design.SCREEN_FAILURES_ESCALATION, frame["consent"].min(), opened, rng, parts.escalation, np.ones(1, dtype=int)
    )
    table = pd.DataFrame(reviews, columns=["COHORT", "REVIEW", "REVDTC", "DECISION"])
    table["REVDTC"] = table["REVDTC"].astype("datetime64[s]")
    return pd.concat([frame, failures], ignore_index=True), table


def _fill_cohort(
    trial: Trial, plan: design.Cohort, opened: np.datetime64, rng: np.random.Generator
) -> tuple[list[np.datetime64], list[tuple[str, np.datetime64, str]]]:
    """Dose dates of a cohort and its reviews; the decision of the last review is open.

    The sentinel is watched and reviewed before the next ones are dosed in parallel; after a DLT among
    them the cohort is reviewed and filled up.
    """
    rule = trial.dose_escalation
    assert rule is not None  # noqa: S101 - find_parts has refused a trial without it
    doses, decisions, watched = [opened], [], rule.observation_days
    while len(doses) < plan.dosed:
        full = len(doses) >= rule.cohort_size
        if full and plan.lost is not None:
            # An inevaluable subject is replaced without waiting for the others.
            doses.append(draw_day(rng, doses[-1], design.LOST_DAY + 3, design.LOST_DAY + 7))
            continue
        reviewed = draw_day(rng, max(doses) + watched * _DAY, *design.REVIEW_LAG)
        wanted = rule.max_cohort - rule.cohort_size if full else rule.cohort_size - rule.sentinel
        size = min(wanted, plan.dosed - len(doses))
        decisions.append(("COHORT" if full else "SENTINEL", reviewed, f"ENROL {size}"))
        for _ in range(size):
            doses.append(draw_day(rng, max(reviewed, doses[-1]), 1, 3))
    decisions.append(("COHORT", draw_day(rng, max(doses) + watched * _DAY, *design.REVIEW_LAG), ""))
    return doses, decisions


def _cohort_member(trial: Trial, arm: Arm, level: int, place: int, dose: np.datetime64, plan: design.Cohort) -> dict[str, object]:
    return {
        "phase": arm.phase,
        "arm": trial.arms.index(arm),
        "rank": level + 1,
        "place": place,
        "site": 1,
        "anchor": pd.Timestamp(dose).as_unit("s"),
        "dlt": place == plan.dlt,
        "lost": place == plan.lost,
        "never_dosed": False,
    }


def _randomise(parts: Parts, start: np.datetime64, scale: int, rng: np.random.Generator) -> pd.DataFrame:
    planned = parts.arms[0].planned_n
    assert planned is not None  # noqa: S101 - find_parts has refused a trial without it
    slots = _blocks(len(parts.arms), planned[1] * scale, rng)
    n = len(slots)
    frame = pd.DataFrame({"phase": parts.randomised}, index=pd.RangeIndex(n))
    waits = np.cumsum(rng.exponential(7 / (design.RANDOMISED_PER_WEEK * scale), n))
    # Who is admitted at a weekend consents on Monday.
    frame["consent"] = next_working(pd.Series((start + waits.astype("timedelta64[D]")).astype("datetime64[s]")))
    frame["enrol"] = frame["consent"] + pd.to_timedelta(draw_offset(rng, frame["consent"], range(2, 10)), unit="D")
    frame["anchor"] = frame["enrol"] + pd.to_timedelta(draw_offset(rng, frame["enrol"], range(3), (0.6, 0.3, 0.1)), unit="D")
    frame["randomised"] = True
    frame = frame.sort_values("enrol", kind="stable", ignore_index=True)
    # Sites fill in a random order; each takes the next place of its own block list.
    frame["site"] = rng.permutation(slots["site"].to_numpy())
    turn = frame.groupby("site").cumcount()
    own = slots.set_index([slots["site"], slots.groupby("site").cumcount()])["rank"]
    frame["rank"] = own.reindex(pd.MultiIndex.from_arrays([frame["site"], turn])).to_numpy()
    frame["arm"] = np.asarray(parts.places)[frame["rank"]]
    frame["place"] = turn + 1
    frame["dlt"] = frame["lost"] = frame["never_dosed"] = False
    missed = rng.choice(frame.index[frame["rank"] == 0].to_numpy())
    frame.loc[missed, "never_dosed"] = True
    frame.loc[missed, "anchor"] = frame.loc[missed, "enrol"]
    sites = np.arange(1, design.SITES + 1)
    failures = _failures(
        design.SCREEN_FAILURES_RANDOMISED * scale, frame["consent"].min(), frame["enrol"].max(), rng, parts.randomised, sites
    )
    return pd.concat([frame, failures], ignore_index=True)


def _blocks(arms: int, per_arm: int, rng: np.random.Generator) -> pd.DataFrame:
    """Permuted blocks of two of each arm (a last one of one, where the size is odd), dealt to the sites."""
    pairs = per_arm // 2
    blocks = np.tile(np.repeat(np.arange(arms), 2), (pairs, 1))
    ranks = rng.permuted(blocks, axis=1).ravel()
    block = np.repeat(np.arange(pairs), 2 * arms)
    if per_arm % 2:
        ranks = np.append(ranks, rng.permutation(arms))
        block = np.append(block, np.full(arms, pairs))
    return pd.DataFrame({"rank": ranks, "site": block % design.SITES + 1})


def _failures(
    size: int, first: pd.Timestamp, last: object, rng: np.random.Generator, phase: int, sites: np.ndarray
) -> pd.DataFrame:
    """Screen failures, spread evenly over the time others consented."""
    days = int((pd.Timestamp(last) - first).days)  # type: ignore[arg-type]
    frame = pd.DataFrame({"phase": phase, "site": rng.choice(sites, size)}, index=pd.RangeIndex(size))
    frame["consent"] = next_working(pd.Series(first + pd.to_timedelta(rng.integers(1, days, size), unit="D")))
    frame["anchor"] = pd.NaT
    frame["anchor"] = frame["anchor"].astype("datetime64[s]")
    frame["enrol"] = frame["anchor"]
    frame["arm"], frame["rank"], frame["place"] = -1, -1, 0
    frame["randomised"] = frame["dlt"] = frame["lost"] = frame["never_dosed"] = False
    return frame

"""Rule V19: dose escalation in the order the protocol sets, by the committee's decisions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pandas as pd

from cgbm1_report.iso8601 import parse_moments
from cgbm1_report.protocol.sections import Arm, DoseEscalation
from cgbm1_report.validate.rules import rule
from cgbm1_report.validate.source import Source, subject_findings

#: Decisions of the committee after which nobody is dosed until it decides again.
HALTED = ("HOLD", "STOP")


def dose_levels(source: Source) -> list[Arm]:
    """Arms of the escalation phase (the first one without a reference arm), lowest dose first."""
    open_phases = [number for number, phase in source.trial.phases.items() if not phase.reference]
    if not open_phases or not source.trial.dose_escalation:
        return []
    return sorted(source.trial.arms_of(min(open_phases)), key=lambda arm: arm.dose_per_infusion_e6_cells_per_kg or 0.0)


def _decisions(source: Source) -> pd.DataFrame:
    """COHORT, REVIEW, DECISION and DAY of every committee review."""
    given = source.src_decisions
    if given is None:
        return pd.DataFrame(
            {name: pd.Series(dtype="str") for name in ("COHORT", "REVIEW", "DECISION")} | {"DAY": pd.Series(dtype="datetime64[s]")}
        )
    columns = {
        name: given.get(name, pd.Series(None, index=given.index)).astype("str")
        for name in ("COHORT", "REVIEW", "DECISION", "REVDTC")
    }
    table = pd.DataFrame(columns)
    return table.assign(DAY=parse_moments(table["REVDTC"])["first"].dt.normalize())


def first_dlt_days(source: Source, days: int) -> pd.Series:
    """Elapsed day of the first dose-limiting toxicity from day 0 to ``days``, by subject; only those who had one.

    Confirmed by the committee, or flagged by the investigator while the committee's word is pending.
    """
    table = source.table("AE", "AEDLT", "AEDLTSRC")
    flagged = (table["AEDLTSRC"] == "Y") | ((table["AEDLT"] == "Y") & (table["AEDLTSRC"] == "PENDING"))
    day = source.days_from_first_dose("AE", "AESTDTC")
    toxic = flagged & day.between(0, days)
    first: pd.Series = day[toxic].groupby(table.loc[toxic, "USUBJID"]).min()
    return first


def evaluable_subjects(source: Source, days: int, share: float) -> set[str]:
    """Subjects that count for escalation: a DLT, or so many per cent of the cells and observed to ``days``."""
    table = source.subjects
    cells = source.table("EX", "EXTOTCEL", "EXPLCEL").groupby("USUBJID")[["EXTOTCEL", "EXPLCEL"]].sum(min_count=1)
    enough = cells.index[cells["EXTOTCEL"] >= share / 100 * cells["EXPLCEL"]]
    ends = [table["DTH_FIRST"], table["EOS_FIRST"]]
    if source.cutoff is not None:
        ends.append(pd.Series(pd.Timestamp(source.cutoff), index=table.index))
    until = (pd.concat(ends, axis="columns").min(axis="columns").dt.normalize() - table["TRTSDT"]).dt.days
    # Without an end of any kind the subject is under observation still.
    observed = table.index[table["TRTSDT"].notna() & ~(until < days)]
    return set(first_dlt_days(source, days).index) | (set(enough) & set(observed))


def _sentinel_message(cohort: pd.DataFrame, decisions: pd.DataFrame, plan: DoseEscalation, dlt_day: float | None) -> str | None:
    """What is wrong with the dosing day of the second subject; None if nothing."""
    first, second = cohort["TRTSDT"].iloc[0], cohort["TRTSDT"].iloc[plan.sentinel]
    reviews = decisions[(decisions["REVIEW"] == "SENTINEL") & (decisions["DAY"] <= second)]
    if dlt_day is not None:
        # A decision taken before the toxicity does not answer it.
        since = reviews[reviews["DAY"] >= first + pd.Timedelta(days=dlt_day)]
        allowed = (since["DECISION"] == "CONTINUE").any()
        return None if allowed else "dosed after a DLT of the sentinel without an SRC decision CONTINUE"
    day = int((second - first).days)
    if day < plan.sentinel_observation_days:
        return f"dosed on elapsed day {day} of the sentinel, {plan.sentinel_observation_days} days of observation are due"
    if reviews.empty:
        return "dosed before the SRC reviewed the sentinel"
    last = reviews.sort_values("DAY", kind="stable")["DECISION"].iloc[-1]
    return f"dosed although the SRC decided {last} on the sentinel" if last in HALTED else None


@rule(
    "V19",
    "E",
    "the sentinel is observed and reviewed before the next subject is dosed",
    "correct the dates, or record the SRC review",
)
def sentinel_comes_first(source: Source) -> Iterator[pd.DataFrame]:
    """Second subject of each cohort against the sentinel and the committee."""
    plan, decisions = source.trial.dose_escalation, _decisions(source)
    for arm in dose_levels(source):
        dosed = source.subjects[(source.subjects["ARMCD"] == arm.armcd) & source.subjects["TRTSDTM"].notna()].sort_values("TRTSDTM")
        if plan is None or len(dosed) <= plan.sentinel:
            continue
        own = decisions[decisions["COHORT"] == arm.column.upper()]
        dlt_day = first_dlt_days(source, plan.sentinel_observation_days).get(dosed.index[0])
        message = _sentinel_message(dosed, own, plan, dlt_day)
        if message:
            second = dosed.index[plan.sentinel]
            yield subject_findings(pd.Series([second]), "EXSTDTC", f"{message} (sentinel {dosed.index[0]})", dataset="EX")


@rule("V19", "E", "a dose level opens after the SRC decided to escalate", "correct the dates, or record the SRC decision")
def levels_open_by_decision(source: Source) -> Iterator[pd.DataFrame]:
    """First infusion of each level against the decision ESCALATE on the level below."""
    decisions, levels = _decisions(source), dose_levels(source)
    for below, arm in pairwise(levels):
        dosed = source.subjects.loc[source.subjects["ARMCD"] == arm.armcd, "TRTSDT"].dropna()
        if dosed.empty:
            continue
        own = decisions[(decisions["COHORT"] == below.column.upper()) & (decisions["REVIEW"] == "COHORT")]
        if not ((own["DECISION"] == "ESCALATE") & (own["DAY"] <= dosed.min())).any():
            message = f"{arm.column} opened without a decision ESCALATE on {below.column} before"
            yield subject_findings(pd.Series([dosed.idxmin()]), "EXSTDTC", message, dataset="EX")


@rule("V19", "E", "a cohort is not larger than the protocol allows", "check cohorts and evaluability")
def cohorts_are_not_too_large(source: Source) -> Iterator[pd.DataFrame]:
    """Cohorts with more evaluable subjects than planned."""
    plan = source.trial.dose_escalation
    if plan is None:
        return
    evaluable = evaluable_subjects(source, plan.cohort_observation_days, plan.evaluable_percent)
    for arm in dose_levels(source):
        count = int(source.subjects.index[source.subjects["ARMCD"] == arm.armcd].isin(list(evaluable)).sum())
        if count > plan.max_cohort:
            message = f"{arm.column} has {count} evaluable subjects, at most {plan.max_cohort} are allowed"
            yield subject_findings(pd.Series([None], dtype="str"), "ARMCD", message)


@rule(
    "V19",
    "W",
    "the committee decides as the escalation rules recommend",
    "confirm the decision with the minutes of the review; the recorded decision counts, both are printed",
)
def decisions_follow_the_rules(source: Source) -> Iterator[pd.DataFrame]:
    """Each review's decision against the recommendation computed from what was known on its day."""
    states = source.src_states
    if states is None or states.empty:
        return
    other = states[states["AGREE"] == "N"]
    message = (
        other["COHORT"]
        + ", "
        + other["REVIEW"].str.lower()
        + " review of "
        + other["REVDT"].dt.strftime("%Y-%m-%d")
        + ": the committee decided "
        + other["DECISION"]
        + ", the rules recommend "
        + other["RECOM"]
        + " ("
        + other["STATE"]
        + ")"
    )
    nobody = pd.Series(None, index=other.index, dtype="str")
    yield subject_findings(nobody, "DECISION", message, dataset="SRC_DECISIONS", value=other["DECISION"])

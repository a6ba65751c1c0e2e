"""Rule V19: dose escalation in the order the protocol sets, by the committee's decisions.

Asked of what is derived (ADSL, ADDLT, the states of the cohorts): who was dosed, who had a toxicity and who can be
evaluated has one answer, the one that is printed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pandas as pd

from cgbm1_report.errors import number_of
from cgbm1_report.iso8601 import parse_moments
from cgbm1_report.protocol.clinical import DoseEscalation
from cgbm1_report.protocol.sections import Arm
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.validate.rules import rule
from cgbm1_report.validate.source import Source, subject_findings


def dose_levels(trial: Trial) -> list[Arm]:
    """Arms of the phases with dose escalation, lowest dose first."""
    phases = [phase for population in trial.populations if population.flag == "DLTEVFL" for phase in population.phases]
    arms = [arm for phase in phases for arm in trial.arms_of(phase)] if trial.dose_escalation else []
    return sorted(arms, key=lambda arm: arm.dose_per_infusion_e6_cells_per_kg or 0.0)


def _decisions(source: Source) -> pd.DataFrame:
    """COHORT, REVIEW, DECISION and DAY of every committee review."""
    names = ["COHORT", "REVIEW", "DECISION", "REVDTC"]
    given = pd.DataFrame(columns=names) if source.src_decisions is None else source.src_decisions.reindex(columns=names)
    table = given.astype("str")
    return table.assign(DAY=parse_moments(table["REVDTC"])["first"].dt.normalize())


def _dosed(source: Source, arm: Arm) -> pd.DataFrame:
    """Dosed subjects of a level in the order of dosing: USUBJID, TRTSDT, and DLTDT of a toxicity in the window."""
    adsl, addlt = source.escalated.adsl, source.escalated.addlt
    own = adsl[(adsl["COHORT"] == arm.column.upper()) & adsl["TRTSDT"].notna()].sort_values("COHORTSQ")
    toxic = addlt[(addlt["PARAMCD"] == "DLT28") & (addlt["AVALC"] == "Y")].drop_duplicates("USUBJID").set_index("USUBJID")["ADT"]
    return own[["USUBJID", "TRTSDT"]].assign(DLTDT=toxic.reindex(own["USUBJID"].to_numpy()).to_numpy()).reset_index(drop=True)


def _sentinel_message(cohort: pd.DataFrame, decisions: pd.DataFrame, plan: DoseEscalation) -> str | None:
    """What is wrong with the dosing day of the first subject after the sentinel; None if nothing."""
    first, second = cohort["TRTSDT"].iloc[plan.sentinel - 1], cohort["TRTSDT"].iloc[plan.sentinel]
    toxic = cohort["DLTDT"].iloc[: plan.sentinel].min()
    reviews = decisions[(decisions["REVIEW"] == "SENTINEL") & (decisions["DAY"] <= second)]
    if pd.notna(toxic):
        # A decision taken before the toxicity does not answer it; a toxicity of a later day does not forbid the dose.
        since = reviews[reviews["DAY"] >= toxic]
        allowed = since["DECISION"].isin(plan.deciding("go_on")).any()
        return (
            None if allowed else f"dosed after a DLT of the sentinel without an SRC decision {' or '.join(plan.deciding('go_on'))}"
        )
    day = int((second - first).days)
    if day < plan.observation_days:
        return f"dosed on elapsed day {day} of the sentinel, {plan.observation_days} days of observation are due"
    if reviews.empty:
        return "dosed before the SRC reviewed the sentinel"
    last = reviews.sort_values("DAY", kind="stable")["DECISION"].iloc[-1]
    return f"dosed although the SRC decided {last} on the sentinel" if last in plan.deciding("halt") else None


@rule(
    "V19",
    "E",
    "the sentinel is observed and reviewed before the next subject is dosed",
    "correct the dates, or record the SRC review",
    reads="derived",
)
def sentinel_comes_first(source: Source) -> Iterator[pd.DataFrame]:
    """First subject after the sentinel of each cohort against the sentinel and the committee."""
    plan, decisions = source.trial.dose_escalation, _decisions(source)
    for arm in dose_levels(source.trial):
        cohort = _dosed(source, arm)
        if plan is None or len(cohort) <= plan.sentinel:
            continue
        message = _sentinel_message(cohort, decisions[decisions["COHORT"] == arm.column.upper()], plan)
        if message:
            second, told = cohort["USUBJID"].iloc[plan.sentinel], f"{message} (sentinel {cohort['USUBJID'].iloc[0]})"
            yield subject_findings(pd.Series([second]), "EXSTDTC", told, dataset="EX")


@rule(
    "V19",
    "E",
    "a dose level opens after the SRC decided to escalate",
    "correct the dates, or record the SRC decision",
    reads="derived",
)
def levels_open_by_decision(source: Source) -> Iterator[pd.DataFrame]:
    """First infusion of each level against the decision on the level below that opens it."""
    plan, decisions = source.trial.dose_escalation, _decisions(source)
    for below, arm in pairwise(dose_levels(source.trial)):
        cohort = _dosed(source, arm)
        if plan is None or cohort.empty:
            continue
        own = decisions[(decisions["COHORT"] == below.column.upper()) & (decisions["REVIEW"] == "COHORT")]
        opening = plan.deciding("open_next")
        if not (own["DECISION"].isin(opening) & (own["DAY"] <= cohort["TRTSDT"].min())).any():
            message = f"{arm.column} opened without a decision {' or '.join(opening)} on {below.column} before"
            yield subject_findings(cohort["USUBJID"].iloc[:1], "EXSTDTC", message, dataset="EX")


@rule("V19", "E", "a cohort is not larger than the protocol allows", "check cohorts and evaluability", reads="derived")
def cohorts_are_not_too_large(source: Source) -> Iterator[pd.DataFrame]:
    """Cohorts with more subjects than planned who can be evaluated, or still may be."""
    plan, states = source.trial.dose_escalation, source.escalated.states
    for arm in dose_levels(source.trial):
        count = states.loc[states["COHORT"] == arm.column.upper(), "NEVAL"].max()
        if plan is not None and count > plan.max_cohort:
            message = f"{arm.column} has {number_of(int(count), 'evaluable subject')}, at most {plan.max_cohort} are allowed"
            yield subject_findings(pd.Series([None], dtype="str"), "ARMCD", message)


@rule(
    "V19",
    "W",
    "the committee decides as the escalation rules recommend",
    "confirm the decision with the minutes of the review; the recorded decision counts, both are printed",
    reads="derived",
)
def decisions_follow_the_rules(source: Source) -> Iterator[pd.DataFrame]:
    """Each review's decision against the recommendation computed from what was known on its day."""
    states = source.escalated.states
    other = states[states["AGREE"] == "N"]
    if other.empty:
        return
    review = other["COHORT"] + ", " + other["REVIEW"].str.lower() + " review of " + other["REVDT"].dt.strftime("%Y-%m-%d")
    decided = (
        ": the committee decided " + other["DECISION"] + ", the rules recommend " + other["RECOM"] + " (" + other["STATE"] + ")"
    )
    nobody = pd.Series(None, index=other.index, dtype="str")
    yield subject_findings(nobody, "DECISION", review + decided, dataset="SRC_DECISIONS", value=other["DECISION"])

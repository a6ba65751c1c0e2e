"""Dose escalation 3+3 with a sentinel: the state of each cohort and what the rules recommend.

The recommendation is computed beside the recorded decision of the safety review committee, which alone
counts. Cohort size counts evaluable subjects; a subject that cannot be evaluated is replaced.
Source: registry text of the study and Storer 1989, Biometrics 45:925 (3+3), gaps closed by
assumption A-05.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cgbm1_report.collected.look_up import look_up
from cgbm1_report.derive.dates import DATE, derive_days, earliest, parse_dtc
from cgbm1_report.derive.populations import DLT_DECISION, DLT_PENDING, derive_observed_to
from cgbm1_report.derive.treatment import phases_of
from cgbm1_report.errors import DataError, Problem
from cgbm1_report.protocol.clinical import DoseEscalation
from cgbm1_report.protocol.trial import Trial

BELOW_LOWEST = "BELOW LOWEST"
AT_CUTOFF = "DATA CUT-OFF"

#: What a level with two toxicities recommends where the one below has too few subjects to be the MTD.
EXPAND = "EXPAND"

COLUMNS = (
    *("COHORT", "REVIEW", "REVDT", "NDOSED", "NEVAL", "NOBS", "NDLT"),
    *("STATE", "RECOM", "MTD", "DECISION", "AGREE"),
)


@dataclass(frozen=True)
class Lower:
    """The next lower dose level: its evaluable subjects fully observed and those with a DLT."""

    level: str
    observed: int
    toxic: int


@dataclass(frozen=True)
class Cohort:
    """Subjects of one dose level in the order of dosing, the sentinel first, as known on one day.

    ``rel`` are the elapsed days each was observed, ``dlt`` whether a DLT fell into the window,
    ``evaluable`` False for those who cannot be evaluated any more. ``decisions`` are those recorded so
    far (after a toxicity of the sentinel: since it), ``reviewed`` whether the committee met at all.
    """

    rel: NDArray[np.float64]
    dlt: NDArray[np.bool_]
    evaluable: NDArray[np.bool_]
    decisions: tuple[str, ...]
    reviewed: bool
    highest: bool
    lower: Lower | None

    def observed(self, days: int) -> NDArray[np.bool_]:
        """Tell the evaluable subjects that had a DLT or were observed for so many days."""
        return np.asarray(self.evaluable & (self.dlt | (self.rel >= days)))


@dataclass(frozen=True)
class Assessment:
    """State of a cohort, recommended action as a word of the committee, the decisions that follow it, MTD if it is known."""

    state: str
    recommendation: str
    followed_by: tuple[str, ...]
    mtd: str | None


#: What `derive_cohort_subjects` gives of each subject.
SUBJECTS = {
    "USUBJID": "str",
    "COHORT": "str",
    "TRTSDT": DATE,
    "OBSDAYS": "float64",
    "DLTDT": DATE,
    "LOST": "bool",
    "REPLACED": "str",
}

#: What a state is called: its identifier tells a reader nothing.
STATE_WORDS = {
    "R0": "Sentinel alone, observation or its review outstanding",
    "R1": "DLT of the sentinel, no decision since",
    "R2": "DLT of the sentinel, cohort goes on by decision",
    "R3": "DLT of the sentinel alone in {cohort_size} observed",
    "R4": "Sentinel observed without DLT and reviewed",
    "R5": "No DLT in {cohort_size} observed",
    "R6": "One DLT in {cohort_size} observed, not of the sentinel",
    "R7": "{stop_at_dlt} or more DLTs",
    "R8": "Fewer than {stop_at_dlt} DLTs in {max_cohort} observed",
    "R9": "Highest dose group, observed with fewer than {stop_at_dlt} DLTs",
    "W1": "Subject not evaluable and not yet replaced",
    "W0": "Observation not complete",
}


def tell_state(state: str, rules: DoseEscalation) -> str:
    """A state of a cohort in words, with the sizes of the protocol."""
    return STATE_WORDS[state].format(**rules.model_dump(include={"cohort_size", "stop_at_dlt", "max_cohort"}))


def assess_cohort(cohort: Cohort, rules: DoseEscalation) -> Assessment:
    """Find the first rule that holds, in the order the protocol gives."""
    conditions = _conditions(cohort, rules)
    found = next(rule for rule in rules.rules if conditions[rule.id]())
    if found.id != "R7":
        return Assessment(found.id, found.recommendation, found.followed_by, None)
    stops, mtd = _stop(cohort.lower, rules)
    recommendation = found.recommendation if stops else EXPAND
    return Assessment(found.id, recommendation, (recommendation,), mtd)


def _conditions(cohort: Cohort, rules: DoseEscalation) -> dict[str, Callable[[], bool]]:
    observed = cohort.observed(rules.observation_days)
    evaluable, seen, toxic = int(cohort.evaluable.sum()), int(observed.sum()), int((cohort.dlt & observed).sum())
    dosed, sentinel_toxic = len(cohort.rel), bool(cohort.dlt[: rules.sentinel].any())
    complete = seen == evaluable
    first_three = complete and evaluable == rules.cohort_size
    full = complete and evaluable >= rules.max_cohort and toxic < rules.stop_at_dlt
    alone = dosed <= rules.sentinel and evaluable == dosed and not sentinel_toxic
    waited = bool((cohort.rel[: rules.sentinel] >= rules.observation_days).all())
    clean, one_toxic = first_three and toxic == 0, first_three and 0 < toxic < rules.stop_at_dlt
    wanted = _wanted(evaluable, cohort.decisions, rules)
    may_go_on = any(one in rules.deciding("go_on") for one in cohort.decisions)
    return {
        "R7": lambda: toxic >= rules.stop_at_dlt,
        "R3": lambda: one_toxic and sentinel_toxic,
        "R2": lambda: sentinel_toxic and may_go_on and dosed < rules.cohort_size,
        "R1": lambda: sentinel_toxic and not cohort.decisions,
        "R6": lambda: one_toxic and not sentinel_toxic,
        "R9": lambda: cohort.highest and (clean or full),
        "R8": lambda: full,
        "R5": lambda: clean,
        "R4": lambda: alone and waited and cohort.reviewed,
        "R0": lambda: alone,
        "W1": lambda: evaluable < dosed and evaluable < wanted,
        "W0": lambda: True,
    }


def _wanted(evaluable: int, decisions: Collection[str], rules: DoseEscalation) -> int:
    """How many evaluable subjects a cohort is to have."""
    enlarged = evaluable > rules.cohort_size or any(one in rules.deciding("enlarge") for one in decisions)
    return rules.max_cohort if enlarged else rules.cohort_size


def _stop(lower: Lower | None, rules: DoseEscalation) -> tuple[bool, str | None]:
    """Whether the toxicities end the search, and where the maximum tolerated dose then lies; else the lower level is enlarged."""
    if lower is None:
        return True, BELOW_LOWEST
    if lower.observed >= rules.max_cohort:
        return True, lower.level if lower.toxic < rules.stop_at_dlt else None
    return False, None


def derive_escalation(
    adsl: pd.DataFrame, addlt: pd.DataFrame, src_decisions: pd.DataFrame | None, trial: Trial, cutoff: date | None
) -> pd.DataFrame:
    """State of each dose cohort at each committee review and at the data cut-off.

    A review is judged by what had happened on its day: who was dosed, observed, toxic or lost by then.

    Parameters
    ----------
    adsl, addlt
        Subjects with their cohort and evaluability; their DLT in the decision window.
    src_decisions
        ``COHORT, REVIEW, REVDTC, DECISION``; None where there are none.
    trial
        Rules and dose levels.
    cutoff
        Data cut-off; None takes all there is.

    Returns
    -------
    DataFrame
        One row per review and per dosed cohort at the cut-off (``REVIEW`` = DATA CUT-OFF), lowest dose
        first: ``NDOSED`` dosed, ``NEVAL`` evaluable or not yet known, ``NOBS`` of them fully observed,
        ``NDLT`` with a DLT; ``STATE``, ``RECOM``, ``MTD``; ``DECISION`` recorded and
        ``AGREE`` (Y, N; missing where nothing was decided or the rule leaves it to the committee).

    Raises
    ------
    ReportError
        A decision names an unknown cohort or decision, or has no complete date.
    """
    rules = trial.dose_escalation
    levels = [arm.column.upper() for phase in phases_of(trial, "DLTEVFL") for arm in trial.arms_of(phase)]
    if rules is None or not levels:
        return pd.DataFrame(columns=list(COLUMNS))
    decisions = _read_decisions(src_decisions, levels, rules)
    subjects = _read_subjects(adsl, addlt, rules)
    rows = []
    for position, level in enumerate(levels):
        own = decisions[decisions["COHORT"] == level].reset_index(drop=True)
        rows += [_judge(subjects, levels, position, own.iloc[:n], rules, own.iloc[n]) for n in range(len(own))]
        last = pd.Series({"REVIEW": AT_CUTOFF, "REVDT": pd.Timestamp(cutoff) if cutoff else pd.NaT, "DECISION": np.nan})
        if len(own):
            last["DECISION"] = own["DECISION"].iloc[-1]
        rows.append(_judge(subjects, levels, position, own, rules, last))
    found = pd.DataFrame([row for row in rows if row is not None], columns=list(COLUMNS))
    text = ["COHORT", "REVIEW", "STATE", "RECOM", "MTD", "DECISION", "AGREE"]
    numbers = ["NDOSED", "NEVAL", "NOBS", "NDLT"]
    return found.astype(dict.fromkeys(text, "str") | dict.fromkeys(numbers, "float64") | {"REVDT": DATE})


def derive_cohort_subjects(
    adsl: pd.DataFrame, addlt: pd.DataFrame, src_decisions: pd.DataFrame | None, trial: Trial
) -> pd.DataFrame:
    """Each dosed subject of the escalation as the data have it, in the order of dosing.

    Parameters as of `derive_escalation`.

    Returns
    -------
    DataFrame
        ``USUBJID, COHORT, TRTSDT``; ``OBSDAYS`` days observed, as far as the decision window asks; ``DLTDT`` date of a DLT in
        it; ``LOST`` whether the subject cannot be evaluated any more; ``REPLACED`` Y or N of these, else missing: the cohort
        has as many evaluable subjects as it is to have without them. Who was lost first was replaced first.
    """
    rules = trial.dose_escalation
    known = _known_on(_read_subjects(adsl, addlt, rules), None) if rules else pd.DataFrame()
    if rules is None or known.empty:
        return pd.DataFrame(columns=list(SUBJECTS)).astype(SUBJECTS)
    lost = known["LOSTDT"].notna() & known["DLTDT"].isna()
    cohorts = known["COHORT"]
    evaluable = (~lost).groupby(cohorts).sum()
    levels = sorted(cohorts.unique())
    decided = _read_decisions(src_decisions, levels, rules) if src_decisions is not None else None
    said = {level: () if decided is None else tuple(decided.loc[decided["COHORT"] == level, "DECISION"]) for level in levels}
    lacking = cohorts.map({level: _wanted(int(evaluable[level]), said[level], rules) - int(evaluable[level]) for level in levels})
    order = known["LOSTDT"].where(lost).groupby(cohorts).rank("first")
    replaced = (order <= lost.groupby(cohorts).transform("sum") - lacking.clip(lower=0)).map({True: "Y", False: "N"})
    return known.assign(
        OBSDAYS=known["REL"].clip(upper=rules.observation_days), LOST=lost, REPLACED=replaced.where(lost).astype("str")
    )


def tell_cohort_subjects(
    adsl: pd.DataFrame, addlt: pd.DataFrame, src_decisions: pd.DataFrame | None, states: pd.DataFrame, trial: Trial
) -> pd.DataFrame:
    """What a committee is told of each dosed subject of the escalation, and with the first subject of a cohort of the cohort.

    Parameters as of `derive_escalation`; ``states`` as it gives them.

    Returns
    -------
    DataFrame
        What `derive_cohort_subjects` gives, by cohort and subject, with ``COHORTSQ`` order of dosing; ``DLTFL`` Y or N and
        ``DLTDY`` study day of the DLT; ``EVALST`` Y, N or PENDING; ``STATE, RECOM, MTD`` of the cohort at the data cut-off,
        and ``DECISION`` the last one recorded, NONE YET without one.
    """
    found = derive_cohort_subjects(adsl, addlt, src_decisions, trial)[list(SUBJECTS)]
    found = found.sort_values(["COHORT", "USUBJID"], ignore_index=True)
    toxic = found["DLTDT"].notna()
    pending = ~toxic & (found["OBSDAYS"] < trial.observation_days)
    first = ~found["COHORT"].duplicated()
    now = states[states["REVIEW"] == AT_CUTOFF].set_index("COHORT")
    now = now.assign(DECISION=now["DECISION"].fillna("NONE YET"))
    whose = found["COHORT"].where(first)
    return found.assign(
        COHORTSQ=look_up(found["USUBJID"], adsl.set_index("USUBJID")["COHORTSQ"]).astype("float64"),
        DLTFL=toxic.map({True: "Y", False: "N"}).astype("str"),
        DLTDY=derive_days(found["DLTDT"], found["TRTSDT"]) + 1,
        EVALST=pd.Series("Y", index=found.index, dtype="str").mask(pending, "PENDING").mask(found["LOST"], "N"),
        **{name: look_up(whose, now[name]).astype("str") for name in ("STATE", "RECOM", "MTD", "DECISION")},
    ).drop(columns="LOST")


def _read_decisions(src_decisions: pd.DataFrame | None, levels: list[str], rules: DoseEscalation) -> pd.DataFrame:
    names = ["COHORT", "REVIEW", "REVDTC", "DECISION"]
    given = pd.DataFrame(columns=names, dtype="str") if src_decisions is None else src_decisions.reindex(columns=names)
    given = given.astype("str").assign(REVDT=parse_dtc(given["REVDTC"].astype("str"))["date"])
    checks = (
        ("COHORT", ~given["COHORT"].isin(levels), f"use one of {', '.join(levels)}"),
        ("DECISION", ~given["DECISION"].isin(rules.src_decisions), f"use one of {', '.join(rules.src_decisions)}"),
        ("REVDTC", given["REVDT"].isna(), "write the complete date of the review"),
    )
    problems = [
        Problem(f"{variable} is {value!r}", file="src_decisions.csv", rule="committee decisions", place=f"row {row}", remedy=remedy)
        for variable, wrong, remedy in checks
        for row, value in zip(np.flatnonzero(wrong) + 1, given.loc[wrong, variable], strict=True)
    ]
    if problems:
        raise DataError.of(problems)
    # The order of the rows decides nothing: of two reviews on one day the sentinel's comes first.
    return given.sort_values(["REVDT", "REVIEW", "DECISION"], ascending=[True, False, True], ignore_index=True)


def _read_subjects(adsl: pd.DataFrame, addlt: pd.DataFrame, rules: DoseEscalation) -> pd.DataFrame:
    """Dosed subjects of the escalation in the order of dosing, with the date of their DLT and of their loss."""
    toxic = addlt[(addlt["PARAMCD"] == DLT_DECISION) & (addlt["AVALC"] == "Y")].set_index("USUBJID")["ADT"]
    dosed = adsl[adsl["COHORT"].notna() & adsl["TRTSDT"].notna()].sort_values(["COHORT", "COHORTSQ"])
    out = dosed["DLTEVFL"].eq("N") & dosed["DLTEXCL"].ne(DLT_PENDING)
    # Too few cells are known at the infusion; a loss is known when the subject was last seen.
    short = dosed["DOSECOMP"].round(9) < rules.evaluable_percent
    seen = derive_observed_to(dosed)
    lost = seen.mask(short, dosed["TRTSDT"]).where(out)
    taken = dosed[["USUBJID", "COHORT", "TRTSDT"]]
    return taken.assign(SEENDT=seen, DLTDT=look_up(taken["USUBJID"], toxic).astype(DATE), LOSTDT=lost.astype(DATE))


def _judge(
    subjects: pd.DataFrame, levels: list[str], position: int, before: pd.DataFrame, rules: DoseEscalation, review: pd.Series
) -> dict[str, object] | None:
    """Assess one cohort on the day of a review; None where nobody was dosed yet."""
    level, day = levels[position], review["REVDT"]
    at_cutoff = review["REVIEW"] == AT_CUTOFF
    known = _known_on(subjects[subjects["COHORT"] == level], day)
    if known.empty:
        return None
    since = before
    toxic = known.loc[known.index[: rules.sentinel], "DLTDT"].min()
    if pd.notna(toxic):
        since = before[before["REVDT"] >= toxic]
    below = _lower(subjects, levels, position, day, rules)
    reviewed = bool(len(before)) or not at_cutoff
    cohort = _make_cohort(known, tuple(since["DECISION"]), reviewed, position == len(levels) - 1, below)
    found = assess_cohort(cohort, rules)
    observed = cohort.observed(rules.observation_days)
    return {
        "COHORT": level,
        "REVIEW": review["REVIEW"],
        "REVDT": day,
        "NDOSED": len(known),
        "NEVAL": int(cohort.evaluable.sum()),
        "NOBS": int(observed.sum()),
        "NDLT": int((cohort.dlt & observed).sum()),
        "STATE": found.state,
        "RECOM": found.recommendation,
        "MTD": found.mtd if found.mtd is not None else np.nan,
        "DECISION": review["DECISION"],
        "AGREE": np.nan if at_cutoff else _agree(found, review["DECISION"]),
    }


def _agree(found: Assessment, decision: str | float) -> str | float:
    """Say whether the decision follows the recommendation; missing where the rule leaves it to the committee."""
    if not found.followed_by or pd.isna(decision):
        return np.nan
    return "Y" if decision in found.followed_by else "N"


def _known_on(subjects: pd.DataFrame, day: pd.Timestamp | None) -> pd.DataFrame:
    """The subjects as they were known on a day; all that is known where there is no day."""
    if day is None or pd.isna(day):
        day = pd.Timestamp("9999-12-31").as_unit("s")
    known = subjects[subjects["TRTSDT"] <= day]
    today = pd.Series(day, index=known.index).astype(DATE)
    return known.assign(
        REL=derive_days(earliest(known["SEENDT"], today), known["TRTSDT"]),
        DLTDT=known["DLTDT"].where(known["DLTDT"] <= day),
        LOSTDT=known["LOSTDT"].where(known["LOSTDT"] <= day),
    )


def _make_cohort(known: pd.DataFrame, decisions: tuple[str, ...], reviewed: bool, highest: bool, lower: Lower | None) -> Cohort:
    toxic = known["DLTDT"].notna().to_numpy()
    evaluable = known["LOSTDT"].isna().to_numpy() | toxic
    return Cohort(known["REL"].to_numpy(), toxic, evaluable, decisions, reviewed, highest, lower)


def _lower(subjects: pd.DataFrame, levels: list[str], position: int, day: pd.Timestamp, rules: DoseEscalation) -> Lower | None:
    if position == 0:
        return None
    level = levels[position - 1]
    cohort = _make_cohort(_known_on(subjects[subjects["COHORT"] == level], day), (), False, False, None)
    observed = cohort.observed(rules.observation_days)
    return Lower(level, int(observed.sum()), int((cohort.dlt & observed).sum()))

"""TA, TE, TV, TI: the trial design as SDTM, generated from the protocol.

Source: SDTMIG 3.4, section 7, Trial Design Model Datasets. No dataset here has USUBJID.
"""

from __future__ import annotations

import pandas as pd

from cgbm1_report.protocol.sections import Phase, Visit
from cgbm1_report.protocol.trial import Trial

_SCREENING, _FOLLOWUP = "SCRN", "FUP"
_EPOCHS = ("SCREENING", "TREATMENT", "FOLLOW-UP")
_ELEMENT, _TEXT = 40, 200


def design_domains(trial: Trial) -> dict[str, pd.DataFrame]:
    """The trial design domains by name, without STUDYID and DOMAIN."""
    return {"TA": list_arms(trial), "TE": list_elements(trial), "TV": list_visits(trial), "TI": list_criteria(trial)}


def _table(rows: list[tuple[object, ...]], columns: list[str], numbers: tuple[str, ...] = ()) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=columns)
    return table.astype({name: "float64" if name in numbers else "str" for name in columns})


def _names(trial: Trial) -> dict[str, str]:
    """ELEMENT of each ETCD; a treatment element has the code of its arm."""
    treatments = {arm.armcd: f"Treatment, {arm.arm}"[:_ELEMENT].rstrip() for arm in trial.arms}
    return {_SCREENING: "Screening", **treatments, _FOLLOWUP: "Follow-up"}


def list_arms(trial: Trial) -> pd.DataFrame:
    """TA: screening, treatment and follow-up of each arm. Grain: one row per arm and element."""
    names = _names(trial)
    rows: list[tuple[object, ...]] = []
    for arm in trial.arms:
        how = "Randomized to" if trial.phases[arm.phase].reference else "Assigned to"
        branches = (f"{how} {arm.arm}", None, None)
        for order, (code, branch) in enumerate(zip((_SCREENING, arm.armcd, _FOLLOWUP), branches, strict=True), 1):
            rows.append((arm.armcd, arm.arm, order, code, names[code], branch, None, _EPOCHS[order - 1]))
    columns = ["ARMCD", "ARM", "TAETORD", "ETCD", "ELEMENT", "TABRANCH", "TATRANS", "EPOCH"]
    return _table(rows, columns, ("TAETORD",))


def list_elements(trial: Trial) -> pd.DataFrame:
    """TE: when each element begins and ends. Grain: one row per element.

    Treatment lasts from the first to the last planned infusion, both days counted; a single infusion
    is one day. Follow-up ends on a day after the first infusion, so it has a rule and no duration.
    """
    names, end = _names(trial), trial.study.followup_days
    rows: list[tuple[object, ...]] = [
        (_SCREENING, names[_SCREENING], "Informed consent", "First infusion, or screening failure", None)
    ]
    for arm in trial.arms:
        last = max((infusion.target_day for infusion in trial.phases[arm.phase].infusions), default=0)
        rows.append((arm.armcd, names[arm.armcd], "Start of first infusion", "End of last infusion", f"P{last + 1}D"))
    rows.append((_FOLLOWUP, names[_FOLLOWUP], "End of last infusion", f"{end} days after first infusion, or end of study", None))
    return _table(rows, ["ETCD", "ELEMENT", "TESTRL", "TEENRL", "TEDUR"])


def _start_rule(visit: Visit) -> str:
    if visit.protocol_window is None:
        return "When the subject leaves the study early"
    low, high = visit.protocol_window
    if low == high:
        return "On the day of the first infusion" if low == 0 else f"{low} days after the first infusion"
    return f"{low} to {high} days after the first infusion" if low >= 0 else f"{-low} to {-high} days before the first infusion"


def _study_day(visit: Visit) -> int | None:
    """Planned study day, which has no zero (SDTMIG 3.4, 4.4.4)."""
    if visit.target_day is None:
        return None
    return visit.target_day + 1 if visit.target_day >= 0 else visit.target_day


def _planned(phase: Phase) -> dict[float, tuple[object, ...]]:
    """What TV says of each visit of a phase; visits nobody plans have no number."""
    return {
        visit.visitnum: (visit.visitnum, visit.visit, _study_day(visit), _start_rule(visit))
        for visit in phase.visits
        if visit.visitnum is not None
    }


def list_visits(trial: Trial) -> pd.DataFrame:
    """TV: planned visits. Grain: one row per visit, where arms differ one per visit and arm.

    ARMCD is missing where all arms have the visit on the same days.
    """
    plans = {number: _planned(phase) for number, phase in trial.phases.items()}
    rows: list[tuple[object, ...]] = []
    for number in sorted({number for plan in plans.values() for number in plan}):
        visits = {phase: plan[number] for phase, plan in plans.items() if number in plan}
        if len(visits) == len(plans) and len(set(visits.values())) == 1:
            arms: list[tuple[str | None, str | None, int]] = [(None, None, min(visits))]
        else:
            arms = [(arm.armcd, arm.arm, arm.phase) for arm in trial.arms if arm.phase in visits]
        for armcd, arm, phase in arms:
            *visit, rule = visits[phase]
            rows.append((*visit, armcd, arm, rule, None))
    columns = ["VISITNUM", "VISIT", "VISITDY", "ARMCD", "ARM", "TVSTRL", "TVENRL"]
    return _table(rows, columns, ("VISITNUM", "VISITDY"))


def list_criteria(trial: Trial) -> pd.DataFrame:
    """TI: inclusion and exclusion criteria of all phases. Grain: one row per criterion.

    IESCAT names the phase. Texts are cut to what a transport file holds.
    """
    rows: list[tuple[object, ...]] = [
        (c.ietestcd, _shorten(c.ietest), c.iecat, trial.phases[number].label.upper(), None, "1")
        for number, criteria in trial.ie_criteria.items()
        for c in criteria
    ]
    return _table(rows, ["IETESTCD", "IETEST", "IECAT", "IESCAT", "TIRL", "TIVERS"])


def _shorten(text: str) -> str:
    """At most 200 bytes of text, whole characters."""
    return text.encode("utf-8")[:_TEXT].decode("utf-8", "ignore").rstrip()

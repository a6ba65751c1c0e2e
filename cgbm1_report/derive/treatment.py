"""Which phase, arm and dose a subject was meant to have, and which were really given.

All functions take and give frames indexed by USUBJID unless they say otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd

from cgbm1_report.collected.look_up import look_up
from cgbm1_report.derive.dates import DATE, derive_days, earliest, parse_dtc
from cgbm1_report.derive.domains import flag, take_domain
from cgbm1_report.errors import DataError, Problem
from cgbm1_report.protocol.trial import Trial


def phases_of(trial: Trial, flag_variable: str) -> tuple[int, ...]:
    """Phases a population applies to, by its ADSL flag; none where the trial has no such population."""
    return tuple(phase for population in trial.populations if population.flag == flag_variable for phase in population.phases)


def _arms(trial: Trial) -> pd.DataFrame:
    """The declared arms, one row each, indexed by arm code."""
    return pd.DataFrame(
        {
            "PHASE": [float(arm.phase) for arm in trial.arms],
            "TRT": [arm.column for arm in trial.arms],
            "TRTN": [float(arm.trt01pn) for arm in trial.arms],
            "DOSE": [arm.dose_per_infusion_e6_cells_per_kg for arm in trial.arms],
        },
        index=[arm.armcd for arm in trial.arms],
    ).astype({"DOSE": "float64", "TRT": "str"})


def derive_phase(dm: pd.DataFrame, trial: Trial) -> pd.Series:
    """PHASE: the phase of the planned arm; without an arm the phase screened for.

    Raises
    ------
    ReportError
        An arm code trial.yaml does not declare, or a subject with neither an arm nor SCRPHASE.
    """
    unknown = dm.loc[dm["ARMCD"].notna() & ~dm["ARMCD"].isin(_arms(trial).index), "ARMCD"]
    phase = look_up(dm["ARMCD"], _arms(trial)["PHASE"]).fillna(dm["SCRPHASE"])
    lost = phase.index[~phase.isin(trial.phase_numbers) & ~phase.index.isin(unknown.index)]
    problems = [
        Problem(
            f"arm {armcd!r} is not declared in trial.yaml",
            file="DM",
            rule="every ARMCD is an arm of the trial",
            place=str(subject),
            remedy=f"correct ARMCD to one of {', '.join(arm.armcd for arm in trial.arms)}, or declare the arm",
        )
        for subject, armcd in unknown.items()
    ]
    problems += [
        Problem(
            "has neither an arm nor a phase screened for",
            file="DM",
            rule="SCRPHASE names a phase of the trial where ARMCD is missing",
            place=str(subject),
            remedy="fill SUPPDM.SCRPHASE",
        )
        for subject in lost
    ]
    if problems:
        raise DataError.of(problems)
    return phase.astype("float64")


def find_escalating(dm: pd.DataFrame, trial: Trial) -> pd.Series:
    """USUBJID of all subjects of DM but those whose phase is certain and has no dose escalation.

    A subject whose arm or phase nobody knows stays, so that `derive_phase` still refuses it.
    """
    phase = look_up(dm["ARMCD"], _arms(trial)["PHASE"]).fillna(dm["SCRPHASE"].where(dm["ARMCD"].isna()))
    others = [number for number in trial.phase_numbers if number not in phases_of(trial, "DLTEVFL")]
    return dm.loc[~phase.isin(others), "USUBJID"]


def derive_trt01p(dm: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """TRT01P, TRT01PN, TRT01PDO: column, order and dose per infusion (10^6 cells/kg) of the planned arm.

    Missing without a planned arm, as in screen failures and in a blinded phase.
    """
    planned = _arms(trial).reindex(dm["ARMCD"]).set_axis(dm.index)
    return planned[["TRT", "TRTN", "DOSE"]].set_axis(["TRT01P", "TRT01PN", "TRT01PDO"], axis=1)


def derive_trt01a(sdtm: Mapping[str, pd.DataFrame], phase: pd.Series, trial: Trial) -> pd.DataFrame:
    """TRT01A, TRT01AN: the arm of the subject's phase with the highest dose level really given.

    A subject who once received the higher dose is analysed for safety with it; the reference arm
    is for those whose every infusion had dose 0. Missing when never dosed and while blinded; missing
    too where one infusion's dose is unknown and the others had none.

    Raises
    ------
    ReportError
        A dose was given that no arm of the phase has.
    """
    ex = take_domain(sdtm, "EX", (), ("EXDOSE",))
    doses = ex.groupby("USUBJID")["EXDOSE"].agg(["max", "count", "size"]).reindex(phase.index)
    certain = (doses["max"] > 0) | (doses["count"] == doses["size"])
    given = doses["max"].where(certain).round(6)
    arms = _arms(trial).drop_duplicates(["PHASE", "DOSE"])
    key = pd.MultiIndex.from_arrays([arms["PHASE"], arms["DOSE"].round(6)])
    actual = arms.set_axis(key)[["TRT", "TRTN"]].reindex(pd.MultiIndex.from_arrays([phase, given])).set_axis(phase.index)
    strange = given[given.notna() & actual["TRT"].isna()]
    if len(strange):
        raise DataError.of(
            Problem(
                f"dose {dose:g} was given, which no arm of the subject's phase has",
                file="EX",
                rule="the highest EXDOSE of a subject is the dose of an arm of the phase",
                place=str(subject),
                remedy="correct EXDOSE, or declare the arm in trial.yaml",
            )
            for subject, dose in strange.items()
        )
    return actual.set_axis(["TRT01A", "TRT01AN"], axis=1)


def derive_trtsdt(sdtm: Mapping[str, pd.DataFrame], subjects: pd.Index) -> pd.DataFrame:
    """TRTSDT, TRTSDTM, TRTEDT, TRTEDTM, TRTDURD: first infusion start, last infusion end, days between.

    The datetimes are missing where that infusion's time is not recorded. An infusion whose end is
    not recorded ends on the day it started. TRTDURD counts both days.
    """
    ex = take_domain(sdtm, "EX", ("EXSTDTC", "EXENDTC"))
    start, end = parse_dtc(ex["EXSTDTC"]), parse_dtc(ex["EXENDTC"])
    facts = pd.DataFrame(
        {
            "USUBJID": ex["USUBJID"],
            "first": start["date"],
            "firstm": start["datetime"],
            "last": end["date"].fillna(start["date"]),
            "lastm": end["datetime"],
        }
    )
    by = facts.groupby("USUBJID")
    first, last = by["first"].min(), by["last"].max()
    on_first = facts["first"] == look_up(facts["USUBJID"], first)
    on_last = facts["last"] == look_up(facts["USUBJID"], last)
    out = pd.DataFrame(
        {
            "TRTSDT": first,
            "TRTSDTM": facts[on_first].groupby("USUBJID")["firstm"].min(),
            "TRTEDT": last,
            "TRTEDTM": facts[on_last].groupby("USUBJID")["lastm"].max(),
        }
    ).reindex(subjects)
    out = out.astype(DATE)
    return out.assign(TRTDURD=((out["TRTEDT"] - out["TRTSDT"]).dt.days + 1).astype("float64"))


def derive_cohort(adsl: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """COHORT, COHORTSQ, SENTFL: dose cohort of the escalation, order of dosing in it, sentinel.

    Order is by first infusion start, then USUBJID; only dosed subjects have one.
    """
    escalating = adsl["PHASE"].isin(phases_of(trial, "DLTEVFL"))
    cohort = adsl["TRT01P"].str.upper().where(escalating)
    dosed = adsl.assign(COHORT=cohort, start=adsl["TRTSDTM"].fillna(adsl["TRTSDT"])).query("COHORT.notna() and start.notna()")
    order = dosed.sort_index().sort_values("start", kind="stable").groupby("COHORT").cumcount() + 1.0
    sequence = order.reindex(adsl.index).astype("float64")
    sentinels = trial.dose_escalation.sentinel if trial.dose_escalation else 0
    return pd.DataFrame({"COHORT": cohort, "COHORTSQ": sequence, "SENTFL": flag(sequence <= sentinels)})


def derive_randno(dm: pd.DataFrame, phase: pd.Series, trial: Trial) -> pd.Series:
    """RANDNO: randomisation number, in the randomised phases."""
    return dm["RANDNO"].where(phase.isin(phases_of(trial, "RANDFL")))


def is_dosed(sdtm: Mapping[str, pd.DataFrame], subjects: pd.Index) -> pd.Series:
    """True for a subject with at least one infusion record."""
    received = take_domain(sdtm, "EX", ())["USUBJID"]
    return pd.Series(subjects.isin(received.dropna()), index=subjects)


def plan_infusions(adsl: pd.DataFrame, trial: Trial, cutoff: date | None = None) -> pd.DataFrame:
    """Every planned infusion of every dosed subject, and whether it was due.

    An infusion was due if its planned day lies before death and transplant and, with a data cut-off,
    if its window had closed by then: before that a missed infusion cannot be told from a coming one.

    Parameters
    ----------
    adsl
        One row per subject with PHASE, TRTSDT, DTHDT and LTDT.
    cutoff
        Data cut-off; None excuses no infusion for being still to come.

    Returns
    -------
    DataFrame
        ``USUBJID``, ``INFNUM``, ``DUE`` (bool), in the order of the subjects and infusions.
    """
    plan = pd.DataFrame(
        [
            {"PHASE": float(number), "INFNUM": float(one.infusion), "TARGET": float(one.target_day), "CLOSE": float(one.window[1])}
            for number, phase in trial.phases.items()
            for one in phase.infusions
        ],
        columns=["PHASE", "INFNUM", "TARGET", "CLOSE"],
    ).astype("float64")
    dosed = adsl.loc[adsl["TRTSDT"].notna(), ["USUBJID", "PHASE", "TRTSDT", "DTHDT", "LTDT"]]
    planned = dosed.merge(plan, on="PHASE")
    ended = derive_days(earliest(planned["DTHDT"], planned["LTDT"]), planned["TRTSDT"])
    due = ~(planned["TARGET"] >= ended)
    if cutoff is not None:
        today = pd.Series(pd.Timestamp(cutoff), index=planned.index).astype(DATE)
        due &= planned["CLOSE"] <= derive_days(today, planned["TRTSDT"])
    return planned[["USUBJID", "INFNUM"]].assign(DUE=due)

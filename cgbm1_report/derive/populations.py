"""Who belongs to which analysis set, and why not.

All functions take ADSL and give series or frames on its index.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import pandas as pd

from cgbm1_report.collected.look_up import look_up
from cgbm1_report.derive.dates import DATE, derive_days, earliest
from cgbm1_report.derive.domains import take_domain, yes_no
from cgbm1_report.derive.treatment import phases_of, plan_infusions
from cgbm1_report.errors import PlanError
from cgbm1_report.protocol.trial import Trial

#: Parameter of ADDLT that says whether a DLT fell into the decision window.
DLT_DECISION = "DLT28"

#: Reason of DLTEVFL = N that time may still mend: under observation, the last day not reached.
DLT_PENDING = "OBSERVATION NOT COMPLETE AT DATA CUT-OFF"


def derive_scrnfl(adsl: pd.DataFrame) -> pd.Series:
    """SCRNFL: signed informed consent, Y or N."""
    return yes_no(adsl["RFICDT"].notna())


def derive_randfl(adsl: pd.DataFrame, recorded: pd.Series, trial: Trial) -> pd.Series:
    """RANDFL: randomised, Y or N; missing in a phase without randomisation.

    Besides the recorded randomisation an arm or an infusion tells it: nobody of such a phase has
    either without. A randomisation that is recorded badly must not take a subject out of the full
    analysis set.

    Parameters
    ----------
    recorded
        True where a randomisation is recorded, whatever is known of its date.
    """
    randomised = recorded | adsl["ARMCD"].notna() | adsl["TRTSDT"].notna()
    return yes_no(randomised, adsl["PHASE"].isin(phases_of(trial, "RANDFL")))


def derive_saffl(dosed: pd.Series) -> pd.Series:
    """SAFFL: received any amount of study infusion, Y or N."""
    return yes_no(dosed)


def derive_fasfl(adsl: pd.DataFrame, trial: Trial) -> pd.Series:
    """FASFL: randomised, or in a phase without randomisation dosed, Y or N.

    The switch ``fas_requires_dose`` asks for a dose everywhere.
    """
    dosed, randomised = adsl["SAFFL"].eq("Y"), adsl["RANDFL"].eq("Y")
    needs_dose = ~adsl["PHASE"].isin(phases_of(trial, "RANDFL"))
    return yes_no(dosed.where(needs_dose, randomised & (dosed | (not trial.switches.fas_requires_dose))))


def derive_undosed(adsl: pd.DataFrame) -> pd.DataFrame:
    """SAFEXCL, FASEXCL: why a subject who was enrolled or randomised is outside the safety or the full set.

    Both sets ask for a dose, or, where the full set does not, everybody randomised is in it. Missing of who is in the set or
    did not enter the study.
    """
    entered = adsl["ENRLDT"].notna() | adsl["RANDDT"].notna() | adsl["RANDFL"].eq("Y")
    undosed = pd.Series("NOT DOSED", index=adsl.index, dtype="str")
    return pd.DataFrame({f"{code}EXCL": undosed.where(entered & adsl[f"{code}FL"].eq("N")) for code in ("SAF", "FAS")})


def _infusions_needed(adsl: pd.DataFrame, trial: Trial) -> pd.Series:
    """Infusions a subject must have had in full: all but one of those planned, at most those due; at least one."""
    planned = plan_infusions(adsl, trial).groupby("USUBJID")["DUE"].agg(["size", "sum"])
    asked = planned["sum"].where(planned["sum"] < planned["size"] - 1, planned["size"] - 1)
    return look_up(adsl["USUBJID"], asked.astype("float64")).clip(lower=1.0).fillna(1.0)


def compliant_limits(trial: Trial) -> tuple[float, float]:
    """Compliance of an infusion (%) within which, both limits included, it counts as given per protocol.

    Raises
    ------
    ReportError
        The trial declares none.
    """
    limits = trial.parameter("INFCOMP").compliant
    if limits is None:
        raise PlanError(
            "the compliance of an infusion has no limits",
            file="trial.yaml",
            rule="parameters.INFCOMP.compliant",
            remedy="declare the lower and the upper limit in per cent",
        )
    return limits


def derive_dcompgr1(dosecomp: pd.Series, trial: Trial) -> pd.Series:
    """DCOMPGR1: overall compliance below, within or above the limits, which belong to the middle; missing stays missing."""
    lower, upper = compliant_limits(trial)
    below, within, above = trial.parameter("INFCOMP").compliance_groups
    percent = dosecomp.round(9)
    group = pd.Series(within, index=dosecomp.index, dtype="str").mask(percent < lower, below).mask(percent > upper, above)
    return group.where(dosecomp.notna())


def derive_cmplday(adsl: pd.DataFrame, trial: Trial) -> pd.Series:
    """CMPLDAY: the last of the days the registry names for survival that a subject completed, counted from the anchor date.

    A day is completed by who was alive on it, had not left the study before it, and had a contact at or
    after the opening of its visit's window. Missing where none was, and where there is no anchor date.
    """
    completed = pd.Series(index=adsl.index, dtype="float64")
    for phase in trial.phase_numbers:
        for day in trial.registry_days(phase, "LTFS"):
            completed = completed.mask(adsl["PHASE"].eq(phase) & _has_completed(adsl, day, _opening(trial, phase, day)), float(day))
    return completed


def derive_effday(adsl: pd.DataFrame, trial: Trial, cutoff: date | None) -> pd.Series:
    """EFFDAY: the last elapsed day on which values of efficacy are expected of a subject, counted from the anchor date.

    The day before death or liver transplantation, at most the end of follow-up and the data cut-off, which leaves
    later days to come. Who withdrew or was lost is expected still: what is not collected then is missing. Missing
    where there is no anchor date.
    """
    day_before = [derive_days(adsl[name], adsl["ANCHDT"]) - 1 for name in ("DTHDT", "LTDT")]
    seen = derive_days(pd.Series(pd.NaT if cutoff is None else pd.Timestamp(cutoff), index=adsl.index).astype(DATE), adsl["ANCHDT"])
    followed = pd.Series(float(trial.study.followup_days), index=adsl.index)
    return pd.concat([*day_before, seen, followed], axis="columns").min(axis="columns").where(adsl["ANCHDT"].notna())


def _opening(trial: Trial, phase: int, day: int) -> int:
    """First elapsed day on which a contact counts for a planned day: without a visit or its window the day itself."""
    windows = [visit.protocol_window for visit in trial.phases[phase].visits if visit.avisitn == day]
    return windows[0][0] if windows and windows[0] else day


def _has_completed(adsl: pd.DataFrame, day: int, opening: int) -> pd.Series:
    alive = adsl["DTHDT"].isna() | (derive_days(adsl["DTHDT"], adsl["ANCHDT"]) > day)
    withdrawn = adsl["EOSSTT"].eq("DISCONTINUED") & adsl["DTHDT"].isna()
    left = withdrawn & (derive_days(adsl["EOSDT"], adsl["ANCHDT"]) < day)
    return alive & ~left & (derive_days(adsl["LSTALV0"], adsl["ANCHDT"]) >= opening)


def derive_pprotfl(adsl: pd.DataFrame, adex: pd.DataFrame, sdtm: Mapping[str, pd.DataFrame], trial: Trial) -> pd.DataFrame:
    """PPROTFL, PPSEXCL: the per-protocol set, Y or N, and why a subject of the full set is outside it.

    In the set are dosed subjects of the full set without a deviation that excludes (DVPPSFL = Y), with
    compliance within the limits of trial.yaml in all but at most one of the planned infusions (in the only
    one where one is planned). After a death or transplant only the infusions planned before it are asked for.
    An infusion the data cut-off came before is not excused: the subject is not in the set yet.

    Parameters
    ----------
    adex
        ADEX; its INFCOMP records (%) are used.
    """
    dv = take_domain(sdtm, "DV", ("DVPPSFL",))
    compliance, (lower, upper) = adex[adex["PARAMCD"] == "INFCOMP"], compliant_limits(trial)
    full = compliance[compliance["AVAL"].round(9).between(lower, upper)]
    received = look_up(adsl["USUBJID"], full.groupby("USUBJID").size()).fillna(0)
    in_full_set = adsl["FASFL"].eq("Y")
    deviated = adsl["USUBJID"].isin(dv.loc[dv["DVPPSFL"] == "Y", "USUBJID"])
    needed = _infusions_needed(adsl, trial)
    short = received < needed
    dosed = adsl["SAFFL"].eq("Y")
    fewer: pd.Series = "FEWER THAN " + needed.astype(int).astype("str") + " INFUSIONS"
    too_few = fewer.mask(needed == 1, "NO INFUSION") + f" WITH COMPLIANCE {lower:g}-{upper:g}%"
    treated_on = adsl["EOTSTT"].eq("ONGOING") & short
    reasons: list[tuple[str | pd.Series, pd.Series]] = [
        ("NOT DOSED", ~dosed),
        ("IMPORTANT DEVIATION AFFECTING EFFICACY", deviated),
        (too_few.mask(treated_on, "TREATMENT NOT COMPLETE AT DATA CUT-OFF"), dosed & short),
    ]
    excluded = _join_reasons(reasons, adsl.index)
    return pd.DataFrame({"PPROTFL": yes_no(in_full_set & excluded.isna()), "PPSEXCL": excluded.where(in_full_set)})


def derive_dltevfl(adsl: pd.DataFrame, addlt: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """DLTEVFL, DLTEXCL: evaluable for dose-limiting toxicity, Y or N, and why a dosed subject is not.

    Evaluable is who had a DLT in the decision window, whatever dose was received, or who had enough of
    the planned cells (``dose_escalation.evaluable_percent``) and was alive and under observation to the end of the window without
    one. Missing in phases without dose escalation.

    Parameters
    ----------
    addlt
        ADDLT; the record of the decision window is used.
    """
    escalating = adsl["PHASE"].isin(phases_of(trial, "DLTEVFL"))
    share = trial.dose_escalation.evaluable_percent if trial.dose_escalation else 0.0
    planned = adsl["PHASE"].map({float(n): f"PLANNED {phase.compliance_of.upper()}" for n, phase in trial.phases.items()})
    toxic = addlt[(addlt["PARAMCD"] == DLT_DECISION) & (addlt["AVALC"] == "Y")]["USUBJID"]
    had_dlt = adsl["USUBJID"].isin(toxic)
    dosed = adsl["SAFFL"].eq("Y")
    enough = adsl["DOSECOMP"].round(9) >= share
    observed = is_observed(adsl, trial.observation_days)
    waiting = ~observed & adsl["EOSSTT"].eq("ONGOING")
    reasons: list[tuple[str | pd.Series, pd.Series]] = [
        (f"LESS THAN {share:g}% OF " + planned.astype("str") + " RECEIVED", dosed & ~enough),
        (f"NOT OBSERVED TO DAY {trial.observation_days}", dosed & ~observed & ~waiting),
        (DLT_PENDING, dosed & waiting),
    ]
    excluded = _join_reasons(reasons, adsl.index).mask(had_dlt)
    evaluable = dosed & (had_dlt | excluded.isna())
    return pd.DataFrame({"DLTEVFL": yes_no(evaluable, escalating), "DLTEXCL": excluded.where(escalating)})


def derive_observed_to(adsl: pd.DataFrame) -> pd.Series:
    """Date to which a subject is known to have been alive and under observation.

    A later word that one who left the study is alive is no observation of toxicity.
    """
    left = adsl["EOSDT"].where(adsl["EOSSTT"].eq("DISCONTINUED") & adsl["DCSREAS"].ne("DEATH"))
    return earliest(adsl["LSTALVDT"], left)


def is_observed(adsl: pd.DataFrame, day: int) -> pd.Series:
    """True where a dosed subject was under observation on the elapsed day or later; a death on it counts."""
    return derive_days(derive_observed_to(adsl), adsl["TRTSDT"]) >= day


def _join_reasons(reasons: Iterable[tuple[str | pd.Series, pd.Series]], index: pd.Index) -> pd.Series:
    """The texts of the reasons that hold, joined by semicolons; missing where none does."""
    text = pd.Series("", index=index, dtype="str")
    for reason, holds in reasons:
        text = text.mask(holds, text + reason + "; ")
    text = text.str.removesuffix("; ")
    return text.where(text != "")

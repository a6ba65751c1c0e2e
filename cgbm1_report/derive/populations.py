"""Who belongs to which analysis set, and why not.

All functions take ADSL and give series or frames on its index.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from cgbm1_report.derive.dates import derive_days, earliest
from cgbm1_report.derive.domains import look_up, take_domain, yes_no
from cgbm1_report.derive.treatment import phases_of, plan_infusions
from cgbm1_report.protocol.trial import Trial

#: Compliance of an infusion, in % of what was planned, within which it counts as given per protocol.
COMPLIANT = (90.0, 110.0)

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


def _infusions_needed(adsl: pd.DataFrame, trial: Trial) -> pd.Series:
    """Infusions a subject must have had in full: all but one of those planned, at most those due; at least one."""
    planned = plan_infusions(adsl, trial).groupby("USUBJID")["DUE"].agg(["size", "sum"])
    asked = planned["sum"].where(planned["sum"] < planned["size"] - 1, planned["size"] - 1)
    return look_up(adsl["USUBJID"], asked.astype("float64")).clip(lower=1.0).fillna(1.0)


def derive_pprotfl(adsl: pd.DataFrame, adex: pd.DataFrame, sdtm: Mapping[str, pd.DataFrame], trial: Trial) -> pd.DataFrame:
    """PPROTFL, PPSEXCL: the per-protocol set, Y or N, and why a subject of the full set is outside it.

    In the set are dosed subjects of the full set without a deviation that excludes (DVPPSFL = Y), with
    compliance of 90 to 110 % in all but at most one of the planned infusions (in the only one where
    one is planned). After a death or transplant only the infusions planned before it are asked for.
    An infusion the data cut-off came before is not excused: the subject is not in the set yet.

    Parameters
    ----------
    adex
        ADEX; its INFCOMP records (%) are used.
    """
    dv = take_domain(sdtm, "DV", ("DVPPSFL",))
    compliance = adex[adex["PARAMCD"] == "INFCOMP"]
    full = compliance[compliance["AVAL"].round(9).between(*COMPLIANT)]
    received = look_up(adsl["USUBJID"], full.groupby("USUBJID").size()).fillna(0)
    in_full_set = adsl["FASFL"].eq("Y")
    deviated = adsl["USUBJID"].isin(dv.loc[dv["DVPPSFL"] == "Y", "USUBJID"])
    needed = _infusions_needed(adsl, trial)
    short = received < needed
    dosed = adsl["SAFFL"].eq("Y")
    lower, upper = COMPLIANT
    too_few: pd.Series = "FEWER THAN " + needed.astype(int).astype("str") + f" INFUSION(S) WITH COMPLIANCE {lower:g}-{upper:g}%"
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

    Evaluable is who had a DLT in the decision window, whatever dose was received, or who had at least
    90 % of the planned cells and was alive and under observation to the end of the window without
    one. Missing in phases without dose escalation.

    Parameters
    ----------
    addlt
        ADDLT; the record of the decision window is used.
    """
    escalating = adsl["PHASE"].isin(phases_of(trial, "DLTEVFL"))
    toxic = addlt[(addlt["PARAMCD"] == DLT_DECISION) & (addlt["AVALC"] == "Y")]["USUBJID"]
    had_dlt = adsl["USUBJID"].isin(toxic)
    dosed = adsl["SAFFL"].eq("Y")
    enough = adsl["DOSECOMP"].round(9) >= COMPLIANT[0]
    observed = is_observed(adsl, trial.observation_days)
    waiting = ~observed & adsl["EOSSTT"].eq("ONGOING")
    reasons = [
        (f"LESS THAN {COMPLIANT[0]:g}% OF PLANNED CELLS RECEIVED", dosed & ~enough),
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

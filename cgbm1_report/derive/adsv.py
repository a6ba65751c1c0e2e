"""ADSV: one row per subject and planned visit: whether it was expected, and whether it took place, and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from cgbm1_report.collected.visits import is_due
from cgbm1_report.derive.dates import derive_ady, derive_days, earliest, parse_dtc
from cgbm1_report.derive.domains import add_subject_variables, flag, take_domain
from cgbm1_report.derive.labels import OCCURRENCE_SUBJECT
from cgbm1_report.derive.visits import visit_key
from cgbm1_report.protocol.trial import Trial

#: What ATTEND says of a visit that was expected.
ON_SCHEDULE, OUT_OF_WINDOW, MISSED = "ON SCHEDULE", "OUT OF WINDOW", "MISSED"
_SUBJECT = ("PHASE", "ANCHDT", "TRTSDT", "DTHDT", "EOSDT", "EOSSTT")
_PLAN = ("PHASE", "AVISITN", "AVISIT", "AWTARGET", "AWLO", "AWHI", "VISITNUM", "VISIT")


def derive_adsv(sdtm: Mapping[str, pd.DataFrame], adsl: pd.DataFrame, trial: Trial, cutoff: date | None) -> pd.DataFrame:
    """The planned visits after the first dose of every subject who was dosed or randomised.

    A visit is expected (EXPFL) of whom it was due of (`collected.visits.is_due`), and of whoever came. It was attended on
    schedule where it began within the window, as the form names the visit, and out of window on any other day; what was
    due and not held was missed.

    Parameters
    ----------
    sdtm
        SV; a visit recorded as not held (SVOCCUR, SVSTAT) is none. An absent domain gives no visits.
    adsl
        One row per subject.
    trial
        Visits with their protocol windows.
    cutoff
        Data cut-off; none: all windows have closed.

    Returns
    -------
    DataFrame
        Sorted by subject and visit. ADT, ADY and AWTDIFF are missing of a visit that was not held; of several
        records of one visit the nearest to its day counts, of equal distances the later.
    """
    subjects = adsl.loc[adsl["ANCHDT"].notna(), ["USUBJID", *_SUBJECT]]
    due = subjects.merge(_plan_visits(trial), on="PHASE").assign(KEY=lambda one: visit_key(one["VISITNUM"]))
    visits = due.merge(_take_held(sdtm, due), on=["USUBJID", "KEY"], how="left", validate="one_to_one")
    visits["AWTDIFF"] = visits["REL"] - visits["AWTARGET"]
    came = visits["ADT"].notna()
    visits["EXPFL"] = flag(came | is_due(_ends(visits), cutoff))
    inside = visits["REL"].between(visits["AWLO"], visits["AWHI"])
    told = pd.Series(np.where(inside, ON_SCHEDULE, np.where(came, OUT_OF_WINDOW, MISSED)), index=visits.index, dtype="str")
    visits["ATTEND"] = told.where(visits["EXPFL"].notna())
    visits["ADY"] = derive_ady(visits["ADT"], visits["TRTSDT"])
    visits["AWU"] = pd.Series("DAYS", index=visits.index, dtype="str")
    ordered = visits.sort_values(["USUBJID", "AVISITN"], ignore_index=True)
    return add_subject_variables(ordered.drop(columns=["DTHDT", "EOSDT", "EOSSTT", "KEY", "REL"]), adsl, OCCURRENCE_SUBJECT)


def _plan_visits(trial: Trial) -> pd.DataFrame:
    """The analysis visits of each phase that the protocol has a window for."""
    rows = [
        (float(phase), float(one.avisitn or 0), str(one.avisit), float(one.target_day or 0), *map(float, one.protocol_window),
         float(one.visitnum), one.visit)
        for phase in trial.phase_numbers for one in trial.analysis_visits(phase) if one.protocol_window
    ]  # fmt: skip
    texts = dict.fromkeys(("AVISIT", "VISIT"), "str")
    plan = pd.DataFrame(rows, columns=list(_PLAN))
    return plan.astype({name: texts.get(name, "float64") for name in _PLAN})


def _take_held(sdtm: Mapping[str, pd.DataFrame], due: pd.DataFrame) -> pd.DataFrame:
    """USUBJID, KEY, ADT and REL of the visits that were held, of those planned, each once."""
    sv = take_domain(sdtm, "SV", ("SVSTDTC", "SVOCCUR", "SVSTAT"), ("VISITNUM",))
    sv = sv[sv["SVOCCUR"].ne("N") & sv["SVSTAT"].ne("NOT DONE")]
    held = sv.assign(KEY=visit_key(sv["VISITNUM"]), ADT=parse_dtc(sv["SVSTDTC"])["date"])
    held = held[held["ADT"].notna()].merge(due[["USUBJID", "KEY", "ANCHDT", "AWTARGET"]], on=["USUBJID", "KEY"])
    held["REL"] = derive_days(held["ADT"], held["ANCHDT"])
    held["FAR"] = (held["REL"] - held["AWTARGET"]).abs()
    nearest = held.sort_values(["FAR", "REL"], ascending=[True, False], kind="stable").drop_duplicates(["USUBJID", "KEY"])
    return nearest[["USUBJID", "KEY", "ADT", "REL"]]


def _ends(visits: pd.DataFrame) -> pd.DataFrame:
    """The windows, and when each subject left the study or was through with it."""
    done = visits["EOSDT"].where(visits["EOSSTT"] == "COMPLETED")
    left = earliest(visits["DTHDT"], visits["EOSDT"].where(done.isna()))
    return visits[["ANCHDT"]].assign(OPENS=visits["AWLO"], CLOSES=visits["AWHI"], LEFT=left, DONE=done)

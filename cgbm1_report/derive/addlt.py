"""ADDLT: dose-limiting toxicity and observation of each subject of the dose escalation."""

from __future__ import annotations

import pandas as pd

from cgbm1_report.collected.look_up import look_up
from cgbm1_report.derive.dates import derive_ady, derive_days, earliest
from cgbm1_report.derive.domains import add_subject_variables, yes_no
from cgbm1_report.derive.labels import BDS_SUBJECT
from cgbm1_report.derive.parameters import add_parameter
from cgbm1_report.derive.populations import DLT_DECISION, derive_observed_to, is_observed
from cgbm1_report.derive.treatment import phases_of
from cgbm1_report.protocol.trial import Trial

#: DLT during follow-up (the registered measure); observed to the end of the decision window.
DLT_REGISTRY, FOLLOWED = "DLT180", "FUP28"


def derive_addlt(adae: pd.DataFrame, adsl: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """One record per dosed subject and parameter, Y or N in AVALC.

    ``DLT28``: a DLT within the decision window of the escalation. ``DLT180``: a DLT within the
    follow-up, the registered measure. ``FUP28``: observed to the end of the decision window. ADT is
    the date of the first DLT, or else the last day the window was observed; SRCSEQ is the AESEQ of
    that DLT. No rows without dose escalation. The days are those of trial.yaml, whatever the names say.
    """
    subjects = adsl[adsl["PHASE"].isin(phases_of(trial, "DLTEVFL")) & adsl["TRTSDT"].notna()].reset_index(drop=True)
    watched = trial.observation_days
    parts = [
        _derive_dlt(adae, subjects, DLT_DECISION, watched),
        _derive_dlt(adae, subjects, DLT_REGISTRY, trial.study.followup_days),
        _record(subjects, FOLLOWED, is_observed(subjects, watched), _observed_to(subjects, watched)),
    ]
    records = add_parameter(pd.concat(parts, ignore_index=True), trial)
    records = add_subject_variables(records, adsl, BDS_SUBJECT)
    records = records.assign(ADY=derive_ady(records["ADT"], records["TRTSDT"]))
    records = records.sort_values(["USUBJID", "PARAMN"]).reset_index(drop=True)
    return records.assign(ASEQ=records.groupby("USUBJID").cumcount() + 1.0)


def _derive_dlt(adae: pd.DataFrame, subjects: pd.DataFrame, paramcd: str, last_day: int) -> pd.DataFrame:
    """DLT from the first dose to an elapsed day, both included."""
    day = derive_days(adae["ASTDT"], adae["TRTSDT"])
    toxic = adae[adae["DLTFL"].eq("Y") & day.between(0, last_day)]
    first = toxic.sort_values(["USUBJID", "ASTDT", "AESEQ"]).drop_duplicates("USUBJID").set_index("USUBJID")
    when = look_up(subjects["USUBJID"], first["ASTDT"])
    record = _record(subjects, paramcd, when.notna(), when.fillna(_observed_to(subjects, last_day)))
    found = when.notna()
    return record.assign(
        SRCDOM=pd.Series("ADAE", index=subjects.index, dtype="str").where(found, "ADSL"),
        SRCVAR=pd.Series("ASTDT", index=subjects.index, dtype="str").where(found, "LSTALVDT"),
        SRCSEQ=look_up(subjects["USUBJID"], first["AESEQ"]).astype("float64"),
    )


def _observed_to(subjects: pd.DataFrame, last_day: int) -> pd.Series:
    """Date a subject was observed to, at most the last day of the window."""
    return earliest(derive_observed_to(subjects), subjects["TRTSDT"] + pd.Timedelta(days=last_day))


def _record(subjects: pd.DataFrame, paramcd: str, holds: pd.Series, adt: pd.Series) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "USUBJID": subjects["USUBJID"],
            "PARAMCD": pd.Series(paramcd, index=subjects.index, dtype="str"),
            "AVALC": yes_no(holds),
            "ADT": adt,
            "SRCDOM": pd.Series("ADSL", index=subjects.index, dtype="str"),
            "SRCVAR": pd.Series("LSTALVDT", index=subjects.index, dtype="str"),
            "SRCSEQ": pd.Series(index=subjects.index, dtype="float64"),
        }
    )

"""ADIECK: eligibility as the form records it and as the data tell it, each criterion that one of them finds violated."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd

from cgbm1_report.collected.eligibility import recompute_criteria
from cgbm1_report.collected.eligibility_values import tell_values
from cgbm1_report.collected.screening import Screening
from cgbm1_report.collected.source import Source
from cgbm1_report.derive.domains import add_subject_variables, yes_no
from cgbm1_report.derive.labels import OCCURRENCE_SUBJECT
from cgbm1_report.distinct import map_text
from cgbm1_report.protocol.trial import Trial

_RECORDED = ("USUBJID", "IETESTCD", "IESEQ", "IETEST", "IECAT", "IEORRES", "IEDTC", "ADT", "ADY")


def derive_adieck(
    sdtm: Mapping[str, pd.DataFrame], adsl: pd.DataFrame, adie: pd.DataFrame, trial: Trial, cutoff: date | None
) -> pd.DataFrame:
    """Each criterion that the form or the data find violated, stored against recomputed.

    Recomputed is what data can tell (trial.yaml, ``ie_criteria.check``). The data of a screen failure may end before they tell a
    criterion: it is recomputed where it is recorded, and not violated is only what a value says so of. Of a criterion that only the
    form can tell there is nothing to recompute.

    Parameters
    ----------
    sdtm
        All domains that the checks ask.
    adsl
        One row per subject.
    adie
        Criteria recorded as not met.
    trial
        Criteria with their checks and limits.
    cutoff
        Data cut-off.

    Returns
    -------
    DataFrame
        Sorted by subject, criterion in the order of the protocol, and record of IE.
    """
    declared = [one for criteria in trial.ie_criteria.values() for one in criteria]
    found = _recompute(Screening(Source(dict(sdtm), trial, cutoff, None), everybody=True), trial)
    records = adie[list(_RECORDED)].merge(found, on=["USUBJID", "IETESTCD"], how="outer")
    recorded, violated = records["IESEQ"].notna(), records["IERCFL"].eq("Y")
    records = records.assign(
        IENMFL=yes_no(recorded),
        IEAGRFL=yes_no(recorded == violated, records["IERCFL"].notna()),
        IETEST=records["IETEST"].fillna(map_text(records["IETESTCD"], {one.ietestcd: one.ietest for one in declared})),
        IECAT=records["IECAT"].fillna(map_text(records["IETESTCD"], {one.ietestcd: str(one.iecat) for one in declared})),
        PLACE=records["IETESTCD"].map({one.ietestcd: at for at, one in enumerate(declared)}).fillna(len(declared)),
    )
    kept = records[(recorded | (violated & records["ENTERED"].eq("Y"))) & records["USUBJID"].isin(adsl["USUBJID"])]
    kept = kept.sort_values(["USUBJID", "PLACE", "IETESTCD", "IESEQ"], ignore_index=True).drop(columns=["PLACE", "ENTERED"])
    kept = kept.assign(ASEQ=kept.groupby("USUBJID").cumcount() + 1.0)
    return add_subject_variables(kept, adsl, OCCURRENCE_SUBJECT)


def _recompute(data: Screening, trial: Trial) -> pd.DataFrame:
    """Whether each subject violates each criterion that data tell, and the value that this was told by."""
    values = tell_values(data)
    checks = {one.ietestcd: one.check for criteria in trial.ie_criteria.values() for one in criteria if one.check}
    nothing = pd.Series(pd.NA, index=data.subjects.index, dtype="str")
    told: dict[str, list[pd.Series]] = {"USUBJID": [], "IETESTCD": [], "IERCFL": [], "IERCVAL": [], "ENTERED": []}
    for code, violated in recompute_criteria(data).items():
        value = values.get(checks[code], nothing).reindex(violated.index).astype("str")
        entered = data.entered.reindex(violated.index)
        known = entered | value.notna() | (violated & (checks[code] not in values))
        told["USUBJID"].append(violated.index.to_series())
        told["IETESTCD"].append(pd.Series(code, index=violated.index, dtype="str"))
        told["IERCFL"].append(yes_no(violated, known))
        told["IERCVAL"].append(value)
        told["ENTERED"].append(yes_no(entered))
    # A column at a time: a frame for each criterion takes twice as long.
    joined = {name: pd.concat(own, ignore_index=True) if own else pd.Series(dtype="str") for name, own in told.items()}
    return pd.DataFrame(joined).astype("str")

"""Takes the treatment out of SDTM before anything is derived from it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from cgbm1_report.derive.domains import look_up, take_domain
from cgbm1_report.derive.treatment import derive_phase
from cgbm1_report.errors import ReportError
from cgbm1_report.trial import Trial

#: Variables that tell, or let one guess, what a subject received.
TREATMENT_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "DM": ("ARMCD", "ARM", "ACTARMCD", "ACTARM", "ACTARMUD", "RANDNO"),
    "EX": ("EXTRT", "EXDOSE", "EXDOSFRM", "EXLOT", "EXTOTCEL", "EXPLCEL"),
}
#: The same in analysis datasets, whichever of them hold it.
ANALYSIS_VARIABLES = (
    *("ARM", "ARMCD", "ACTARM", "ACTARMCD", "COHORT", "TRT01P", "TRT01PN", "TRT01A", "TRT01AN", "TRT01PDO"),
    *("TRTP", "TRTPN", "TRTA", "TRTAN", "RANDNO", "CUMDOSE"),
    *TREATMENT_VARIABLES["EX"],
)
#: Exposure parameters whose value is a dose.
DOSE_PARAMETERS = ("DOSE", "CELLS", "CUMDOSE")


def blind_sdtm(sdtm: Mapping[str, pd.DataFrame], trial: Trial, phases: Collection[int]) -> dict[str, pd.DataFrame]:
    """The same SDTM with every treatment variable missing for the subjects of the given phases.

    SCRPHASE is filled for them, so that a subject's phase survives the loss of the arm. The frames
    given are left as they are.

    Parameters
    ----------
    sdtm
        SDTM frames by domain.
    phases
        Phases that are still blind; none changes nothing.

    Raises
    ------
    ReportError
        A subject's phase cannot be told.
    """
    if not phases:
        return dict(sdtm)
    dm = take_domain(sdtm, "DM", ("ARMCD",), ("SCRPHASE",)).set_index("USUBJID")
    phase = derive_phase(dm, trial)
    hidden = phase.index[phase.isin(set(phases))]
    blinded = dict(sdtm)
    for domain, variables in TREATMENT_VARIABLES.items():
        if domain in sdtm:
            frame = sdtm[domain]
            rows = frame["USUBJID"].isin(hidden)
            blinded[domain] = frame.assign(**{name: frame[name].mask(rows) for name in variables if name in frame.columns})
    subjects = blinded["DM"]["USUBJID"]
    blinded["DM"] = blinded["DM"].assign(
        SCRPHASE=look_up(subjects, phase).where(subjects.isin(hidden), dm["SCRPHASE"].reindex(subjects).to_numpy())
    )
    return blinded


def blind_adam(adam: Mapping[str, pd.DataFrame], trial: Trial, phases: Collection[int]) -> dict[str, pd.DataFrame]:
    """The same ADaM with every treatment variable and every dose missing for the subjects of the given phases.

    For a cut that brings its own ADaM; what is derived here from blinded SDTM never held them. The
    subjects are those of ADSL; a dataset without USUBJID is left as it is.

    Raises
    ------
    ReportError
        ADSL, or its PHASE, is not there: nobody could tell whom to blind.
    """
    if not phases:
        return dict(adam)
    adsl = adam.get("ADSL")
    if adsl is None or not {"USUBJID", "PHASE"} <= set(adsl.columns):
        raise ReportError(
            "a blinded phase needs ADSL with USUBJID and PHASE",
            file="ADSL",
            rule="blinded phases are reported without treatment",
            remedy="supply ADSL with PHASE, or the unblinding record",
        )
    hidden = adsl.loc[pd.to_numeric(adsl["PHASE"], errors="coerce").isin(set(phases)), "USUBJID"]
    return {name: _blind(frame, hidden) if "USUBJID" in frame else frame for name, frame in adam.items()}


def _blind(frame: pd.DataFrame, hidden: pd.Series) -> pd.DataFrame:
    rows = frame["USUBJID"].isin(hidden)
    blinded = frame.assign(**{name: frame[name].mask(rows) for name in ANALYSIS_VARIABLES if name in frame.columns})
    if "PARAMCD" in blinded:
        dose = rows & blinded["PARAMCD"].isin(DOSE_PARAMETERS)
        blinded = blinded.assign(**{name: blinded[name].mask(dose) for name in ("AVAL", "AVALC") if name in blinded.columns})
    return blinded

"""ADCE: one row per record of the complication form; which of them count."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cgbm1_report.derive.dates import derive_days
from cgbm1_report.derive.domains import flag
from cgbm1_report.derive.occurrences import finish_occurrences
from cgbm1_report.derive.onset import add_subject_dates, derive_aendt, derive_astdt, derive_relative_days, is_after_first_infusion
from cgbm1_report.derive.terms import match_complications
from cgbm1_report.protocol.trial import Trial


def derive_adce(sdtm: Mapping[str, pd.DataFrame], adsl: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """All records of the protocol's complications, with the flags of those that count.

    A record of an event that did not occur has no dates; what was present at baseline and is no
    worsening began before the first infusion whatever its date lacks.

    Raises
    ------
    ReportError
        A term that trial.yaml does not declare.
    """
    ce = add_subject_dates(match_complications(sdtm, trial).reset_index(drop=True), adsl)
    prevalent = ce["CEPREBL"].eq("Y") & ce["CEWORSE"].ne("Y")
    before = ce["CEBEFINF"].eq("Y") | prevalent
    occurred = ce["CEOCCUR"].eq("Y")
    start = derive_astdt(ce["CESTDTC"], ce["CEENDTC"], ce["TRTSDT"], before, trial).where(occurred)
    ce = ce.join(start)
    ce = ce.join(derive_aendt(ce["CEENDTC"], ce["ASTDT"], ce["DTHDT"], ce["EOSDT"]).where(occurred))
    ce = ce.join(derive_relative_days(ce))
    ce = ce.join(derive_compfl(ce, before, trial))
    return finish_occurrences(ce, adsl, "ADCE", drop=["CETERM", "CECAT", "ASTDTM", "ASTTMF"])


def counted_days(trial: Trial) -> dict[str, int]:
    """Flags of counted complications and the last elapsed day each looks to.

    COMPFL looks to the end of follow-up, COMP28FL, COMP90FL … to the earlier days the registry names
    for survival.
    """
    last = trial.study.followup_days
    days = sorted({day for phase in trial.phase_numbers for day in trial.registry_days(phase, "LTFS") if day < last})
    return {"COMPFL": last, **{f"COMP{day}FL": day for day in days}}


def derive_compfl(ce: pd.DataFrame, before: pd.Series, trial: Trial) -> pd.DataFrame:
    """COMPFL, COMP28FL, COMP90FL: the complication counts through that day.

    Counted is what occurred, began at or after the first infusion, and was not present at baseline
    or is a worsening of what was.
    """
    new = ce["CEPREBL"].eq("N") | ce["CEWORSE"].eq("Y")
    counted = ce["CEOCCUR"].eq("Y") & new & is_after_first_infusion(ce, before)
    day = derive_days(ce["ASTDT"], ce["TRTSDT"])
    return pd.DataFrame({name: flag(counted & (day <= last)) for name, last in counted_days(trial).items()})

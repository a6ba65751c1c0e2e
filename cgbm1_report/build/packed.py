"""The data that a package may be made of: those of its own phase, and nothing of any other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cgbm1_report.protocol.packages import Package
from cgbm1_report.protocol.trial import Trial

if TYPE_CHECKING:
    import pandas as pd

    from cgbm1_report.build.gate import Data


def closed_phases(package: Package | None, trial: Trial) -> frozenset[int]:
    """The phases whose treatment is taken out for a package before the data are read, though they may have been unblinded."""
    phase = package.phase_in(trial) if package and package.pooled else None
    return frozenset() if phase is None else frozenset({phase})


def take_package(data: Data, package: Package, trial: Trial) -> Data:
    """What a package is made of: the subjects of its phase, their records and findings.

    Records of no subject are the committee's that reviews doses: a pooled package has none of them. Where one phase is all
    there is, ADSL need not tell phases apart.
    """
    phase, adsl = package.phase_in(trial), data.adam.get("ADSL")
    if adsl is None:
        return data
    own = adsl.loc[adsl["PHASE"] == phase, "USUBJID"] if "PHASE" in adsl else adsl["USUBJID"]

    def keep(frame: pd.DataFrame) -> pd.DataFrame:
        kept = frame[frame["USUBJID"].isin(own)].reset_index(drop=True)
        kept.attrs = frame.attrs
        return kept

    adam = {name: keep(frame) if "USUBJID" in frame else frame for name, frame in data.adam.items()}
    if package.pooled:
        adam = {name: frame for name, frame in adam.items() if "USUBJID" in frame}
    said = data.findings
    here = said["usubjid"].isin(own) | said["usubjid"].isna() | said["usubjid"].eq("")
    return replace(data, adam=adam, findings=said[here].reset_index(drop=True))

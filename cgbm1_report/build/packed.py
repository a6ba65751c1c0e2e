"""The data that a package may be made of: those of its own phase, and nothing of any other."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cgbm1_report.protocol.packages import FINDINGS, UNBLINDING, Package, find_package
from cgbm1_report.protocol.trial import Trial

if TYPE_CHECKING:
    import pandas as pd

    from cgbm1_report.build.gate import Data


#: What of the record of unblinding a pooled package tells.
_RECORD = ("PHASE", "SCOPE", "USUBJID", "UNBLDTC", "REASON")
#: What is told of dose cohorts.
_OF_COHORTS = frozenset({"SRC_DECISIONS", "SRC_STATES", "SRC_SUBJECTS"})


def find_above(trial: Trial, armcd: str) -> tuple[str, ...]:
    """The columns of the dose groups that come after one, in the order in which doses are escalated."""
    columns = [arm.column for arm in trial.arms_of(trial.arm(armcd).phase)]
    return tuple(columns[columns.index(trial.arm(armcd).column) + 1 :])


def _is_above(adsl: pd.DataFrame, above: Collection[str]) -> pd.Series:
    """Who was to receive such a dose, unless another one was given: what a lower dose did is looked at with that dose."""
    told = adsl.reindex(columns=["TRT01P", "TRT01A"])
    return told["TRT01P"].fillna(told["TRT01A"]).isin(above) & told["TRT01A"].fillna(told["TRT01P"]).isin(above)


def closed_phases(package: Package | None, trial: Trial) -> frozenset[int]:
    """The phases whose treatment is taken out for a package before the data are read, though they may have been unblinded."""
    phase = package.phase_in(trial) if package and package.pooled else None
    return frozenset() if phase is None else frozenset({phase})


def take_package(data: Data, package: Package, trial: Trial, dose_group: str | None = None) -> Data:
    """What a package is made of: the subjects of its phase, their records and findings.

    One for a review has nobody of a dose group above the one under review (``dose_group``), and nothing that was decided on
    such a group. Records of no subject are the committee's that reviews doses: a pooled package has none of them, but it tells of
    the cut what was found in it and who was unblinded. Where one phase is all there is, ADSL need not tell phases apart.
    """
    from cgbm1_report.validate import count_findings

    adam = take_adam(data.adam, package, trial, dose_group)
    if "ADSL" not in adam:
        return data
    subjects, said = adam["ADSL"]["USUBJID"], data.findings
    own = said["usubjid"].isin(subjects) | said["usubjid"].isna() | said["usubjid"].eq("")
    found = said[own].reset_index(drop=True)
    if package.pooled:
        record = take_record(data.cut.unblinding, package.phase_in(trial), subjects)
        adam |= {FINDINGS: count_findings(found), UNBLINDING: record}
    return replace(data, adam=adam, findings=found)


def take_adam(
    adam: Mapping[str, pd.DataFrame], package: Package, trial: Trial, dose_group: str | None = None
) -> dict[str, pd.DataFrame]:
    """The analysis data that `take_package` leaves; where there is no ADSL, all."""
    if "ADSL" not in adam:
        return dict(adam)
    phase, adsl = package.phase_in(trial), adam["ADSL"]
    above = find_above(trial, dose_group) if package.reviewed and dose_group else ()
    here = adsl[adsl["PHASE"] == phase] if "PHASE" in adsl else adsl
    subjects = here.loc[~_is_above(here, above), "USUBJID"]

    def keep(frame: pd.DataFrame) -> pd.DataFrame:
        kept = frame[frame["USUBJID"].isin(subjects)].reset_index(drop=True)
        kept.attrs = frame.attrs
        return kept

    taken = {name: keep(frame) if "USUBJID" in frame else frame for name, frame in adam.items()}
    for name in _OF_COHORTS & taken.keys():
        cohorts = taken[name]["COHORT"].str.strip().str.upper()
        taken[name] = taken[name][~cohorts.isin([one.upper() for one in above])].reset_index(drop=True)
    if package.pooled:
        taken = {name: frame for name, frame in taken.items() if "USUBJID" in frame and name not in _OF_COHORTS}
    return taken


def take_record(record: pd.DataFrame | None, phase: int | None, subjects: pd.Series) -> pd.DataFrame:
    """The record of unblinding of a phase and of its subjects, as far as a blind reader may know it; names of persons are left."""
    import pandas as pd

    if record is None:
        return pd.DataFrame({name: pd.Series(dtype="float64" if name == "PHASE" else "str") for name in _RECORD})
    here = record["USUBJID"].isin(subjects) | (record["USUBJID"].isna() & (record["PHASE"] == phase))
    texts = dict.fromkeys(_RECORD[1:], "str")
    return record.loc[here, list(_RECORD)].reset_index(drop=True).astype(texts)


@dataclass(frozen=True)
class Named:
    """What a manifest names of the cut: SHA-256 of its ``files``, or of what may be ``seen`` of them while a phase is blind."""

    files: Mapping[str, str]
    seen: Mapping[str, str]


def name_inputs(data: Data, name: str) -> Named:
    """What the manifest of a build, or of the package of this name, names of the cut.

    While a phase is blind the files hold treatment. Who was dealt what changes their checksums, and whoever holds a guess of it
    could prove it by them: the manifest would be the one file of the build that is not blind. It names what may be seen
    (:mod:`.seen`); that of a pooled package nothing: what it was made of are the datasets in its ``adam/``, whose checksums stand
    among those of its files.
    """
    if name and find_package(name).pooled:
        return Named({}, {})
    return Named({}, data.seen) if data.pooled else Named(data.cut.files, {})

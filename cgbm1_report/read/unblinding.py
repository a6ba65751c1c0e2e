"""The record of unblinding: which rows open a phase, and what keeps a row from saying so.

A phase is opened by a record of the whole phase, with a date the study had seen, a reason and the name
of who did it. A record of one subject, as of an emergency, is kept and opens nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd

from cgbm1_report.errors import DataError, Problem
from cgbm1_report.iso8601 import parse_moments
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.protocol.unblinding import Unblinding, declared

RULE = "unblinding record"
#: What stands where a name is not known (yet).
NO_NAMES = frozenset({"NA", "N/A", "NONE", "UNKNOWN", "UNK", "TBD", "PENDING", "NOT APPLICABLE", "NOT YET UNBLINDED"})


def opened_phases(record: pd.DataFrame | None, trial: Trial) -> frozenset[int]:
    """Phases that a record which passed `check_unblinding` opens."""
    if record is None:
        return frozenset()
    return frozenset(int(phase) for phase in record.loc[record["SCOPE"] == declared(trial).opens, "PHASE"])


def opened_one_by_one(record: pd.DataFrame | None, trial: Trial) -> dict[int, int]:
    """Number of subjects with a record of their own, by phase: they open nothing."""
    if record is None:
        return {}
    alone = record[record["SCOPE"] != declared(trial).opens]
    counted = alone.groupby("PHASE")["USUBJID"].nunique()
    return dict(zip(counted.index.astype("int64").tolist(), counted.tolist(), strict=True))


def tidy_unblinding(frame: pd.DataFrame, file: str, trial: Trial | None) -> pd.DataFrame:
    """The declared columns, PHASE as number, terms in upper case.

    Raises
    ------
    ReportError
        A column is not there.
    """
    about = declared(trial)
    lacking = [name for name in about.columns if name not in frame]
    if lacking:
        raise DataError(f"lacks {', '.join(lacking)}", file=file, rule=RULE, remedy=_remedy(about))
    record = frame[list(about.columns)].assign(
        # A phase that is no number is no phase of the trial, which is said with all else that is wrong.
        _PHASE=frame["PHASE"].notna(),
        PHASE=pd.to_numeric(frame["PHASE"], errors="coerce").astype("float64"),
    )
    for name in ("SCOPE", "REASON"):
        record[name] = record[name].str.strip().str.upper()
    return record


def _remedy(about: Unblinding) -> str:
    reasons = "; ".join(f"{scope}: {', '.join(terms)}" for scope, terms in about.reasons.items())
    return f"write {', '.join(about.columns)}, one whole row per unblinding; SCOPE and its REASON: {reasons}; UNBLDTC as YYYY-MM-DD"


def check_unblinding(
    record: pd.DataFrame,
    file: str,
    trial: Trial | None,
    frames: Mapping[str, pd.DataFrame],
    cutoff: date | None,
) -> tuple[pd.DataFrame, list[Problem]]:
    """The record, and one problem per row that says all that keeps it from being believed.

    Parameters
    ----------
    record
        As of `tidy_unblinding`.
    frames
        DM or ADSL, or both, by name: they tell subjects and consents.
    cutoff
        Data cut-off: nothing later is known. Without one no date can be believed.
    """
    about = declared(trial)
    scope, whole = record["SCOPE"], record["SCOPE"] == about.opens
    known = scope.isin(list(about.reasons))
    pairs = pd.MultiIndex.from_arrays([scope, record["REASON"]])
    fitting = pairs.isin([(one, reason) for one, reasons in about.reasons.items() for reason in reasons])
    phases = [float(one) for one in trial.phases] if trial else record["PHASE"].dropna().unique()
    name = record["NAME"].fillna("").str.strip()
    wrong: dict[str, pd.Series] = {
        "PHASE is missing": ~record["_PHASE"],
        "PHASE is no phase of trial.yaml": record["_PHASE"] & ~record["PHASE"].isin(phases),
        "PHASE is opened more than once": whole & record["PHASE"].where(whole).duplicated() & record["PHASE"].notna(),
        "SCOPE is missing": scope.isna(),
        f"SCOPE is none of {', '.join(about.reasons)}": scope.notna() & ~known,
        "REASON is missing": record["REASON"].isna(),
        "REASON is none of its scope": record["REASON"].notna() & known & ~fitting,
        "NAME is missing": name == "",
        "NAME names nobody": (name != "") & (name.str.upper().isin(NO_NAMES) | ~name.str.contains(r"[^\W\d_]", regex=True)),
        "USUBJID is missing in a record of one subject": known & ~whole & record["USUBJID"].isna(),
        "USUBJID is filled in a record of a whole phase": whole & record["USUBJID"].notna(),
        "USUBJID is no subject of the cut": known & ~whole & record["USUBJID"].notna() & ~record["USUBJID"].isin(_subjects(frames)),
        **_date_problems(record, frames, cutoff),
    }
    problems = [
        Problem("; ".join(said), file, RULE, f"record {row + 1}", _remedy(about))
        for row in range(len(record))
        if (said := [message for message, rows in wrong.items() if bool(rows.iloc[row])])
    ]
    return record.drop(columns="_PHASE"), problems


def _date_problems(record: pd.DataFrame, frames: Mapping[str, pd.DataFrame], cutoff: date | None) -> dict[str, pd.Series]:
    """A date nobody wrote, none of the calendar, before anybody had consented, or after the data end."""
    written = record["UNBLDTC"].notna()
    moments = parse_moments(record["UNBLDTC"])
    dated = written & moments["first"].notna() & record["UNBLDTC"].str.fullmatch(r"\d{4}-\d{2}-\d{2}").fillna(False).astype(bool)
    day = moments["first"].where(dated).dt.normalize()
    found = {"UNBLDTC is missing": ~written, "UNBLDTC is no date YYYY-MM-DD": written & ~dated}
    if cutoff is None:
        found["UNBLDTC cannot be believed: the cut has no data cut-off"] = dated
    else:
        found[f"UNBLDTC is after the data cut-off {cutoff}"] = day > pd.Timestamp(cutoff)
    first = record["PHASE"].map({phase: _first_consent(frames, phase) for phase in record["PHASE"].dropna().unique()})
    first = pd.to_datetime(first)
    found["UNBLDTC cannot be believed: the cut has no consent of the phase"] = dated & first.isna()
    found["UNBLDTC is before the first consent of the phase"] = day < first
    return found


def _subjects(frames: Mapping[str, pd.DataFrame]) -> set[str]:
    return {subject for frame in frames.values() if "USUBJID" in frame for subject in frame["USUBJID"].dropna()}


def _first_consent(frames: Mapping[str, pd.DataFrame], phase: float) -> pd.Timestamp | None:
    """The earliest consent of the phase's subjects; of all where nothing tells the phase."""
    for name, variable, told in (("DM", "RFICDTC", "SCRPHASE"), ("ADSL", "RFICDT", "PHASE")):
        frame = frames.get(name)
        if frame is None or variable not in frame:
            continue
        own = frame[pd.to_numeric(frame[told], errors="coerce") == phase] if told in frame else frame
        days = parse_moments(own[variable])["first"] if name == "DM" else own[variable]
        if days.notna().any():
            return pd.Timestamp(days.min()).normalize()
    return None

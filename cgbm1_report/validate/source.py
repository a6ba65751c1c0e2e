"""What a rule finds, as findings: records and subjects with their keys, values as texts; `Source` is what it is asked of."""

from __future__ import annotations

import pandas as pd

from cgbm1_report.collected.source import Escalated, Source
from cgbm1_report.protocol.schema import has_schema, read_schema

__all__ = [
    "NO_SUBJECTS", "Escalated", "Source", "as_text", "key_text", "number_text", "record_findings", "subject_findings",
]  # fmt: skip

NO_SUBJECTS = frozenset({"TA", "TE", "TV", "TI", "TS", "SRC_DECISIONS"})


def number_text(values: pd.Series) -> pd.Series:
    """Numbers as short text: 3 rather than 3.0."""
    # A column of a million results has few distinct ones; + 0 makes one of 0 and -0.
    codes, distinct = pd.factorize(values.astype("float64") + 0.0, use_na_sentinel=True)
    text = pd.array([f"{value:.10g}" for value in distinct], dtype="str")
    return pd.Series(text.take(codes, allow_fill=True), index=values.index, name=values.name)


def as_text(values: pd.Series) -> pd.Series:
    """Any values as text a finding can show."""
    if pd.api.types.is_numeric_dtype(values):
        return number_text(values)
    if pd.api.types.is_datetime64_any_dtype(values):
        text: pd.Series = values.dt.strftime("%Y-%m-%dT%H:%M").astype("str").str.replace("T00:00", "", regex=False)
        return text
    return values.astype("str")


def key_text(frame: pd.DataFrame, dataset: str) -> pd.Series:
    """Key of each record besides its subject: ``LBSEQ 12``."""
    keys = [key for key in read_schema(dataset)["unique"] if key != "USUBJID"] if has_schema(dataset) else []
    parts = [key + " " + as_text(frame[key]).fillna("missing") for key in keys if key in frame]
    text = pd.Series("", index=frame.index, dtype="str")
    for position, part in enumerate(parts):
        text = text + (", " if position else "") + part
    return text


def record_findings(
    frame: pd.DataFrame,
    dataset: str,
    wrong: pd.Series,
    variable: str,
    message: pd.Series | str,
    *,
    value: pd.Series | None = None,
    severity: str | None = None,
) -> pd.DataFrame:
    """One finding per record where ``wrong`` is true.

    ``message`` is one text or one per record; ``value`` defaults to the variable itself. Without
    ``severity`` the rule's own applies.
    """
    rows = wrong.fillna(False).astype(bool)
    if not rows.any():
        return pd.DataFrame()
    bad = frame[rows]
    shown = value if value is not None else frame.get(variable, pd.Series(None, index=frame.index, dtype="str"))
    missing = pd.Series(None, index=bad.index, dtype="str")
    return pd.DataFrame(
        {
            "usubjid": bad["USUBJID"].astype("str") if "USUBJID" in bad else missing,
            "visit": bad["VISIT"].astype("str") if "VISIT" in bad else missing,
            "key": key_text(bad, dataset),
            "dataset": dataset,
            "variable": variable,
            "value": as_text(shown[rows]),
            "message": message[rows] if isinstance(message, pd.Series) else message,
            "severity": severity,
        }
    )


def subject_findings(
    subjects: pd.Series,
    variable: str,
    message: pd.Series | str,
    *,
    dataset: str = "DM",
    value: pd.Series | str | None = None,
    severity: str | None = None,
    key: pd.Series | str = "",
    visit: pd.Series | str | None = None,
) -> pd.DataFrame:
    """One finding per subject named; ``message``, ``value``, ``key`` and ``visit`` share the index of ``subjects``."""
    if subjects.empty:
        return pd.DataFrame()
    return pd.DataFrame(
        {
            "usubjid": subjects,
            "visit": visit,
            "key": key,
            "dataset": dataset,
            "variable": variable,
            "value": as_text(value.reindex(subjects.index)) if isinstance(value, pd.Series) else value,
            "message": message.reindex(subjects.index) if isinstance(message, pd.Series) else message,
            "severity": severity,
        },
        index=subjects.index,
    )

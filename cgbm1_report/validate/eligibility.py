"""Rule V23: eligibility recomputed from the data, against IE and DV. A finding is a question to the site, not a verdict."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cgbm1_report.collected.eligibility import recompute_criteria
from cgbm1_report.collected.screening import Screening, meld_at_entry
from cgbm1_report.validate.rules import rule
from cgbm1_report.validate.source import Source, number_text, subject_findings


@rule(
    "V23", "W", "enrolled subjects meet the criteria", "ask the site; record the criterion in IE or an ELIGIBILITY deviation in DV"
)
def criteria_are_met(source: Source) -> Iterator[pd.DataFrame]:
    """Criteria the data contradict, where neither IE nor DV says so."""
    data = Screening(source)
    recorded = pd.MultiIndex.from_frame(source.table("IE", "IETESTCD"))
    deviations = source.table("DV", "DVDECOD")
    excused = data.yes(deviations.loc[deviations["DVDECOD"] == "ELIGIBILITY", "USUBJID"])
    results = recompute_criteria(data)
    for criteria in source.trial.ie_criteria.values():
        for criterion in criteria:
            violated = results.get(criterion.ietestcd, data.nobody)
            subjects = violated.index[violated & ~excused.reindex(violated.index)].to_series()
            if subjects.empty:
                continue
            told = pd.MultiIndex.from_arrays([subjects, [criterion.ietestcd] * len(subjects)]).isin(recorded)
            message = f"the data contradict {criterion.ietestcd} ({criterion.ietest}); neither IE nor DV says so"
            yield subject_findings(subjects[~told], "IETESTCD", message, dataset="IE", value=criterion.ietestcd)


@rule("V23", "W", "a MELD just under the limit is confirmed", "confirm the samples the MELD was computed from")
def borderline_meld_is_confirmed(source: Source) -> Iterator[pd.DataFrame]:
    """MELD just under the limit at entry, from ``eligibility.meld.query_from`` of trial.yaml (A-20)."""
    rule = source.trial.eligibility.meld if source.trial.eligibility else None
    if rule is None or not any(c.check == "meld" for criteria in source.trial.ie_criteria.values() for c in criteria):
        return
    meld = meld_at_entry(Screening(source))
    close = meld[(meld >= rule.query_from) & (meld < rule.below)]
    message = "MELD " + number_text(close.round(2)) + f" before enrolment, limit {rule.below:g}"
    yield subject_findings(close.index.to_series(), "LBSTRESN", message, dataset="LB", value=close.round(2))

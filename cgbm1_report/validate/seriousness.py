"""Rules about supplied adverse events of any study: what is serious, and who died of one."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cgbm1_report.errors import number_of
from cgbm1_report.validate.events import CRITERIA
from cgbm1_report.validate.presence import name_some, whole_finding
from cgbm1_report.validate.rules import adam_rule
from cgbm1_report.validate.supplied import Supplied

#: What says that an event was fatal, and as which value.
_FATAL = {"AESDTH": "Y", "AEOUT": "FATAL", "ATOXGR": "5"}


def _fatal(given: Supplied) -> pd.Series:
    """Records of ADAE that say in one way or another that the subject died of the event."""
    signs = {name: given.column("ADAE", name) == value for name, value in _FATAL.items() if given.has("ADAE", name)}
    return pd.DataFrame(signs, index=given.adam["ADAE"].index).any(axis="columns")


@adam_rule("V13", "W", "what meets a criterion of seriousness is serious", "correct AESER, or the criterion", studies="any")
def criteria_make_events_serious(given: Supplied) -> Iterator[pd.DataFrame]:
    """Events that are not AESER = Y, although they were fatal or another criterion is Y: no table of serious events has them.

    Criteria are AESDTH, AESLIFE, AESHOSP, AESDISAB, AESCONG and AESMIE (ICH E2A), and of a death AEOUT and ATOXGR too. What the
    SDTM gives too is asked there.
    """
    if not given.has("ADAE", "USUBJID", "AESER") or given.is_recomputed("ADAE"):
        return
    serious = given.column("ADAE", "AESER")
    mild, fatal, told = (serious != "Y") & ~given.of_unseen("ADAE", "AESER"), _fatal(given), serious.fillna("missing")
    yield given.findings(
        "ADAE", mild & fatal, "AESER", "is " + told + ", and the event was fatal: no table of serious events has it"
    )
    met = pd.DataFrame(
        {f"{one} ": given.column("ADAE", one) == "Y" for one in CRITERIA if given.has("ADAE", one)}, index=mild.index
    )
    named = met.dot(pd.Series({name: name for name in met}, dtype="object")).astype("str") if len(met.columns) else told
    wrong = mild & met.any(axis="columns") & ~fatal
    yield given.findings("ADAE", wrong, "AESER", "is " + told + ", and Y is " + named.str.strip())


@adam_rule(
    "V12", "I", "deaths without a fatal event are counted",
    "none; tables of deaths and of fatal events differ by these subjects", studies="any",
)  # fmt: skip
def deaths_without_a_fatal_event(given: Supplied) -> Iterator[pd.DataFrame]:
    """Subjects with DTHFL = Y of whom no event of ADAE is fatal by AESDTH, AEOUT or ATOXGR, where one of them is there."""
    if not given.has("ADSL", "USUBJID", "DTHFL") or not given.has("ADAE", "USUBJID") or given.is_recomputed("ADAE"):
        return
    if not any(given.has("ADAE", name) and given.column("ADAE", name).notna().any() for name in _FATAL):
        return
    dead = given.column("ADSL", "USUBJID")[given.column("ADSL", "DTHFL") == "Y"].dropna().unique()
    bare = sorted(set(dead) - set(given.column("ADAE", "USUBJID")[_fatal(given)]))
    if bare:
        told = f"of {len(bare):,} of {number_of(len(dead), 'subject')} who died ADAE has no fatal event: {name_some(bare)}"
        yield whole_finding("ADSL", "DTHFL", told)

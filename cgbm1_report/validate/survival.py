"""Rules about supplied times to an event: what counts as event, when, counted from which day."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cgbm1_report.validate.rules import adam_rule
from cgbm1_report.validate.source import as_text, number_text
from cgbm1_report.validate.supplied import Supplied, numbers_differ

#: Variables of ADSL with the dates that are events, and those that end the time before an event is seen. A
#: transplantation on the day of death is a transplantation.
EVENTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "LTFS": (("DTHDT", "LTDT"), ()),
    "OS": (("DTHDT",), ()),
    "OSLTC": (("DTHDT",), ("LTDT",)),
    "TTLT": (("LTDT",), ("DTHDT",)),
}


@adam_rule("V11", "E", "time is counted from the anchor date", "correct AVAL, ADT or STARTDT")
def time_is_counted_from_the_start(given: Supplied) -> Iterator[pd.DataFrame]:
    """AVAL against ADT - STARTDT; one more where trial.yaml counts the first day as 1."""
    if not given.has("ADTTE", "AVAL", "ADT", "STARTDT"):
        return
    value = given.column("ADTTE", "AVAL")
    days = (given.column("ADTTE", "ADT") - given.column("ADTTE", "STARTDT")).dt.days.astype("float64")
    expected = days + int(given.trial.switches.tte_plus_one)
    wrong = expected.notna() & numbers_differ(value, expected)
    message = number_text(value).fillna("missing") + " days, ADT - STARTDT gives " + number_text(expected)
    yield given.findings("ADTTE", wrong, "AVAL", message)


def _missed_events(given: Supplied) -> Iterator[tuple[pd.Series, pd.Series]]:
    """Records of survival parameters whose CNSR or ADT the event dates contradict, and why, per parameter.

    Event dates are those the SDTM gives, or those of the supplied ADSL where there is no SDTM.
    """
    adsl = given.derived["ADSL"].drop_duplicates("USUBJID").set_index("USUBJID") if "ADSL" in given.derived else given.subjects
    censored, end = given.column("ADTTE", "CNSR"), given.column("ADTTE", "ADT")
    start = given.column("ADTTE", "STARTDT")
    # A transplantation before the anchor date has no LTDT; what lies before the start is no event here.
    dates = {
        name: given.of_subject("ADTTE", adsl[name]).where(lambda day: day >= start) for name in ("DTHDT", "LTDT") if name in adsl
    }
    never = pd.Series(pd.NaT, index=start.index, dtype="datetime64[s]")
    # Told a second time on purpose: it shares nothing with what derives ADTTE.
    for paramcd, (variables, others) in EVENTS.items():
        event = pd.DataFrame({name: dates.get(name, never) for name in variables}).min(axis="columns")
        for other in others:
            first = dates.get(other, never)
            event = event.mask((first <= event) if other == "LTDT" else (first < event))
        days = (event - start).dt.days
        happened = days.between(0, given.trial.study.followup_days)
        rows = (given.column("ADTTE", "PARAMCD") == paramcd) & given.column("ADTTE", "USUBJID").isin(adsl.index)
        told = "the event of " + as_text(event) + " on day " + number_text(days.astype("float64"))
        yield rows & happened & (censored != 0), told + " is not counted"
        yield rows & ~happened & (censored == 0), pd.Series("an event that did not happen in time is counted", index=rows.index)
        yield rows & happened & (censored == 0) & (end != event), told + " is counted on another day"


@adam_rule("V11", "E", "survival ends with the event if there is one", "correct CNSR and ADT")
def survival_ends_with_the_event(given: Supplied) -> Iterator[pd.DataFrame]:
    """LTFS, OS, OSLTC and TTLT are events exactly where death or transplantation came first and within follow-up."""
    if given.has("ADTTE", "CNSR", "ADT", "STARTDT", "PARAMCD") and given.has("ADSL", "DTHDT"):
        for wrong, message in _missed_events(given):
            yield given.findings("ADTTE", wrong, "CNSR", message)


@adam_rule("V11", "E", "every time to an event is recomputed", "derive ADTTE from the SDTM of this cut")
def times_are_recomputed(given: Supplied) -> Iterator[pd.DataFrame]:
    """STARTDT, CNSR, ADT and the descriptions of all parameters, where no other finding names the record."""
    if not given.is_recomputed("ADTTE"):
        return
    named = pd.Series(False, index=given.adam["ADTTE"].index)
    if given.has("ADTTE", "CNSR", "ADT", "STARTDT", "PARAMCD"):
        for wrong, _ in _missed_events(given):
            named |= wrong
    yield given.recomputed_findings("ADTTE", ("STARTDT", "CNSR", "ADT", "EVNTDESC", "CNSDTDSC"), rows=~named)

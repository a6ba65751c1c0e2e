"""Rules about supplied times to an event of any study: whose there are, from when to when they are counted, and who is censored."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cgbm1_report.errors import number_of
from cgbm1_report.validate.presence import name_some, whole_finding
from cgbm1_report.validate.rules import adam_rule
from cgbm1_report.validate.source import as_text
from cgbm1_report.validate.supplied import Supplied

#: The dates that a time to an event is counted between.
_DATES = ("STARTDT", "ADT")


@adam_rule(
    "V11", "E", "a time to an event has its dates", "fill the date, or leave the record out: without it nobody can check AVAL",
    studies="other",
)  # fmt: skip
def times_have_their_dates(given: Supplied) -> Iterator[pd.DataFrame]:
    """STARTDT and ADT of ADTTE, where AVAL is there: missing in some records (E), or in all of a parameter (W).

    A dataset without the variable has said that it does not tell them.
    """
    if not given.has("ADTTE", "PARAMCD", "AVAL"):
        return
    code, timed = given.column("ADTTE", "PARAMCD"), given.column("ADTTE", "AVAL").notna()
    for variable in _DATES:
        if not given.has("ADTTE", variable):
            continue
        missing = timed & given.column("ADTTE", variable).isna() & ~given.of_unseen("ADTTE", variable)
        never = ~(timed & ~missing).groupby(code, dropna=False).transform("any").astype(bool)
        yield given.findings("ADTTE", missing & ~never, variable, code + ": is missing, and AVAL is there")
        for paramcd, records in code[missing & never].value_counts().sort_index().items():
            told = f"{paramcd} has no {variable} in any of {number_of(int(records), 'record')}: nobody can check AVAL"
            yield whole_finding("ADTTE", variable, told, "W")


@adam_rule(
    "V11", "E", "CNSR and EVNTDESC say the same",
    "correct CNSR or EVNTDESC: a text of an event has CNSR 0 in all records of the parameter, one of a censoring never",
    studies="other",
)  # fmt: skip
def censoring_fits_its_description(given: Supplied) -> Iterator[pd.DataFrame]:
    """EVNTDESC of a parameter with CNSR 0 in some records and another one in others, or censored and its event by trial.yaml.

    Either an event is not counted or a censoring is; the subjects of the fewer records are named. CNSR 0 in every record of a
    parameter of several subjects is a question (W).
    """
    if not given.has("ADTTE", "PARAMCD", "CNSR"):
        return
    cnsr = given.column("ADTTE", "CNSR")
    records = pd.DataFrame(
        {
            "CODE": given.column("ADTTE", "PARAMCD"),
            "TEXT": given.column("ADTTE", "EVNTDESC"),
            "WHO": given.column("ADTTE", "USUBJID"),
            "EVENT": cnsr == 0,
        }
    )
    records = records[cnsr.notna() & ~given.of_unseen("ADTTE", "CNSR")]
    counted = records.groupby(["CODE", "TEXT"])["EVENT"].agg(["sum", "size"]).reset_index()
    for paramcd, text, events, size in zip(*(counted[name] for name in ("CODE", "TEXT", "sum", "size")), strict=True):
        others, declared = size - events, given.trial.parameters.get(str(paramcd))
        if others and events:
            fewer = records["EVENT"] if events < others else ~records["EVENT"]
            who = records.loc[fewer & (records["CODE"] == paramcd) & (records["TEXT"] == text), "WHO"].dropna()
            told = f"with CNSR 0 in {number_of(events, 'record')} and another CNSR in {others:,}: {name_some(sorted(set(who)))}"
        elif others and declared and text in declared.events:
            told = f"which is its event by trial.yaml, censored in {number_of(others, 'record')}"
        else:
            continue
        yield whole_finding("ADTTE", "CNSR", f"{paramcd} has EVNTDESC '{text}', {told}")
    of_code = records.groupby("CODE")["EVENT"].agg(["sum", "size"])
    for paramcd, size in of_code.loc[(of_code["sum"] == of_code["size"]) & (of_code["size"] > 1), "size"].items():
        yield whole_finding("ADTTE", "CNSR", f"{paramcd} has CNSR 0 in all of its {size:,} records: nobody is censored", "W")


@adam_rule(
    "V11", "W", "who is in an analysis set has each time to an event",
    "supply the record, censored at the start if nothing is known; nothing, if the time is of some subjects alone, as a response",
    studies="other",
)  # fmt: skip
def subjects_have_their_times(given: Supplied) -> Iterator[pd.DataFrame]:
    """Subjects of the analysis set of an outcome who have no record of its time to an event, which others have.

    The set is that of the outcome's outputs, else FAS. Tables count percentages of all of its subjects, curves begin without them.
    """
    if not given.has("ADTTE", "USUBJID", "PARAMCD") or not given.has("ADSL", "USUBJID"):
        return
    code, who = given.column("ADTTE", "PARAMCD"), given.column("ADTTE", "USUBJID")
    phase_of = given.column("ADSL", "PHASE")
    asked = {
        (one.paramcd, one.phase if phase_of.notna().any() else 0, answer.population or "FAS")
        for one in given.trial.outcomes
        for answer in one.outputs
        if one.dataset == "ADTTE"
    }
    flags = {population.code: population.flag for population in given.trial.populations}
    for paramcd, phase, population in sorted(asked):
        timed, flag = set(who[code == paramcd]), flags.get(population, "")
        if not timed or not given.has("ADSL", flag):
            continue
        of_set = given.column("ADSL", "USUBJID")[
            (phase_of.isna() | (phase_of == phase)) & (given.column("ADSL", flag) == "Y")
        ].dropna()
        lacking = sorted(set(of_set) - timed)
        if lacking and timed & set(of_set):
            told = f"{paramcd} has no record of {len(lacking):,} of {number_of(len(of_set), 'subject')} with {flag} = Y"
            yield whole_finding("ADTTE", "PARAMCD", f"{told}: {name_some(lacking)}")


@adam_rule(
    "V11", "E", "no time to an event ends after the death", "correct ADT, or DTHDT of ADSL; of a later contact LSTALVDT",
    studies="other",
)  # fmt: skip
def times_end_with_the_death(given: Supplied) -> Iterator[pd.DataFrame]:
    """ADT of an event (CNSR = 0) against DTHDT and LSTALVDT of ADSL: after the death (E), or after the last day known alive (W).

    A death is no day known alive; a day of death that was imputed is not compared.
    """
    if not given.has("ADTTE", "USUBJID", "PARAMCD", "CNSR", "ADT"):
        return
    end, event, code = given.column("ADTTE", "ADT"), given.column("ADTTE", "CNSR") == 0, given.column("ADTTE", "PARAMCD")
    death = given.of_subject("ADTTE", given.subjects["DTHDT"].where(given.subjects["DTHDTF"].isna()))
    message = code + ": " + as_text(end) + " is after DTHDT " + as_text(death) + " of ADSL"
    yield given.findings("ADTTE", event & (end > death), "ADT", message)
    if given.has("ADSL", "LSTALVDT"):
        contact = given.column("ADSL", "LSTALVDT").groupby(given.column("ADSL", "USUBJID")).first()
        alive = given.of_subject("ADTTE", contact)
        late = event & (end > alive) & ~(end >= death)
        yield given.findings(
            "ADTTE", late, "ADT", code + ": the event of " + as_text(end) + " is after LSTALVDT " + as_text(alive) + " of ADSL",
            severity="W",
        )  # fmt: skip

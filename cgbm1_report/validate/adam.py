"""Rules about supplied ADaM as a whole: who is in it, where its records come from, populations, treatment, death."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cgbm1_report.collected.procedures import TRANSPLANTATION
from cgbm1_report.errors import number_of
from cgbm1_report.protocol.derived import FLAGS
from cgbm1_report.validate.presence import parameters_without, say_parameters_without
from cgbm1_report.validate.recompute import WITHOUT_VISITS
from cgbm1_report.validate.rules import adam_rule
from cgbm1_report.validate.source import as_text, number_text, subject_findings
from cgbm1_report.validate.subjects import SCREEN_FAILURE
from cgbm1_report.validate.supplied import Supplied, values_differ
from cgbm1_report.validate.visits import scheduled_visits, visit_numbers

#: Treatment variables of records and the variable of ADSL they repeat, under its own name or another.
TREATMENTS = {
    "TRTP": "TRT01P",
    "TRTPN": "TRT01PN",
    "TRTA": "TRT01A",
    "TRTAN": "TRT01AN",
    **{name: name for name in ("TRT01P", "TRT01PN", "TRT01A", "TRT01AN")},
}


@adam_rule("V01", "E", "ADSL holds every subject of DM", "add the subject to ADSL")
def subjects_are_all_there(given: Supplied) -> Iterator[pd.DataFrame]:
    """Subjects derived from DM that the supplied ADSL lacks, and subjects of ADSL that DM lacks."""
    if not given.is_recomputed("ADSL"):
        return
    derived = given.derived["ADSL"]["USUBJID"]
    lost = derived[~derived.isin(given.column("ADSL", "USUBJID"))]
    yield subject_findings(lost, "USUBJID", "the subject is in DM but not in ADSL", dataset="ADSL")
    unknown = given.column("ADSL", "USUBJID").notna() & ~given.column("ADSL", "USUBJID").isin(derived)
    yield given.findings("ADSL", unknown, "USUBJID", "the subject is not in DM")


@adam_rule("V02", "E", "VISIT and VISITNUM are one to one", "use the visit names and numbers of trial.yaml")
def visits_keep_their_numbers(given: Supplied) -> Iterator[pd.DataFrame]:
    """A visit nobody knows, or under another number than its own (A-60)."""
    numbers = scheduled_visits(given.trial)
    for name in given.with_variables("VISIT", "VISITNUM") if numbers else ():
        visit, number = given.column(name, "VISIT"), given.column(name, "VISITNUM")
        expected = visit_numbers(visit, numbers)
        unknown = visit.notna() & expected.isna()
        yield given.findings(name, unknown, "VISIT", visit.where(unknown) + " is no visit")
        wrong = (expected.notna() & ~((number - expected).abs() <= 1e-6)) | (visit.isna() & number.notna())
        if wrong.any():
            message = visit.fillna("no visit") + " has number " + number_text(expected.where(wrong)).fillna("of a visit")
            yield given.findings(name, wrong, "VISITNUM", message)


@adam_rule("V03", "W", "no result stands twice", "check whether one result was entered twice")
def analysis_results_stand_once(given: Supplied) -> Iterator[pd.DataFrame]:
    """Records equal in subject, parameter, time, laboratory or time point, and value."""
    for name in given.with_variables("PARAMCD", "ADTM", "AVAL"):
        if name not in WITHOUT_VISITS:
            told = [variable for variable in ("ADT", "LBNAM", "ATPTN") if given.has(name, variable)]
            table = pd.DataFrame({key: given.column(name, key) for key in ("USUBJID", "PARAMCD", "ADTM", *told, "AVAL")})
            dated = table["ADTM"].notna() | (table["ADT"].notna() if "ADT" in told else False)
            twice = table.duplicated(keep=False) & table["AVAL"].notna() & dated
            if twice.any():
                yield given.findings(name, twice, "AVAL", table["PARAMCD"] + ": the same value at the same time stands twice")


def _comparable(given: Supplied, dataset: str, derived: bool) -> pd.Series:
    """Records that must have a counterpart: of known subjects, of parameters both sides have.

    A dose is not derived for a blinded subject, so exposure of blinded subjects is left out.
    """
    own, other = (given.derived, given.adam) if derived else (given.adam, given.derived)
    rows = own[dataset]["USUBJID"].isin(own["ADSL"]["USUBJID"]) & own[dataset]["USUBJID"].isin(other["ADSL"]["USUBJID"])
    if "PARAMCD" in own[dataset] and "PARAMCD" in other[dataset]:
        rows &= own[dataset]["PARAMCD"].isin(other[dataset]["PARAMCD"])
    if dataset == "ADEX":
        blind = given.subjects.index[given.subjects["PHASE"].isin(given.blinded)]
        rows &= ~own[dataset]["USUBJID"].isin(blind)
    return rows


@adam_rule("V03", "E", "every record is one the SDTM gives, and none is left out", "derive the dataset from the SDTM of this cut")
def records_are_traceable(given: Supplied) -> Iterator[pd.DataFrame]:
    """Supplied records without a counterpart among those derived from the SDTM, and the other way round."""
    if not given.is_recomputed("ADSL") or not given.has("ADSL", "USUBJID"):
        return
    for name in given.with_variables("USUBJID"):
        if name == "ADSL" or not given.is_recomputed(name) or not given.has(name, *given.keys(name)):
            continue
        partner, frame = given.partner(name), given.derived[name]
        if partner.isna().any():
            invented = partner.isna() & _comparable(given, name, derived=False)
            yield given.findings(name, invented, "USUBJID", "the SDTM of this cut gives no such record")
        unpaired = pd.Series(~np.isin(np.arange(len(frame)), partner.to_numpy()))
        if not unpaired.any():
            continue
        lost = frame[_comparable(given, name, derived=True) & unpaired]
        text = pd.Series("the record is left out:", index=lost.index, dtype="str")
        for key in given.keys(name):
            if key != "USUBJID":
                text = text + (" " + key + " " + as_text(lost[key])).fillna("")
        yield subject_findings(lost["USUBJID"], "USUBJID", text, dataset=name)


@adam_rule("V03", "E", "values and dates are those of the source record", "correct the value, or the reference to its source")
def values_are_their_sources(given: Supplied) -> Iterator[pd.DataFrame]:
    """AVAL, AVALC and ADT against the record derived from the same source.

    Scores and times to an event have rules of their own; exposure of blinded subjects is not derived.
    """
    for name in given.with_variables("PARAMCD"):
        if name != "ADTTE" and given.is_recomputed(name):
            rows = given.column(name, "SRCSEQ").notna() if name == "ADEFF" else pd.Series(True, index=given.adam[name].index)
            if name == "ADEX":
                rows = ~given.of_blinded(name)
            yield given.recomputed_findings(name, ("AVAL", "AVALC", "ADT", "ADTM"), rows=rows)


def _unlike_arm(given: Supplied, arm: str, treatment: str, lead: str) -> Iterator[pd.DataFrame]:
    """Where a treatment of ADSL, as text and as number, is not that of the subject's arm; ``lead`` stands before the arm's code."""
    terms: dict[str, dict[str, object]] = {
        treatment: {one.armcd: one.column for one in given.trial.arms},
        f"{treatment}N": {one.armcd: float(one.trt01pn) for one in given.trial.arms},
    }
    code = given.column("ADSL", arm)
    for variable, known in terms.items():
        if given.has("ADSL", arm, variable):
            value = given.column("ADSL", variable)
            expected = code.map(known).astype(value.dtype)
            wrong = code.isin(list(known)) & value.notna() & values_differ(value, expected)
            message = as_text(value) + f" is not the treatment of {lead}" + code + ", " + as_text(expected)
            yield given.findings("ADSL", wrong, variable, message)


@adam_rule("V06", "E", "TRT01P is the treatment of the planned arm", "correct TRT01P or ARMCD")
def planned_treatment_fits_arm(given: Supplied) -> Iterator[pd.DataFrame]:
    """TRT01P and TRT01PN against ARMCD."""
    yield from _unlike_arm(given, "ARMCD", "TRT01P", "")


@adam_rule("V06", "E", "TRT01A is the treatment received", "correct TRT01A by EX")
def actual_treatment_fits_exposure(given: Supplied) -> Iterator[pd.DataFrame]:
    """TRT01A and TRT01AN against the highest dose level in EX; without EX against ACTARMCD."""
    yield given.recomputed_findings("ADSL", ("TRT01A", "TRT01AN"))
    if given.is_recomputed("ADSL"):
        return
    yield from _unlike_arm(given, "ACTARMCD", "TRT01A", "ACTARMCD ")


@adam_rule("V06", "E", "records carry the treatment of their subject", "take the treatment from ADSL", studies="any")
def records_carry_treatment(given: Supplied) -> Iterator[pd.DataFrame]:
    """TRTP to TRTAN and TRT01P to TRT01AN of records against ADSL; one finding per subject, or parameter, dataset and variable."""
    yield from _repeated(given, TREATMENTS)


@adam_rule("V06", "W", "treatment other than planned is a protocol deviation", "record the deviation in DV")
def swapped_treatment_is_a_deviation(given: Supplied) -> Iterator[pd.DataFrame]:
    """Subjects treated otherwise than planned, by ADSL, without a DOSING deviation in DV."""
    if given.source is None or not given.has("ADSL", "TRT01P", "TRT01A"):
        return
    deviations = given.source.table("DV", "DVDECOD")
    excused = deviations.loc[deviations["DVDECOD"] == "DOSING", "USUBJID"]
    planned, actual = given.column("ADSL", "TRT01P"), given.column("ADSL", "TRT01A")
    wrong = planned.notna() & actual.notna() & (planned != actual) & ~given.column("ADSL", "USUBJID").isin(excused)
    yield given.findings("ADSL", wrong, "TRT01A", actual + " differs from TRT01P and DV has no DOSING deviation")


def _repeated(given: Supplied, variables: dict[str, str]) -> Iterator[pd.DataFrame]:
    """Subject variables that records repeat, where they are not those of ADSL."""
    subjects = given.column("ADSL", "USUBJID")
    once = subjects.notna() & ~subjects.duplicated()
    for name in given.adam:
        if name == "ADSL" or not given.has(name, "USUBJID"):
            continue
        for variable, origin in variables.items():
            if not given.has(name, variable) or not given.has("ADSL", origin):
                continue
            value, of_adsl = given.column(name, variable), given.column("ADSL", origin)
            numbers = [pd.api.types.is_numeric_dtype(given.adam[one][own]) for one, own in ((name, variable), ("ADSL", origin))]
            if value.dtype != of_adsl.dtype or len(set(numbers)) > 1:
                # The number that another study keeps where ADSL has a text is another variable of one name.
                continue
            expected = given.of_subject(name, of_adsl[once].set_axis(subjects[once].to_numpy()))
            known = given.column(name, "USUBJID").isin(subjects) & ~_told_of_a_part(given, name, variable)
            # What blinding takes from one of the two datasets alone is not another value.
            known &= ~given.of_unseen(name, variable) & ~given.of_unseen(name, origin, "ADSL")
            wrong = known & values_differ(value, expected)
            whole = wrong & parameters_without(given, name, variable)
            yield say_parameters_without(given, name, variable, whole)
            wrong &= ~whole
            if not wrong.any():
                continue
            count = wrong.groupby(given.column(name, "USUBJID")).sum()
            first = wrong & ~given.column(name, "USUBJID").where(wrong).duplicated()
            words = given.column(name, "USUBJID").map({who: number_of(int(n), "record") for who, n in count.items()}).astype("str")
            shown = as_text(value).fillna("missing") + " on " + words + ", ADSL has " + as_text(expected).fillna("missing")
            rows = given.column(name, "USUBJID")[first]
            yield subject_findings(rows, variable, shown, dataset=name, value=value)


def _told_of_a_part(given: Supplied, dataset: str, variable: str) -> pd.Series:
    """Records of parameters of a part that lacks the variable: reading says so once, and of which part."""
    of_part = given.column(dataset, "PARAMCD").isin(given.uneven.get((dataset, variable), ()))
    return of_part & parameters_without(given, dataset, variable)


@adam_rule("V07", "E", "treatment emergence is recomputed", "correct TRTEMFL, PREFL or FUPFL")
def emergence_is_recomputed(given: Supplied) -> Iterator[pd.DataFrame]:
    """TRTEMFL, PREFL and FUPFL of events against their re-derivation."""
    yield given.recomputed_findings("ADAE", ("TRTEMFL", "PREFL", "FUPFL"))


@adam_rule("V07", "E", "treatment emergence fits the onset", "correct TRTEMFL, PREFL, or the onset")
def emergence_fits_the_onset(given: Supplied) -> Iterator[pd.DataFrame]:
    """TRTEMFL against onset, first infusion and the form's word that the event came before it.

    Emergent is what begins from the first infusion to the last day of observation (A-29). An onset
    on the day of the infusion without a time is emergent unless the form says it came before.
    Only where the SDTM does not tell, or tells the same onset.
    """
    if not given.has("ADAE", "USUBJID", "TRTEMFL", "ASTDT"):
        return
    flagged, onset = given.column("ADAE", "TRTEMFL") == "Y", given.column("ADAE", "ASTDT")
    start = given.of_subject("ADAE", given.subjects["TRTSDT"])
    moment = given.of_subject("ADAE", given.subjects["TRTSDTM"])
    early = (onset < start) | (given.column("ADAE", "ASTDTM") < moment) | (given.column("ADAE", "AEBEFINF") == "Y")
    last = given.trial.teae_end_day
    late = (onset - start).dt.days > (float("inf") if last is None else last)
    known = given.column("ADAE", "USUBJID").isin(given.subjects.index)
    wrong = {
        "Y, but the onset is before the first infusion": flagged & early,
        f"Y, but the onset is after elapsed day {last}": flagged & late & ~early,
        "Y, but the subject has no infusion": flagged & start.isna() & known,
        "is not Y, but the onset is from the first infusion on": ~flagged & (onset > start) & ~early & ~late,
    }
    named = given.differs("ADAE", "TRTEMFL") if given.is_recomputed("ADAE") else pd.Series(False, index=onset.index)
    for message, rows in wrong.items():
        yield given.findings("ADAE", rows & ~named, "TRTEMFL", message)


@adam_rule("V12", "E", "who died is dead everywhere", "make DTHFL, DTHDT, the disposition and the fatal event agree", studies="any")
def deaths_are_flagged(given: Supplied) -> Iterator[pd.DataFrame]:
    """DTHFL against DTHDT, the reason of discontinuation and fatal events of ADAE."""
    if not given.has("ADSL", "DTHFL", "DTHDT"):
        return
    flagged, dated = given.column("ADSL", "DTHFL") == "Y", given.column("ADSL", "DTHDT").notna()
    yield given.findings("ADSL", dated & ~flagged, "DTHFL", "is not Y although DTHDT is filled")
    left = given.column("ADSL", "DCSREAS") == "DEATH"
    yield given.findings("ADSL", left & ~flagged & ~dated, "DCSREAS", "DEATH, but DTHFL is not Y")
    if given.has("ADAE", "AEOUT"):
        fatal = given.column("ADAE", "AEOUT") == "FATAL"
        alive = given.of_subject("ADAE", given.subjects["DTHFL"]) != "Y"
        subject = given.column("ADAE", "USUBJID").isin(given.subjects.index)
        yield given.findings("ADAE", fatal & alive & subject, "AEOUT", "FATAL, but DTHFL of the subject is not Y")


@adam_rule("V12", "E", "death is on one day everywhere", "make DTHDT, the disposition and the fatal event agree")
def deaths_are_alike(given: Supplied) -> Iterator[pd.DataFrame]:
    """DTHFL and DTHDT against the SDTM; DTHDT against the day of discontinuation and the end of fatal events of ADAE.

    Dates are compared where none of them was imputed.
    """
    if not given.has("ADSL", "DTHFL", "DTHDT"):
        return
    flagged, dated = given.column("ADSL", "DTHFL") == "Y", given.column("ADSL", "DTHDT").notna()
    # The schema reports DTHFL without DTHDT.
    yield given.recomputed_findings("ADSL", ("DTHFL", "DTHDT", "DTHDTF"), rows=flagged == dated)
    known = given.column("ADSL", "DTHDT").where(given.column("ADSL", "DTHDTF").isna())
    left = given.column("ADSL", "DCSREAS") == "DEATH"
    ended = given.column("ADSL", "EOSDT")
    message = "left by death on " + as_text(ended) + ", DTHDT is " + as_text(known)
    yield given.findings("ADSL", left & (ended != known) & ended.notna() & known.notna(), "EOSDT", message)
    if given.has("ADAE", "AEOUT"):
        fatal = given.column("ADAE", "AEOUT") == "FATAL"
        end = given.column("ADAE", "AENDT").where(given.column("ADAE", "AENDTF").isna())
        death = given.of_subject("ADAE", given.subjects["DTHDT"].where(given.subjects["DTHDTF"].isna()))
        apart = fatal & end.notna() & death.notna() & (end != death)
        yield given.findings("ADAE", apart, "AENDT", "the fatal event ends on " + as_text(end) + ", DTHDT is " + as_text(death))


@adam_rule("V14", "E", "the safety population is who was treated", "correct SAFFL")
def treated_subjects_are_the_safety_set(given: Supplied) -> Iterator[pd.DataFrame]:
    """SAFFL against the infusions in EX, or NINF of ADSL where there is no SDTM."""
    if not given.has("ADSL", "SAFFL"):
        return
    infusions = given.column("ADSL", "NINF")
    if given.source is not None:
        subjects = given.source.subjects["NINF"]
        infusions = subjects.reindex(given.column("ADSL", "USUBJID").to_numpy()).set_axis(infusions.index)
    safety = given.column("ADSL", "SAFFL")
    none = (infusions == 0) | (infusions.isna() & given.column("ADSL", "TRTSDT").isna())
    yield given.findings("ADSL", (safety == "Y") & none, "SAFFL", "Y without an infusion")
    message = "is not Y although " + number_text(infusions) + " infusions are recorded"
    yield given.findings("ADSL", (safety != "Y") & (infusions > 0), "SAFFL", message)


@adam_rule("V14", "E", "populations are recomputed", "correct the population flag")
def populations_are_recomputed(given: Supplied) -> Iterator[pd.DataFrame]:
    """Every population flag of ADSL against its re-derivation; DLT evaluability in dose escalation only."""
    for flag in FLAGS:
        rows = None
        if flag == "SAFFL" and given.source is not None:
            # A subject without SAFFL, or with one that EX contradicts, has been named.
            infused = given.recomputed("ADSL", "NINF") > 0 if given.is_recomputed("ADSL") else None
            rows = (given.column("ADSL", "SAFFL") == "Y") == infused if infused is not None else None
        if flag == "PPROTFL":
            # Without cells nobody can tell whether a blinded subject's infusions were complete.
            rows = ~given.of_blinded("ADSL")
        yield given.recomputed_findings("ADSL", (flag,), rows=rows)
    if given.has("ADSL", "DLTEVFL", "PHASE") and not given.is_recomputed("ADSL"):
        escalating = [number for number, phase in given.trial.phases.items() if not phase.blinded]
        wrong = given.column("ADSL", "DLTEVFL").notna() & ~given.column("ADSL", "PHASE").isin(escalating)
        yield given.findings("ADSL", wrong, "DLTEVFL", "is filled outside dose escalation")


@adam_rule("V14", "E", "records carry the populations of their subject", "take the flag from ADSL", studies="any")
def records_carry_populations(given: Supplied) -> Iterator[pd.DataFrame]:
    """Population flags of records, those that trial.yaml declares too, against ADSL; one finding per subject, dataset and flag.

    Of a parameter that has none in any record, where others have it, one for all its subjects; not where its part of a dataset that
    is delivered in parts lacks the flag: reading says so.
    """
    yield from _repeated(given, {flag: flag for flag in _flags(given)})


def _flags(given: Supplied) -> list[str]:
    return list(dict.fromkeys((*FLAGS, *(population.flag for population in given.trial.populations))))


@adam_rule(
    "V01",
    "W",
    "records carry what ADSL says of their subject",
    "take the variable from ADSL, or give it a name of its own",
    studies="other",
)
def records_carry_their_subject(given: Supplied) -> Iterator[pd.DataFrame]:
    """Any other variable of ADSL that records carry, as AGE, against ADSL; one finding per subject, or parameter, and variable."""
    apart = {"USUBJID", *TREATMENTS, *_flags(given)}
    yield from _repeated(given, {name: name for name in map(str, given.adam.get("ADSL", ())) if name not in apart})


def _transplanted(given: Supplied) -> pd.Series:
    """Per record of ADSL, whether PR (without it, ADPR) has a transplant on or after the anchor date."""
    if given.source is not None:
        day = given.source.moments("PR", "PRSTDTC")["first"].dt.normalize()
        subject, term = given.source.column("PR", "USUBJID"), given.source.column("PR", "PRDECOD")
    else:
        day, subject, term = (given.column("ADPR", name) for name in ("ASTDT", "USUBJID", "PRDECOD"))
    start = given.subjects["ANCHDT"].reindex(subject.to_numpy()).set_axis(subject.index)
    return given.column("ADSL", "USUBJID").isin(subject[(term == TRANSPLANTATION) & (day >= start)])


@adam_rule("V27", "W", "a transplant in PR is a transplant in ADSL", "correct LTFL and LTDT, or PR")
def transplants_are_flagged(given: Supplied) -> Iterator[pd.DataFrame]:
    """LTFL against PR, LTDT against its re-derivation."""
    if not given.has("ADSL", "LTFL"):
        return
    flagged = given.column("ADSL", "LTFL") == "Y"
    dated = given.column("ADSL", "LTDT").notna()
    done = _transplanted(given)
    if given.source is None and not given.has("ADPR", "ASTDT", "PRDECOD"):
        yield given.findings("ADSL", dated & ~flagged, "LTFL", "is not Y although LTDT is filled")
        return
    yield given.findings("ADSL", done & ~flagged, "LTFL", "is not Y although PR has a liver transplantation")
    yield given.findings("ADSL", flagged & ~done, "LTFL", "Y, but PR has no liver transplantation on or after the anchor date")
    yield given.recomputed_findings("ADSL", ("LTDT",), rows=done & flagged)


@adam_rule("V27", "W", "renal replacement sets creatinine in MELD as recorded", "derive MELD with PR of this cut")
def renal_replacement_is_used(given: Supplied) -> Iterator[pd.DataFrame]:
    """Creatinine MELD was computed with (COMP4 of ADEFF) against its re-derivation from LB and PR."""
    if given.has("ADEFF", "PARAMCD", "COMP4"):
        meld = (given.column("ADEFF", "PARAMCD") == "MELD") & given.column("ADEFF", "COMP4").notna()
        yield given.recomputed_findings("ADEFF", ("COMP4",), rows=meld)


@adam_rule("V28", "E", "screen failures are in no analysis set", "set the population flags to N")
def screen_failures_are_not_analysed(given: Supplied) -> Iterator[pd.DataFrame]:
    """Population flags of screen failures other than the screened set."""
    failed = given.column("ADSL", "ARMNRS") == SCREEN_FAILURE
    if given.source is not None:
        ended = given.source.table("DS", "DSDECOD")
        failed |= given.column("ADSL", "USUBJID").isin(ended.loc[ended["DSDECOD"] == SCREEN_FAILURE, "USUBJID"])
    if given.has("ADSL", "SAFFL"):
        unknown = failed & given.column("ADSL", "SAFFL").isna()
        yield given.findings("ADSL", unknown, "SAFFL", "missing for a screen failure, N is expected")
    flags = [flag for flag in ("SAFFL", "RANDFL", "FASFL", "PPROTFL") if given.has("ADSL", flag)]
    counted = pd.DataFrame({flag: given.column("ADSL", flag) == "Y" for flag in flags}, index=failed.index)
    wrong = failed & counted.any(axis="columns")
    if wrong.any():
        place = counted[wrong].idxmax(axis="columns")
        for flag in place.unique():
            rows = pd.Series(np.isin(failed.index, place.index[place == flag]), index=failed.index)
            yield given.findings("ADSL", rows, flag, "Y for a screen failure")

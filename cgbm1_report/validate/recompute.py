"""Rules about supplied values over time: baseline, change, analysis visits, laboratory grades."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from cgbm1_report.validate.rules import adam_rule
from cgbm1_report.validate.source import as_text, number_text
from cgbm1_report.validate.supplied import ROUNDING, TOLERANCE, Supplied, values_differ

#: What records repeat of their baseline record.
REPEATED = {"BASE": "AVAL", "BASEC": "AVALC", "BNRIND": "ANRIND", "BTOXGR": "ATOXGR", "BTOXGRL": "ATOXGRL", "BTOXGRH": "ATOXGRH"}
#: Number of each planned time point around an infusion. A second time on purpose: what ADVS is held against is not what makes it.
TIME_POINTS = {"PRE-DOSE": 1.0, "END": 2.0, "+1H": 3.0, "+4H": 4.0}
#: What else a flag stands on once: the record of a visit, that of a time point of an infusion.
ONCE = {"ANL03FL": ("AVISITN",), "ANL04FL": ("INFNUM", "ATPTN")}
#: What the dates and windows of a record decide.
DECIDED = ("AVISITN", "INFNUM", "ANL01FL", "ANL02FL", "ANL03FL", "ANL04FL", "EXPFL", "ATTEND")
#: Datasets without analysis visits, whatever variables they hold.
WITHOUT_VISITS = ("ADEX", "ADTTE", "ADDLT", "ADLBHY")
SERIES = ("USUBJID", "PARAMCD")
#: What tells the baselines of a parameter apart where it has several (ADaMIG 1.3, 3.3.4).
BASELINE_KIND = "BASETYPE"


#: What mends a parameter whose time points have a baseline each, where the value itself is right.
_APART = (
    "give each ATPT with a BASE of its own a PARAMCD of its own; where one baseline is meant for all, copy the value of the record "
    "with ABLFL = Y"
)


def _flagged_twice(given: Supplied, dataset: str, flag: str, keys: Sequence[str]) -> pd.Series:
    """Records of which another one with the same keys carries the same flag."""
    table = pd.DataFrame({key: given.column(dataset, key) for key in keys})
    flagged = given.column(dataset, flag) == "Y"
    return flagged & table.where(flagged).duplicated(keep=False)


def _baselines_stand_twice(given: Supplied, dataset: str) -> pd.Series:
    """Baseline records beside another one; of a blind phase whose BASETYPE is not seen nobody can tell."""
    twice = _flagged_twice(given, dataset, "ABLFL", _based(given, dataset))
    return twice & ~given.of_unseen(dataset, BASELINE_KIND) if given.has(dataset, BASELINE_KIND) else twice


def _measured(given: Supplied) -> list[str]:
    """Datasets with a baseline."""
    return [name for name in given.with_variables(*SERIES, "ABLFL") if name not in WITHOUT_VISITS]


def _based(given: Supplied, dataset: str) -> tuple[str, ...]:
    """What has one baseline: a subject's parameter, and its kind of baseline where there are kinds."""
    return (*SERIES, BASELINE_KIND) if given.has(dataset, BASELINE_KIND) else SERIES


@adam_rule("V08", "E", "one baseline per subject and parameter", "leave ABLFL on one record", studies="any")
def baselines_stand_once(given: Supplied) -> Iterator[pd.DataFrame]:
    """Baseline records beside another one of the same subject and parameter, and of the same BASETYPE where there is one."""
    for name in _measured(given):
        twice = _baselines_stand_twice(given, name)
        yield given.findings(name, twice, "ABLFL", given.column(name, "PARAMCD") + " has more than one baseline")


def _after_treatment(given: Supplied, dataset: str) -> pd.Series:
    """Records after the first infusion: a later day than the anchor date, or a later time."""
    day = given.column(dataset, "ADT") > given.of_subject(dataset, given.subjects["ANCHDT"])
    time = given.column(dataset, "ADTM") > given.of_subject(dataset, given.subjects["TRTSDTM"])
    return day | time


def _before_treatment(given: Supplied, dataset: str) -> pd.Series:
    """Records certainly before the first infusion: an earlier day than the anchor date, or the baseline."""
    day = given.column(dataset, "ADT") < given.of_subject(dataset, given.subjects["ANCHDT"])
    return day | (given.column(dataset, "ABLFL") == "Y")


@adam_rule("V08", "E", "the baseline is not after the first infusion", "flag the last value before the first infusion")
def baselines_precede_treatment(given: Supplied) -> Iterator[pd.DataFrame]:
    """Baseline records later than the first infusion, or than randomisation of the never dosed."""
    for name in _measured(given):
        late = (given.column(name, "ABLFL") == "Y") & _after_treatment(given, name)
        yield given.findings(name, late, "ABLFL", given.column(name, "PARAMCD") + ": the baseline is after the first infusion")


@adam_rule("V08", "E", "the baseline is recomputed", "flag the last value before the first infusion")
def baselines_are_recomputed(given: Supplied) -> Iterator[pd.DataFrame]:
    """ABLFL against its re-derivation, where no other finding names the record."""
    for name in _measured(given):
        named = _flagged_twice(given, name, "ABLFL", _based(given, name))
        named |= (given.column(name, "ABLFL") == "Y") & _after_treatment(given, name)
        yield given.recomputed_findings(name, ("ABLFL",), rows=~named)


def _baseline_findings(given: Supplied, dataset: str, wrong: pd.Series, variable: str, origin: str) -> pd.DataFrame:
    """Records that do not repeat their baseline; of a parameter with several time points each may have one of its own."""
    code, point = given.column(dataset, "PARAMCD"), given.column(dataset, "ATPT")
    points = point.groupby(code).nunique()
    several = code.isin(points.index[points > 1])
    told = (" at ATPT " + as_text(point).fillna("missing") + ", one of several").where(several, "")
    found = given.findings(dataset, wrong, variable, code + told + ": is not " + origin + " of the baseline record")
    return found.assign(remedy=several[found.index].map({True: _APART, False: None})) if len(found) else found


@adam_rule("V08", "E", "records repeat their baseline", "copy the value of the record with ABLFL = Y", studies="any")
def baselines_are_repeated(given: Supplied) -> Iterator[pd.DataFrame]:
    """BASE, BASEC, BNRIND and the BTOXGR of every record against the baseline record of its subject and parameter.

    Of another study's ADaM where such a record is there: the baseline may be derived from several, which are not observed.
    """
    for name in _measured(given):
        keys = _based(given, name)
        # A record without BASETYPE is a kind of its own.
        series = (
            pd.DataFrame({key: given.column(name, key) for key in keys}).fillna({BASELINE_KIND: ""}).groupby(list(keys)).ngroup()
        )
        flagged = given.column(name, "ABLFL") == "Y"
        baseline = series[flagged & (series >= 0) & ~series.where(flagged).duplicated(keep=False)]
        several = series.isin(series[_flagged_twice(given, name, "ABLFL", keys)])
        known = series.isin(baseline) if given.another else pd.Series(True, index=series.index)
        for variable, origin in REPEATED.items():
            if not given.has(name, variable, origin):
                continue
            value = given.column(name, variable)
            expected = given.column(name, origin)[baseline.index].set_axis(baseline.to_numpy())
            wrong = (
                values_differ(value, expected.reindex(series.to_numpy()).set_axis(series.index)) & known & ~several & (series >= 0)
            )
            yield _baseline_findings(given, name, wrong, variable, origin)


def _change(given: Supplied, dataset: str) -> tuple[pd.Series, pd.Series, pd.Series]:
    """CHG and PCHG as AVAL and BASE give them, and the rounding error of the change."""
    # Computed a second time on purpose, from the supplied record alone: it shares nothing with what derives CHG.
    value, base = given.column(dataset, "AVAL"), given.column(dataset, "BASE")
    change = value - base
    larger = value.abs().where(value.abs() > base.abs(), base.abs())
    return change, (100 * change / given.trial.conventions.percent_base(base)).where(base != 0), ROUNDING * larger


@adam_rule(
    "V09",
    "E",
    "change is the value less the baseline",
    "CHG is AVAL - BASE, PCHG is 100 x CHG / BASE, or of ABS(BASE) in all records, declared as conventions.percent_change_of",
    studies="any",
)
def changes_are_recomputed(given: Supplied) -> Iterator[pd.DataFrame]:
    """CHG and PCHG against AVAL and BASE, within a relative 1e-8; PCHG has no value where BASE is 0 or missing.

    Of a baseline below 0 a percent change is that of trial.yaml (conventions.percent_change_of): of BASE or of its absolute value.
    """
    declared = given.trial.conventions.percent_change_of
    other = "BASE" if declared == "ABS(BASE)" else "ABS(BASE)"
    for name in given.with_variables("AVAL", "BASE", "CHG"):
        change, percent, error = _change(given, name)
        per_cent_error = 100 * error / given.column(name, "BASE").abs()
        for variable, expected, slack in (("CHG", change, error), ("PCHG", percent, per_cent_error)):
            if given.has(name, variable):
                value = given.column(name, variable)
                same = (value - expected).abs() <= TOLERANCE * expected.abs() + slack
                message = number_text(value) + ", AVAL and BASE give " + number_text(expected).fillna("no value")
                # The other convention has the other sign where the baseline is below 0, and no other value anywhere.
                turned = (value + expected).abs() <= TOLERANCE * expected.abs() + slack
                turned &= (given.column(name, "BASE") < 0) & (variable == "PCHG")
                if turned.any():
                    message = message.where(~turned, message + f" of {declared}; it is that of {other}")
                yield given.findings(name, value.notna() & ~same, variable, message)


@adam_rule("V09", "E", "change is of every record after the baseline", "leave CHG empty only before the first infusion")
def changes_are_after_baseline(given: Supplied) -> Iterator[pd.DataFrame]:
    """CHG filled before the first infusion, or empty after it although AVAL and BASE have values."""
    for name in [one for one in _measured(given) if given.has(one, "AVAL", "BASE", "CHG")]:
        change, percent, _ = _change(given, name)
        before, after = _before_treatment(given, name), _after_treatment(given, name)
        if given.is_recomputed(name) and "CHG" in given.derived[name]:
            known = given.partner(name).notna() & given.recomputed(name, "AVAL").notna() & given.recomputed(name, "BASE").notna()
            before = before.mask(known, given.recomputed(name, "CHG").isna())
            after = after.mask(known, ~before)
        for variable, expected in (("CHG", change), ("PCHG", percent)):
            if given.has(name, variable):
                value = given.column(name, variable)
                early = value.notna() & before & expected.notna()
                yield given.findings(name, early, variable, "is filled before the first infusion")
                lost = value.isna() & after & ~before & expected.notna()
                yield given.findings(name, lost, variable, "is missing, AVAL and BASE give " + number_text(expected))


def _visited(given: Supplied) -> list[str]:
    return [name for name in given.with_variables("AVISIT", "AVISITN") if name not in WITHOUT_VISITS]


def _misnamed(given: Supplied, dataset: str) -> tuple[pd.Series, pd.Series]:
    """Records whose AVISIT is not the name of their AVISITN, and that name."""
    visit, number = given.column(dataset, "AVISIT"), given.column(dataset, "AVISITN")
    names = {float(day): given.trial.visit_label(float(day)) for day in number.dropna().unique()}
    label = number.map(names).astype("str")
    return values_differ(visit, label), label


@adam_rule("V10", "E", "AVISIT and AVISITN are one to one", "correct AVISIT or AVISITN")
def analysis_visits_keep_their_numbers(given: Supplied) -> Iterator[pd.DataFrame]:
    """AVISIT against the name of AVISITN, ATPT against ATPTN."""
    for name in _visited(given):
        wrong, label = _misnamed(given, name)
        number, visit = given.column(name, "AVISITN"), given.column(name, "AVISIT")
        message = visit.fillna("missing") + ", but AVISITN " + number_text(number).fillna("missing")
        yield given.findings(name, wrong, "AVISIT", message + " is " + label.fillna("no visit"))
    for name in given.with_variables("ATPT", "ATPTN"):
        point, number = given.column(name, "ATPT"), given.column(name, "ATPTN")
        wrong = values_differ(number, point.map(TIME_POINTS).astype("float64"))
        yield given.findings(name, wrong, "ATPTN", point.fillna("missing") + " has another number")


def _selected_twice(given: Supplied, dataset: str) -> Iterator[tuple[str, pd.Series]]:
    """Each flag of a selection with the records that carry it beside another one of the same choice."""
    points = ("ATPTN",) if given.has(dataset, "ATPTN") else ()
    for flag, keys in {"ANL01FL": ("AVISITN", *points), **ONCE}.items():
        if given.has(dataset, flag, *SERIES, *keys):
            yield flag, _flagged_twice(given, dataset, flag, (*SERIES, *keys))


@adam_rule("V10", "E", "a visit has one analysis record", "leave ANL01FL on the record nearest the target day")
def analysis_records_stand_once(given: Supplied) -> Iterator[pd.DataFrame]:
    """ANL01FL beside another one of the same subject, parameter and visit (and time point); ANL03FL and ANL04FL of vital signs."""
    for name in _visited(given):
        for flag, twice in _selected_twice(given, name):
            where = given.column(name, "PARAMCD") + " at " + given.column(name, "AVISIT").fillna("no visit")
            yield given.findings(name, twice, flag, where + " has more than one analysis record")


@adam_rule("V10", "E", "windows and selection are recomputed", "derive the visit from ADT and the windows of trial.yaml")
def windows_are_recomputed(given: Supplied) -> Iterator[pd.DataFrame]:
    """AVISITN, the flags of selections, INFNUM of vital signs, EXPFL and ATTEND of planned visits against their re-derivation.

    Where another finding names the record there is none.
    """
    for name in _visited(given):
        named, _ = _misnamed(given, name)
        for _, twice in _selected_twice(given, name):
            named |= twice
        yield given.recomputed_findings(name, DECIDED, rows=~named)


def _outside_range(given: Supplied) -> tuple[pd.Series, pd.Series]:
    """Laboratory records whose indicator their own limits contradict, and what the limits say."""
    value, low, high = (given.column("ADLB", name) for name in ("AVAL", "ANRLO", "ANRHI"))
    known = value.notna() & (low.notna() | high.notna())
    # Computed a second time on purpose, from the record's own limits: it shares nothing with what derives ANRIND.
    expected = pd.Series("NORMAL", index=value.index, dtype="str").mask(value < low, "LOW").mask(value > high, "HIGH")
    return known & (given.column("ADLB", "ANRIND") != expected), expected


@adam_rule("V31", "E", "the range indicator fits value and limits", "correct ANRIND, ANRLO or ANRHI")
def range_indicators_fit(given: Supplied) -> Iterator[pd.DataFrame]:
    """ANRIND against AVAL, ANRLO and ANRHI; limits themselves belong to the range."""
    if given.has("ADLB", "AVAL", "ANRIND"):
        wrong, expected = _outside_range(given)
        shown = given.column("ADLB", "ANRIND").fillna("missing")
        yield given.findings("ADLB", wrong, "ANRIND", shown + ", value and limits give " + expected)


@adam_rule("V31", "E", "laboratory grades are recomputed", "derive the grade by CTCAE from value, limits and baseline")
def grades_are_recomputed(given: Supplied) -> Iterator[pd.DataFrame]:
    """CTCAE grades, worst record and shift against their re-derivation; ATOXGRN against ATOXGR without one."""
    if not given.has("ADLB", "ATOXGR"):
        return
    grades = ("ATOXGR", "ATOXGRN", "ATOXGRL", "ATOXGRH", "WORSTFL", "SHIFT1", "ANRLO", "ANRHI", "ANRIND")
    yield given.recomputed_findings("ADLB", grades, rows=~_outside_range(given)[0])
    if not given.is_recomputed("ADLB") and given.has("ADLB", "ATOXGRN"):
        number = pd.to_numeric(given.column("ADLB", "ATOXGR"), errors="coerce").astype("float64")
        wrong = values_differ(given.column("ADLB", "ATOXGRN"), number)
        yield given.findings("ADLB", wrong, "ATOXGRN", "is not the number of ATOXGR")

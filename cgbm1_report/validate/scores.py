"""Rules about supplied scores: CLIF-C organ failure and MELD."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cgbm1_report.collected.scores import derive_meld
from cgbm1_report.validate.rules import adam_rule
from cgbm1_report.validate.source import number_text
from cgbm1_report.validate.supplied import Supplied

TOTAL = "CLIFCOF"
LOWEST, HIGHEST = 1, 3
#: MELD is recomputed to this many points; a site's own calculation may differ by one.
MELD_TOLERANCE, SITE_TOLERANCE = 1e-6, 1.0
VISIT = ["USUBJID", "VISITNUM"]


def _organs(given: Supplied) -> list[str]:
    return [organ.code for organ in given.trial.clif_c_of.organs] if given.trial.clif_c_of else []


def _out_of_range(given: Supplied) -> tuple[pd.Series, pd.Series]:
    """Sub-scores other than 1, 2, 3, and totals other than their possible sums."""
    organs = _organs(given)
    paramcd, value = given.column("ADEFF", "PARAMCD"), given.column("ADEFF", "AVAL")
    whole = value == value.round()
    # A score that could not be told is missing; that it could is seen by recomputing it.
    part = paramcd.isin(organs) & value.notna() & ~(value.between(LOWEST, HIGHEST) & whole)
    total = (paramcd == TOTAL) & value.notna() & ~(value.between(LOWEST * len(organs), HIGHEST * len(organs)) & whole)
    return part, total


def _not_the_sum(given: Supplied) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Totals that differ from the sum of their visit's sub-scores; that sum; how many there are."""
    organs = _organs(given)
    table = pd.DataFrame({name: given.column("ADEFF", name) for name in (*VISIT, "PARAMCD", "AVAL")})
    table["VISITNUM"] = table["VISITNUM"].round(4)
    # Added up a second time on purpose: it shares nothing with the total of `collected.scores`.
    parts = table[table["PARAMCD"].isin(organs)].drop_duplicates([*VISIT, "PARAMCD"]).groupby(VISIT)["AVAL"].agg(["sum", "count"])
    found = parts.reindex(pd.MultiIndex.from_frame(table[VISIT])).set_axis(table.index)
    total = (table["PARAMCD"] == TOTAL) & table["AVAL"].notna()
    wrong = total & ((found["count"] != len(organs)) | (found["sum"] != table["AVAL"]))
    return wrong, found["sum"], found["count"].fillna(0)


def _has_scores(given: Supplied) -> bool:
    return bool(_organs(given)) and given.has("ADEFF", *VISIT, "PARAMCD", "AVAL")


@adam_rule("V15", "E", "organ scores are 1, 2 or 3 and their total 6 to 18", "correct the score")
def organ_scores_are_possible(given: Supplied) -> Iterator[pd.DataFrame]:
    """Sub-scores and totals that the score does not have."""
    if _has_scores(given):
        part, total = _out_of_range(given)
        value, organs = number_text(given.column("ADEFF", "AVAL")).fillna("missing"), len(_organs(given))
        paramcd = given.column("ADEFF", "PARAMCD")
        yield given.findings("ADEFF", part, "AVAL", paramcd + " " + value + f" is not {LOWEST} to {HIGHEST}")
        yield given.findings("ADEFF", total, "AVAL", paramcd + " " + value + f" is not {LOWEST * organs} to {HIGHEST * organs}")


@adam_rule("V15", "E", "CLIF-C OF is the sum of its sub-scores", "correct the total or the sub-score")
def organ_scores_add_up(given: Supplied) -> Iterator[pd.DataFrame]:
    """CLIFCOF against the sub-scores of its visit."""
    if _has_scores(given):
        wrong, total, count = _not_the_sum(given)
        value, parts = number_text(given.column("ADEFF", "AVAL")), number_text(count.astype("float64"))
        message = value + ", " + parts + " sub-scores add up to " + number_text(total).fillna("nothing")
        yield given.findings("ADEFF", wrong & ~_out_of_range(given)[1], "AVAL", message)


@adam_rule("V15", "E", "organ scores are recomputed", "derive the score from its components")
def organ_scores_are_recomputed(given: Supplied) -> Iterator[pd.DataFrame]:
    """Sub-scores, total and organ failures against their re-derivation, where no other finding names the record."""
    if _has_scores(given) and given.is_recomputed("ADEFF"):
        part, total = _out_of_range(given)
        rows = given.column("ADEFF", "PARAMCD").isin([*_organs(given), TOTAL, "OFCOUNT", "OFREG"])
        named = part | total | _not_the_sum(given)[0]
        yield given.recomputed_findings("ADEFF", ("AVAL", "ADT"), rows=rows & ~named)


@adam_rule("V16", "E", "MELD is recomputed", "compute MELD with creatinine and bilirubin in mg/dL")
def meld_is_recomputed(given: Supplied) -> Iterator[pd.DataFrame]:
    """MELD and MELDUNOS against their re-derivation, within 1e-6 points."""
    if not given.is_recomputed("ADEFF") or not given.has("ADEFF", "PARAMCD", "AVAL"):
        return
    meld = given.column("ADEFF", "PARAMCD").isin(["MELD", "MELDUNOS"]) & given.partner("ADEFF").notna()
    value, expected = given.column("ADEFF", "AVAL"), given.recomputed("ADEFF", "AVAL")
    wrong = meld & ~((value - expected).abs() <= MELD_TOLERANCE)
    shown = given.column("ADEFF", "PARAMCD") + " " + number_text(value).fillna("missing")
    message = shown + ", recomputed " + number_text(expected)
    yield given.findings("ADEFF", wrong, "AVAL", message)
    yield given.recomputed_findings("ADEFF", ("ADT",), rows=meld & ~wrong)


@adam_rule("V16", "E", "MELD fits its components", "compute MELD with creatinine and bilirubin in mg/dL")
def meld_fits_its_components(given: Supplied) -> Iterator[pd.DataFrame]:
    """MELD against the creatinine used, bilirubin (mg/dL) and INR its own record holds, where there is no SDTM."""
    parts = ("COMP4", "COMP2", "COMP3")
    declared = given.trial.parameters.get("MELD")
    if (
        given.is_recomputed("ADEFF")
        or declared is None
        or declared.meld is None
        or not given.has("ADEFF", "PARAMCD", "AVAL", *parts)
    ):
        return
    creatinine, bilirubin, ratio = (given.column("ADEFF", name) for name in parts)
    rows = (given.column("ADEFF", "PARAMCD") == "MELD") & (creatinine > 0) & (bilirubin > 0) & (ratio > 0)
    # The one formula: checked are the inputs, not the formula, which published values check.
    # COMP4 is the creatinine used: the cap and dialysis are in it already.
    rule, bounded = declared.meld, given.trial.switches.meld_bounds == "unos"
    creatinine, bilirubin, ratio = (
        values.where(rows).clip(lower=rule.lower_bound if bounded else None) for values in (creatinine, bilirubin, ratio)
    )
    nobody = pd.Series(False, index=rows.index)
    expected = pd.Series(derive_meld(creatinine, bilirubin, ratio, nobody, rule=rule, bounded=False), index=rows.index)
    value = given.column("ADEFF", "AVAL")
    wrong = rows & value.notna() & ~((value - expected).abs() <= MELD_TOLERANCE)
    yield given.findings("ADEFF", wrong, "AVAL", "MELD " + number_text(value) + ", its components give " + number_text(expected))


@adam_rule("V16", "W", "MELD is what the site calculated", "query the site's components")
def meld_fits_the_site(given: Supplied) -> Iterator[pd.DataFrame]:
    """MELD of a visit against the investigator's own (MELDSITE), more than one point apart."""
    if given.source is None or not given.has("ADEFF", *VISIT, "PARAMCD", "AVAL"):
        return
    site = given.source.table("RS", "RSTESTCD", "RSSTRESN", "VISITNUM")
    site = site[(site["RSTESTCD"] == "MELDSITE") & site["RSSTRESN"].notna()].assign(VISITNUM=site["VISITNUM"].round(4))
    told = site.drop_duplicates(VISIT, keep="last").set_index(VISIT)["RSSTRESN"]
    visits = pd.DataFrame({"USUBJID": given.column("ADEFF", "USUBJID"), "VISITNUM": given.column("ADEFF", "VISITNUM").round(4)})
    expected = told.reindex(pd.MultiIndex.from_frame(visits)).set_axis(visits.index)
    value = given.column("ADEFF", "AVAL")
    wrong = (given.column("ADEFF", "PARAMCD") == "MELD") & ((value - expected).abs() > SITE_TOLERANCE)
    yield given.findings("ADEFF", wrong, "AVAL", "MELD " + number_text(value) + ", the site calculated " + number_text(expected))

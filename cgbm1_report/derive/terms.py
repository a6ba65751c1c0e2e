"""Finds the trial's own terms (complications, events of special interest) in reported ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from cgbm1_report.derive.domains import take_domain
from cgbm1_report.errors import DataError, Problem
from cgbm1_report.protocol.sections import Aesi
from cgbm1_report.protocol.trial import Trial

_CE_TEXT = ("CETERM", "CECAT", "CEOCCUR", "CEPREBL", "CEWORSE", "CEBEFINF", "CEGRADE", "CESTDTC", "CEENDTC", "CEENRTPT")
_COMPLICATION = "ACLF COMPLICATION"


def folded(text: pd.Series) -> pd.Series:
    """Text as it is compared: without surrounding blanks, letter case and doubled blanks."""
    return text.str.strip().str.replace(r"\s+", " ", regex=True).str.lower()


def is_one_of(text: pd.Series, terms: Iterable[str]) -> pd.Series:
    """True where the text is one of the terms, whatever the letter case."""
    return folded(text).isin({term.strip().lower() for term in terms})


def match_complications(sdtm: Mapping[str, pd.DataFrame], trial: Trial) -> pd.DataFrame:
    """CE records of the protocol's complications with COMPCD and COMPTERM, one row per record.

    Raises
    ------
    ReportError
        A term of the complication form that trial.yaml does not declare: leaving it out would lose
        a complication.
    """
    ce = take_domain(sdtm, "CE", _CE_TEXT, ("CESEQ",))
    if not trial.complications:
        return ce.iloc[:0].assign(COMPCD="", COMPTERM="")
    ce = ce[ce["CECAT"] == _COMPLICATION]
    codes = {key.lower(): c.code for c in trial.complications for key in (c.code, c.term)}
    code = folded(ce["CETERM"]).map(codes).astype("str")
    if code.isna().any():
        raise DataError.of(
            Problem(
                f"complication {term!r} is not declared",
                file="CE",
                rule="every CETERM of category ACLF COMPLICATION is a complication of trial.yaml",
                place="CETERM",
                remedy="correct the term, or declare it under complications",
            )
            for term in sorted(set(ce.loc[code.isna(), "CETERM"].fillna("(missing)")))
        )
    return ce.assign(COMPCD=code, COMPTERM=code.map({c.code: c.term for c in trial.complications}).astype("str"))


def derive_aesicat(adae: pd.DataFrame, near_infusion: pd.DataFrame, trial: Trial) -> pd.Series:
    """AESICAT: codes of the categories of special interest an event belongs to, joined by ``;``; missing without one.

    Parameters
    ----------
    adae
        Events with AEDECOD, AESOC and AEINFREA.
    near_infusion
        ``hours`` since the last infusion start and ``same_date`` where the onset has no time and its date is
        that of an infusion.
    trial
        Its ``aesi``: terms, system organ class, time after an infusion, investigator's box.
    """
    category = pd.Series("", index=adae.index, dtype="str")
    for aesi in trial.aesi:
        category = category.mask(_belongs(adae, near_infusion, aesi), category + aesi.code + ";")
    category = category.str.removesuffix(";")
    return category.where(category != "")


def _belongs(adae: pd.DataFrame, near_infusion: pd.DataFrame, aesi: Aesi) -> pd.Series:
    named = is_one_of(adae["AEDECOD"], aesi.terms) | is_one_of(adae["AESOC"], [aesi.soc] if aesi.soc else [])
    if aesi.hours_after_infusion is not None:
        near = near_infusion["hours"].between(0, aesi.hours_after_infusion)
        named &= near | (near_infusion["same_date"] & (aesi.untimed_onset == "infusion_date"))
    return named | (adae["AEINFREA"].eq("Y") & aesi.investigator_box)

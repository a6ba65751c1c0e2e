"""Finds the trial's own terms (complications, events of special interest) in reported ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import pandas as pd

from cgbm1_report.derive.domains import take_domain
from cgbm1_report.errors import DataError, PlanError, Problem
from cgbm1_report.protocol.sections import Aesi
from cgbm1_report.protocol.trial import Trial

_CE_TEXT = ("CETERM", "CECAT", "CEOCCUR", "CEPREBL", "CEWORSE", "CEBEFINF", "CEGRADE", "CESTDTC", "CEENDTC")
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


def _hours(rule: str) -> float | None:
    found = re.search(r"within (\d+) h\b", rule)
    return float(found[1]) if found else None


def derive_aesicat(adae: pd.DataFrame, near_infusion: pd.DataFrame, trial: Trial) -> pd.Series:
    """AESICAT: codes of the categories of special interest an event belongs to, joined by ``;``.

    The rule of a category is carried out as far as it is data: its ``terms`` are preferred terms;
    a rule with ``within N h`` asks for onset in the N hours after the start of an infusion, or on
    its date where the onset has no time; ``investigator box`` lets AEINFREA = Y stand for all of it;
    a category without terms is the system organ class named after ``AESOC = ``.

    Parameters
    ----------
    adae
        Events with AEDECOD, AESOC and AEINFREA.
    near_infusion
        ``hours`` since the last infusion start and ``same_date`` where the onset has no time.

    Raises
    ------
    ReportError
        A category of trial.yaml has neither terms nor a system organ class.
    """
    unusable = [aesi for aesi in trial.aesi if not aesi.terms and _soc(aesi) is None]
    if unusable:
        raise PlanError.of(
            Problem(
                f"category {aesi.code} cannot be found in the data",
                file="trial.yaml",
                rule="an AESI has terms, or a rule that reads 'AESOC = …'",
                place=f"aesi.{aesi.code}",
                remedy="list its preferred terms or name its system organ class",
            )
            for aesi in unusable
        )
    category = pd.Series("", index=adae.index, dtype="str")
    for aesi in trial.aesi:
        category = category.mask(_belongs(adae, near_infusion, aesi), category + aesi.code + ";")
    category = category.str.removesuffix(";")
    return category.where(category != "")


def _soc(aesi: Aesi) -> str | None:
    found = re.search(r"AESOC = (.+)$", aesi.rule)
    return found[1].strip() if found else None


def _belongs(adae: pd.DataFrame, near_infusion: pd.DataFrame, aesi: Aesi) -> pd.Series:
    soc = _soc(aesi)
    named = is_one_of(adae["AEDECOD"], aesi.terms) if aesi.terms else is_one_of(adae["AESOC"], [soc or ""])
    hours = _hours(aesi.rule)
    if hours is not None:
        named &= near_infusion["hours"].between(0, hours) | near_infusion["same_date"]
    return named | adae["AEINFREA"].eq("Y") if "investigator box" in aesi.rule else named

"""ADLBQ: results that are words or are no parameter of another dataset: urinalysis, serology, pregnancy tests."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cgbm1_report.derive.dates import derive_ady
from cgbm1_report.derive.domains import add_subject_variables, take_domain
from cgbm1_report.derive.labels import BDS_SUBJECT
from cgbm1_report.derive.windows import finish_bds, read_dates
from cgbm1_report.distinct import map_text
from cgbm1_report.protocol.trial import Trial

#: Categories of LB that are told in words.
URINALYSIS, PREGNANCY, SEROLOGY = "URINALYSIS", "PREGNANCY TEST", "SEROLOGY"
#: Antibodies that have an analysis dataset of their own, with their intensities.
_ANTIBODIES = "ANTI-HLA"
_TEXT = ("TESTCD", "TEST", "CAT", "SCAT", "STAT", "ORRES", "ORRESU", "STRESC", "NRIND", "DTC")


def derive_adlbq(sdtm: Mapping[str, pd.DataFrame], adsl: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """ADLBQ, one row per subject, test and sample, before, on and after treatment.

    Of LB it has urinalysis and pregnancy tests, of MB and IS what trial.yaml declares as no parameter of another dataset: viral
    antigens and antibodies, not the viral load or the anti-HLA antibodies. What was not done has no record.

    Parameters
    ----------
    sdtm
        LB, MB, IS; an absent domain gives no rows.
    adsl
        One row per subject.
    trial
        Parameters that stand elsewhere.

    Returns
    -------
    DataFrame
        Sorted by subject, category, test and time. A date without its day has neither ADT nor ADY.
    """
    elsewhere = {one.testcd or code for code, one in trial.parameters.items()}
    records = pd.concat([_take(sdtm, domain, elsewhere) for domain in ("LB", "MB", "IS")], ignore_index=True)
    records = records[records["USUBJID"].isin(adsl["USUBJID"])]
    records = add_subject_variables(records, adsl, BDS_SUBJECT)
    order = ["USUBJID", "PARCAT1", "PARAMCD", "ADT", "ADTM", "VISITNUM", "SRCDOM", "SRCSEQ"]
    records = records.sort_values(order, kind="stable", ignore_index=True)
    records = records.assign(ADY=derive_ady(records["ADT"], records["TRTSDT"]), ASEQ=records.groupby("USUBJID").cumcount() + 1.0)
    return finish_bds(records, "ADLBQ")


def _take(sdtm: Mapping[str, pd.DataFrame], domain: str, elsewhere: set[str]) -> pd.DataFrame:
    """Results of a domain, with what they are told by."""
    found = take_domain(
        sdtm, domain, ("VISIT", *(f"{domain}{name}" for name in _TEXT)), ("VISITNUM", f"{domain}SEQ", f"{domain}STRESN")
    )
    found = found.rename(columns={f"{domain}{name}": name for name in (*_TEXT, "SEQ", "STRESN")})
    own = found["CAT"].isin([URINALYSIS, PREGNANCY]) if domain == "LB" else ~found["TESTCD"].isin(elsewhere)
    told = found[["ORRES", "STRESC", "STRESN"]].notna().any(axis="columns")
    found = found[own & told & found["STAT"].isna() & found["SCAT"].ne(_ANTIBODIES)].reset_index(drop=True)
    source = {"SRCDOM": domain, "SRCVAR": f"{domain}STRESC"}
    dates = read_dates(found, "DTC")
    texts = {name: pd.Series(text, index=found.index, dtype="str") for name, text in source.items()}
    category = found["CAT"] if domain == "LB" else pd.Series(SEROLOGY, index=found.index, dtype="str")
    names = map_text(found["TESTCD"], dict(zip(found["TESTCD"], found["TEST"].fillna(found["TESTCD"]), strict=True)))
    return found.assign(
        **texts, SRCSEQ=found["SEQ"], PARAMCD=found["TESTCD"], PARAM=names, PARCAT1=category, AVAL=found["STRESN"],
        AVALC=found["STRESC"], ANRIND=found["NRIND"], ADT=dates["ADT"], ADTM=dates["ADTM"],
    )  # fmt: skip

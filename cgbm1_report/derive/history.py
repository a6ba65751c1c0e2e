"""What a subject brought into the trial: demography, liver disease, complications and treatment before the first dose.

All functions take SDTM and give frames or series indexed by USUBJID. ``anchored`` subjects are those
with an anchor date (first dose, else randomisation); for them "nothing recorded" means no, for the
others it means not asked.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cgbm1_report.collected.look_up import look_up
from cgbm1_report.derive.dates import derive_days, parse_dtc
from cgbm1_report.derive.domains import take_domain, yes_no
from cgbm1_report.derive.terms import match_complications
from cgbm1_report.protocol.trial import Trial

Sdtm = Mapping[str, pd.DataFrame]

#: Aetiologies and precipitants by the words that name them, the first that fits.
_ETIOLOGIES: dict[str, str] = {
    "HEPATITIS B": r"HEPATITIS B\b|\bHBV\b",
    "ALCOHOL": r"ALCOHOL",
    "DRUG": r"\bDRUG|\bMEDICINE|HERBAL",
    "AUTOIMMUNE": r"AUTO-?\s?IMMUN|PRIMARY BILIARY",
}
_PRECIPITANTS: dict[str, str] = {
    "HBV FLARE": r"HBV|HEPATITIS B\b",
    "INFECTION": r"INFECTI|SEPSIS|SEPTIC|PERITONITIS|PNEUMONIA",
    "ALCOHOL": r"ALCOHOL",
    "DRUG": r"\bDRUG|\bMEDICINE|HERBAL",
    "UNKNOWN": r"UNKNOWN|NOT IDENTIFIED",
}
#: Cirrhosis tells the stage of a liver disease, not its cause.
_CIRRHOSIS = r"(?<!NON)(?<!NON[- ])CIRRHO"
_ONLY_CIRRHOSIS = r"^(?:HEPATIC |LIVER |DECOMPENSATED |COMPENSATED )*CIRRHOSIS(?: OF (?:THE )?LIVER)?$"


def derive_group(adsl: pd.DataFrame, variable: str, trial: Trial) -> pd.DataFrame:
    """A grouping variable and its number (AGEGR1, AGEGR1N), by the limits trial.yaml gives it.

    Missing where the value is, and where the trial declares no limits.
    """
    group = trial.groups.get(variable)
    if group is None:
        texts = pd.Series(index=adsl.index, dtype="str")
        return pd.DataFrame({variable: texts, f"{variable}N": pd.Series(index=adsl.index, dtype="float64")})
    number = pd.cut(adsl[group.of], [-np.inf, *group.limits, np.inf], right=False, labels=False) + 1.0
    label = number.map({place + 1.0: name for place, name in enumerate(group.labels)}).astype("str")
    return pd.DataFrame({variable: label, f"{variable}N": number.astype("float64")})


def _history(sdtm: Sdtm, category: str | None) -> pd.DataFrame:
    """Medical history of a category: USUBJID and the upper-case term; not what was asked for and did not occur."""
    mh = take_domain(sdtm, "MH", ("MHTERM", "MHDECOD", "MHCAT", "MHOCCUR"))
    mh = mh[mh["MHOCCUR"].ne("N")]
    mh = mh if category is None else mh[mh["MHCAT"] == category]
    term = (mh["MHDECOD"].fillna("") + "; " + mh["MHTERM"].fillna("")).str.upper().str.strip("; ")
    return pd.DataFrame({"USUBJID": mh["USUBJID"], "TERM": term, "DECOD": mh["MHDECOD"].fillna(mh["MHTERM"]).str.upper()})


def _named(history: pd.DataFrame, words: str, subjects: pd.Index) -> pd.Series:
    hit = history.loc[history["TERM"].str.contains(words, regex=True, na=False), "USUBJID"]
    return pd.Series(subjects.isin(hit), index=subjects)


def derive_etiol(sdtm: Sdtm, subjects: pd.Index) -> pd.Series:
    """ETIOL: cause of the chronic liver disease, hepatitis B with alcohol as one of its own.

    Taken from history of category CHRONIC LIVER DISEASE. A term that only says cirrhosis names no
    cause; missing where nothing else is recorded.
    """
    disease = _history(sdtm, "CHRONIC LIVER DISEASE")
    disease = disease[~disease["DECOD"].str.contains(_ONLY_CIRRHOSIS, regex=True, na=False)]
    named = {cause: _named(disease, words, subjects) for cause, words in _ETIOLOGIES.items()}
    cause = pd.Series("OTHER", index=subjects, dtype="str").where(subjects.isin(disease["USUBJID"]))
    for name in reversed(_ETIOLOGIES):
        cause = cause.mask(named[name], name)
    return cause.mask(named["HEPATITIS B"] & named["ALCOHOL"], "HEPATITIS B + ALCOHOL")


def derive_cirrfl(sdtm: Sdtm, subjects: pd.Index) -> pd.Series:
    """CIRRFL: cirrhosis in the medical history; missing for a subject without any history record."""
    history = _history(sdtm, None)
    asked = pd.Series(subjects.isin(history["USUBJID"]), index=subjects)
    return yes_no(_named(history, _CIRRHOSIS, subjects), asked)


def derive_precip(sdtm: Sdtm, subjects: pd.Index) -> pd.Series:
    """PRECIP: what brought the acute failure on, from history of category ACLF PRECIPITANT."""
    event = _history(sdtm, "ACLF PRECIPITANT")
    cause = pd.Series("OTHER", index=subjects, dtype="str").where(subjects.isin(event["USUBJID"]))
    for name, words in reversed(_PRECIPITANTS.items()):
        cause = cause.mask(_named(event, words, subjects), name)
    return cause


def derive_complications_at_baseline(sdtm: Sdtm, anchored: pd.Series, trial: Trial) -> pd.DataFrame:
    """CEREDBL … HPSBL: each complication of the trial present at baseline, Y or N."""
    ce = match_complications(sdtm, trial)
    present = ce[(ce["CEOCCUR"] == "Y") & (ce["CEPREBL"] == "Y")]
    flags = {}
    for complication in trial.complications:
        of_code = present.loc[present["COMPCD"] == complication.code, "USUBJID"]
        had = pd.Series(anchored.index.isin(of_code), index=anchored.index)
        flags[complication.baseline_flag] = yes_no(had, anchored | had)
    return pd.DataFrame(flags, index=anchored.index)


def derive_alsblfl(sdtm: Sdtm, adsl: pd.DataFrame, trial: Trial) -> pd.Series:
    """ALSBLFL: artificial liver support in the screening period before the anchor date, Y or N.

    The period is the protocol window of the screening visit of the subject's phase. Support that
    began before it and went on into it counts.
    """
    pr = take_domain(sdtm, "PR", ("PRDECOD", "PRSTDTC", "PRENDTC", "PROCCUR"))
    pr = pr[(pr["PRDECOD"] == "ARTIFICIAL LIVER SUPPORT") & pr["PROCCUR"].ne("N")]
    start = parse_dtc(pr["PRSTDTC"])["first"]
    anchor = look_up(pr["USUBJID"], adsl["ANCHDT"])
    began, ended = derive_days(start, anchor), derive_days(parse_dtc(pr["PRENDTC"])["date"].fillna(start), anchor)
    opening = look_up(pr["USUBJID"], adsl["PHASE"].map(screening_opens(trial)))
    supported = pr.loc[(began < 0) & (ended >= opening), "USUBJID"]
    return yes_no(pd.Series(adsl.index.isin(supported), index=adsl.index), adsl["ANCHDT"].notna())


def screening_opens(trial: Trial) -> dict[float, float]:
    """First elapsed day of the screening window, by phase; open backwards where none is declared."""
    return {
        float(number): float(min((v.protocol_window[0] for v in phase.visits if v.protocol_window), default=-np.inf))
        for number, phase in trial.phases.items()
    }


def derive_pregfl(sdtm: Sdtm, adsl: pd.DataFrame, trial: Trial) -> pd.Series:
    """PREGFL: a dosed woman has a negative pregnancy test of the days before the first infusion and no positive one.

    The days are those of the eligibility criterion; missing where the trial has none.
    """
    rule = trial.eligibility.pregnancy_test if trial.eligibility else None
    if rule is None:
        return pd.Series(index=adsl.index, dtype="str")
    lb = take_domain(sdtm, "LB", ("LBTESTCD", "LBSTRESC", "LBDTC"))
    lb = lb[lb["LBTESTCD"] == "HCG"]
    day = derive_days(parse_dtc(lb["LBDTC"])["date"], look_up(lb["USUBJID"], adsl["TRTSDT"]))
    timely = lb[day.between(-rule.days, 0)]
    negative = adsl.index.isin(timely.loc[timely["LBSTRESC"] == "NEGATIVE", "USUBJID"])
    positive = adsl.index.isin(timely.loc[timely["LBSTRESC"] == "POSITIVE", "USUBJID"])
    tested = pd.Series(negative & ~positive, index=adsl.index)
    return yes_no(tested, adsl["SEX"].eq("F") & adsl["TRTSDT"].notna())

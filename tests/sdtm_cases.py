"""Small SDTM drawn as text tables: blanks between two columns are two or more, ``-`` is a missing value."""

from __future__ import annotations

import re

import pandas as pd

from cgbm1_report.protocol.trial import Trial
from tests.drawn import our_trial

NUMBERS = re.compile(r"(SEQ|STRESN|VISITNUM|AGE|SCRPHASE|TOXGR|EXDOSE|EXTOTCEL|EXPLCEL|EXPLVOL|EXACVOL|EXWT)$")


def table(text: str, **constants: object) -> pd.DataFrame:
    """A frame of one domain. The first line names the variables; a text after ``#`` is a comment."""
    lines = [line.split("#")[0].strip() for line in text.strip().splitlines()]
    rows = [re.split(r"\s{2,}", line) for line in lines if line]
    head, body = rows[0], rows[1:]
    assert all(len(row) == len(head) for row in body), [row for row in body if len(row) != len(head)]
    frame = pd.DataFrame(body, columns=head, dtype="str").replace("-", None).assign(**constants)
    return frame.astype({name: "float64" if NUMBERS.search(str(name)) else "str" for name in frame.columns})


def subjects(text: str) -> pd.DataFrame:
    """DM from a table that has at least USUBJID and ARMCD; what is not drawn is ordinary."""
    drawn = table(text)
    usual = {
        "STUDYID": "S",
        "SUBJID": drawn["USUBJID"],
        "SITEID": "01",
        "RFICDTC": "2025-03-01",
        "AGE": 46.0,
        "AGEU": "YEARS",
        "SEX": "M",
        "RACE": "ASIAN",
        "COUNTRY": "CHN",
    }
    return drawn.assign(**{name: value for name, value in usual.items() if name not in drawn})


def infusions(text: str) -> pd.DataFrame:
    """EX from USUBJID, EXSTDTC and what else is drawn; an infusion ends the day it starts."""
    drawn = table(text)
    if "EXSEQ" not in drawn:
        drawn["EXSEQ"] = drawn.groupby("USUBJID").cumcount() + 1.0
    return drawn.assign(**{"EXENDTC": drawn["EXSTDTC"]} if "EXENDTC" not in drawn else {})


def events(text: str) -> pd.DataFrame:
    """AE from what is drawn; what is not is ordinary."""
    drawn = table(text)
    usual = {
        "AESEQ": drawn.groupby("USUBJID").cumcount() + 1.0,
        "AETERM": "fever",
        "AEDECOD": "Pyrexia",
        "AESOC": "General disorders and administration site conditions",
        "AETOXGR": 2.0,
        "AESER": "N",
        "AEACN": "DOSE NOT CHANGED",
        "AEOUT": "UNKNOWN",
    }
    drawn = drawn.assign(**{name: value for name, value in usual.items() if name not in drawn})
    return drawn.assign(AEBODSYS=drawn["AESOC"])


def complications(text: str) -> pd.DataFrame:
    """CE of the complication form from what is drawn."""
    drawn = table(text)
    usual = {"CESEQ": drawn.groupby("USUBJID").cumcount() + 1.0, "CECAT": "ACLF COMPLICATION", "CEOCCUR": "Y", "CEPREBL": "N"}
    return drawn.assign(**{name: value for name, value in usual.items() if name not in drawn})


def disposition(text: str) -> pd.DataFrame:
    """DS from USUBJID, DSDECOD, DSSTDTC and, for an end, DSSCAT."""
    drawn = table(text)
    if "DSSCAT" not in drawn:
        drawn["DSSCAT"] = pd.Series(index=drawn.index, dtype="str")
    category = pd.Series("PROTOCOL MILESTONE", index=drawn.index).mask(drawn["DSSCAT"].notna(), "DISPOSITION EVENT")
    return drawn.assign(DSCAT=category, DSSEQ=drawn.groupby("USUBJID").cumcount() + 1.0)


def changed(trial: Trial | None = None, **switches: object) -> Trial:
    """The trial with other switches."""
    trial = trial or our_trial()
    return trial.model_copy(update={"switches": trial.switches.model_copy(update=switches)})


def emergent_to(day: int | None) -> Trial:
    """The trial with another last day of the treatment-emergent period."""
    trial = our_trial()
    return trial.model_copy(update={"teae": trial.teae.model_copy(update={"end_day": day}) if trial.teae else None})


def days(text: str) -> pd.Timestamp:
    return pd.Timestamp(text)


def shown(value: object) -> object:
    """A value as the oracles write it: ISO date, text, number or None."""
    if value is None or value is pd.NaT or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d") if value == value.normalize() else value.strftime("%Y-%m-%dT%H:%M")
    return value

"""The values that eligibility is recomputed from, as texts: what the last sample before the first infusion said.

Numbers stand in the unit that trial.yaml tells the limit in. What is judged by the history, procedures and medication has no value.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from cgbm1_report.collected import eligibility
from cgbm1_report.collected.screening import Screening, meld_at_entry
from cgbm1_report.protocol.eligibility import Check

#: What tests that answer in a word are called.
_TESTS = {"HCG": "hCG", "HBSAG": "HBsAg", "HIV12AB": "HIV antibody"}
#: Decimals of what is computed: a value beside its limit must not read as the limit itself.
_DP = 2


def _number(name: str, values: pd.Series) -> pd.Series:
    """A number with its name; missing where there is none."""
    texts = values.round(_DP).map("{:.15g}".format, na_action="ignore").astype("str")
    told: pd.Series = name + " " + texts
    return told


def _join(*told: pd.Series) -> pd.Series:
    """Texts one behind the other, those that are missing left out."""
    said = pd.Series("", index=told[0].index, dtype="str")
    for one in told:
        said = said + ("; " + one).fillna("")
    said = said.str.removeprefix("; ")
    found: pd.Series = said.where(said != "")
    return found


def _last_text(data: Screening, domain: str, test: str) -> pd.Series:
    """The last result before the first infusion as a word, with its day."""
    table = data.results(domain, test).dropna(subset=["TEXT"])
    day = table["FIRST"].dt.strftime(", %Y-%m-%d").astype("str").fillna("")
    said = (_TESTS[test] + " " + table["TEXT"].str.lower() + day).groupby(table["USUBJID"]).last()
    found: pd.Series = said.reindex(data.subjects.index).astype("str")
    return found


def _name(data: Screening, paramcd: str) -> str:
    """What the trial calls a parameter; its code where it declares none."""
    one = data.source.trial.parameters.get(paramcd)
    return one.name if one else paramcd


def _bilirubin(data: Screening) -> pd.Series:
    table = eligibility.bilirubin_at_entry(data)
    return _join(_number(_name(data, "BILI"), table["LAST"]), _number("daily rise", table["RISE"]))


def _decompensation(data: Screening) -> pd.Series:
    tests = (_number(_name(data, code), data.last("LB", code)) for code in ("INR", "PTA"))
    return _join(*tests, _number("HE grade", data.last("RS", "HEGRADE")))


def _artificial_liver(data: Screening) -> pd.Series:
    """The day of the last session before the first infusion."""
    last = data.procedures("ARTIFICIAL LIVER SUPPORT").groupby("USUBJID")["DAY"].max()
    return _number("Days to first infusion", -last.reindex(data.subjects.index))


_TOLD: dict[Check, Callable[[Screening], pd.Series]] = {
    "adult": lambda data: _number("Age", data.subjects["AGE"]),
    "bilirubin": _bilirubin,
    "decompensation": _decompensation,
    "hepatitis_b": lambda data: _last_text(data, "MB", "HBSAG"),
    "meld": lambda data: _number("MELD", meld_at_entry(data)),
    "pregnancy_test": lambda data: _last_text(data, "LB", "HCG").where(data.subjects["TRTSDT"].notna()),
    "pregnancy": lambda data: _last_text(data, "LB", "HCG"),
    "encephalopathy": lambda data: _number("HE grade", data.last("RS", "HEGRADE")),
    "organ_failures": lambda data: _number("Organs failing", eligibility.count_failing(data)),
    "artificial_liver": _artificial_liver,
    "immunodeficiency": lambda data: _last_text(data, "IS", "HIV12AB"),
}


def tell_values(data: Screening) -> dict[Check, pd.Series]:
    """Of each check of the trial that asks for a value the value of each subject."""
    wanted = {criterion.check for criteria in data.source.trial.ie_criteria.values() for criterion in criteria}
    return {name: tell(data) for name, tell in _TOLD.items() if name in wanted}

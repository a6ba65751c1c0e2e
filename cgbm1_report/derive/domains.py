"""Takes the variables a derivation needs out of an SDTM domain, present or not, and back onto records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.extensions import ExtensionArray

from cgbm1_report.distinct import find_places
from cgbm1_report.errors import DataError, Problem

_TEXT: Final = "str"
_YES, _YES_NO = pd.array(["Y", None], dtype=_TEXT), pd.array(["Y", "N"], dtype=_TEXT)

#: Variables without which a present domain cannot be derived from. Treatment variables (ARMCD,
#: EXTRT, EXDOSE, cells) are not among them: a blinded phase arrives without them.
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "DM": ("STUDYID", "USUBJID", "SUBJID", "SITEID", "RFICDTC", "AGE", "AGEU", "SEX", "RACE", "COUNTRY"),
    "DS": ("USUBJID", "DSSEQ", "DSDECOD", "DSCAT", "DSSTDTC"),
    "EX": ("USUBJID", "EXSEQ", "EXSTDTC", "EXENDTC"),
    "AE": (
        *("USUBJID", "AESEQ", "AETERM", "AEDECOD", "AEBODSYS", "AESOC", "AESTDTC"),
        *("AETOXGR", "AESER", "AEACN", "AEOUT"),
    ),
    "CE": ("USUBJID", "CESEQ", "CETERM", "CECAT", "CEOCCUR", "CEPREBL"),
    "PR": ("USUBJID", "PRSEQ", "PRDECOD", "PRSTDTC"),
    "MH": ("USUBJID", "MHTERM"),
    "SS": ("USUBJID", "SSTESTCD", "SSSTRESC", "SSDTC"),
    "DD": ("USUBJID", "DDTESTCD"),
    "DV": ("USUBJID", "DVDECOD", "DVCAT"),
    "VS": ("USUBJID", "VSSEQ", "VSTESTCD", "VSDTC", "VISITNUM", "VISIT"),
    "LB": ("USUBJID", "LBSEQ", "LBTESTCD", "LBDTC", "VISITNUM", "VISIT"),
}


def check_required(sdtm: Mapping[str, pd.DataFrame]) -> None:
    """Refuse SDTM that lacks a variable no derivation can do without.

    Raises
    ------
    ReportError
        DM is absent or has two records of one subject, or a domain that is there lacks a required
        variable. All are named at once.
    """
    problems = [] if "DM" in sdtm else [Problem("is not in the cut", file="DM", rule="DM holds the subjects", remedy="add DM")]
    problems += [
        Problem(f"{variable} is not there", file=domain, rule="required variable", place=variable, remedy="add the variable")
        for domain, variables in REQUIRED.items()
        if domain in sdtm
        for variable in variables
        if variable not in sdtm[domain].columns
    ]
    if not problems:
        ids = sdtm["DM"]["USUBJID"]
        problems = [
            Problem(
                f"{subject} has more than one record", file="DM", rule="one record per subject", place="USUBJID", remedy="keep one"
            )
            for subject in sorted(set(ids[ids.duplicated()].dropna()))
        ]
    if problems:
        raise DataError.of(problems)


def take_domain(sdtm: Mapping[str, pd.DataFrame], domain: str, text: Iterable[str], numbers: Iterable[str] = ()) -> pd.DataFrame:
    """The named variables of a domain, with USUBJID in front.

    A domain that is absent gives no rows, a variable that is absent is missing on every row; what
    must not be absent is for `check_required` to say. ``text`` variables come as ``str`` with NaN
    for missing, ``numbers`` as ``float64``. The index counts the rows of this frame.
    """
    source = sdtm[domain] if domain in sdtm else pd.DataFrame({"USUBJID": pd.Series(dtype="str")})
    columns: dict[str, ExtensionArray | NDArray[np.float64]] = {name: _take_text(source, name) for name in ("USUBJID", *text)}
    columns |= {name: _take_number(source, name) for name in numbers}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(source)))


def _take_text(source: pd.DataFrame, name: str) -> ExtensionArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    if name not in source:
        return pd.Series(np.nan, index=range(len(source)), dtype=_TEXT).array
    values = source[name]
    text = values.array if values.dtype == _TEXT else values.astype(_TEXT).array
    # Hundreds of short columns are taken in one derivation: Arrow sees an empty text ten times sooner than a Series.
    if pc.any(pc.equal(pa.array(text, type=pa.large_string(), from_pandas=True), "")).as_py():
        told = values.astype(_TEXT)
        text = told.where(told != "").array
    return text


def _take_number(source: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in source:
        return np.full(len(source), np.nan)
    values = source[name]
    return (values if values.dtype == "float64" else pd.to_numeric(values, errors="coerce")).to_numpy(dtype="float64")


def without_attributes(frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The same frames without labels: pandas copies them with every step, and no derivation reads them."""
    bare = {name: frame.copy(deep=False) for name, frame in frames.items()}
    for frame in bare.values():
        frame.attrs = {}
    return bare


def flag(condition: pd.Series) -> pd.Series:
    """``Y`` where the condition holds, else missing."""
    return _take_by(condition, _YES)


def yes_no(condition: pd.Series, known: pd.Series | None = None) -> pd.Series:
    """``Y`` where the condition holds, else ``N``; missing where it is not ``known`` to apply."""
    answer = _take_by(condition, _YES_NO)
    return answer if known is None else answer.where(known)


def _take_by(condition: pd.Series, texts: ExtensionArray) -> pd.Series:
    """The first text where the condition holds, the second where it does not or is missing."""
    holds = condition if condition.dtype == "bool" else condition.fillna(False).astype(bool)
    return pd.Series(texts.take(np.where(holds.to_numpy(), 0, 1)), index=condition.index)


def add_subject_variables(records: pd.DataFrame, adsl: pd.DataFrame, variables: Iterable[str]) -> pd.DataFrame:
    """Write subject variables onto every record, replacing what stood there under the same names.

    TRTP, TRTPN, TRTA and TRTAN are TRT01P, TRT01PN, TRT01A and TRT01AN of ADSL.
    """
    source = {"TRTP": "TRT01P", "TRTPN": "TRT01PN", "TRTA": "TRT01A", "TRTAN": "TRT01AN"}
    rows = find_places(records["USUBJID"], adsl["USUBJID"])
    wanted = [name for name in variables if name != "USUBJID"]
    taken = {name: pd.api.extensions.take(adsl[source.get(name, name)].array, rows, allow_fill=True) for name in wanted}
    return records.assign(**taken)

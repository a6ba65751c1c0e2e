"""The levels of the Anatomical Therapeutic Chemical (ATC) classification in a medication's class code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

#: Length of the code at each level: A, A05, A05B, A05BA.
LEVELS: Final = {1: 1, 2: 3, 3: 4, 4: 5}

#: A code of any level, down to the substance (A05BA02). MULTIPLE and other words are none.
_CODE = r"[A-Z](?:[0-9]{2}(?:[A-Z](?:[A-Z](?:[0-9]{2})?)?)?)?"


def derive_atc(medications: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """ATC1, ATC1CD … ATC4, ATC4CD: the classes a medication belongs to, as far down as its code reaches.

    What the coded data say themselves (ATC1 … ATC4CD as supplemental qualifiers) stands. Else codes
    are cut from CMCLASCD, and a name is CMCLAS where the code is of that very level; then the one
    name other records of the data give the code; then that of ``names``.

    Parameters
    ----------
    medications
        ``CMCLAS, CMCLASCD`` and ``ATC1, ATC1CD`` … ``ATC4, ATC4CD``, missing where not collected.
    names
        Names by code, of the trial's dictionary.

    Returns
    -------
    DataFrame
        The eight variables, same index. Code and name are missing below the level the code reaches
        and for what is no ATC code; a name also where nobody gives one: none is invented.
    """
    code = medications["CMCLASCD"].str.strip().str.upper()
    code = code.where(code.str.fullmatch(_CODE).fillna(False).astype(bool))
    length = code.str.len().astype("float64")
    found = {}
    for level, places in LEVELS.items():
        cut = medications[f"ATC{level}CD"].fillna(code.str[:places].where(length >= places))
        own = medications["CMCLAS"].where((length == places) & (cut == code))
        name = medications[f"ATC{level}"].fillna(own)
        found[f"ATC{level}"] = name.fillna(cut.map({**names, **_agreed_names(cut, name)}).astype("str"))
        found[f"ATC{level}CD"] = cut
    return pd.DataFrame(found, index=medications.index).astype("str").replace("nan", np.nan)


def _agreed_names(code: pd.Series, name: pd.Series) -> dict[str, str]:
    """Name of each code that all records which name it call the same."""
    pairs = pd.DataFrame({"code": code, "name": name}).dropna().drop_duplicates()
    pairs = pairs[~pairs["code"].duplicated(keep=False)]
    return dict(zip(pairs["code"], pairs["name"], strict=True))

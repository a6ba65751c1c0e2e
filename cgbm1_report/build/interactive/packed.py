"""Analysis data as a page reads them from disk: a script that hands over plain values, each variable as short as it can be said.

A page that was opened from disk may load scripts and no data. So a file is one call, ``cgData(name, value)``, with JSON in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SUBJECT, SUBJECTS = "USUBJID", "ADSL"
#: The letters that codes are written in: printed ones of ASCII without those that JSON or a script has a use for.
LETTERS = "".join(chr(code) for code in range(35, 127) if chr(code) not in "\\<&'`")
_BASE = len(LETTERS)


def say_script(name: str, value: object) -> bytes:
    """What a page is given under a name. No text of the data can end the script or be read as markup."""
    said = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return f"cgData({json.dumps(name)},{said});\n".encode("ascii")


def write_script(path: Path, name: str, value: object) -> None:
    """Write what a page asks for under a name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(say_script(name, value))


def pack_dataset(name: str, frame: pd.DataFrame, subjects: pd.DataFrame) -> dict[str, Any]:
    """A dataset: how many records it has, and by variable its label and its values.

    What a record says of its subject exactly as ADSL does is left to ADSL.
    """
    labels: Mapping[str, str] = frame.attrs.get("labels", {})
    own = [column for column in map(str, frame) if name == SUBJECTS or not _is_of_subject(column, frame, subjects)]
    return {
        "rows": len(frame),
        "variables": {column: {"label": labels.get(column, ""), **pack_values(frame[column])} for column in own},
    }


def _is_of_subject(column: str, frame: pd.DataFrame, subjects: pd.DataFrame) -> bool:
    if column == SUBJECT or column not in subjects or SUBJECT not in frame:
        return False
    told = frame[SUBJECT].map(subjects.set_index(SUBJECT)[column])
    same = (told == frame[column]) | (told.isna() & frame[column].isna())
    return bool(same.fillna(False).all())


def pack_values(values: pd.Series) -> dict[str, Any]:
    """Values as ``same`` (one of all), as ``of`` with letters in ``codes`` (few), or as ``list``; missing is null.

    A code is ``wide`` letters, of which the first counts most.
    """
    told = _plain(values)
    codes, known = pd.factorize(told, use_na_sentinel=False)
    distinct = [_number(one) for one in known]
    if len(distinct) <= 1:
        return {"same": distinct[0] if distinct else None}
    if 2 * len(distinct) > len(told) and len(told) > _BASE:
        return {"list": [_number(one) for one in told]}
    wide = 1 if len(distinct) <= _BASE else 2 if len(distinct) <= _BASE**2 else 3
    letters = np.array(list(LETTERS))
    places = [letters[(codes // _BASE**power) % _BASE] for power in reversed(range(wide))]
    return {"of": distinct, "wide": wide, "codes": "".join(np.stack(places, axis=1).ravel().tolist())}


def _plain(values: pd.Series) -> pd.Series:
    """Dates as their text, without a time where none has one; numbers as they are; all else as text."""
    if pd.api.types.is_datetime64_any_dtype(values):
        form = "%Y-%m-%d" if (values.dropna() == values.dropna().dt.normalize()).all() else "%Y-%m-%dT%H:%M"
        values = values.dt.strftime(form)
    told: pd.Series = values.astype(object)
    return told.where(values.notna(), None)


def _number(value: Any) -> str | int | float | None:
    """A value as JSON has it: a whole number without a point."""
    if value is None or value is pd.NA or value != value:
        return None
    if isinstance(value, (bool, np.bool_)):
        return "Y" if value else "N"
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        number = float(value)
        if not np.isfinite(number):
            return None
        return int(number) if number.is_integer() and abs(number) < 2**53 else number
    return str(value)

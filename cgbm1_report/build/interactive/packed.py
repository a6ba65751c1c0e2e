"""Analysis data as a page reads them from disk: a script that hands over plain values, each variable as short as it can be said.

A page that was opened from disk may load scripts and no data. So a file is one call, ``cgData(name, value)``, with JSON in it.
"""

from __future__ import annotations

import json
import math
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SUBJECT, SUBJECTS = "USUBJID", "ADSL"
#: The letters that codes are written in: printed ones of ASCII without those that JSON or a script has a use for.
_LETTERS = np.array([code for code in range(35, 127) if chr(code) not in "\\<&'`"], dtype=np.uint8)
_BASE = len(_LETTERS)
_MIDNIGHT, _DATE, _TIME = "00:00:00", 10, 11


def say_script(name: str, value: object) -> bytes:
    """What a page is given under a name. No text of the data can end the script or be read as markup."""
    said = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return f"cgData({json.dumps(name)},{said});\n".encode("ascii")


def write_script(path: Path, name: str, value: object) -> None:
    """Write what a page asks for under a name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(say_script(name, value))


def pack_dataset(name: str, table: pa.Table, subjects: pa.Table) -> dict[str, Any]:
    """A dataset: how many records it has, and by variable its label and its values.

    What a record says of its subject exactly as ADSL does is left to ADSL.
    """
    about = json.loads((table.schema.metadata or {}).get(b"pandas", b"{}")).get("attributes") or {}
    labels = about.get("labels", {})
    own = table.column_names
    if name != SUBJECTS:
        places = pc.index_in(table[SUBJECT], value_set=subjects[SUBJECT].combine_chunks())
        own = [one for one in own if one == SUBJECT or not _is_of_subject(table[one], subjects, one, places)]
    return {
        "rows": table.num_rows,
        "variables": {one: {"label": labels.get(one, ""), **pack_values(table[one])} for one in own},
    }


def _is_of_subject(values: pa.ChunkedArray, subjects: pa.Table, name: str, places: pa.ChunkedArray) -> bool:
    """Whether every record says what its subject's record in ADSL does, missing included."""
    if name not in subjects.column_names or subjects[name].type != values.type:
        return False
    told = subjects[name].take(places)
    return bool(told.combine_chunks().equals(values.combine_chunks()))


def pack_values(values: pa.ChunkedArray) -> dict[str, Any]:
    """Values as ``same`` (one of all), as ``of`` with letters in ``codes`` (few), or as ``list``; missing is null.

    A code is ``wide`` letters, of which the first counts most.
    """
    coded = pa.chunked_array(values).combine_chunks().dictionary_encode(null_encoding="encode")
    distinct = _say_values(coded.dictionary)
    if len(distinct) <= 1:
        return {"same": distinct[0] if distinct else None}
    codes = coded.indices.to_numpy()
    if 2 * len(distinct) > len(codes) > _BASE:
        return {"list": [distinct[code] for code in codes.tolist()]}
    wide = 1 if len(distinct) <= _BASE else 2 if len(distinct) <= _BASE**2 else 3
    places = np.stack([(codes // _BASE**power) % _BASE for power in reversed(range(wide))], axis=1)
    return {"of": distinct, "wide": wide, "codes": _LETTERS[places.ravel()].tobytes().decode("ascii")}


def _say_values(values: pa.Array) -> list[str | int | float | None]:
    """Values as JSON has them: a whole number without a point, a date as its text, without a time where none has one."""
    told = [_say_value(value) for value in values.to_pylist()]
    if pa.types.is_timestamp(values.type) and all(text is None or text.endswith(_MIDNIGHT) for text in told):
        return [text[:_DATE] if text else None for text in told]
    return told


def _say_value(value: Any) -> Any:
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value

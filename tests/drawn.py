"""Clinical cases drawn as small text tables, a comment per case."""

from __future__ import annotations

import pandas as pd

DATES = ("DT", "DTM", "LSTALV0")


def draw(text: str) -> pd.DataFrame:
    """Read a drawn table: a heading, then rows; cells apart by ``|``; ``.`` is missing; ``#`` starts a comment.

    Columns ending in DT or DTM, and LSTALV0, become dates, columns whose every cell is a number become numbers,
    unless the name ends in ``$`` (text), which is cut off.
    """
    lines = [line.split("#")[0].strip() for line in text.strip().splitlines()]
    rows = [[cell.strip() for cell in line.split("|")] for line in lines if line]
    frame = pd.DataFrame(rows[1:], columns=rows[0]).astype("str").replace(".", pd.NA)
    made = {}
    for name in frame:
        own = frame[name].astype("str").where(frame[name].notna())
        if name.endswith("$"):
            made[name[:-1]] = own
        elif name.endswith(DATES):
            made[name] = pd.to_datetime(own).astype("datetime64[s]")
        else:
            numeric = pd.to_numeric(own, errors="coerce")
            made[name] = numeric.astype("float64") if numeric.notna().eq(own.notna()).all() and own.notna().any() else own
    return pd.DataFrame(made)

"""Questions in SQL, of the datasets of a study and of nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pandas as pd

from cgbm1_report.errors import ArgumentError

_RULE = "study.sql"


def ask_frames(question: str, frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What answers a question, in which the datasets it names are tables.

    Raises
    ------
    ReportError
        DuckDB cannot answer it.
    """
    import duckdb

    named = {word.upper() for word in re.findall(r"\w+", question)}
    with duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}) as base:
        for name in frames:
            if name in named:
                base.register(name.lower(), frames[name])
        base.execute("SET enable_external_access = false")
        try:
            return base.execute(question).df()
        except duckdb.Error as error:
            said = " ".join(line.strip() for line in str(error).partition("\n\nLINE ")[0].splitlines() if line.strip())
            remedy = f"tables are {', '.join(name.lower() for name in frames)}"
            raise ArgumentError(said, rule=_RULE, remedy=remedy) from error

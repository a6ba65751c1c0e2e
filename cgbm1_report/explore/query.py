"""Questions in SQL, of the datasets of a study and of nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from cgbm1_report.errors import ArgumentError, find_near

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_RULE = "study.sql"
_WRITTEN = 'write SQL: "SELECT count(*) FROM adsl"'


def ask_frames(question: str, frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What answers a question, in which the datasets it names are tables.

    Raises
    ------
    ReportError
        DuckDB cannot answer it.
    """
    import duckdb

    if not isinstance(question, str) or not question.strip():
        raise ArgumentError(f"{question!r} is no question", rule=_RULE, remedy=_WRITTEN)
    named = {word.upper() for word in re.findall(r"\w+", question)}
    with duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}) as base:
        for name in frames:
            if name in named:
                base.register(name.lower(), frames[name])
        base.execute("SET enable_external_access = false")
        try:
            # Of several DuckDB would answer the last, and nobody hear of the others.
            if (several := len(base.extract_statements(question))) != 1:
                told = f"{several} statements are asked at once" if several else f"{question!r} is no question"
                remedy = "ask one statement in each call" if several else _WRITTEN
                raise ArgumentError(told, rule=_RULE, remedy=remedy)
            if base.extract_statements(question)[0].type not in (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN):
                # Its answer would be an empty table, as if it had been done: the datasets are read anew for each question.
                raise ArgumentError(f"{question!r} asks for nothing", rule=_RULE, remedy=_WRITTEN)
            return base.execute(question).df()
        except duckdb.Error as error:
            if isinstance(error, duckdb.CatalogException) and (lost := _find_lost(base, question, frames)):
                # DuckDB would name tables of its own.
                near = dict.fromkeys(one for name in lost for one in find_near(name, map(str.lower, frames), 2))
                meant = f"did you mean {' or '.join(near)}? " if near else ""
                said = f"{', '.join(lost)} is no dataset of this study"
                raise ArgumentError(said, rule=_RULE, remedy=f"{meant}{_tell_tables(frames)}") from error
            said = " ".join(line.strip() for line in str(error).partition("\n\nLINE ")[0].splitlines() if line.strip())
            raise ArgumentError(said, rule=_RULE, remedy=_mend(said, question, frames)) from error


def _mend(said: str, question: str, frames: Mapping[str, pd.DataFrame]) -> str:
    """What mends a question: of a name that no column has the one that was meant, or that a text stands in single quotes."""
    lost = re.search(r'(?:Referenced column|does not have a column named) "([^"]*)"', said)
    if lost is None:
        return _tell_tables(frames)
    name = lost[1]
    if f'"{name}"' in question:
        return f"a text stands in single quotes, '{name}': double quotes name a column"
    asked = {word.upper() for word in re.findall(r"\w+", question)}
    columns = {column for table in frames if table in asked for column in frames[table].columns}
    near = find_near(name, columns, 2)
    homes = [table.lower() for table in frames if name.upper() in frames[table].columns]
    told = f"did you mean {' or '.join(near)}? " if near else f"{name} is a column of {', '.join(homes)}. " if homes else ""
    return f"{told}a text stands in single quotes; DESCRIBE adsl names the columns of a table; {_tell_tables(frames)}"


def _find_lost(base: DuckDBPyConnection, question: str, frames: Mapping[str, pd.DataFrame]) -> list[str]:
    """The tables that a question names, as DuckDB parses it, and that no dataset is."""
    (told,) = base.execute("SELECT json_serialize_sql(?)", [question]).fetchone() or ("{}",)
    named: dict[str, None] = {}
    own: set[str] = set()
    left = [json.loads(told)]
    while left:
        part = left.pop(0)
        if isinstance(part, dict):
            if part.get("type") == "BASE_TABLE":
                named[part["table_name"]] = None
            # What a question calls a table of its own making (WITH x AS …).
            own |= {one["key"].upper() for one in part.get("cte_map", {}).get("map", ())}
            left += part.values()
        elif isinstance(part, list):
            left += part
    return [name for name in named if name.upper() not in own and name.upper() not in frames]


def _tell_tables(frames: Mapping[str, pd.DataFrame]) -> str:
    return f"tables are {', '.join(map(str.lower, frames))}"

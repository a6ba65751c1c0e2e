"""What narratives must tell, asked of the data in SQL alone: of which events there is one, and which records each must say.

The rule is written here once more, from ICH E3 12.3.2 and the study's list: deaths, serious events, dose-limiting toxicities and
events of special interest of grade 3 or more; near an event are seven days before and after its onset. Nothing is taken from the
program but the data, and of its results which records they name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pandas as pd

#: Subject, and number of the event; none of a death that is no event.
Event = tuple[str, int | None]
#: Event, what is told of it, and the record that is told.
Record = tuple[str, int | None, str, str]

#: Serious and fatal as collected; limiting and of special interest as derived, for these are decided by trial.yaml and committee.
EVENTS = """
WITH dosed AS (SELECT DISTINCT USUBJID FROM EX WHERE EXSTDTC IS NOT NULL),
     fatal AS (SELECT * FROM AE WHERE AEOUT = 'FATAL' OR AESDTH = 'Y')
SELECT USUBJID, AESEQ FROM AE WHERE AESER = 'Y' AND USUBJID IN (FROM dosed)
UNION SELECT USUBJID, AESEQ FROM fatal WHERE USUBJID IN (FROM dosed)
UNION SELECT USUBJID, AESEQ FROM ADAE
      WHERE (DLTFL = 'Y' OR (AESIFL = 'Y' AND TRY_CAST(ATOXGR AS INT) >= 3)) AND USUBJID IN (FROM dosed)
UNION SELECT USUBJID, NULL FROM DM
      WHERE DTHFL = 'Y' AND USUBJID IN (FROM dosed) AND USUBJID NOT IN (SELECT USUBJID FROM fatal)
"""
_TESTS = "('ALT', 'AST', 'ALP', 'BILI', 'INR', 'ALB', 'CREAT', 'SODIUM', 'K', 'GLUC', 'CRP', 'WBC', 'HGB', 'PLAT')"
_NEAR = "date_diff('day', {begin}, n.ONSET) <= 7 AND date_diff('day', n.ONSET, {begin}) <= 7"
_GOES_ON = "r.ASTDT <= n.ONSET + INTERVAL 7 DAY AND (r.AENDT IS NULL OR r.AENDT >= n.ONSET - INTERVAL 7 DAY)"
#: ``narrated`` has the events with their ONSET, ``told`` their subjects.
RECORDS = f"""
SELECT n.USUBJID, n.AESEQ, 'result', r.PARAMCD || ' ' || strftime(r.ADT, '%Y-%m-%d') || ' ' || CAST(r.ASEQ AS INT)
  FROM narrated n JOIN ADLB r USING (USUBJID)
  WHERE r.PARAMCD IN {_TESTS} AND r.AVAL IS NOT NULL AND (r.ABLFL = 'Y' OR ({_NEAR.format(begin="r.ADT")}))
UNION SELECT n.USUBJID, n.AESEQ, 'medication', CAST(CAST(r.CMSEQ AS INT) AS VARCHAR)
  FROM narrated n JOIN ADCM r USING (USUBJID) WHERE {_GOES_ON}
UNION SELECT n.USUBJID, n.AESEQ, 'procedure', CAST(CAST(r.PRSEQ AS INT) AS VARCHAR)
  FROM narrated n JOIN ADPR r USING (USUBJID) WHERE {_GOES_ON}
UNION SELECT n.USUBJID, n.AESEQ, 'event', CAST(n.AESEQ AS VARCHAR) FROM narrated n WHERE n.AESEQ IS NOT NULL
UNION SELECT USUBJID, NULL, 'condition', CAST(CAST(MHSEQ AS INT) AS VARCHAR) FROM ADMH WHERE USUBJID IN (SELECT USUBJID FROM narrated)
UNION SELECT USUBJID, NULL, 'dose', CAST(CAST(EXSEQ AS INT) AS VARCHAR) FROM ADEX
  WHERE PARAMCD = 'DOSE' AND AVAL > 0 AND USUBJID IN (SELECT USUBJID FROM narrated)
UNION SELECT USUBJID, NULL, 'course', CAST(CAST(AESEQ AS INT) AS VARCHAR) FROM ADAE WHERE USUBJID IN (SELECT USUBJID FROM narrated)
"""  # noqa: S608 - its pieces stand above
#: How a result names such a record: what is told by its variable, and the variables that name the record.
_SAID = {
    "AVAL": ("result", ("PARAMCD", "ADT", "ASEQ")),
    "CMTRT": ("medication", ("CMSEQ",)),
    "PRDECOD": ("procedure", ("PRSEQ",)),
    "AETERM": ("event", ("AESEQ",)),
    "MHTERM": ("condition", ("MHSEQ",)),
}


def find_events(sdtm: Mapping[str, pd.DataFrame], adam: Mapping[str, pd.DataFrame]) -> set[Event]:
    """The events that must have a narrative."""
    rows = _open({**sdtm, "ADAE": adam["ADAE"]}, "AE", "DM", "EX", "ADAE").execute(EVENTS).fetchall()
    return {(who, None if number is None else int(number)) for who, number in rows}


def find_records(events: set[Event], adam: Mapping[str, pd.DataFrame]) -> set[Record]:
    """The records that the narratives of these events must tell."""
    base = _open(adam, "ADAE", "ADSL", "ADLB", "ADCM", "ADPR", "ADMH", "ADEX")
    asked = pd.DataFrame(
        {"USUBJID": [who for who, _ in events], "AESEQ": pd.array([number for _, number in events], dtype="Int64")}
    )
    base.register("asked", asked)
    base.execute(
        "CREATE VIEW narrated AS SELECT a.USUBJID, a.AESEQ, coalesce(e.ASTDT, s.DTHDT) AS ONSET FROM asked a"
        " LEFT JOIN ADAE e ON e.USUBJID = a.USUBJID AND e.AESEQ = a.AESEQ"
        " LEFT JOIN ADSL s ON s.USUBJID = a.USUBJID AND a.AESEQ IS NULL"
    )
    return {
        (who, None if number is None else int(number), what, name) for who, number, what, name in base.execute(RECORDS).fetchall()
    }


def told_events(ard: pd.DataFrame) -> set[Event]:
    """The events that results say have a narrative."""
    return {_event(key) for key in ard.loc[ard["variable"] == "reason", "row"].map(json.loads)}


def told_records(ard: pd.DataFrame) -> set[Record]:
    """The records that results name, each below the event it is told of."""
    found: set[Record] = set()
    facts = ard[(ard["variable"] != ard["column"]) & (ard["column"] == "TEXT")]
    groups = [(f"group{at}", f"group{at}_level") for at in range(1, 7)]
    for fact in facts.to_dict("records"):
        record = {fact[name]: fact[level] for name, level in groups if isinstance(fact[name], str)}
        key = json.loads(fact["row"])
        who, number = _event(key)
        what, names = _SAID.get(fact["variable"], ("", ()))
        if fact["variable"] == "AVAL" and "EXSEQ" in record:
            what, names = "dose", ("EXSEQ",)
        if fact["variable"] == "AEDECOD" and dict(key).get("item") == "Course":
            what, names = "course", ("AESEQ",)
        if what == "procedure" and dict(key).get("item") == "Course":
            continue
        if what:
            found.add((who, number, what, " ".join(record[name] for name in names)))
    return found


def _event(key: list[list[str]]) -> Event:
    parts = dict(key)
    return parts["USUBJID"], int(float(parts["AESEQ"])) if parts.get("AESEQ") else None


def _open(frames: Mapping[str, pd.DataFrame], *names: str) -> duckdb.DuckDBPyConnection:
    base = duckdb.connect()
    for name in names:
        base.register(name, frames[name])
    return base


def read_folder(folder: Path, *names: str) -> dict[str, pd.DataFrame]:
    """Datasets of a build, as they are stored."""
    return {name: pd.read_parquet(folder / f"{name.lower()}.parquet") for name in names}

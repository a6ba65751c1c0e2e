"""What reading a cut met and did not refuse, as findings: files nobody reads, labels that were mended."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cgbm1_report.errors import Problem
from cgbm1_report.read.find import looks_like_data

#: Files of a kind that are named one by one.
NAMED = 20
#: What to do about a text that no narrative prints; of one whose event is there and has none there is nothing to correct.
_CORRECT = "give the text the term and the begin that its event has now, or take it out of narratives.csv"
_LEAVE = "take its row out of narratives.csv, or leave it: it is printed again when the event has a narrative"
#: Dataset of a finding that is about the folder.
_CUT = "CUT"


def find_reading(notes: Sequence[Problem], unread: Sequence[str]) -> pd.DataFrame:
    """Findings about the files of a cut.

    Parameters
    ----------
    notes
        What the readers mended (`Cut.notes`): each is a warning about its dataset.
    unread
        Files nobody reads (`Cut.unread`): one that holds data by its name is a warning, any other is
        only named.
    """
    found = [_finding(Path(note.file).stem.upper(), "W", note.message, note.remedy) for note in notes]
    data = [path for path in unread if looks_like_data(path)]
    remedy = "put data into sdtm/ or adam/ in a format that is read, or take the file out"
    found += _name_files(data, "W", "holds data by its name and is not read", remedy)
    found += _name_files([path for path in unread if path not in set(data)], "I", "is not read", "none, if it holds no data")
    return pd.DataFrame(found)


def say_unheard(lost: pd.DataFrame) -> pd.DataFrame:
    """Findings (W) about physicians' texts that no narrative prints: each is named, with what became of its event, and not quoted.

    ``lost`` has USUBJID, AESEQ, the DAY of begin, WHY, what the cut has NOW that may be meant, and whether the event is ``LEFT``.
    """
    key = "AESEQ " + lost["AESEQ"].map("{:g}".format, na_action="ignore").astype("str")
    began = ("began " + lost["DAY"]).where(lost["DAY"] != "", "")
    began += ("; " + lost["NOW"]).where(lost["NOW"] != "", "")
    began = (" (" + began.str.removeprefix("; ") + ")").where(began != "", "")
    told = pd.DataFrame(
        {
            "usubjid": lost["USUBJID"],
            "key": key.fillna(""),
            "message": "a text of a narrative is not printed: " + lost["WHY"] + began,
        }
    )
    remedy = lost["LEFT"].map({True: _LEAVE, False: _CORRECT})
    return told.assign(dataset="NARRATIVES", variable="", value=None, severity="W", rule="V02", remedy=remedy)


def say_changed(changed: pd.DataFrame) -> pd.DataFrame:
    """Findings (W) about physicians' texts whose event has changed since they were written: each is printed, and says so.

    ``changed`` has USUBJID, AESEQ, and WHY: the variables with their values then and now; of a death of which the file says
    nothing (not ``SAID``) those of now.
    """
    key = "AESEQ " + changed["AESEQ"].map("{:g}".format, na_action="ignore").astype("str")
    then = "a text of a narrative was written before its event changed: " + changed["WHY"]
    undated = "a text of a narrative does not say of which date and cause of death it was written, now " + changed["WHY"]
    told = pd.DataFrame(
        {
            "usubjid": changed["USUBJID"],
            "key": key.fillna(""),
            "message": then.where(changed["SAID"].astype("bool"), undated),
        }
    )
    remedy = "read the text again; cgbm1-report narratives writes the file with what the event says now, for the next cut"
    return told.assign(dataset="NARRATIVES", variable="", value=None, severity="W", rule="V02", remedy=remedy)


def _name_files(paths: Sequence[str], severity: str, message: str, remedy: str) -> list[dict[str, object]]:
    told = [_finding(_CUT, severity, f"{path[:120]!r} {message}", remedy) for path in paths[:NAMED]]
    more = len(paths) - NAMED
    return told + ([_finding(_CUT, severity, f"{more} more such files: each {message}", remedy)] if more > 0 else [])


def _finding(dataset: str, severity: str, message: str, remedy: str) -> dict[str, object]:
    about = {"usubjid": None, "key": "", "dataset": dataset, "variable": "", "value": None}
    return {**about, "message": message, "severity": severity, "rule": "V02", "remedy": remedy}

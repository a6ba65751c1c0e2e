"""The file that physicians write narratives' texts into: a row an event of this cut, with what is written already."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cgbm1_report.errors import PlanError, number_of

if TYPE_CHECKING:
    import pandas as pd

_RULE = "file of narratives' texts"


def write_narratives(cut: Path, out: Path, trial: Path | None = None) -> str:
    """Write the rows of `narrative_texts.list_events` as CSV that a spreadsheet keeps as it is; what was done, in a line.

    Nothing that is there is overwritten: the file of the cut, above all, is a physician's own.

    Raises
    ------
    ReportError
        A file of this name is there, or it would lie in the cut; the cut cannot be read, or the gate found errors.
    """
    from cgbm1_report.build.gate import find_trial, look_at
    from cgbm1_report.build.kept import read_ready
    from cgbm1_report.build.target import refuse_inside
    from cgbm1_report.outputs.narrative_texts import list_events
    from cgbm1_report.protocol.trial import read_trial
    from cgbm1_report.read.cut import read_cut
    from cgbm1_report.system.whole import find_place, write_whole

    refuse_inside(find_place(out), {"the cut": cut})
    _refuse_there(out)
    protocol = read_trial(file := find_trial(cut, trial))
    if protocol.narratives is None:
        raise PlanError("declares no narratives", file=file, rule=_RULE, remedy="declare which events have one under narratives")
    sight = look_at(read_cut(cut, protocol), protocol)
    seen = replace(sight.cut, sdtm=sight.sdtm, adam=sight.adam)
    rows, lost = list_events(seen, read_ready(cut, protocol, file).adam, protocol)
    write_whole(out, write_csv(rows), lambda: _refuse_there(out))
    events, written = rows[rows["EVENT"] != ""], rows["TEXT"].notna() & (rows["TEXT"] != "")
    told = lost | {"written before the event changed or not known to be of it": int((events["NOTE"] != "").sum())}
    noted = [f"; {number_of(count, 'text')} {what}, which NOTE says" for what, count in told.items() if count]
    return f"{out}: {number_of(len(events), 'event')}, {int(written[events.index].sum())} with a text{''.join(noted)}"


def write_csv(rows: pd.DataFrame) -> bytes:
    """Rows as a CSV file that a spreadsheet opens as UTF-8 and saves with every value as it was."""
    from cgbm1_report.read.narratives import guard

    told = rows.assign(AESEQ=rows["AESEQ"].map("{:g}".format, na_action="ignore"))
    texts = [told[name].astype("object").where(told[name].notna(), "") for name in told]
    # A number may stay one: it is read as one.
    cells = [texts_of if texts_of.name == "AESEQ" else texts_of.map(guard) for texts_of in texts]
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(told.columns)
    writer.writerows(zip(*cells, strict=True))
    return target.getvalue().encode("utf-8-sig")


def _refuse_there(out: Path) -> None:
    if os.path.lexists(out):
        raise PlanError("is there: it is not overwritten", file=out, rule=_RULE, remedy="name a new file with --out")

"""Rules about procedures that change what is analysed: transplantation and renal replacement."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cgbm1_report.collected.procedures import RENAL_REPLACEMENT, TRANSPLANTATION
from cgbm1_report.iso8601 import LENGTHS
from cgbm1_report.validate.rules import rule
from cgbm1_report.validate.source import Source, record_findings


@rule("V27", "W", "transplants and renal replacement are dated to the day", "query the date of the procedure")
def decisive_procedures_are_dated(source: Source) -> Iterator[pd.DataFrame]:
    """A transplant ends transplant-free survival, renal replacement sets creatinine in MELD: both need their day."""
    if "PR" not in source.sdtm:
        return
    term, known = source.column("PR", "PRDECOD"), source.moments("PR", "PRSTDTC")["length"] >= LENGTHS["day"]
    uses = {TRANSPLANTATION: "LTDT", RENAL_REPLACEMENT: "the creatinine of MELD"}
    for procedure, use in uses.items():
        wrong = (term == procedure) & ~known
        yield record_findings(source.sdtm["PR"], "PR", wrong, "PRSTDTC", f"{procedure}: without its day {use} cannot be told")

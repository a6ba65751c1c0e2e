"""Dates as SAS holds them: numbers of days or seconds since 1 January 1960, told by their format.

Source: SAS 9.4 Formats and Informats: Reference, "SAS Formats by Category", date, datetime and time.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import numpy as np
import pandas as pd

from cgbm1_report.iso8601 import DATE

#: What a format says its values are. ``day``: the day of a moment in seconds, whose time it does not show.
#: ``zoned`` and ``time`` are no date this program compares.
Kind = Literal["date", "datetime", "day", "time", "zoned"]

#: No date of a subject lies outside; a number that does was counted in another unit or is no SAS date.
YEARS: Final = (1900, 2100)

_EPOCH = np.datetime64("1960-01-01")
_DAY: Final = 86400
_FIRST, _LAST = (int((np.datetime64(f"{year}-01-01") - _EPOCH).astype("int64")) for year in (YEARS[0], YEARS[1] + 1))

#: A name, its width and its decimals.
_FORMAT = re.compile(r"\$?([A-Z_][A-Z0-9_]*?)\d*(\.\d*)?")
#: Formats by what their values are, the first that fits.
_KINDS: Final[tuple[tuple[re.Pattern[str], Kind], ...]] = (
    (re.compile(r"([EB]8601(DZ|DX|LX|LZ|TZ|TX)|(IS|ND?|N)8601(DZ|LZ|TZ)|NLDATMTZ|NLDATMZ)"), "zoned"),
    (re.compile(r"DT(DATE|MONYY|WKDATX|YEAR|YYQC)|([EB]|IS|ND?)8601DN"), "day"),
    (re.compile(r"DATETIME|DATEAMPM|MDYAMPM|([EB]|IS|ND?)8601DT|NLDATM[A-Z]*|EURDFDT"), "datetime"),
    (
        re.compile(
            r"DATE|DAY|DOWNAME|DDMMYY[BCDNPS]?|MMDDYY[BCDNPS]?|YYMMDD[BCDNPS]?|[EB]8601DA|(IS|ND?)8601DA|WORDDATX?|WORDDATE|WEEKDAT[EX]"
            r"|WEEKDAY|WEEK[UVW]|MONYY|YYMON|MONNAME|MONTH|YEAR|QTRR?|YYQ[CDNPSRZ]*|MMYY[CDNPS]?|YYMM[CDNPS]?|JULDAY|JULIAN|PDJUL[GI]"
            r"|NENGO|MINGUO|HDATE|HEBDATE|NLDATE[A-Z]*|EURDF(DD|DE|DN|DWN|MN|MY|WDX|WKX)"
        ),
        "date",
    ),
    (re.compile(r"TIME|TIMEAMPM|TOD|HHMM|HOUR|MMSS|[EB]8601TM|(IS|ND?)8601TM|NLTIMAP|NLTIME[A-Z]*|EURDFT"), "time"),
)
#: Formats that show a number as a number: they say nothing about dates.
_PLAIN = re.compile(r"|F|BEST[DX]?|COMMAX?|D|E|NUMX|Z|NEGPAREN|PERCENTN?|DOLLARX?|IEEE|HEX|RB")


def sas_format_name(sas_format: str | None) -> str:
    """``DATE`` of ``DATE9.``, ``E8601DA`` of ``e8601da10.``; empty without a format."""
    found = _FORMAT.fullmatch((sas_format or "").strip().upper())
    return found[1] if found else ""


def sas_date_kind(sas_format: str | None) -> Kind | None:
    """What the values of a SAS format such as DATE9. or E8601DT are; None where it is no format of dates or times."""
    name = sas_format_name(sas_format)
    return next((kind for form, kind in _KINDS if form.fullmatch(name)), None)


def is_plain(sas_format: str | None) -> bool:
    """Whether a format shows a number as a number, or there is none."""
    return _PLAIN.fullmatch(sas_format_name(sas_format)) is not None


def find_no_dates(numbers: pd.Series, kind: str) -> pd.Series:
    """Numbers that are no SAS date of `YEARS`, or, of moments, are days: 23810 would be read as 06:36 on 1 January 1960."""
    if kind == "date":
        return numbers.notna() & ~((numbers >= _FIRST) & (numbers < _LAST))
    days = (numbers >= _FIRST) & (numbers < _LAST)
    return numbers.notna() & (days | ~((numbers >= _FIRST * _DAY) & (numbers < _LAST * _DAY)))


def find_no_years(dates: pd.Series) -> pd.Series:
    """Dates outside `YEARS`."""
    years = dates.dt.year
    outside: pd.Series = dates.notna() & ~((years >= YEARS[0]) & (years <= YEARS[1]))
    return outside


def read_sas_dates(numbers: pd.Series, kind: str) -> pd.Series:
    """SAS days or seconds as ``datetime64[s]``; missing stays missing. None may be one of `find_no_dates`."""
    seconds = (numbers * _DAY if kind == "date" else numbers // _DAY * _DAY if kind == "day" else numbers).round()
    return (pd.Timestamp(_EPOCH) + pd.to_timedelta(seconds, unit="s")).astype(DATE)

"""Dates: reading partial ISO 8601 text, completing it, counting days."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbm1_report.derive.dates import DATE, derive_ady, derive_days, impute_death, impute_end, impute_start, parse_dtc
from cgbm1_report.iso8601 import name_unread
from tests.sdtm_cases import shown, table


def one(text: str | None) -> dict[str, object]:
    return {name: shown(value) for name, value in parse_dtc(pd.Series([text], dtype="str")).iloc[0].items()}


def dates(*texts: str | None) -> pd.Series:
    return pd.to_datetime(pd.Series(texts, dtype="str")).astype(DATE)


FORMS = """
    TEXT                 DATE        TIME              PRECISION  FIRST       LAST
    2025                 -           -                 Y          2025-01-01  2025-12-31
    2025-03              -           -                 M          2025-03-01  2025-03-31
    2024-02              -           -                 M          2024-02-01  2024-02-29   # leap year
    2025-03-10           2025-03-10  -                 D          2025-03-10  2025-03-10
    2025-03-10T09:59     2025-03-10  2025-03-10T09:59  T          2025-03-10  2025-03-10
    2025-03-10T23:59:59  2025-03-10  2025-03-10T23:59  T          2025-03-10  2025-03-10
"""


@pytest.mark.parametrize("case", table(FORMS).to_dict("records"), ids=lambda case: case["TEXT"])
def test_each_iso_form_is_read_to_the_precision_it_has(case: dict[str, object]) -> None:
    found = one(str(case["TEXT"]))
    moment = found.pop("datetime")
    assert found == {
        "date": shown(case["DATE"]),
        "precision": case["PRECISION"],
        "first": case["FIRST"],
        "last": case["LAST"],
    }
    assert (moment or "")[:16] == (shown(case["TIME"]) or "")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "2025-02-30",  # no day of the calendar
        "2025-13",
        "2025-00",
        "2025-03-10T24:00",
        "2025-03-10T10:60",
        "2025-03-10T10:",
        "2025-03-10T10:30:00.",
        "2025-3-1",
        "20250310",
        "10MAR2025",
        "2025--10",
        "2025-03-10\n",  # a line feed behind a date must not pass
        " 2025-03-10",
        "2025-03-10T10:00Z",
        "٢٠٢٥-٠٣-١٠",  # digits, but not those of ISO 8601
        "=2025+1",
        "<b>2025</b>",
    ],
)
def test_what_is_no_date_is_missing_altogether(text: str | None) -> None:
    assert set(one(text).values()) == {None}


def test_hour_alone_tells_the_day_and_no_time() -> None:
    """Nobody knows on which side of a dose at 10:30 an event at 10 lies: it counts as one of that day."""
    found = one("2025-03-10T10")
    assert (found["date"], found["datetime"], found["precision"]) == ("2025-03-10", None, "D")


# SDTMIG 3.4, 4.4.1 to 4.4.3: forms of dates and times that SDTM allows and that are refused by their name.
UNREAD = """
2025---10                   leaves out a part   # month unknown
2025---10T10:30             leaves out a part
--03-10                     leaves out a part   # year unknown
-----T10:30                 leaves out a part   # only the time is known
---10                       leaves out a part
2025-03-10T-:30             leaves out a part   # hour unknown
2025--                      leaves out a part
2025-03-10T10:30Z           UTC offset
2025-03-10T10:30+08:00      UTC offset
2025-03-10T10:30:00.5+0800  UTC offset
2025-03-10T10-05            UTC offset
2025-03/2025-04             interval
2025-03-10/P3D              interval
P1DT2H                      duration
-PT15M                      duration
2025-03-10T24:00            hour 24
2025-03-10T23:59:60         leap second
20250310                    basic format
20250310T1030               basic format
2025-W11-1                  week date
2025-069                    ordinal date
10:30                       without its date
2025-03-10 10:30            no T
2025-02-30                  no ISO 8601 date   # no day of the calendar
2025-03-10T25:00            no ISO 8601 date
05MAR25                     no ISO 8601 date
03/05/25                    no ISO 8601 date
25-03-05                    no ISO 8601 date
"""


@pytest.mark.parametrize("line", [line.partition("#")[0].strip() for line in UNREAD.strip().splitlines()])
def test_date_that_is_not_read_is_refused_by_the_name_of_its_form(line: str) -> None:
    text, name = re.split(r"\s{2,}", line)
    assert set(one(text).values()) == {None}
    assert name in name_unread(pd.Series([text])).iloc[0]


def test_parsing_keeps_index_types_and_an_empty_column() -> None:
    text = pd.Series(["2025-03", None], index=[7, 3], dtype="str")
    assert list(parse_dtc(text).index) == [7, 3]
    for column in (text, text.iloc[:0], pd.Series([None, None], dtype="object")):
        types = parse_dtc(column).dtypes.astype(str).to_dict()
        assert types == {"date": DATE, "datetime": DATE, "precision": "str", "first": DATE, "last": DATE}


def test_day_count_has_no_day_zero_while_elapsed_days_have() -> None:
    """Elapsed day and ADY around TRTSDT 2025-03-10, as in the worked windows (hand)."""
    found = dates("2025-03-09", "2025-03-10", "2025-04-07", "2025-06-08", "2025-09-06", None)
    start = pd.Series(pd.Timestamp("2025-03-10"), index=found.index).astype(DATE)
    assert derive_days(found, start).tolist()[:5] == [-1, 0, 28, 90, 180]
    assert derive_ady(found, start).tolist()[:5] == [-1, 1, 29, 91, 181]
    assert derive_ady(found, start).isna().tolist() == [False] * 5 + [True]
    assert derive_ady(found, start.where(start.isna())).isna().all()  # never dosed


MEDICATION = """
    START    END         DATE        FLAG
    2025-03  -           2025-03-01  D      # never the first dose date, even in its month
    2025     -           2025-01-01  M
    -        -           -           -
"""


@pytest.mark.parametrize("case", table(MEDICATION).to_dict("records"), ids=lambda case: str(case["START"]))
def test_a_medication_never_starts_at_the_first_dose_by_imputation(case: dict[str, object]) -> None:
    start, end = (pd.Series([shown(case[name])], dtype="str") for name in ("START", "END"))
    found = impute_start(start, end, dates("2025-03-10"), at_treatment=False).iloc[0]
    assert (shown(found["date"]), shown(found["flag"])) == (shown(case["DATE"]), shown(case["FLAG"]))


STARTS = """
    START    END         BEFORE  DATE        FLAG
    2025-03  2025-03-05  N       2025-03-01  D     # ended before the first dose
    2025     2025-02     N       2025-01-01  M     # ... a partial end counts as its last day
    2025     2025-03     N       2025-03-10  M     # ... which here is after it
    2025-04  2025-03-20  N       2025-03-20  D     # an imputed start is never after a complete end
    2025     -           Y       2025-01-01  M     # the form says before: not moved to the first dose
    2025-04  -           Y       2025-04-01  D
    -        2025-02     N       -           -
    -        -           Y       -           -     # before, but when? nobody knows
    -        2025        N       2025-03-10  Y
    2025-03  -           N       2025-03-10  D
"""


@pytest.mark.parametrize("case", table(STARTS).to_dict("records"), ids=str)
def test_a_partial_onset_is_put_where_a_harm_is_not_lost(case: dict[str, object]) -> None:
    """Hand, by the rules of partial onset; first dose 2025-03-10."""
    start, end = (pd.Series([shown(case[name])], dtype="str") for name in ("START", "END"))
    found = impute_start(start, end, dates("2025-03-10"), pd.Series([case["BEFORE"] == "Y"])).iloc[0]
    assert (shown(found["date"]), shown(found["flag"])) == (shown(case["DATE"]), shown(case["FLAG"]))


MONTHS_LEFT_OPEN = """
    START    END      BEFORE  DATE        FLAG
    2024     -        N       -           -    # wholly before the first dose: left open
    2024     2024-11  N       -           -
    2025     -        N       2025-03-10  M    # may be after it: dated, so that the harm counts
    2025     2025-02  N       2025-01-01  M    # not after it, but its year is not over at the first dose
    2026     -        N       2026-01-01  M    # wholly after it
    2024-06  -        N       2024-06-01  D    # only the day is unknown
    -        -        N       2025-03-10  Y
"""


@pytest.mark.parametrize("case", table(MONTHS_LEFT_OPEN).to_dict("records"), ids=str)
def test_a_trial_may_leave_an_onset_of_unknown_month_before_the_first_dose_open(case: dict[str, object]) -> None:
    """Hand; first dose 2025-03-10."""
    start, end = (pd.Series([shown(case[name])], dtype="str") for name in ("START", "END"))
    found = impute_start(start, end, dates("2025-03-10"), pd.Series([case["BEFORE"] == "Y"]), month=False).iloc[0]
    assert (shown(found["date"]), shown(found["flag"])) == (shown(case["DATE"]), shown(case["FLAG"]))


def test_without_a_first_dose_a_partial_onset_is_its_first_day_and_a_missing_one_stays_missing() -> None:
    start = pd.Series(["2025-03", "2025", None], dtype="str")
    found = impute_start(start, pd.Series([None] * 3, dtype="str"), dates(None, None, None))
    assert [shown(v) for v in found["date"]] == ["2025-03-01", "2025-01-01", None]
    assert [shown(v) for v in found["flag"]] == ["D", "M", None]


ENDS = """
    END         LIMIT       START       DATE        FLAG
    2025-03     -           2025-03-10  2025-03-31  D
    2025-02     -           2025-02-01  2025-02-28  D
    2025        -           2025-03-10  2025-12-31  M
    2025        2025-06-01  2025-03-10  2025-06-01  M     # died or left on 1 June
    2025-06     2025-06-01  2025-06-05  2025-06-05  D     # an imputed end is not before the start
    2025-06     2025-06-01  2025-07-05  2025-06-30  D     # ... as far as the month recorded allows
    2025-07-09  2025-06-01  2025-03-10  2025-07-09  -     # a complete end is not touched
    -           2025-06-01  2025-03-10  -           -     # ongoing
"""


@pytest.mark.parametrize("case", table(ENDS).to_dict("records"), ids=str)
def test_a_partial_end_is_put_as_late_as_it_can_be(case: dict[str, object]) -> None:
    end = pd.Series([shown(case["END"])], dtype="str")
    found = impute_end(end, dates(shown(case["LIMIT"])), dates(shown(case["START"]))).iloc[0]
    assert (shown(found["date"]), shown(found["flag"])) == (shown(case["DATE"]), shown(case["FLAG"]))


DEATHS = """
    DEATH       ALIVE       DATE        FLAG
    2025-05     2025-05-12  2025-05-13  D     # the day after the last sign of life
    2025-05     2025-04-02  2025-05-01  D     # ... but inside the month recorded
    2025-05     2025-05-31  2025-05-31  D
    2025        2025-05-12  2025-05-13  M
    2026        2025-11-02  2026-01-01  M
    2025-05     -           2025-05-01  D
    2025-05-20  2025-05-12  2025-05-20  -
    -           2025-05-12  -           -
"""


@pytest.mark.parametrize("case", table(DEATHS).to_dict("records"), ids=str)
def test_a_partial_death_follows_the_last_sign_of_life(case: dict[str, object]) -> None:
    found = impute_death(pd.Series([shown(case["DEATH"])], dtype="str"), dates(shown(case["ALIVE"]))).iloc[0]
    assert (shown(found["date"]), shown(found["flag"])) == (shown(case["DATE"]), shown(case["FLAG"]))


partial_dates = st.one_of(
    st.none(),
    st.dates(min_value=pd.Timestamp("2024-11-01").date(), max_value=pd.Timestamp("2026-02-01").date()).flatmap(
        lambda day: st.sampled_from([day.strftime("%Y"), day.strftime("%Y-%m"), day.isoformat(), f"{day.isoformat()}T10:30"])
    ),
)


@given(start=partial_dates, end=partial_dates, before=st.booleans())
def test_an_imputed_start_lies_where_the_text_allows_and_is_flagged(start: str | None, end: str | None, before: bool) -> None:
    first_dose = dates("2025-03-10")
    texts = pd.Series([start], dtype="str")
    read = parse_dtc(texts).iloc[0]
    found = impute_start(texts, pd.Series([end], dtype="str"), first_dose, pd.Series([before])).iloc[0]
    complete = len(start or "") >= 10
    assert pd.isna(found["flag"]) == (complete or pd.isna(found["date"]))
    if complete:
        assert found["date"] == read["date"]
    elif start and not (end and len(end) >= 10):
        assert read["first"] <= found["date"] <= read["last"]
    if end and len(end) >= 10 and not complete and pd.notna(found["date"]):
        assert found["date"] <= pd.Timestamp(end[:10])

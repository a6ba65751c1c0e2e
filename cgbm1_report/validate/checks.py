"""The named checks that schemas/ refers to, registered with pandera once.

Every check over several columns gives one boolean per record; true is good. A column that is not
there reads as missing: that it is not there is another finding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
from pandera.api.extensions import register_check_method

from cgbm1_report.distinct import map_numbers
from cgbm1_report.iso8601 import is_iso8601, parse_moments

FrameCheck = Callable[..., pd.Series]


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    return frame[name] if name in frame else pd.Series(None, index=frame.index, dtype="object")


def _applies(frame: pd.DataFrame, filled: str | None, empty: str | None, where: str | None, among: list[Any] | None) -> pd.Series:
    """Records for which every condition given holds."""
    rows = pd.Series(True, index=frame.index)
    if filled:
        rows &= _column(frame, filled).notna()
    if empty:
        rows &= _column(frame, empty).isna()
    if where:
        rows &= _column(frame, where).isin(among or [])
    return rows


def iso8601(values: pd.Series, form: str) -> pd.Series:
    """A date of the calendar, at least as precise as ``partial``, ``date`` or ``minute``."""
    return is_iso8601(values, form)


def present_when(
    frame: pd.DataFrame,
    column: str,
    filled: str | None = None,
    empty: str | None = None,
    where: str | None = None,
    among: list[Any] | None = None,
) -> pd.Series:
    """``column`` has a value where ``filled`` has one, ``empty`` has none, ``where`` is among the values."""
    return ~(_applies(frame, filled, empty, where, among) & _column(frame, column).isna())


def absent_when(
    frame: pd.DataFrame,
    column: str,
    filled: str | None = None,
    empty: str | None = None,
    where: str | None = None,
    among: list[Any] | None = None,
) -> pd.Series:
    """``column`` has no value under the same conditions."""
    return ~(_applies(frame, filled, empty, where, among) & _column(frame, column).notna())


def only_where(frame: pd.DataFrame, column: str, where: str, among: list[Any]) -> pd.Series:
    """``column`` has a value only where ``where`` is among the values."""
    return _column(frame, column).isna() | _column(frame, where).isin(among)


def allowed_where(frame: pd.DataFrame, column: str, where: str, among: list[Any], allowed: list[Any]) -> pd.Series:
    """``column`` is missing or one of ``allowed`` where ``where`` is among the values."""
    values = _column(frame, column)
    return values.isna() | values.isin(allowed) | ~_column(frame, where).isin(among)


def answered(frame: pd.DataFrame, column: str, where: str, answers: dict[str, list[Any]]) -> pd.Series:
    """``column`` is missing or one of the answers that the trial gives the parameter ``where`` names."""
    values, codes = _column(frame, column), _column(frame, where)
    fits = values.isna()
    for code, allowed in answers.items():
        fits |= codes.eq(code) & values.isin(allowed)
    return fits | ~codes.isin(answers)


def ends_on_or_after(frame: pd.DataFrame, start: str, end: str) -> pd.Series:
    """``end`` is not before ``start``; partial dates compare at the precision both have."""
    begin, finish = _column(frame, start), _column(frame, end)
    if all(pd.api.types.is_datetime64_any_dtype(values) for values in (begin, finish)):
        return ~(finish < begin)
    return ~(parse_moments(finish)["last"] < parse_moments(begin)["first"])


def plausible(frame: pd.DataFrame, test: str, result: str, ranges: dict[str, list[float]]) -> pd.Series:
    """The result of each test named lies within its range, both ends included."""
    tests, values = _column(frame, test), pd.to_numeric(_column(frame, result), errors="coerce")
    low, high = (map_numbers(tests, {name: limits[end] for name, limits in ranges.items()}) for end in (0, 1))
    return ~((values < low) | (values > high))


FRAME_CHECKS: dict[str, FrameCheck] = {
    check.__name__: check for check in (present_when, absent_when, only_where, allowed_where, answered, ends_on_or_after, plausible)
}

register_check_method(statistics=["form"], supported_types=pd.Series)(iso8601)
register_check_method(statistics=["column", "filled", "empty", "where", "among"], supported_types=pd.DataFrame)(present_when)
register_check_method(statistics=["column", "filled", "empty", "where", "among"], supported_types=pd.DataFrame)(absent_when)
register_check_method(statistics=["column", "where", "among"], supported_types=pd.DataFrame)(only_where)
register_check_method(statistics=["column", "where", "among", "allowed"], supported_types=pd.DataFrame)(allowed_where)
register_check_method(statistics=["column", "where", "answers"], supported_types=pd.DataFrame)(answered)
register_check_method(statistics=["start", "end"], supported_types=pd.DataFrame)(ends_on_or_after)
register_check_method(statistics=["test", "result", "ranges"], supported_types=pd.DataFrame)(plausible)

"""Columns of listings as data: which variable a column prints, under which head, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal

import pandas as pd

from cgbm1_report.tabulate.abbreviations import say_coded
from cgbm1_report.tabulate.builders import record_keys
from cgbm1_report.tabulate.declare import DOSE_GROUP, Listing
from cgbm1_report.tabulate.layout import STUDY_DAY
from cgbm1_report.tabulate.table import Column, round_half_up
from cgbm1_report.tabulate.view import View

#: What stands in the place of an end that has not come, in every listing.
ONGOING = "Ongoing"
#: The footnote of trial.yaml on partial dates, and what an imputed day is marked with.
PARTIAL = "F22"
IMPUTED = "D, M or Y after a study day: day, month or year of the date were imputed."
#: What of a printed date these notes explain.
_EXPLAINED = {STUDY_DAY: r"\(-?\d+[DMY]?\)$", IMPUTED: r"\d[DMY]\)$", PARTIAL: r"^\d{4}(?:-\d{2})?(?: |$)"}


@dataclass(frozen=True)
class Item:
    """A column of a listing.

    ``source`` is the variable it prints, of several the first that the data have; ``label`` its head, which may
    differ by the variable. ``join`` prints all of them, one behind the other. Coded texts are said as a sentence where
    ``sentence`` says so, abbreviations as they are, numbers rounded to ``dp`` decimals; ``missing`` stands where there is
    no value. An ``optional`` column is left out where the data have no variable of it, any other stays blank. What belongs to the
    subject, not to the record, is said ``once`` with the subject.
    """

    key: str
    label: str | Mapping[str, str]
    source: str | Sequence[str] = ()
    width: float = 1.0
    align: Literal["left", "center", "right"] = "center"
    sentence: bool = False
    dp: int | None = None
    missing: str = ""
    join: str = ""
    optional: bool = False
    once: bool = False

    def variables(self, records: pd.DataFrame) -> list[str]:
        """Those of its variables that the records have."""
        named = (self.source,) if isinstance(self.source, str) else tuple(self.source) or (self.key,)
        return [name for name in named if name in records]

    def column(self, records: pd.DataFrame) -> Column:
        """Its head, width and side."""
        told = self.variables(records)
        label = self.label if isinstance(self.label, str) else self.label[told[0] if told else next(iter(self.label))]
        return Column(self.key, label, width=self.width, align=self.align, once=self.once)

    def texts(self, records: pd.DataFrame, words: Mapping[str, str]) -> pd.Series:
        """What it prints of each record; missing where it prints nothing. ``words`` are the trial's abbreviations."""
        told = self.variables(records)
        if not told:
            return pd.Series(pd.NA, index=records.index, dtype="str")
        if self.join:
            return reduce(
                lambda before, own: before + self.join + own, (self._texts(records[name], words).fillna("") for name in told)
            )
        texts = self._texts(records[told[0]], words)
        return texts.fillna(self.missing) if self.missing else texts

    def _texts(self, values: pd.Series, words: Mapping[str, str]) -> pd.Series:
        if self.dp is not None:
            return values.map(lambda value: round_half_up(value, self.dp or 0), na_action="ignore").astype("str")
        texts = values.astype("str")
        return (
            texts.map({text: say_coded(text, words) for text in texts.dropna().unique()}).astype("str") if self.sentence else texts
        )


@dataclass(frozen=True)
class DateItem(Item):
    """A date as collected, with its study day in brackets.

    ``source`` are the collected text, the analysis date and the study day. Without the collected text the analysis
    date stands for it. The day of an imputed date carries its imputation flag (D, M, Y), so that nobody takes it
    for a collected day. Of an end (AEENDTC, CMENDTC …) the domain's --ENRTPT says that it has not come: ``Ongoing``.
    """

    align: Literal["left", "center", "right"] = "left"

    def texts(self, records: pd.DataFrame, words: Mapping[str, str]) -> pd.Series:
        collected, derived, day = self.source
        if not {collected, derived} & set(records):
            return pd.Series(pd.NA, index=records.index, dtype="str")
        text = records[collected].str[:10] if collected in records else records[derived].dt.strftime("%Y-%m-%d")
        if day in records:
            days = records[day].map("{:.0f}".format, na_action="ignore").astype("str")
            if f"{derived}F" in records:
                days = days + records[f"{derived}F"].fillna("")
            text = (text + " (" + days + ")").where(days.notna() & text.notna(), text)
        relative = collected.removesuffix("ENDTC") + "ENRTPT"
        if not collected.endswith("ENDTC") or relative not in records:
            return text
        return text.mask(text.isna() & (records[relative] == "ONGOING"), ONGOING)


def sort_listing(records: pd.DataFrame, view: View, *variables: str) -> pd.DataFrame:
    """By dose column in its order, subject, then the variables given."""
    order = pd.Categorical(records["COLUMN"], categories=list(view.column_keys), ordered=True)
    return records.assign(_ORDER=order).sort_values(["_ORDER", "USUBJID", *variables], kind="stable").drop(columns="_ORDER")


def list_records(
    view: View,
    records: pd.DataFrame,
    items: Sequence[Item],
    *,
    sort: Sequence[str],
    key: Sequence[str],
    footnotes: Sequence[str] = (),
) -> Listing:
    """Records as a listing: subject, dose group unless treatment is blinded, then the items.

    ``key`` are the variables that, with the subject, say which record a row is. The subject is said once in its block
    and again at the top of each page. Notes on days and dates are added where a
    printed date needs them.
    """
    records = sort_listing(records, view, *sort)
    shown = [item for item in items if not item.optional or item.variables(records)]
    group = [] if view.pooled else [Column(DOSE_GROUP, "Dose group", width=1.0, align="left", once=True)]
    subject = Column("SUBJECT", "Subject", width=1.9, align="left", once=True)
    columns = [subject, *group, *(item.column(records) for item in shown)]
    texts = {item.key: item.texts(records, view.trial.abbreviations) for item in shown}
    printed = pd.DataFrame({"SUBJECT": records["USUBJID"], DOSE_GROUP: records["COLUMN"], **texts}, index=records.index)
    starts = records["USUBJID"].ne(records["USUBJID"].shift())
    blocks = [int(place) for place in starts.to_numpy().nonzero()[0]]
    dates = [texts[item.key] for item in shown if isinstance(item, DateItem)]
    needed = [note for note, sign in _EXPLAINED.items() if any(date.str.contains(sign).any() for date in dates)]
    notes = (*footnotes, *(note for note in needed if note != PARTIAL))
    without = () if PARTIAL in needed else (PARTIAL,)
    return Listing(printed, columns, record_keys(records, "USUBJID", *key), blocks, notes, without)

"""Listings: what a column prints of each record, rows of several results, and the order they stand in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial, reduce, singledispatch

import pandas as pd

from cgbm1_report.listed import (
    ONGOING,
    SAMPLE,
    WITHHELD,
    WITHHELD_KEY,
    DateItem,
    FirstItem,
    Item,
    JoinedItem,
    Listed,
    RangeItem,
    Ranked,
    ReasonItem,
    TimeItem,
)
from cgbm1_report.protocol.schema import parameters_seen_blind
from cgbm1_report.protocol.wording import group_noun
from cgbm1_report.tabulate.abbreviations import say_coded
from cgbm1_report.tabulate.builders import record_keys
from cgbm1_report.tabulate.chosen import choose, chosen_variables
from cgbm1_report.tabulate.declare import DOSE_GROUP, Listing
from cgbm1_report.tabulate.layout import STUDY_DAY
from cgbm1_report.tabulate.table import Column, round_half_up
from cgbm1_report.tabulate.view import View, tell_withheld

__all__ = [
    "ONGOING",
    "DateItem",
    "FirstItem",
    "Item",
    "JoinedItem",
    "Listed",
    "RangeItem",
    "Ranked",
    "ReasonItem",
    "TimeItem",
    "list_records",
    "print_item",
    "sort_listing",
]  # fmt: skip

#: The footnote of trial.yaml on partial dates, and what an imputed day is marked with.
PARTIAL = "F22"
IMPUTED = "D, M or Y after a study day: day, month or year of the date were imputed."
#: What of a printed date these notes explain.
_EXPLAINED = {STUDY_DAY: r"\(-?\d+[DMY]?\)$", IMPUTED: r"\d[DMY]\)$", PARTIAL: r"^\d{4}(?:-\d{2})?(?: |$)"}
#: How dates are printed, and times to the minute.
_DAY, _MINUTE = "%Y-%m-%d", "%Y-%m-%d %H:%M"


@singledispatch
def print_item(item: Item, records: pd.DataFrame, words: Mapping[str, str]) -> pd.Series:
    """What a column prints of each record; missing where it prints nothing. ``words`` are the trial's abbreviations."""
    told = item.variables(records)
    if not told:
        return _nothing(records)
    if item.join:
        parts = [_print_values(item, name, records, words).fillna(item.missing) for name in told]
        # Of which nothing is told, nothing is said, not even what would stand between.
        return reduce(lambda before, own: before + item.join + own, parts).where(records[told].notna().any(axis=1))
    texts = _print_values(item, told[0], records, words)
    for name, marks in item.marks.items():
        if name in records:
            levels = records[name]
            levels = _round(levels, None) if pd.api.types.is_numeric_dtype(levels) else levels
            mark = levels.map({value: f" {text}" for value, text in marks.items() if text})
            texts = texts + mark.fillna("").astype("str")
    return texts.fillna(item.missing) if item.missing else texts


@print_item.register
def _(item: DateItem, records: pd.DataFrame, _words: Mapping[str, str]) -> pd.Series:
    collected, derived, day = item.named
    if not {collected, derived} & set(records):
        return _nothing(records)
    text = records[collected].str[:10] if collected in records else records[derived].dt.strftime(_DAY)
    if day in records:
        days = records[day].map("{:.0f}".format, na_action="ignore").astype("str")
        if item.imputed in records:
            days = days + records[item.imputed].fillna("")
        text = (text + " (" + days + ")").where(days.notna() & text.notna(), text)
    if item.relative not in records:
        return text
    return text.mask(text.isna() & (records[item.relative] == "ONGOING"), ONGOING)


@print_item.register
def _(item: TimeItem, records: pd.DataFrame, _words: Mapping[str, str]) -> pd.Series:
    told = item.variables(records)
    times = records[told[0]].str[11:16] if told else _nothing(records)
    return times.where(times != "")


@print_item.register
def _(item: RangeItem, records: pd.DataFrame, words: Mapping[str, str]) -> pd.Series:
    low, high = (_print_values(item, name, records, words) if name in records else _nothing(records) for name in item.named)
    return (low + " to " + high).fillna(">=" + low).fillna("<=" + high)


@print_item.register
def _(item: FirstItem, records: pd.DataFrame, words: Mapping[str, str]) -> pd.Series:
    said = _nothing(records)
    for name in item.variables(records):
        own = _print_values(item, name, records, words)
        one, other = item.same.get(name, (name, name))
        said = said.fillna(own.where(records[one].eq(records[other])))
    return said.fillna(item.missing) if item.missing else said


@print_item.register
def _(item: JoinedItem, records: pd.DataFrame, words: Mapping[str, str]) -> pd.Series:
    first, *others = (print_item(part, records, words) for part in item.parts)
    said, before, more = first.fillna(""), first, pd.Series(False, index=records.index)
    for own in others:
        new = own.notna() & (own.str.strip().str.casefold() != before.str.strip().str.casefold().fillna(""))
        said = said.mask(new, said + item.join + own)
        before, more = own.where(new, before), more | new
    said = said.where(more, said + item.join + item.missing) if item.missing else said
    return said.str.removeprefix(item.join)


@print_item.register
def _(item: ReasonItem, records: pd.DataFrame, _words: Mapping[str, str]) -> pd.Series:
    said = pd.Series("", index=records.index, dtype="str")
    for reason, chosen in item.reasons.items():
        if set(chosen_variables(chosen)) <= set(records):
            said = said.mask(said.index.isin(choose(records, chosen).index), said + item.join + reason)
    said = said.str.removeprefix(item.join)
    return said.where(said != "")


def _nothing(records: pd.DataFrame) -> pd.Series:
    return pd.Series(pd.NA, index=records.index, dtype="str")


def _print_values(item: Item, name: str, records: pd.DataFrame, words: Mapping[str, str]) -> pd.Series:
    """The values of a variable as texts."""
    values = records[name]
    for variable, levels in item.void.items():
        if variable in records:
            values = values.mask((values == 0) & records[variable].isin(levels))
    if pd.api.types.is_datetime64_any_dtype(values):
        texts = values.dt.strftime(_MINUTE if item.time else _DAY).astype("str")
    elif pd.api.types.is_numeric_dtype(values):
        texts = _print_numbers(item, values, records)
    else:
        texts = values.astype("str")
    said = {text: say_coded(text, words) for text in texts.dropna().unique()} if item.sentence else {}
    said |= item.words or {}
    told: pd.Series = texts.map(said).astype("str").fillna(texts) if said else texts
    return told


def _print_numbers(item: Item, values: pd.Series, records: pd.DataFrame) -> pd.Series:
    if not isinstance(item.dp, Mapping):
        return _round(values, item.dp)
    if values.name in item.dp:
        return _round(values, item.dp[str(values.name)])
    texts = _round(values, None)
    for dp in sorted(set(item.dp.values())):
        these = records["PARAMCD"].isin([code for code, places in item.dp.items() if places == dp])
        texts = texts.mask(these, _round(values[these], dp).reindex(texts.index))
    return texts


def _round(values: pd.Series, dp: int | None) -> pd.Series:
    """Numbers with so many decimals, or without idle zeros."""
    own = "{:.15g}".format if dp is None else partial(round_half_up, dp=dp)
    texts: pd.Series = values.map(own, na_action="ignore").astype("str")
    return texts


def sort_listing(records: pd.DataFrame, view: View, *variables: str | Ranked) -> pd.DataFrame:
    """By dose column in its order, subject, then the variables given."""
    order = {"_ORDER": _rank(records["COLUMN"], view.column_keys)}
    names = ["_ORDER", "USUBJID"]
    for one in variables:
        if isinstance(one, Ranked):
            order[f"_{one.variable}"] = _rank(records[one.variable], one.levels)
            names.append(f"_{one.variable}")
        else:
            names.append(one)
    return records.assign(**order).sort_values(names, kind="stable").drop(columns=list(order))


def _rank(values: pd.Series, levels: Sequence[str]) -> pd.Series:
    """The place of each value among the levels; of any other value, and of none, behind them all."""
    known = list(levels)
    return values.map({level: place for place, level in enumerate(known)}).astype("float64").fillna(len(known))


def leave_withheld(view: View, items: Sequence[Item], dataset: str) -> tuple[Sequence[Item], tuple[str, ...]]:
    """The items that tell no treatment by what is declared of the dataset, and a note that names the others by their heads.

    What is no variable of the dataset is a parameter whose value stands in a column. Without a dataset only those are left out
    that blinding took out of every subject's record.
    """
    if dataset:
        seen = view.trial.seen_of(dataset) | (parameters_seen_blind(dataset) or frozenset()) | {""}
        left = [item for item in items if not set(item.named) <= seen]
    else:
        left = [item for item in items if item.named and all(view.is_unseen("ADSL", name) for name in item.named)]
    heads = (item.label if isinstance(item.label, str) else next(iter(item.label.values())) for item in left)
    return [item for item in items if item not in left], tell_withheld(heads)


def list_records(
    view: View,
    records: pd.DataFrame,
    items: Sequence[Item] | None = None,
    *,
    sort: Sequence[str | Ranked] = (),
    key: Sequence[str] = (),
    footnotes: Sequence[str] = (),
    grouped: bool = True,
    dataset: str = "",
    also: Sequence[pd.DataFrame] = (),
) -> Listing:
    """Records as a listing: subject, dose group unless treatment is blinded or it is not ``grouped``, then the items.

    Without ``items`` the listing says what its declaration does (``listed``), which the second count asks too.
    ``key`` are the variables that, with the subject, say which record a row is. The subject is said once in its block
    and again at the top of each page. Notes on days and dates are added where a
    printed date needs them. While treatment is blinded, only items stay whose variables may be seen of the ``dataset``, where one
    is named; a note names the others. ``also`` are the records of other datasets that the declaration has in the same listing.
    """
    listed = view.listed if items is None else Listed(tuple(items), tuple(sort), tuple(key))
    if listed is None:
        raise ValueError("a listing without columns: declare them (listed=Listed(…))")
    if listed.withheld and view.pooled:
        return _withhold(*listed.withheld)
    words = view.trial.abbreviations
    records = _add_subjects(records, view.subjects, listed.items)
    dated = {item.key for item in listed.items if isinstance(item, DateItem)}
    if listed.sample:
        records, listed = _join_samples(records, listed, words)
    if listed.also:
        records, listed = _join_datasets(view, [records, *also], listed)
    records = sort_listing(records, view, *listed.sort)
    seen, withheld = leave_withheld(view, listed.items, dataset) if view.pooled else (listed.items, ())
    shown = [item for item in seen if not item.optional or item.variables(records)]
    group = [] if view.pooled or not grouped else [group_column(view)]
    subject = Column("SUBJECT", "Subject", width=1.9, align="left", once=True)
    columns = [subject, *group, *(_head_column(item, records) for item in shown)]
    texts = {item.key: print_item(item, records, words) for item in shown}
    printed = pd.DataFrame({"SUBJECT": records["USUBJID"], DOSE_GROUP: records["COLUMN"], **texts}, index=records.index)
    starts = records["USUBJID"].ne(records["USUBJID"].shift())
    blocks = [int(place) for place in starts.to_numpy().nonzero()[0]]
    dates = [texts[item.key] for item in shown if item.key in dated]
    needed = [note for note, sign in _EXPLAINED.items() if any(date.str.contains(sign).any() for date in dates)]
    notes = (*footnotes, *withheld, *(note for note in needed if note != PARTIAL))
    without = () if PARTIAL in needed else (PARTIAL,)
    return Listing(printed, columns, record_keys(records, "USUBJID", *listed.key), blocks, notes, without)


def group_column(view: View, width: float = 1.0) -> Column:
    """The column of a listing that names the group of a subject."""
    head = group_noun(view.trial, view.phase).capitalize()
    return Column(DOSE_GROUP, head, width=width, align="left", once=True)


def _withhold(head: str, words: str) -> Listing:
    """The page of a listing that would tell of treatment. It has no row per subject: their number and order could tell of it."""
    return Listing(pd.DataFrame({WITHHELD: [words]}, dtype="str"), [Column(WITHHELD, head, align="left")], [WITHHELD_KEY], [0])


def _head_column(item: Item, records: pd.DataFrame) -> Column:
    told = item.variables(records)
    label = item.label if isinstance(item.label, str) else item.label[told[0] if told else next(iter(item.label))]
    return Column(item.key, label, width=item.width, align=item.align, once=item.once)


def _add_subjects(records: pd.DataFrame, subjects: pd.DataFrame, items: Sequence[Item]) -> pd.DataFrame:
    """The records with what they lack and their subjects have, and with what is the subject's in any case."""
    own = {name for item in items if item.once for name in item.read}
    lacking = {name for item in items for name in item.read if name not in records}
    names = [name for name in subjects if name in own | lacking and name != "USUBJID"]
    if not names:
        return records
    told = subjects[["USUBJID", *names]]
    return records.drop(columns=names, errors="ignore").merge(told, on="USUBJID", how="left", validate="many_to_one")


def _join_samples(records: pd.DataFrame, listed: Listed, words: Mapping[str, str]) -> tuple[pd.DataFrame, Listed]:
    """A row for each sample, of several results of one item one each: the columns of results hold their texts."""
    common = ["USUBJID", "COLUMN", *(name for name in listed.common if name in records or name in listed.sample)]
    results = []
    for item in listed.items:
        if item.of:
            own = choose(records, item.of)
            own = own.assign(ITEM=item.key, TEXT=print_item(item, own, words))
            results.append(own[own["TEXT"].notna()])
    order = [*(name for name in listed.repeats if name in records), "ITEM"]
    told = pd.concat(results).sort_values(order, kind="stable") if results else records.iloc[:0].assign(ITEM="", TEXT="")
    told = told.assign(**{SAMPLE: told.groupby([*common, "ITEM"], dropna=False).cumcount() + 1})
    row = told.groupby([*common, SAMPLE], dropna=False, sort=False).ngroup()
    wide = told.assign(ROW=row).drop_duplicates("ROW").set_index("ROW")[[*common, SAMPLE]]
    texts = told.assign(ROW=row).set_index(["ROW", "ITEM"])["TEXT"].unstack("ITEM")
    keys = [item.key for item in listed.items if item.of]
    wide = wide.join(texts.reindex(columns=keys)).reset_index(drop=True)
    # What is printed of results stands in columns by now.
    items = tuple(Item(item.key, item.label, item.key, item.width, item.align) if item.of else item for item in listed.items)
    return wide, replace(listed, items=items)


def _join_datasets(view: View, records: Sequence[pd.DataFrame], listed: Listed) -> tuple[pd.DataFrame, Listed]:
    """The records of several datasets: their texts in columns of their own, ordered and told by the names of the first."""
    names = dict.fromkeys((*(str(one) for one in listed.sort), *listed.key))
    parts = []
    for own, frame in zip(listed.parts, records, strict=True):
        frame = frame.assign(USUBJID=_nothing(frame)) if own.groups else _add_subjects(frame, view.subjects, own.items)
        places = dict(zip((*listed.sort, *listed.key), (*own.sort, *own.key), strict=True))
        texts = {f"text {item.key}": print_item(item, frame, view.trial.abbreviations) for item in own.items}
        told = {name: frame[places[name]] for name in names if places[name] in frame}
        parts.append(pd.DataFrame({"USUBJID": frame["USUBJID"], "COLUMN": frame["COLUMN"], **told, **texts}))
    pairs = zip(listed.parts, records, strict=True)
    there = {item.key for own, frame in pairs for item in own.items if item.variables(frame)}
    shown = [item for item in listed.items if not item.optional or item.key in there]
    heads = [_head_column(item, records[0]) for item in shown]
    items = tuple(Item(one.key, one.label, f"text {one.key}", one.width, one.align, once=one.once) for one in heads)
    joined = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    # What only the records of another dataset are told by is there though it has none.
    return joined.reindex(columns=list(dict.fromkeys([*joined, *names]))), replace(listed, items=items)

"""Mock shells: the body of an output with a mask in the place of every number of the data.

A shell is what the output's own declaration makes, of a study in which everything occurs once. So its rows are those of the
real output; its cells are printed by the same functions that print the numbers, of numbers whose digits are then hidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from cgbm1_report.analyse.numbers import RATE_RATIO, REGRESSION
from cgbm1_report.listed import DateItem, Item, JoinedItem, Listed, RangeItem, ReasonItem, TimeItem
from cgbm1_report.protocol.schema import variable_kind
from cgbm1_report.tabulate.canvas import changed_canvas
from cgbm1_report.tabulate.declare import Declaration, Drawing, Listing, Summary
from cgbm1_report.tabulate.table import NOT_ESTIMABLE, Column, Line, Printed, Show
from cgbm1_report.tabulate.view import View

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

#: What stands for a text of the data, a day, a time, a day of the study.
WORDS, DAY, TIME = "xxxxx", "yyyy-mm-dd", "hh:mm"
#: What the study of mock shells has where a label or a note may tell a value of the data: no limit of a protocol is it.
TOLD = 977.0
_TOLD = re.compile(rf"{TOLD:g}(?:\.\d+)?")
#: Records that the shell of a listing shows.
RECORDS = 2
#: What prints below 1, and what prints around it: as many digits stand before the point as readers expect there.
_SHARES = ("p.value", "adj.p.value")
_RATIOS = (REGRESSION, RATE_RATIO)
#: A printed number: its digits before the point and behind it.
_NUMBER = re.compile(r"(\d+)(?:\.(\d+))?")
#: Decimals of a probability, which alone prints a 0 before the point.
_OF_P = 4
#: The number of subjects in the head of a column or behind a name, in any words: ``(N=12)``, ``(n=3)``.
_SIZE = re.compile(r"\(([Nn])=\d+\)")
#: A text of a picture that is a number alone, or several; what of other texts is a share or was not estimable.
_NUMBERS = re.compile(r"[\d\s.,()<>=/%±−–-]*\d[\d\s.,()<>=/%±−–-]*")
_SHARE, _NONE = re.compile(r"\b\d+/\d+\b"), re.compile(rf"\b{NOT_ESTIMABLE}\b")
_NO_P = re.compile(rf"\bp (?:[<>]?[\d.]+|{NOT_ESTIMABLE})")
#: A probability at the end of what a note says of an arm.
_P_NOTED = re.compile(rf"(?<= )(?:{NOT_ESTIMABLE}|[<>]?0\.\d{{{_OF_P}}})(?=[;.]|$)")
#: How often the study of mock shells has anything, in figures: a day of the axis is told from it.
_COUNTS = {"0", "1"}


class _Sample(Mapping[str, float]):
    """Every statistic there may be, with a value that prints with all its digits; of a ``ratio`` one digit before the point."""

    def __init__(self, ratio: bool) -> None:
        self._value = 1.1111111 if ratio else 11.1111111

    def __getitem__(self, name: str) -> float:
        if name in ("n", "N", "n_events", "N_nonmiss", "n.risk"):
            return 11.0
        return 0.1111111 if name in _SHARES else self._value

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def hide_digits(text: str) -> str:
    """A printed number as its mask: ``12 (40.0)`` is ``xx (xx.x)``, ``0.0312`` is ``0.xxxx``."""

    def hide(found: re.Match[str]) -> str:
        whole, decimals = found[1], found[2] or ""
        if whole == "0" and len(decimals) == _OF_P:
            return f"0.{'x' * _OF_P}"
        return f"{'x' if len(whole) == 1 else 'xx'}.{'x' * len(decimals)}" if decimals else "xx"

    return _NUMBER.sub(hide, text)


def hide_told(text: str) -> str:
    """Words in which no number of subjects and no value of the data is told."""
    return _TOLD.sub(lambda told: hide_digits(told[0]), _SIZE.sub(r"(\1=xx)", text))


def mask_body(declared: Declaration, view: View) -> Summary | Listing | Drawing:
    """What the body of a declaration gives of this view, every number of the data hidden."""
    with changed_canvas(_empty_picture):
        content = declared.body(view)
    content = replace(content, footnotes=tuple(_P_NOTED.sub("0.xxxx", hide_told(note)) for note in content.footnotes))
    if isinstance(content, Summary):
        return _mask_summary(content, view)
    if isinstance(content, Listing):
        return _mask_listing(content, view.listed, declared.source[0])
    return replace(content, alt="Mock shell of a figure: its axes and its key, without data.")


def _mask_summary(content: Summary, view: View) -> Summary:
    contexts = dict(zip(reversed(content.numbers["row"].tolist()), reversed(content.numbers["context"].tolist()), strict=True))
    return replace(
        content,
        lines=[_mask_line(line, line.context or contexts.get(line.row, "")) for line in content.lines],
        columns=[mask_column(column) for column in content.columns or view.columns],
    )


def mask_column(column: Column) -> Column:
    """A column whose head says that its number of subjects stands there."""
    label = hide_told(column.label)
    return replace(column, label=label if column.N is None else f"{label}\n(N=xx)", N=None)


def _mask_line(line: Line, context: str) -> Line:
    return replace(
        line,
        label=hide_told(line.label),
        show=line.show and _mask_show(line.show, context in _RATIOS),
        shows={name: _mask_show(show, context in _RATIOS) for name, show in line.shows.items()},
        texts=line.texts and dict.fromkeys(line.texts, WORDS),
    )


def _mask_show(show: Show, ratio: bool) -> Show:
    sample = _Sample(ratio)

    def masked(_stats: Mapping[str, float]) -> Printed:
        return Printed(hide_digits(show(sample).text), {})

    return masked


def _mask_listing(content: Listing, listed: Listed | None, dataset: str) -> Listing:
    """Two records of one subject, each value as its mask; of sentences, the items that are told of a subject and an event."""
    if content.facts is not None:
        return _mask_told(content)
    items = {item.key: item for item in listed.items} if listed else {}
    own = (listed.dataset if listed else "") or dataset
    masks = {column.key: mask_item(items[column.key], own) if column.key in items else WORDS for column in content.columns}
    records = pd.DataFrame([masks] * RECORDS)
    keys = [(("record", str(number)),) for number in range(1, RECORDS + 1)]
    columns = [mask_column(column) for column in content.columns]
    return replace(content, records=records, columns=columns, keys=keys, blocks=[0], facts=None)


def _mask_told(content: Listing) -> Listing:
    """The first two parts with a name, of a subject and of its event: their items, what is said of each as its mask."""
    end = content.marks[RECORDS][0] if len(content.marks) > RECORDS else len(content.records)
    records = content.records.iloc[:end].copy()
    told = {column.key for column in content.columns if column.once}
    told |= set(content.facts["COLUMN"]) if content.facts is not None else set()
    for key in told & set(records):
        own = records[key].astype("str")
        records[key] = own.where(own == "", WORDS).mask(own.str.fullmatch(r"-?\d+"), "xx")
    keys = [(("record", str(number)),) for number in range(1, end + 1)]
    blocks = [at for at in content.blocks if at < end]
    columns = [mask_column(column) for column in content.columns]
    return replace(content, records=records, columns=columns, keys=keys, blocks=blocks, facts=None, marks=())


def mask_item(item: Item, dataset: str) -> str:
    """What a column of a listing prints, as a mask."""
    if isinstance(item, DateItem):
        return f"{DAY} (xx)" if item.named[2] else DAY
    if isinstance(item, TimeItem):
        return TIME
    if isinstance(item, JoinedItem):
        return item.join.join(mask_item(part, dataset) for part in item.parts)
    if isinstance(item, ReasonItem):
        return WORDS
    if isinstance(item, RangeItem):
        return " to ".join(_mask_value(item, name, dataset) for name in item.named)
    names = item.named if item.join else item.named[:1]
    return item.join.join(_mask_value(item, name, dataset) for name in names)


def _mask_value(item: Item, name: str, dataset: str) -> str:
    if item.words:
        return WORDS
    kind = variable_kind(dataset, name)
    if kind == "date":
        return f"{DAY} {TIME}" if item.time else DAY
    if kind == "text":
        return WORDS
    if isinstance(item.dp, Mapping):
        codes = [*item.of.get("PARAMCD", "").split(), name]
        dp = next((item.dp[code] for code in codes if code in item.dp), 1)
    else:
        dp = item.dp or 0
    return f"xx.{'x' * dp}" if dp else "xx"


def _empty_picture(canvas: Canvas) -> None:
    """Leave of a picture its frame, the names of its axes and its key; numbers of the data are hidden."""
    framed = [axes for axes in canvas.axes if axes.axison]
    for axes in framed:
        _empty_axes(axes)
    for axes in canvas.axes:
        days = {f"{tick:g}" for tick in axes.get_xticks()} - _COUNTS if axes.axison else set()
        for text in axes.texts:
            told = text.get_text()
            # Numbers at the left of a line name a row: limits of groups, grades.
            numbers = _NUMBERS.fullmatch(told) and (axes.axison or text.get_horizontalalignment() != "left" or "(" in told)
            text.set_text(hide_digits(told) if numbers and told not in days else _hide_words(told))
    legends = [*canvas.legends, *filter(None, (axes.get_legend() for axes in canvas.axes))]
    for text in [*(text for legend in legends for text in legend.get_texts()), *(axes.title for axes in canvas.axes)]:
        text.set_text(hide_told(text.get_text()))
    width, height = canvas.get_size_inches()
    look: dict[str, Any] = {"fontsize": 9, "color": "#595959", "linespacing": 1.4}
    said = f"Figure,\n{width:g} × {height:g} in"
    if framed:
        widest = max(framed, key=lambda axes: float(axes.bbox.width * axes.bbox.height))
        widest.text(0.5, 0.5, said, transform=widest.transAxes, ha="center", va="center", **look)
    else:
        canvas.text(0.005, 0.995, said.replace("\n", " "), ha="left", va="top", **look)


def _hide_words(text: str) -> str:
    """Words of a picture in which no share and no estimate of the data is told."""
    told = _NO_P.sub("p 0.xxxx", _SHARE.sub("xx/xx", hide_told(text)))
    return _NONE.sub("x.xx (x.xx, x.xx)", told)


def _empty_axes(axes: Any) -> None:
    from matplotlib.text import Annotation
    from matplotlib.ticker import FixedLocator

    for drawn in [*axes.lines, *axes.collections, *axes.patches, *axes.images]:
        drawn.remove()
    for text in [text for text in axes.texts if isinstance(text, Annotation) and text.arrow_patch is not None]:
        text.remove()
    for axis in (axes.xaxis, axes.yaxis):
        # Ticks that a figure names are days and limits of the protocol; all others follow the data.
        if isinstance(axis.get_major_locator(), FixedLocator):
            axis.set_ticklabels([hide_told(label.get_text()) for label in axis.get_ticklabels()])
        else:
            axis.set_major_formatter(lambda _value, _place: "xx")

"""Table and Figure: the one representation of an output, final strings plus the numbers behind them.

Everything that prints a number rounds it here and nowhere else: half away from zero on the decimal
value, never on the binary one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

import pandas as pd

#: What a row key is joined with. Row labels hold slashes (SOC/PT, RECOVERED/RESOLVED), never this.
KEY_SEPARATOR = " | "

ARD_COLUMNS = ("output", "row", "column", "stat", "value", "text", "subjects")

NOT_ESTIMABLE = "NE"
NO_VALUE = "-"
EMPTY_TABLE = "No observations"


def row_key(*labels: str) -> str:
    """Key of a row: its labels from the outermost inwards."""
    return KEY_SEPARATOR.join(labels)


def round_half_up(value: float, dp: int) -> str:
    """Print a number with ``dp`` decimals, halves away from zero.

    The decimal value is the shortest one that names the float (12 significant digits), so that
    1/16 % = 6.25 prints 6.3 and 2.675 prints 2.68, as a reader with a pocket calculator expects.
    """
    if not math.isfinite(value):
        return NOT_ESTIMABLE
    exact = Decimal(f"{value:.12g}")
    text = str(exact.quantize(Decimal(1).scaleb(-dp), rounding=ROUND_HALF_UP))
    # A change of -0.04 prints 0.0: a minus sign in front of a zero says nothing.
    return text.lstrip("-") if not text.strip("-0.") else text


@dataclass(frozen=True)
class Column:
    """A column of a table: ``N`` is printed under the label as ``(N=xx)`` where it is given.

    ``width`` is its share of the page, relative to the other columns. ``spanner`` is a heading over
    neighbouring columns that carry the same one.
    """

    key: str
    label: str
    N: int | None = None
    width: float = 1.0
    align: Literal["left", "center", "right"] = "center"
    spanner: str | None = None

    @property
    def heading(self) -> str:
        return self.label if self.N is None else f"{self.label}\n(N={self.N})"


@dataclass(frozen=True)
class Row:
    """One printed line: its key in the results, its label, and one text per column.

    ``head`` marks a line that heads the rows below it and must not stay alone at a page's end.
    ``cells`` may lack a column: that cell is blank.
    """

    key: str
    label: str
    indent: int = 0
    cells: dict[str, str] = field(default_factory=dict)
    head: bool = False


@dataclass(frozen=True)
class Stamp:
    """What stands on every page besides the output: whose, of which cut, made by what and when."""

    protocol: str
    mark: str
    cutoff: str
    program: str
    produced: str


@dataclass(frozen=True)
class Table:
    """A summary table or a listing, ready to print.

    A summary table has a stub (``stub_label`` heads it, ``Row.label`` fills it); a listing has none
    (``stub_label`` is None) and prints ``Row.cells`` only. ``blocks`` are the indices of rows that
    start a block (a subject, a SOC, a visit): the places where a page is best broken.
    No rows at all print as ``No observations``.
    """

    number: str
    title: str
    population: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    footnotes: tuple[str, ...]
    source: str
    stamp: Stamp
    ard: pd.DataFrame
    kind: Literal["table", "listing"] = "table"
    stub_label: str | None = ""
    stub_width: float = 3.0
    blocks: tuple[int, ...] = ()
    subtitle: str = ""

    @property
    def label(self) -> str:
        """The output's name in words: Table 14.3.1.2.1."""
        return output_label(self.number)

    def with_number(self, number: str) -> Table:
        """The same table under another number, in its results too."""
        return replace(self, number=number, ard=self.ard.assign(output=number))


@dataclass(frozen=True)
class Figure:
    """A figure, drawn once as SVG and once as PNG, with the numbers it shows.

    ``alt`` says in words what the picture shows, for those who cannot see it. ``width_in`` and
    ``height_in`` are its printed size in inches.
    """

    number: str
    title: str
    population: str
    svg: str
    png: bytes
    alt: str
    footnotes: tuple[str, ...]
    source: str
    stamp: Stamp
    ard: pd.DataFrame
    width_in: float = 9.0
    height_in: float = 5.0
    subtitle: str = ""
    kind: Literal["figure"] = "figure"

    @property
    def label(self) -> str:
        """The output's name in words: Figure 14.2.1.2."""
        return output_label(self.number)

    def with_number(self, number: str) -> Figure:
        """The same figure under another number, in its results too."""
        return replace(self, number=number, ard=self.ard.assign(output=number))


Output = Table | Figure

_WORDS = {"T": "Table", "F": "Figure", "L": "Listing", "A": "Appendix", "N": "Narrative"}


def output_label(number: str) -> str:
    """``T14.1.1.2`` in words: ``Table 14.1.1.2``."""
    word = _WORDS.get(number[:1])
    return f"{word} {number[1:]}" if word and number[1:2].isdigit() else number


def empty_ard() -> pd.DataFrame:
    """A results frame without results, every column of its right kind."""
    return pd.DataFrame(
        {
            "output": pd.Series(dtype="str"),
            "row": pd.Series(dtype="str"),
            "column": pd.Series(dtype="str"),
            "stat": pd.Series(dtype="str"),
            "value": pd.Series(dtype="float64"),
            "text": pd.Series(dtype="str"),
            "subjects": pd.Series(dtype="object"),
        }
    )

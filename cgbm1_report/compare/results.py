"""What differs between the results of two builds: every number and text of every output, matched by row and column."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cgbm1_report.errors import ArgumentError
from cgbm1_report.rows import number_pattern
from cgbm1_report.tabulate.files import split_group

#: What names a result; further results of the same name follow in their order.
NAMED = ("output", "row", "column", "context", "stat_name")
#: What it says: unrounded, as printed, of whom.
SAID = ("stat", "stat_fmt", "subjects")
_APART = "\x1f"
#: What a row's key ends with whose record is gone, where another record has its number now.
GONE_RECORD = ',["record","gone"]]'
#: Two numbers that differ by less are one: so much differs between versions of a library.
_NOISE = 1e-12
_P_VALUE = re.compile(r"(?:.*\.)?p\.value")
#: A probability below it is called significant where a plan names no other.
LIMIT = 0.05


class NoResultsError(ArgumentError, AttributeError):
    """What is asked of the results of two cuts: an AttributeError too, as of any object."""

    __str__ = Exception.__str__


class NoMoves:
    """What stands for `Moves` of two cuts, of which nothing was computed: asked for a part of them it says so."""

    def __getattr__(self, name: str) -> object:
        # What looks for a method of Python's own, or of a notebook's, asks nobody's results.
        if name.startswith("_"):
            raise AttributeError(name)
        remedy = "compare two builds; subjects, subject_records and datasets tell what changed in the data"
        raise NoResultsError("two cuts have no results to compare", rule="comparison.moves", place=name, remedy=remedy)

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NoMoves)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "<No results: two cuts were compared; of two builds they stand here>"


@dataclass(frozen=True, repr=False)
class Moves:
    """How the results differ.

    Parameters
    ----------
    cells
        Results that say another thing as printed; of a figure, and of a number that no page prints, unrounded: `NAMED`,
        ``old, new`` as printed, ``old_stat, new_stat``, ``came, went``: the subjects behind it.
    rows, columns
        Those of an output that one side alone has: ``status`` (new, gone) and for rows what they print, as ``text`` and by
        column (``cells``).
    outputs
        Those that one side alone has.
    unrounded
        Of each output, how many results are the same as printed and differ unrounded.
    """

    cells: pd.DataFrame
    rows: pd.DataFrame
    columns: pd.DataFrame
    outputs: pd.DataFrame
    unrounded: pd.Series

    def __repr__(self) -> str:
        told = ", ".join(f"{len(getattr(self, name))} {name}" for name in ("cells", "rows", "columns", "outputs"))
        return f"<Moves: {told}>"

    @property
    def differ(self) -> bool:
        """Whether anything does."""
        return any(map(len, (self.cells, self.rows, self.columns, self.outputs, self.unrounded)))


def read_results(file: Path) -> pd.DataFrame:
    """The results of a build as far as they are compared, and are there; of subjects one text for all."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    known = pq.read_schema(file).names
    table = pq.read_table(file, columns=[name for name in (*NAMED, *SAID) if name in known])
    if "subjects" in known:
        joined = pc.binary_join(table["subjects"].cast(pa.list_(pa.string())), _APART)
        table = table.set_column(table.schema.get_field_index("subjects"), "subjects", joined)
    frame: pd.DataFrame = table.to_pandas()
    return frame


def rename_results(
    results: pd.DataFrame, renamed: Mapping[str, str], renumbered: pd.DataFrame, sources: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """Earlier results under the present numbers of subjects and records.

    Parameters
    ----------
    renamed
        New numbers of subjects by old ones.
    renumbered
        Of records: ``dataset, subject, variable, old, new``, subjects under their present numbers.
    sources
        The datasets of each output: a row's sequence number is that of a record of one of them.
    """
    found = results
    for name in ("row", "stat_fmt", "subjects") if renamed else ():
        texts = found[name]
        for old, now in renamed.items():
            texts = texts.str.replace(number_pattern(old), now.replace("\\", r"\\"), regex=True)
        if name == "subjects":
            texts = _sorted(texts, found[name])
        found = found.assign(**{name: texts})
    return _renumber(found, renumbered, sources) if len(renumbered) else found


def _sorted(texts: pd.Series, before: pd.Series) -> pd.Series:
    changed = texts.notna() & (texts != before)
    return texts.mask(changed, texts[changed].map(lambda text: _APART.join(sorted(text.split(_APART)))).reindex(texts.index))


def _renumber(results: pd.DataFrame, renumbered: pd.DataFrame, sources: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Rows of records under the present sequence number of the record."""
    found = results["row"]
    whose = found.str.extract(r'\["USUBJID",("(?:[^"\\]|\\.)*")\]')[0]
    for variable, numbers in renumbered.groupby("variable"):
        told = found.str.extract(rf'(\["{variable}",")([^"]*)("\])')
        at = told[1].notna() & whose.notna()
        if not at.any():
            continue
        of = results.loc[at, "output"].map(lambda number: tuple(sources.get(split_group(number)[0], ())))
        for datasets in of.unique():
            own = numbers[numbers["dataset"].isin(datasets)].drop_duplicates(["subject", "old"])
            if own.empty:
                continue
            here = of.index[of == datasets]
            names = whose[here].map(json.loads)
            places = pd.MultiIndex.from_arrays([names, told.loc[here, 1]])
            now = pd.Series(own["new"].to_numpy(), pd.MultiIndex.from_frame(own[["subject", "old"]])).reindex(places)
            hit = now.notna().to_numpy()
            # A record that is gone, whose number another record has now: its row is no row of that one.
            lost = ~hit & places.isin(pd.MultiIndex.from_frame(own[["subject", "new"]]))
            if lost.any():
                rows = found[here[lost]].str.removesuffix("]") + GONE_RECORD
                found = found.mask(found.index.isin(here[lost]), rows.reindex(found.index))
            old = '["' + str(variable) + '","' + told.loc[here, 1][hit] + '"]'
            new = '["' + str(variable) + '","' + pd.Series(now.to_numpy()[hit], index=here[hit]) + '"]'
            made = [row.replace(one, other) for row, one, other in zip(found[here[hit]], old, new, strict=True)]
            found = found.mask(found.index.isin(here[hit]), pd.Series(made, index=here[hit], dtype="str").reindex(found.index))
    return results.assign(row=found)


def compare_results(old: pd.DataFrame, new: pd.DataFrame, outputs: tuple[Sequence[str], Sequence[str]]) -> Moves:
    """The differences of two results; ``outputs`` are the numbers that each build has, also of those without results."""
    before, after = map(set, outputs)
    lone = [(number, "gone") for number in outputs[0] if number not in after]
    lone += [(number, "new") for number in outputs[1] if number not in before]
    shared = set(outputs[0]) & set(outputs[1])
    left, right = (side[side["output"].isin(shared)].reset_index(drop=True) for side in (old, new))
    rows, columns = _find_lone(left, right, "row"), _find_lone(left, right, "column")
    changed = _without_equal(left, right)
    sides = [_without_lone(side, rows, columns) for side in changed]
    both = sides[0].merge(sides[1], on=[*NAMED, "nth"], how="outer", suffixes=("_old", "_new"), sort=False)
    cells, unrounded = _judge(both)
    return Moves(
        _in_order(cells, new, old),
        _tell_rows(rows, left, right),
        _tell_columns(columns),
        pd.DataFrame(lone, columns=["output", "status"], dtype="str"),
        unrounded,
    )


def _find_lone(old: pd.DataFrame, new: pd.DataFrame, what: str) -> pd.DataFrame:
    """Rows, or columns, that one side alone has.

    A result without a value that no cell prints makes no row: of who has no subjects the second statistic of a cell, as Q3, is
    printed nowhere, and stands under its measure alone.
    """
    there = (side[side["stat"].notna() | side["stat_fmt"].notna()] if what == "row" else side for side in (old, new))
    sides = [side[["output", what]].drop_duplicates().reset_index(names="at") for side in there]
    both = sides[0].merge(sides[1], on=["output", what], how="outer", indicator=True)
    lone = both[both["_merge"] != "both"]
    status = lone["_merge"].map({"left_only": "gone", "right_only": "new"}).astype("str")
    return lone.assign(status=status, at=lone["at_y"].fillna(lone["at_x"]))[["output", what, "status", "at"]].sort_values("at")


def _without_lone(side: pd.DataFrame, rows: pd.DataFrame, columns: pd.DataFrame) -> pd.DataFrame:
    for what, lone in (("row", rows), ("column", columns)):
        if len(lone):
            side = side[~pd.MultiIndex.from_frame(side[["output", what]]).isin(pd.MultiIndex.from_frame(lone[["output", what]]))]
    return side.assign(nth=side.groupby(list(NAMED), sort=False).cumcount())


def _without_equal(old: pd.DataFrame, new: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What is left of both when each result was taken out that stands the same on both sides."""
    sides = []
    for side in (old, new):
        told = side.assign(stat=side["stat"].map("{:.12g}".format))
        mixed = pd.util.hash_pandas_object(told[[*NAMED, *SAID]], index=False)
        sides.append(pd.DataFrame({"told": mixed, "nth": mixed.groupby(mixed).cumcount()}))
    same = sides[0].reset_index().merge(sides[1].reset_index(), on=["told", "nth"])
    return old[~old.index.isin(same["index_x"])], new[~new.index.isin(same["index_y"])]


def _judge(both: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Which results moved, and of each output how many differ unrounded alone."""
    old, new = both["stat_old"], both["stat_new"]
    stat = ~((old == new) | (old.isna() & new.isna()) | ((old - new).abs() <= _NOISE * np.maximum(old.abs(), new.abs())))
    printed = ~((both["stat_fmt_old"] == both["stat_fmt_new"]) | (both["stat_fmt_old"].isna() & both["stat_fmt_new"].isna()))
    one = both["stat_fmt_old"].isna() & both["stat_fmt_new"].isna()
    shown = one & both["output"].str.startswith("F")
    whose = both["subjects_old"].fillna("") != both["subjects_new"].fillna("")
    moved = printed | (stat & shown) | whose | _crosses(both["stat_name"], old, new)
    cells = both[moved]
    told = {
        **{name: cells[name].astype("str") for name in NAMED},
        "old": cells["stat_fmt_old"].fillna(""),
        "new": cells["stat_fmt_new"].fillna(""),
        "old_stat": cells["stat_old"],
        "new_stat": cells["stat_new"],
        "came": _lacking(cells["subjects_new"], cells["subjects_old"]),
        "went": _lacking(cells["subjects_old"], cells["subjects_new"]),
    }
    return pd.DataFrame(told), both[stat & ~moved].groupby("output").size()


def _crosses(names: pd.Series, old: pd.Series, new: pd.Series) -> pd.Series:
    """Which probabilities stand on the other side of the limit now, also where they are printed alike."""
    known = names.astype("str").str.fullmatch(_P_VALUE.pattern) & old.notna() & new.notna()
    return known & ((old < LIMIT) != (new < LIMIT))


def _lacking(one: pd.Series, other: pd.Series) -> list[tuple[str, ...]]:
    """Subjects of one text that another lacks."""
    texts = zip(one.fillna(""), other.fillna(""), strict=True)
    return [
        tuple(sorted(set(here.split(_APART)) - set(there.split(_APART)) - {""})) if here != there else () for here, there in texts
    ]


def _in_order(cells: pd.DataFrame, new: pd.DataFrame, old: pd.DataFrame) -> pd.DataFrame:
    """Cells as their outputs have them, from the first row to the last, and the statistics of a cell as it prints them."""
    for side in (new, old):
        at = side.drop_duplicates(["output", "row", "column"])[["output", "row", "column"]].reset_index(names="_at")
        cells = cells.drop(columns="_at", errors="ignore").assign(**({"_before": cells["_at"]} if "_at" in cells else {}))
        cells = cells.merge(at, on=["output", "row", "column"], how="left", sort=False)
    cells["_at"] = cells["_before"].fillna(cells["_at"])
    order = pd.concat([side[list(NAMED)] for side in (new, old)]).drop_duplicates(ignore_index=True).reset_index(names="_nth")
    cells = cells.merge(order, on=list(NAMED), how="left", sort=False)
    return cells.sort_values(["_at", "_nth"], kind="stable", ignore_index=True).drop(columns=["_at", "_before", "_nth"])


def _tell_rows(rows: pd.DataFrame, old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Rows that one side alone has, with what they print."""
    parts = []
    for status, side in (("new", new), ("gone", old)):
        own = rows[rows["status"] == status]
        keys = pd.MultiIndex.from_frame(own[["output", "row"]])
        inside = side[pd.MultiIndex.from_frame(side[["output", "row"]]).isin(keys)] if len(own) else side.iloc[:0]
        said = _say_rows(inside)
        cells = [said.get(key, ()) for key in keys] if len(own) else []
        text = ["; ".join(f"{column}: {text}" for column, text in one) for one in cells]
        parts.append(own.assign(text=pd.Series(text, own.index, dtype="str"), cells=pd.Series(cells, own.index, dtype=object)))
    both = pd.concat(parts, ignore_index=True).sort_values("at", kind="stable", ignore_index=True).drop(columns="at")
    return both.astype({name: "str" for name in both if name != "cells"})


def _say_rows(inside: pd.DataFrame) -> dict[tuple[str, str], tuple[tuple[str, str], ...]]:
    """What rows print, column by column, by output and row; of a figure and of rows no page prints the numbers."""
    row, text = [inside["output"], inside["row"]], inside["stat_fmt"].fillna("")
    bare = (text == "").groupby(row).transform("all") & inside["stat"].notna()
    told = text.mask(bare, inside["stat"].map("{:.6g}".format))
    cells = told[told != ""].groupby([*row, inside["column"]], sort=False).agg(", ".join).rename("text").reset_index("column")
    said: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {}
    for key, column, told in zip(cells.index, cells["column"], cells["text"], strict=True):
        said[key] = (*said.get(key, ()), (column, told))
    return said


def _tell_columns(columns: pd.DataFrame) -> pd.DataFrame:
    return columns.drop(columns="at").astype("str").reset_index(drop=True)


def find_crossed(cells: pd.DataFrame, limits: Sequence[float] = (LIMIT,)) -> pd.DataFrame:
    """Probabilities that stand on the other side of a limit now, with the limit."""
    probabilities = cells[cells["stat_name"].str.fullmatch(_P_VALUE.pattern)]
    parts = [
        probabilities[(probabilities["old_stat"] < limit) != (probabilities["new_stat"] < limit)].assign(limit=limit)
        for limit in limits
    ]
    crossed = pd.concat(parts)
    return crossed[crossed["old_stat"].notna() & crossed["new_stat"].notna()].sort_index(kind="stable")

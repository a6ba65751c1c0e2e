"""A comparison as tables of the house: a summary, what crossed a limit, the cells in CSR order, subjects and records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from cgbm1_report.analyse.numbers import STAT_LABELS
from cgbm1_report.compare import ARM, OTHER, POPULATION, Comparison
from cgbm1_report.compare.gathered import count_whole, gather_subjects
from cgbm1_report.compare.named import Words, name_all
from cgbm1_report.compare.records import tell_briefly
from cgbm1_report.compare.results import Moves
from cgbm1_report.errors import number_of
from cgbm1_report.tabulate.files import split_group
from cgbm1_report.tabulate.results import empty_ard
from cgbm1_report.tabulate.table import Column, Row, Table

#: Lines of one table that a page for readers shows; JSON has all.
MOST_LINES = 5000
#: Lines that a document has of one output, and of one table; a workbook and JSON have all.
DOCUMENT_EACH, DOCUMENT_LINES = 30, 500
_COUNTED = (Column("new", "New"), Column("gone", "Gone"), Column("changed", "Changed"))
_BEFORE, _NOW = Column("old", "Before", width=1.6, align="left"), Column("new", "Now", width=1.6, align="left")
_OUTPUT = Column("output", "Output", width=1.3, align="left", once=True)
_ROW, _COLUMN = Column("row", "Row", width=3.4, align="left"), Column("column", "Column", width=1.2, align="left")


_OTHERWISE = "With other values"
_UNLIKE = "What differs besides the data"
_ALL = "All of them: compare with --format xlsx or json."


def make_tables(found: Comparison, most: int | None = MOST_LINES, *, records: bool = True, each: int | None = None) -> list[Table]:
    """The tables of a comparison: the summary, the outputs that changed, then those that say something.

    ``most`` is how many lines each shows, and ``each`` how many of one output; what is left out is said below it. Where ``each``
    is told, as in a document that is read, a cell has one line with all its statistics, and the outputs that are new or gone as a
    whole have one line each way. Without ``records`` those that differ are counted in the summary alone: of some outputs they
    say too much, and what is behind a cell stands with it.
    """
    short = each is not None
    tables = [_summary(found, () if records else ("compare lists the records one by one.",))]
    parts = [
        ("Probabilities that crossed a limit", (_OUTPUT, _ROW, _COLUMN, Column("limit", "Limit"), _BEFORE, _NOW), _crossed(found)),
        ("Outputs that changed", _CHANGED, _changed(found, short=short)),
        ("Cells that changed", *((_CELLS_WHOLE, _cells_whole(found)) if short else (_CELLS, _cells(found)))),
        ("Outputs, rows and columns that appeared or vanished", _PARTS, _parts(found, each)),
        ("Subjects", _SUBJECTS, _subjects(found)),
        ("Records", _RECORDS, _records(found) if records else []),
    ]
    for title, columns, lines in parts:
        if lines:
            tables.append(_list(found, f"C.{len(tables) + 1}", title, columns, lines, most, each))
    return tables


def _list(
    found: Comparison,
    number: str,
    title: str,
    columns: Sequence[Column],
    lines: list[dict[str, str]],
    most: int | None,
    each: int | None,
) -> Table:
    first, notes = columns[0].key, []
    if each is not None and first == _OUTPUT.key:
        of = pd.Series([line[first] for line in lines])
        many = of.value_counts(sort=False)
        lines = [line for line, at in zip(lines, of.groupby(of).cumcount(), strict=True) if at < each]
        more = [f"{name} {count:,}" for name, count in many.items() if count > each]
        told = (
            f"Of each output no more than {number_of(each, 'line')} stand{'s' * (each == 1)} here; there are of {', '.join(more)}."
        )
        notes += [f"{told} {_ALL}"] if more else []
    shown = lines if most is None else lines[:most]
    rows = [Row((("line", str(at)),), "", cells=line) for at, line in enumerate(shown, start=1)]
    blocks = tuple(at for at, line in enumerate(shown) if not at or line[first] != shown[at - 1][first])
    notes += [f"The first {len(shown):,} of {len(lines):,} lines; compare --json tells all."] if len(shown) < len(lines) else []
    return _table(found, number, title, tuple(columns), tuple(rows), tuple(notes), kind="listing", stub_label=None, blocks=blocks)


def _table(
    found: Comparison,
    number: str,
    title: str,
    columns: tuple[Column, ...],
    rows: tuple[Row, ...],
    notes: tuple[str, ...],
    **form: Any,
) -> Table:
    return Table(
        number=number, title=title, population=tell_sides(found), columns=columns, rows=rows, footnotes=notes, source="",
        stamp=found.new.stamp, ard=empty_ard(), **form,
    )  # fmt: skip


def tell_sides(found: Comparison) -> str:
    """What is compared with what, in words."""
    told = [f"{side.name} (data cut-off {side.stamp.cutoff})" for side in (found.old, found.new)]
    return f"From {told[0]} to {told[1]}"


# The summary --------------------------------------------------------------------------------------


def count_all(found: Comparison) -> dict[str, dict[str, dict[str, int]]]:
    """How many of each kind are new, gone or changed, part by part, as the summary prints them; nothing where there is none.

    What a reader of the report asks first stands first: what crossed a limit, the outputs, and then the data behind them.
    """
    level = found.subject_records
    subjects = {"With another number": {"changed": len(found.renamed)}}
    for status in ("new", "gone"):
        subjects.setdefault("Subjects", {})[status] = int(level.loc[level["status"] == status, "subject"].nunique())
    for kind, told in ((ARM, "With another arm"), (POPULATION, "In other populations"), (OTHER, _OTHERWISE)):
        chosen = level[(level["kind"] == kind) & (level["status"] == "changed")]
        subjects[told] = {"changed": int(chosen["subject"].nunique())}
    records: dict[str, dict[str, int]] = {}
    for one in found.datasets:
        records[one.dataset] = {status: one.count(status) for status in ("new", "gone", "changed")}
        records[f"{one.dataset}, repeating a subject's change"] = {"changed": one.carried}
        records[f"{one.dataset}, only numbered otherwise"] = {"changed": one.renumbered_records}
        records[f"{one.dataset}, variables"] = {"new": len(one.variables_new), "gone": len(one.variables_gone)}
    files = {name: {status: 1} for name, status in found.beside.items()}
    return {"Outputs": _count_outputs(found), "Subjects": subjects, "Records": records, "Files beside the data": files}


def _count_outputs(found: Comparison) -> dict[str, dict[str, int]]:
    if not isinstance(found.moves, Moves):
        return {}
    moves = found.moves
    touched = {*moves.cells["output"], *moves.rows["output"], *moves.columns["output"]}
    told = {"Probabilities that crossed a limit": {"changed": len(found.crossed)}}
    told["Outputs"] = {**_by_status(moves.outputs), "changed": len(touched)}
    told["Rows"], told["Columns"] = _by_status(moves.rows), _by_status(moves.columns)
    told["Cells"] = {"changed": len(moves.cells.drop_duplicates(["output", "row", "column"]))}
    told["Numbers printed as before, others before rounding"] = {"changed": int(moves.unrounded.sum())}
    return told


def _by_status(frame: pd.DataFrame) -> dict[str, int]:
    return {status: int((frame["status"] == status).sum()) for status in ("new", "gone")}


def _summary(found: Comparison, more: tuple[str, ...]) -> Table:
    rows: list[Row] = []
    blocks = []
    for part, kinds in count_all(found).items():
        told = {kind: counts for kind, counts in kinds.items() if any(counts.values())}
        if not told:
            continue
        blocks.append(len(rows))
        rows.append(Row((("part", part),), part, head=True))
        for kind, counts in told.items():
            cells = {name: f"{count:,}" for name, count in counts.items()}
            rows.append(Row((("part", part), ("kind", kind)), _say_kind(found, kind), 1, cells))
    if not rows:
        rows.append(Row((("part", "nothing"),), "Nothing differs"))
    told_notes = [f"{_UNLIKE}: {line}." for line in found.unlike]
    notes = (
        "Records are matched by what they are about, not by their sequence number.",
        *told_notes,
        *(f"{note}." for note in found.notes),
        *more,
    )
    columns = _COUNTED
    return _table(found, "C.1", "Summary of changes", columns, tuple(rows), notes, stub_label="What", blocks=tuple(blocks))


def tell_changes(found: Comparison, group: str = "") -> list[tuple[str, str]]:
    """What changed, in pairs for the front of a document: of what, and how; of its outputs a line each, in their order.

    ``group`` is the dose group of a document of its own. Probabilities that crossed a limit come first.
    """
    told = [("Compared", tell_sides(found)), *((_UNLIKE, line) for line in found.unlike)]
    told += [
        (one["output"], f"crossed {one['limit']}: {one['row']}, {one['column']}: {one['old']}, now {one['new']}")
        for one in _crossed(found)
        if split_group(one["output"])[1] == group
    ]
    for part, kinds in count_all(found).items():
        said = [f"{_say_kind(found, kind)}: {words}" for kind, counts in kinds.items() if (words := _count_words(counts))]
        told += [(part, "; ".join(said))] if said and part != "Outputs" else []
    return told + [one for one in _count_each(found) if split_group(one[0])[1] == group]


def _say_kind(found: Comparison, kind: str) -> str:
    """What is counted; of subjects that say another thing, in which variables."""
    level = found.subject_records
    named = level.loc[(level["kind"] == OTHER) & (level["status"] == "changed"), "variable"] if kind == _OTHERWISE else ()
    return f"{kind}: {', '.join(sorted(set(named)))}" if len(named) else kind


def _count_words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)


def _count_each(found: Comparison) -> list[tuple[str, str]]:
    """Of each output that changed, how many of its cells, rows and columns did."""
    if not isinstance(found.moves, Moves):
        return []
    moves = found.moves
    kinds = [("cell", "changed", moves.cells.drop_duplicates(["output", "row", "column"]))]
    for noun, part in (("row", moves.rows), ("column", moves.columns)):
        kinds += [(noun, status, part[part["status"] == status]) for status in ("new", "gone")]
    words: dict[str, list[str]] = {}
    for noun, what, part in kinds:
        for number, count in part.groupby("output").size().items():
            words.setdefault(str(number), []).append(f"{count:,} {noun}{'s' * (count != 1)} {what}")
    for number, status in zip(moves.outputs["output"], moves.outputs["status"], strict=True):
        words[number] = [status]
    return [(number, ", ".join(words[number])) for number in found.outputs if number in words]


# The lists ----------------------------------------------------------------------------------------

#: What a subject's own record says otherwise, in the words of the summary.
_KINDS = {ARM: "Another arm", POPULATION: "Other populations", OTHER: "Other values"}
_SUBJECTS = (
    Column("kind", "What", width=1.4, align="left", once=True),
    Column("subject", "Subject", width=1.6, align="left"),
    Column("variable", "Variable", align="left"),
    _BEFORE,
    _NOW,
)


def _subjects(found: Comparison) -> list[dict[str, str]]:
    renamed = [
        {"kind": "Another number", "subject": now, "variable": "USUBJID", "old": old, "new": now}
        for old, now in found.renamed.items()
    ]
    level = found.subject_records
    level = _brief(level, level["dataset"].iloc[0], found) if len(level) else level
    moved, whole = level[level["status"] == "changed"], level[level["status"] != "changed"]
    moved = moved.assign(kind=moved["kind"].map(_KINDS))
    lines = pd.concat([moved, whole.assign(kind=whole["status"].str.capitalize())])[[column.key for column in _SUBJECTS]]
    return [*renamed, *_lines(lines)]


_RECORDS = (
    Column("dataset", "Dataset", align="left", once=True),
    Column("status", "What", align="left"),
    Column("subject", "Subject", width=1.6, align="left"),
    Column("record", "Record", width=3.4, align="left"),
    Column("variable", "Variable", align="left"),
    _BEFORE,
    _NOW,
)


def _brief(records: pd.DataFrame, dataset: str, found: Comparison) -> pd.DataFrame:
    """Changes of a dataset's records, their numbers with the digits that a page has room for."""
    return tell_briefly(records, *(side.data[dataset] for side in (found.old, found.new) if dataset in side.data))


def _records(found: Comparison) -> list[dict[str, str]]:
    held = [_brief(one.records, one.dataset, found) for one in found.datasets if len(one.records)]
    return _lines(pd.concat(held)[[column.key for column in _RECORDS]]) if held else []


_CHANGED = (_OUTPUT, Column("text", "What changed", width=8, align="left"))


def _changed(found: Comparison, *, short: bool) -> list[dict[str, str]]:
    """How much of each output changed; ``short``: not those that are new or gone as a whole, which stand among the parts."""
    whole = set(found.moves.outputs["output"]) if short and isinstance(found.moves, Moves) else set()
    return [{"output": number, "text": text} for number, text in _count_each(found) if number not in whole]


_CELLS = (
    _OUTPUT,
    _ROW,
    _COLUMN,
    Column("stat_name", "Statistic", width=0.9, align="left"),
    _BEFORE,
    _NOW,
    Column("unrounded", "Before rounding", width=1.5, align="left"),
    Column("behind", "Behind it", width=4.6, align="left"),
)


def _cells(found: Comparison) -> list[dict[str, str]]:
    return _lines(_tell_cells(found)[[column.key for column in _CELLS]])


def _tell_cells(found: Comparison) -> pd.DataFrame:
    """Every statistic of a cell that changed, in words, with what is behind it."""
    if not isinstance(found.moves, Moves):
        return pd.DataFrame(columns=[column.key for column in _CELLS])
    cells = _worded(found.moves.cells, found)
    return cells.assign(
        stat_name=cells["stat_name"].map(lambda name: STAT_LABELS.get(name, name)),
        unrounded=[_tell_unrounded(old, new) for old, new in zip(cells["old_stat"], cells["new_stat"], strict=True)],
        behind=[_tell_behind(*one) for one in zip(cells["came"], cells["went"], found.behind, strict=True)],
    )


_CELLS_WHOLE = (_OUTPUT, _ROW, _COLUMN, _BEFORE, _NOW, _CELLS[-1])


def _cells_whole(found: Comparison) -> list[dict[str, str]]:
    """A line a cell: what all its statistics that changed were and are, and what is behind them, each once."""
    cells = _tell_cells(found)
    if cells.empty:
        return []
    place = [column.key for column in _CELLS_WHOLE[:3]]
    # What a figure draws is printed by no cell: the number itself is told.
    bare = (cells["old"] == "") & (cells["new"] == "")
    # A text of a record needs no name of a statistic.
    name = cells["stat_name"].mask(cells["stat_name"] == STAT_LABELS["text"], "")
    for side in ("old", "new"):
        drawn = cells[f"{side}_stat"].map("{:.6g}".format).where(cells[f"{side}_stat"].notna(), "")
        text = cells[side].mask(bare, drawn)
        cells[side] = (name + " " + text).str.strip().where(text != "", "")
    # Beside the statistic that says who is counted otherwise, the others say the same records without it.
    counted = cells["came"].map(bool) | cells["went"].map(bool)
    says = counted | ~counted.groupby([cells[key] for key in place]).transform("any")
    cells["behind"] = cells["behind"].where(says, "")
    told = cells.groupby(place, sort=False)[["old", "new", "behind"]].agg(tuple).reset_index()
    joined = {side: told[side].map(lambda texts: ", ".join(filter(None, texts))) for side in ("old", "new")}
    return _lines(told.assign(**joined, behind=told["behind"].map(lambda texts: "; ".join(dict.fromkeys(filter(None, texts))))))


def _crossed(found: Comparison) -> list[dict[str, str]]:
    if found.crossed.empty:
        return []
    crossed = _worded(found.crossed, found).assign(limit=found.crossed["limit"].map("{:g}".format))
    # Rounded alike, as 0.0500: what crossed is seen unrounded alone.
    alike = crossed["old"] == crossed["new"]
    for name in ("old", "new"):
        exact = (crossed[name] + found.crossed[f"{name}_stat"].map(" ({:.6g})".format)).str.strip()
        crossed[name] = crossed[name].mask(alike, exact)
    return _lines(crossed[["output", "row", "column", "limit", "old", "new"]])


_PARTS = (_OUTPUT, Column("what", "What", align="left"), Column("name", "Row or column", width=3.4, align="left"),
          Column("text", "What it says", width=5, align="left"))  # fmt: skip


def _parts(found: Comparison, each: int | None) -> list[dict[str, str]]:
    """What one side alone has; with ``each`` one line for all outputs that are new, and one for all that are gone."""
    if not isinstance(found.moves, Moves):
        return []
    moves = found.moves
    lone = zip(moves.rows["output"], moves.rows["cells"], strict=True)
    text = [_say(found.words.get(number, Words()), own) for number, own in lone]
    rows = moves.rows.assign(what="row " + moves.rows["status"], name=name_all(moves.rows, found.words, "row"), text=text)
    outputs = moves.outputs.assign(what="output " + moves.outputs["status"], name="", text="")
    held = [
        outputs if each is None else count_whole(outputs, each),
        moves.columns.assign(
            what="column " + moves.columns["status"], name=name_all(moves.columns, found.words, "column"), text=""
        ),
        rows if each is None else gather_subjects(rows),
    ]
    return _lines(pd.concat(held)[[column.key for column in _PARTS]].astype("str"))


def _worded(cells: pd.DataFrame, found: Comparison) -> pd.DataFrame:
    return cells.assign(row=name_all(cells, found.words, "row"), column=name_all(cells, found.words, "column"))


def _say(words: Words, cells: Iterable[tuple[str, str]]) -> str:
    """What a row prints, by the heads of its columns."""
    return "; ".join(f"{words.column(column)}: {text}" for column, text in cells)


def _tell_unrounded(old: float, new: float) -> str:
    told = ["missing" if value != value else f"{value:.10g}" for value in (old, new)]
    return "" if old != old and new != new else " → ".join(told)


def _tell_behind(came: Iterable[str], went: Iterable[str], records: Sequence[str]) -> str:
    told = [
        f"now counted: {', '.join(came)}" if came else "",
        f"no longer counted: {', '.join(went)}" if went else "",
        *records,
    ]
    return "; ".join(filter(None, told))


def _lines(frame: pd.DataFrame) -> list[dict[str, str]]:
    return [dict(zip(frame.columns, line, strict=True)) for line in zip(*(frame[name] for name in frame), strict=True)]

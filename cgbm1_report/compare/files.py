"""A comparison as a file: text, a page, a Word document, a workbook; and all of it as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Literal

import pandas as pd

from cgbm1_report.compare import Comparison
from cgbm1_report.compare.pages import DOCUMENT_EACH, DOCUMENT_LINES, count_all, make_tables, tell_sides
from cgbm1_report.compare.results import Moves
from cgbm1_report.rows import read_key

Form = Literal["text", "html", "docx", "xlsx", "json"]
FORMS: tuple[Form, ...] = ("text", "html", "docx", "xlsx", "json")
#: Lines of one table that a terminal is shown; and that a sheet of a workbook holds: more open in no reasonable time.
_TEXT_LINES, _SHEET_LINES = 200, 50_000
_TITLE = "Changes"


def write_comparison(found: Comparison, form: Form, room: int | None = None, *, records: bool = True) -> bytes:
    """The comparison in a form. ``room`` is how wide a text may be; a document may do without ``records`` (`make_tables`)."""
    if form == "json":
        return (json.dumps(say_comparison(found), ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")
    if form == "text":
        from cgbm1_report.emit import emit_text

        return "\n".join(emit_text(table, room) for table in make_tables(found, _TEXT_LINES)).encode("utf-8", "replace")
    if form == "html":
        from cgbm1_report.emit import emit_html, emit_html_page

        tables = make_tables(found)
        return emit_html_page(tables[0], "".join(map(emit_html, tables))).encode("utf-8", "replace")
    if form == "docx":
        from cgbm1_report.emit.docx import emit_docx_of

        return emit_docx_of(
            make_tables(found, DOCUMENT_LINES, records=records, each=DOCUMENT_EACH), f"{_TITLE}. {tell_sides(found)}"
        )
    from cgbm1_report.emit.xlsx import emit_xlsx_of

    return emit_xlsx_of(make_tables(found, _SHEET_LINES), _TITLE)


def say_comparison(found: Comparison) -> dict[str, Any]:
    """All of a comparison, for a machine: counts, subjects, records, and cells with their keys and what is behind them."""
    told: dict[str, Any] = {
        "differs": found.differs,
        "old": _say_side(found, "old"),
        "new": _say_side(found, "new"),
        "unlike": list(found.unlike),
        "not_asked": {which: list(numbers) for which, numbers in found.unasked.items()},
        "notes": list(found.notes),
        "counts": count_all(found),
        "files": found.beside,
        "renamed": dict(found.renamed),
        "subjects": _records(found.subject_records.drop(columns=["at"], errors="ignore")),
        "datasets": {
            one.dataset: {
                "records": list(one.counted),
                "differences": _records(one.records.drop(columns=["dataset", "at"])),
                "renumbered": one.renumbered_records,
                "carried": one.carried,
                "variables_new": list(one.variables_new),
                "variables_gone": list(one.variables_gone),
            }
            for one in found.datasets
            if one.differs or len(one.renumbered) or one.carried
        },
    }
    return told | (_say_moves(found, found.moves) if isinstance(found.moves, Moves) else {})


def _say_side(found: Comparison, which: Literal["old", "new"]) -> dict[str, Any]:
    side = found.old if which == "old" else found.new
    return {"name": side.name, "kind": side.kind, "cutoff": side.stamp.cutoff, "mark": side.stamp.mark, **dict(side.facts)}


def _say_moves(found: Comparison, moves: Moves) -> dict[str, Any]:
    return {
        "crossed": _records(found.crossed),
        "cells": _records(moves.cells.assign(behind=pd.Series(list(found.behind), dtype=object))),
        "rows": _records(moves.rows.drop(columns="cells")),
        "columns": _records(moves.columns),
        "outputs": _records(moves.outputs),
        "unrounded": {str(number): int(count) for number, count in moves.unrounded.items()},
    }


def _records(frame: pd.DataFrame) -> list[Mapping[str, Any]]:
    lines = zip(*(frame[name].tolist() for name in frame), strict=True)
    return [{name: _plain(name, value) for name, value in zip(frame.columns, line, strict=True)} for line in lines]


def _plain(name: str, value: Any) -> Any:
    if name == "row":
        return read_key(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return list(value) if isinstance(value, tuple) else value

"""Table and Figure as data: JSON for programs, CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from typing import Any

from cgbm1_report.emit.escape import clean
from cgbm1_report.rows import as_key, read_key, tell_key, write_key
from cgbm1_report.tabulate.table import Column, Figure, Output, Row, Stamp, Table

# Some spreadsheets take the full-width signs of Chinese and Japanese keyboards for the same.
_FORMULA = re.compile(r"[\s\u200b-\u200f\u2060\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
# Plain negative numbers, also with what stands behind them in parentheses, and the lone dash of
# "no value" are no formulas.
_NEGATIVE = re.compile(r"-(\d+(\.\d+)?)?( \([\d., %-]+\))?")


def emit_json(output: Output) -> str:
    """One output as JSON: texts as printed, cells under their column's key, a row's key as ``[variable, level]`` pairs.

    Where columns are statistics, each says of which ``measure`` which ``statistic``, and a row whose results it prints
    (``column``), of which other ``measure`` if so: a result's key is the row's with both, its column the row's. Where a line
    prints results of several rows, their ``places`` stand by column for the row's key and the measure.

    Tables: ``number, title, population, columns, rows, footnotes, abbreviations, source, program``.
    Figures: ``number, title, population, alt, footnotes, abbreviations, source, program, results``, where results
    are the numbers shown.
    """
    return _dump(_say(output))


def _say(output: Output) -> dict[str, Any]:
    found: dict[str, Any] = {"number": output.number, "title": clean(output.title), "population": clean(output.population)}
    if isinstance(output, Figure):
        found["alt"] = clean(output.alt)
    else:
        found["columns"] = [
            {"key": column.key, "label": clean(column.label), "N": column.N}
            | ({"measure": column.measure, "statistic": column.statistic} if column.statistic else {})
            for column in output.columns
        ]
        found["rows"] = [
            {
                # The key says which row it is, so it stays what it is: only what no file can hold is replaced.
                "key": [[_storable(variable), _storable(level)] for variable, level in row.key],
                "label": clean(row.label),
                "indent": row.indent,
                "cells": {key: clean(text) for key, text in row.cells.items()},
            }
            | ({"column": row.column, "measure": row.measure} if row.column else {})
            | ({"places": dict(row.places)} if row.places else {})
            for row in output.rows
        ]
    found["footnotes"] = [clean(note) for note in output.footnotes]
    found["abbreviations"] = {clean(short): clean(words) for short, words in output.abbreviations.items()}
    found["source"] = clean(output.source)
    found["program"] = clean(output.program)
    if isinstance(output, Figure):
        found["results"] = _results(output)
    return found


def emit_printed(output: Output) -> str:
    """Every text an output prints, as JSON: that of :func:`emit_json`, and what else stands on its pages.

    Adds ``kind``, ``subtitle``, ``place`` (the headings above it in a report), ``links`` (the outputs it leads to), and
    of tables ``stub``, which heads the row labels and is null where there are none, and each column's ``spanner``, ``align``
    and whether its value is said ``once``, and ``marks``, rows that bookmarks lead to with their names. What is read back of a
    build is held against it.
    """
    found = _say(output) | {"kind": output.kind, "subtitle": clean(output.subtitle)}
    found["place"] = [clean(text) for text in output.place]
    found["links"] = [clean(number) for number in output.links]
    if not isinstance(output, Figure):
        found["stub"] = None if output.stub_label is None else clean(output.stub_label)
        found["marks"] = [[at, clean(text)] for at, text in output.marks]
        for column, told in zip(output.columns, found["columns"], strict=True):
            told |= {"spanner": clean(column.spanner or ""), "align": column.align, "once": column.once}
    return _dump(found)


def read_printed(text: str, stamp: Stamp) -> Output:
    """The output that `emit_printed` wrote, as far as its text, CSV and JSON ask: without widths, blocks or a picture.

    Its results are what a figure shows of them, by name of the column: to make a frame of them takes longer than all the rest.

    Raises
    ------
    KeyError, TypeError, ValueError
        The text is not what `emit_printed` writes.
    """
    found = json.loads(text)
    told: dict[str, Any] = {key: found[key] for key in ("number", "title", "population", "subtitle", "source", "program")}
    told |= {key: tuple(found[key]) for key in ("footnotes", "place", "links")}
    told |= {"stamp": stamp, "abbreviations": found["abbreviations"]}
    if found["kind"] == "figure":
        return Figure(**told, svg="", alt=found["alt"], ard=_read_results(found["results"]))
    columns = [
        Column(
            one["key"], one["label"], one["N"], align=one["align"], spanner=one["spanner"] or None, once=one["once"],
            measure=as_key(one.get("measure", ())), statistic=one.get("statistic", ""),
        )
        for one in found["columns"]
    ]  # fmt: skip
    rows = [
        Row(
            as_key(one["key"]), one["label"], one["indent"], one["cells"],
            column=one.get("column", ""), measure=as_key(one.get("measure", ())),
            places={name: as_key(key) for name, key in one.get("places", {}).items()},
        )
        for one in found["rows"]
    ]  # fmt: skip
    return Table(
        **told, columns=tuple(columns), rows=tuple(rows), kind=found["kind"], stub_label=found["stub"], ard=_read_results([])
    )


def _read_results(results: list[dict[str, Any]]) -> Any:
    told: dict[str, list[Any]] = {name: [one[name] for one in results] for name in _RESULT}
    missing = [math.nan if value is None else float(value) for value in told["stat"]]
    return told | {"row": [write_key(as_key(key)) for key in told["row"]], "stat": missing}


def _dump(found: dict[str, Any]) -> str:
    return json.dumps(found, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _storable(text: str | None) -> str | None:
    return text if text is None else text.encode("utf-8", "replace").decode("utf-8")


#: What a figure's results say in JSON and CSV.
_RESULT = ("row", "column", "context", "stat_name", "stat", "stat_fmt")


def _results(figure: Figure) -> list[dict[str, Any]]:
    """The figure's results; missing numbers are null."""
    return [
        {name: read_key(value) if name == "row" else _plain(value) for name, value in zip(_RESULT, record, strict=True)}
        for record in zip(*(figure.ard[name] for name in _RESULT), strict=True)
    ]


def _plain(value: object) -> str | float | None:
    if isinstance(value, str):
        return clean(value)
    number = float(value) if isinstance(value, (int, float)) else math.nan
    return number if math.isfinite(number) else None


def emit_csv(output: Output) -> str:
    """One output as CSV: a header line, then one line per row; a figure's results likewise.

    While a phase is blind the last head says so, above an empty column: a file has no page to say it on.
    A cell a spreadsheet would take for a formula gets an apostrophe in front. Lines end with CR LF (RFC 4180). Files of a build
    begin with a byte order mark: without it a spreadsheet reads Chinese text by the code page of its machine.
    """
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    blind = [output.stamp.blind] if output.stamp.blind else []
    empty = [""] * len(blind)
    if isinstance(output, Figure):
        writer.writerow([*_RESULT, *blind])
        for record in _results(output):
            told = record | {"row": tell_key(record["row"])}
            writer.writerow([*(_cell("" if value is None else str(value)) for value in told.values()), *empty])
        return target.getvalue()
    stub = output.stub_label is not None
    heads = [column.heading if not column.spanner else f"{column.spanner}: {column.heading}" for column in output.columns]
    writer.writerow([_cell(head.replace("\n", " ")) for head in ([output.stub_label or ""] * stub + heads + blind)])
    for row in output.rows:
        label = [f"{'  ' * row.indent}{_cell(row.label)}"] * stub
        writer.writerow(label + [_cell(row.cells.get(column.key, "")) for column in output.columns] + empty)
    return target.getvalue()


def _cell(text: str) -> str:
    """A cell no spreadsheet runs."""
    text = clean(text)
    guarded = _FORMULA.match(text) and not _NEGATIVE.fullmatch(text)
    return f"'{text}" if guarded else text

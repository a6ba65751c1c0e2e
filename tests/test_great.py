"""A table handed to an analyst as a great_tables object."""

from __future__ import annotations

from dataclasses import replace

import pytest
from great_tables import GT, loc, style

from cgbm1_report.tabulate.table import Column, Row
from tests.emit_cases import listing, summary_table
from tests.emit_readers import HtmlReader


def read(made: GT) -> HtmlReader:
    return HtmlReader(made.as_raw_html())


def test_every_printed_text_is_there():
    for table in (summary_table(), listing()):
        cells = [cell for line in read(table.as_gt()).cells for cell in line]
        wanted = [text for row in table.rows for text in (row.label, *row.cells.values()) if text]
        wanted += [
            f"{table.label} {table.title}",
            f"{table.subtitle}{table.population}",
            table.stamp.line,
            *table.footnotes,
            f"Source: {table.source}; Program: {table.stamp.program}",
        ]
        wanted += [column.heading for column in table.columns]
        squeezed = ["".join(cell.split()) for cell in cells]
        assert [text for text in wanted if "".join(text.split()) not in squeezed] == []


def test_lines_below_are_those_that_are_printed():
    told = {"TEAE": "treatment-emergent adverse event", "SOC": "system organ class"}
    table = replace(summary_table(), abbreviations=told, links=("L16.2.7.1.1", "L16.2.7.1.2", "F14.2.1.1"), program="t.py")
    html = table.as_gt().as_raw_html()
    below = (
        *table.footnotes,
        "Abbreviations: TEAE, treatment-emergent adverse event; SOC, system organ class.",
        "Source: ADAE (TRTEMFL = &#x27;Y&#x27;); Program: t.py",
        "Listings: 16.2.7.1.1, 16.2.7.1.2; Figure: 14.2.1.1",
    )
    places = [html.index(line) for line in below]
    assert places == sorted(places)


def test_it_is_a_great_tables_object_that_can_be_styled_further():
    made = summary_table().as_gt()
    assert isinstance(made, GT)
    assert "background-color: gold" in made.tab_style(style.fill("gold"), loc.body(rows=[0])).as_raw_html()


@pytest.mark.parametrize("text", ["<b>x</b>", "{{m^2}}", "**x**", "a & b", "$5 to $6", "=1+1", "&lt;"])
def test_no_text_is_markup_or_a_unit(text):
    table = summary_table(
        columns=(Column("c", text, spanner=text), Column("stub", text, spanner=text)),
        rows=(Row((("row", "k"),), text, 1, {"c": text, "stub": text}),),
        blocks=(), title=text, population=text, footnotes=(text,), source=text, stub_label=text,
    )  # fmt: skip
    calm = replace(table, columns=(Column("c", "x", spanner="x"), Column("stub", "x", spanner="x")), title="x", population="x",
                   rows=(Row((("row", "k"),), "x", 1, {"c": "x", "stub": "x"}),), footnotes=("x",), source="x", stub_label="x")  # fmt: skip
    made, quiet = read(table.as_gt()), read(calm.as_gt())
    assert [tag for tag, _ in made.tags] == [tag for tag, _ in quiet.tags]
    cells = [cell.strip() for line in made.cells for cell in line]
    # Label, two cells, two heads, stub head, spanner, population, footnote.
    assert cells.count(text) >= 8


def test_table_without_rows_is_one_too():
    assert read(replace(summary_table(), rows=(), blocks=()).as_gt()).count("th", scope="row") == 0

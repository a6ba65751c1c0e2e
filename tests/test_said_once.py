"""A listing says its subject where the subject's rows begin and at the top of each page, in every format as far as it knows pages."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from cgbm1_report import emit
from cgbm1_report.emit.layout import begins, make_grid
from cgbm1_report.readback.rtf import read_rtf
from cgbm1_report.tabulate.table import Table
from tests.emit_cases import listing
from tests.emit_readers import W, docx_body, xml_text
from tests.test_emit_typst import compiled

# Subject, age | whether it is said: at the start, where the subject or what belongs to it changes.
ROWS = """
S1 | 40 | said
S1 | 40 | not
S1 | 41 | said
S2 | 41 | said
S2 | 41 | not
S1 | 41 | said
"""


def test_row_says_again_what_differs_from_the_row_above():
    drawn = [[cell.strip() for cell in line.split("|")] for line in ROWS.strip().splitlines()]
    subject, age, said = (list(column) for column in zip(*drawn, strict=True))
    # A third column is of the record, and says nothing of whose it is.
    texts = [subject, age, [str(at) for at in range(len(drawn))]]
    assert begins(texts, (True, True, False)) == tuple(word == "said" for word in said)


def events(rows: int, per_subject: int) -> Table:
    """Each row with a term of its own."""
    made = listing(rows, per_subject=per_subject)
    return replace(
        made, rows=tuple(replace(row, cells={**row.cells, "AETERM": f"event-{at}."}) for at, row in enumerate(made.rows))
    )


def test_page_says_each_of_its_subjects_once_and_begins_with_one():
    """50 subjects of 7 rows, about 30 rows a page: most pages begin within a subject's rows."""
    table = events(350, 7)
    pages = [page.extract_text() for page in compiled(emit.emit_typst(table), ("a-2a", "ua-1"), page=UA).pages]
    within = 0
    for text in pages[1:]:  # the first has the section's heading
        at = [int(number) for number in re.findall(r"event-(\d+)\.", text)]
        wanted = sorted({f"XY-101-{row // 7 + 1:04d}" for row in at})
        assert re.findall(r"XY-101-\d{4}", text) == wanted
        assert text.index(wanted[0]) < text.index(f"event-{at[0]}."), "said above or beside the first row"
        within += at[0] % 7 > 0
    assert within > 3


#: What PDF/UA asks of a document.
UA = '#set document(title: "T")\n#set text(lang: "en")\n#set page(paper: "a4", flipped: true, margin: 2cm)\n= Section\n'


def test_rtf_says_the_subject_at_the_top_of_its_pages():
    rows, tops, said = [], [], []
    for cells, marked in read_rtf(emit.emit_rtf(events(100, 7))).rows:
        if marked:
            tops.append(len(rows))
        elif len(cells) > 1:
            rows.append(cells)
            said.append(bool(cells[0]))
    assert len(set(tops)) > 2
    assert said == [at % 7 == 0 or at in tops for at in range(100)]


@pytest.mark.parametrize("rows", [9, 300])
def test_word_and_html_have_the_subject_in_every_row_and_show_it_once(rows):
    """Word alone knows where its pages begin: there what was said steps back; a part of 250 rows begins anew."""
    table = events(rows, 3)
    body = [row for row in docx_body(emit.emit_docx(table)).iter(f"{W}tr") if "event-" in xml_text(row)]
    grey = [cell.find(f".//{W}color") is not None for cell in (row.find(f"{W}tc") for row in body)]
    assert [xml_text(row.find(f"{W}tc")).strip() for row in body] == [row.cells["USUBJID"] for row in table.rows]
    parts = (0, 249)
    assert grey == [at % 3 > 0 and at not in parts for at in range(rows)]
    cells = re.findall(r'<tr><td(?: class="([^"]*)")? style="text-align:left">(XY[^<]*)</td>', emit.emit_html(table))
    assert [text for _, text in cells] == [row.cells["USUBJID"] for row in table.rows]
    assert ["cg-again" in look for look, _ in cells] == [at % 3 > 0 for at in range(rows)]


def test_csv_and_json_have_the_subject_in_every_row():
    table = events(9, 3)
    assert emit.emit_csv(table).count("XY-101-0001") == 3
    assert emit.emit_json(table).count('"USUBJID": "XY-101-0001"') == 3


def test_table_without_such_columns_says_everything_in_every_row():
    grid = make_grid(replace(events(9, 3), columns=tuple(replace(column, once=False) for column in listing(1).columns)))
    assert all(grid.begins)

"""A listing in a narrow terminal: labels stand beside their values, sentences are wrapped by words, and nothing is left out."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from cgbm1_report.emit import emit_text
from cgbm1_report.tabulate.table import Column, Row
from tests.emit_cases import listing

LONG = "Multiple organ dysfunction syndrome, reported as a failure of several organs; began on the day before; grade 5"


def told(*columns: Column, rows: list[tuple[str, ...]]):
    """A listing of these columns and cells, whose subject is said once."""
    keys = [column.key for column in columns]
    made = tuple(Row((("line", str(at)),), "", cells=dict(zip(keys, cells, strict=True))) for at, cells in enumerate(rows))
    blocks = tuple(at for at, cells in enumerate(rows) if not at or cells[0] != rows[at - 1][0])
    return replace(listing(1), columns=columns, rows=made, blocks=blocks, marks=())


SUBJECT = Column("SUBJECT", "Subject", width=1.5, align="left", once=True)
EVENT = Column("EVENT", "Narrative of", width=1.5, align="left", once=True)
ITEM, DAY, TEXT = Column("ITEM", "Item", align="left"), Column("DAY", "Study day"), Column("TEXT", "What is recorded", align="left")
NARRATIVE = told(
    SUBJECT, EVENT, ITEM, DAY, TEXT,
    rows=[
        ("NCT06740149-01-001", "Multiple organ dysfunction syndrome", "Event", "45", LONG),
        ("NCT06740149-01-001", "Multiple organ dysfunction syndrome", "Laboratory: Creatinine", "47", "49 H"),
        ("NCT06740149-01-002", "Pyrexia", "Event", "3", "Fever"),
    ],
)  # fmt: skip


def test_narrative_has_its_subject_above_and_its_sentences_beside_their_items():
    lines = emit_text(NARRATIVE, 80).splitlines()
    assert max(map(len, lines)) <= 80
    start = next(at for at, line in enumerate(lines) if line.startswith("Subject: "))
    assert lines[start : start + 9] == [
        "Subject: NCT06740149-01-001; Narrative of: Multiple organ dysfunction syndrome",
        "Event                      45      Multiple organ dysfunction syndrome, reported",
        "                                   as a failure of several organs; began on the",
        "                                   day before; grade 5",
        "Laboratory: Creatinine     47      49 H",
        "",
        "Subject: NCT06740149-01-002; Narrative of: Pyrexia",
        "Event                       3      Fever",
        "-" * 80,
    ]


BEFORE, NOW, ROW, BEHIND = (Column(key, key.capitalize(), align="left") for key in ("before", "now", "row", "behind"))
CHANGES = told(
    SUBJECT, ROW, BEFORE, NOW, BEHIND,
    rows=[("T14.1.4.1", "Related events of grade 3 or higher in Medium", "2 (33.3)", "1 (16.7)", LONG), ("T14.1.4.1", "Any", "3", "2", "")],
)  # fmt: skip


def test_sentences_that_have_no_room_stand_by_their_heads_above_or_below_the_row_they_are_of():
    lines = emit_text(CHANGES, 40).splitlines()
    start = lines.index("Subject: T14.1.4.1")
    assert lines[start - 2 : start + 10] == [
        "Before    Now",
        "-" * 40,
        "Subject: T14.1.4.1",
        "Row: Related events of grade 3 or higher",
        "  in Medium",
        "2 (33.3)  1 (16.7)",
        "  Behind: Multiple organ dysfunction",
        "    syndrome, reported as a failure of",
        "    several organs; began on the day",
        "    before; grade 5",
        "Row: Any",
        "3         2",
    ]


@pytest.mark.parametrize("room", [30, 44, 60, 80, 120, 400])
@pytest.mark.parametrize("table", [NARRATIVE, CHANGES], ids=["narrative", "changes"])
def test_every_word_is_told_at_every_width(table, room):
    words = re.sub(r"[-\s]+", "", emit_text(table, room))
    assert all(
        re.sub(r"[-\s]+", "", word) in words
        for row in table.rows
        for cell in row.cells.values()
        for word in re.split(r"[\s;]+", cell)
    )

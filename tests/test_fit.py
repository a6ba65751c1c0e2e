"""Outputs made for a page that lies, in a writer's document whose pages stand upright: nothing is cut off at the edge."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from cgbm1_report import emit
from cgbm1_report.render.refresh import refresh_docx
from cgbm1_report.render.refresh.fit import fit_to, is_wide, text_twips
from cgbm1_report.tabulate.table import Column, Row
from tests.emit_cases import figure, listing, summary_table
from tests.word_order import find_disorder
from tests.written_csr import DOCUMENT, body_of, own_words, part, write_csr

#: 21 cm less 2 cm at each side, in twips and in English metric units.
ROOM = 11906 - 2 * 1134
ROOM_EMU = ROOM * 635
TEXT = re.compile(r"<w:t(?: [^>]*)?>([^<]*)</w:t>")


def earlier(body: str) -> str:
    """An output as earlier builds wrote it: every width in twips, 257 mm in all."""
    (grid,) = set(re.findall(r"<w:tblGrid>(.*?)</w:tblGrid>", body))
    columns = [int(width) for width in re.findall(r'w:w="(\d+)"', grid)]
    body = re.sub(r"<w:tblW [^>]*/>", f'<w:tblW w:w="{sum(columns)}" w:type="dxa"/>', body)
    return re.sub(
        r'<w:tcW w:w="(\d+)" w:type="pct"/>',
        lambda cell: f'<w:tcW w:w="{round(int(cell[1]) * sum(columns) / 5000)}" w:type="dxa"/>',
        body,
    )


def told_widths(xml: str) -> tuple[set[str], list[int], set[int], set[int]]:
    """Widths of tables, of the columns, of what the cells of each row make together, and of pictures."""
    rows = {
        sum(map(int, re.findall(r'<w:tcW w:w="(\d+)" w:type="pct"/>', row))) for row in re.findall(r"<w:tr>.*?</w:tr>", xml, re.S)
    }
    columns = [int(width) for width in re.findall(r'<w:gridCol w:w="(\d+)"', xml)]
    tables = set(re.findall(r"<w:tblW (.*?)/>", xml))
    return tables, columns, rows, {int(wide) for wide in re.findall(r'<(?:wp:extent|a:ext) cx="(\d+)"', xml)}


@pytest.fixture
def build(tmp_path: Path) -> dict[str, Path]:
    """The Word file of a listing."""
    path = tmp_path / "l-16-2-7-1.docx"
    path.write_bytes(emit.emit_docx(listing(20)))
    return {"L16.2.7.1": path}


@pytest.mark.parametrize("changed", [False, True])
def test_outputs_too_wide_for_their_page_are_told_and_fit_when_asked(build, tmp_path, changed):
    """The same whether the build says something new of them or not; what they say is the build's."""
    table = replace(listing(20), title="Adverse Events as they were") if changed else listing(20)
    body = earlier(body_of(emit.emit_docx(table)))
    document = write_csr(tmp_path / "csr.docx", own_words("Mine.") + body + own_words("Mine too."))
    told = refresh_docx(document, build, tmp_path / "told.docx").told
    assert "L16.2.7.1: is wider than the text of its page, which cuts it off: --fit makes it fit" in told
    done = refresh_docx(document, build, tmp_path / "fit.docx", fit=True)
    # Digits take 0.556 em: "XY-101-0001" and the start with its day keep their 8 points, and stay whole.
    assert "L16.2.7.1: was wider than the text of its page, and is made as wide as that" in done.told
    new = (tmp_path / "fit.docx").read_bytes()
    tables, columns, rows, _ = told_widths(body_of(new))
    assert tables == {'w:w="5000" w:type="pct"'}
    assert sum(columns) == ROOM
    assert rows == {5000}
    assert TEXT.findall(body_of(new))[1:-1] == TEXT.findall(body_of(build["L16.2.7.1"].read_bytes()))
    assert find_disorder(new) == []
    again = refresh_docx(tmp_path / "fit.docx", build, tmp_path / "again.docx", fit=True)
    assert (again.changed, again.told) == ((), ())
    assert part((tmp_path / "again.docx").read_bytes(), DOCUMENT) == part(new, DOCUMENT)


def test_picture_too_wide_for_its_page_keeps_its_proportions(tmp_path):
    xml = body_of(emit.emit_docx(figure(width_in=10.0, height_in=5.0))).encode()
    made = fit_to(xml, ROOM)
    assert is_wide(xml, ROOM)
    assert not is_wide(made, ROOM)
    sizes = {(int(wide), int(high)) for wide, high in re.findall(rb' cx="(\d+)" cy="(\d+)"', made)}
    assert sizes == {(ROOM_EMU, round(ROOM_EMU / 2))}


def test_title_that_says_per_cent_makes_no_table_wide():
    """T14.3.1.7 is called "Related TEAEs Reported by at Least 5% …", and a table has its title beside its width."""
    told = '<w:tblW w:w="5000" w:type="pct"/><w:tblCaption w:val="At Least 5% of Subjects"/>'
    grid = '<w:tblGrid><w:gridCol w:w="100"/></w:tblGrid>'
    assert not is_wide(f"<w:tbl><w:tblPr>{told}</w:tblPr>{grid}</w:tbl>".encode(), ROOM)


@pytest.mark.parametrize(
    ("width", "wide"),
    [
        ('<w:tblW w:w="5000" w:type="pct"/>', False),  # all of the text, whatever its columns were
        ('<w:tblW w:w="100%" w:type="pct"/>', False),
        ('<w:tblW w:w="5400" w:type="pct"/>', True),  # a writer let it stand out
        ('<w:tblW w:w="9638" w:type="dxa"/>', False),
        ('<w:tblW w:w="14570" w:type="dxa"/>', True),
        ('<w:tblW w:type="dxa" w:w="14570"/>', True),
        ('<w:tblW w:w="0" w:type="auto"/>', True),  # as wide as its columns, which are 14,570
    ],
)
def test_table_is_wide_by_what_it_says_and_else_by_its_columns(width, wide):
    grid = '<w:tblGrid><w:gridCol w:w="7285"/><w:gridCol w:w="7285"/></w:tblGrid>'
    assert is_wide(f"<w:tbl><w:tblPr>{width}</w:tblPr>{grid}</w:tbl>".encode(), ROOM) is wide


@pytest.mark.parametrize(
    ("section", "twips"),
    [
        ('<w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:left="1134" w:right="1134"/>', 9638),
        ('<w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:left="1134" w:right="1134" w:gutter="284"/>', 9354),  # bound
        ('<w:pgSz w:w="12240" w:h="15840"/><w:pgMar w:left="1440" w:right="1440"/><w:cols w:num="2" w:space="720"/>', 4320),
        ("", 9360),  # nothing is said: Letter with an inch at each side
    ],
)
def test_room_is_that_of_the_section_which_ends_next(section, twips):
    before = b'<w:p/><w:sectPr><w:pgSz w:w="16838"/></w:sectPr>'
    assert text_twips(before + f"<w:tbl/><w:sectPr>{section}</w:sectPr>".encode(), len(before)) == twips


def test_output_that_an_upright_page_squeezes_is_named_in_one_line_also_where_it_says_the_same(tmp_path):
    columns = tuple(Column(f"C{at}", f"Group {at}", 30, 1.0) for at in range(9))
    rows = tuple(
        Row((("AEDECOD", term),), term, 0, {column.key: "24 (77.4)" for column in columns}) for term in ("Nausea", "Fever")
    )
    wide = replace(summary_table(), columns=columns, rows=rows, blocks=(), footnotes=())
    few = replace(wide, number="T14.1.1", columns=columns[:2])
    # Of 9,638 twips each column has a twelfth, 803: less than "24 (77.4)", which is 4 em of 9 points, and 6 points beside it: 843.
    build = {}
    for made in (wide, few):
        build[made.number] = tmp_path / f"{made.number}.docx"
        build[made.number].write_bytes(emit.emit_docx(made))
    body = "".join(own_words("Mine.") + body_of(file.read_bytes()) for file in build.values())
    document = write_csr(tmp_path / "csr.docx", body)
    done = refresh_docx(document, build, tmp_path / "plain.docx")
    assert done.changed == ()
    assert done.told == (
        f"{wide.number}: stands on a page narrower than it was made for, and words or numbers go over more lines: --fit sizes its "
        "columns, a landscape section with margins of 2 cm at its sides keeps them as they are",
    )
    # On a landscape page whose margins take as much it is the margins that are told: 16,838 less twice 3,600 is 9,638.
    lying = '<w:p><w:pPr><w:sectPr><w:pgSz w:w="16838" w:h="11906" w:orient="landscape"/><w:pgMar w:left="3600" w:right="3600"/></w:sectPr></w:pPr></w:p>'
    told = refresh_docx(write_csr(tmp_path / "lying.docx", body + lying), build, tmp_path / "laid.docx").told
    assert told == (
        f"{wide.number}: stands on a page narrower than it was made for, and words or numbers go over more lines: --fit sizes its "
        "columns, margins of 2 cm at the sides of this landscape page keep them as they are",
    )
    refresh_docx(document, build, tmp_path / "fit.docx", fit=True)
    again = refresh_docx(tmp_path / "fit.docx", build, tmp_path / "again.docx")
    assert again.told == ()


def terms(long: str, wide: int) -> bytes:
    """A listing of short columns and one of long texts, which its author gave as much room as each other: too many for an upright page."""
    columns = (Column("AETERM", "Term", None, 1.0, "left"), *(Column(f"C{at}", "Outcome", None, 1.0, "left") for at in range(wide)))
    cells = {"AETERM": long} | {f"C{at}": "recovering" for at in range(wide)}
    made = tuple(Row((("USUBJID", f"1-0{at}"),), "", 0, cells) for at in range(2))
    return emit.emit_docx(replace(listing(2), columns=columns, rows=made, blocks=(0, 1)))


def test_column_of_the_longest_text_has_the_room_that_words_leave_and_poor_rows_are_told(tmp_path):
    """Nine columns of "recovering": 4.73 em, and 0.15 for what programs round, of type of 8 points, and 6 points of padding."""
    long = " ".join(["ab"] * 40)
    build = {"L16.2.7.1": tmp_path / "l.docx"}
    build["L16.2.7.1"].write_bytes(terms(long, 9))
    document = write_csr(tmp_path / "csr.docx", own_words("Mine.") + body_of(build["L16.2.7.1"].read_bytes()))
    done = refresh_docx(document, build, tmp_path / "fit.docx", fit=True)
    columns = told_widths(body_of((tmp_path / "fit.docx").read_bytes()))[1]
    assert sum(columns) == ROOM
    # Each had a tenth, 964 twips; a word and its padding take 4.88 em x 8 points x 20 + 120 twips, and the rest is the text's.
    assert max(columns[1:]) < 964 < columns[0]
    (line,) = done.told
    assert "landscape" not in line
    build["L16.2.7.1"].write_bytes(terms(" ".join(["ab"] * 400), 9))
    done = refresh_docx(document, build, tmp_path / "poor.docx", fit=True)
    (line,) = done.told
    assert re.search(r"; rows have up to \d+ lines: better copy it anew from the report onto a landscape section$", line)


def test_width_is_told_also_where_an_earlier_build_had_other_columns(tmp_path):
    """As T14.3.2.1.2: no word is broken, but numbers go over two lines, and the earlier build's first column was wider."""
    columns = tuple(Column(f"C{at}", f"Group {at}", 30, 1.0) for at in range(9))
    row = Row((("AEDECOD", "Nausea"),), "Nausea", 0, {column.key: "24 (77.4)" for column in columns})
    new = replace(summary_table(), columns=columns, rows=(row,), blocks=(), footnotes=())
    old = replace(new, columns=tuple(replace(column, width=0.8) for column in columns), title="Earlier")
    build = {new.number: tmp_path / "t.docx"}
    build[new.number].write_bytes(emit.emit_docx(new))
    body = body_of(emit.emit_docx(old))
    for name, there in {
        "as printed": body,
        "with widths of a program": body.replace('<w:gridCol w:w="9', '<w:gridCol w:w="8'),
    }.items():
        document = write_csr(tmp_path / "csr.docx", own_words("Mine.") + there)
        told = refresh_docx(document, build, tmp_path / "new.docx").told
        assert any("page" in line and "narrower" in line for line in told), (name, told)
        (tmp_path / "new.docx").unlink()


def dated(days: int, first: str = "2026-01-15") -> bytes:
    """A listing of a word and so many dates a row, as a build writes it."""
    columns = (Column("AETERM", "Term", None, 6.0, "left"), *(Column(f"D{at}", "Day", None, 1.0, "left") for at in range(days)))
    cells = {"AETERM": "xx xx xx"} | {f"D{at}": first for at in range(days)}
    rows = tuple(Row((("USUBJID", f"1-0{at}"),), "", 0, cells) for at in range(2))
    return emit.emit_docx(replace(listing(2), columns=columns, rows=rows, blocks=(0, 1)))


# In Liberation Sans a date is 8 digits of 0.556 em and 2 hyphens of 0.333: 5.116 em, and 0.15 for what programs round;
# a cell has 6 points that are no text. So it takes 962 twips at 8 points, 910 at 7.5 and 857 at 7, of the 9,638 there are.
@pytest.mark.parametrize(
    ("days", "half_points", "twips", "said"),
    [
        (7, set(), 960, ""),
        (10, {"15"}, 908, ", in type of 7.5 points"),
        (
            12,
            {"14"},
            0,
            ", in type of 7 points; it has more columns than that holds, words and numbers are still broken inside cells: better copy it anew "
            "from the report onto a landscape section",
        ),
    ],
    ids=["in the type of its style", "in smaller type", "too many columns"],
)
def test_no_date_is_broken_while_type_of_seven_points_holds_it(tmp_path, days, half_points, twips, said):
    build = {"L16.2.7.1": tmp_path / "l.docx"}
    build["L16.2.7.1"].write_bytes(dated(days, "2026-02-20"))
    document = write_csr(tmp_path / "csr.docx", own_words("Mine.") + body_of(dated(days)))
    plain = refresh_docx(document, build, tmp_path / "plain.docx")
    narrow = "L16.2.7.1: is narrower on its page than it was made for, and words are broken inside its cells: --fit sizes its columns anew"
    assert narrow in plain.told
    done = refresh_docx(document, build, tmp_path / "fit.docx", fit=True)
    assert f"L16.2.7.1: was narrower on its page than it was made for, and its columns are sized for that page{said}" in done.told
    new = body_of((tmp_path / "fit.docx").read_bytes())
    assert set(re.findall(r'<w:sz w:val="(\d+)"/>', new)) == half_points
    columns = told_widths(new)[1]
    assert sum(columns) == ROOM
    assert min(columns[1:]) >= twips
    assert new.count("2026-02-20") == 2 * days
    assert find_disorder((tmp_path / "fit.docx").read_bytes()) == []
    # A later cut keeps columns and type, asked to fit or not; the same cut changes nothing.
    assert refresh_docx(tmp_path / "fit.docx", build, tmp_path / "again.docx", fit=True).told == ()
    assert (tmp_path / "again.docx").read_bytes() == (tmp_path / "fit.docx").read_bytes()
    build["L16.2.7.1"].write_bytes(dated(days, "2026-03-20"))
    refresh_docx(tmp_path / "fit.docx", build, tmp_path / "later.docx")
    later = body_of((tmp_path / "later.docx").read_bytes())
    assert told_widths(later)[1] == columns
    assert set(re.findall(r'<w:sz w:val="(\d+)"/>', later)) == half_points


def test_dates_of_one_cell_stand_each_on_a_line_where_a_fitted_column_holds_one(tmp_path):
    """Word breaks a line behind any hyphen: "2026-01-15 2026-" and "01-20" would be two lines."""
    build = {"L16.2.7.1": tmp_path / "l.docx"}
    build["L16.2.7.1"].write_bytes(dated(7, "2026-01-15 2026-01-20"))
    document = write_csr(tmp_path / "csr.docx", own_words("Mine.") + body_of(dated(7)))
    refresh_docx(document, build, tmp_path / "fit.docx", fit=True)
    new = body_of((tmp_path / "fit.docx").read_bytes())
    assert new.count('2026-01-15 </w:t><w:br/><w:t xml:space="preserve">2026-01-20</w:t>') == 14


@pytest.mark.parametrize("fit", [False, True])
def test_a_table_that_a_program_made_narrower_on_a_page_that_holds_it_has_its_columns_again_if_it_is_to_fit(tmp_path, fit):
    """A quarter of the landscape page it was made for, as where another program lost its width: dates are broken there."""
    build = {"L16.2.7.1": tmp_path / "l.docx"}
    build["L16.2.7.1"].write_bytes(dated(3, "2026-02-20"))
    narrow = re.sub(r'<w:gridCol w:w="(\d+)"/>', lambda one: f'<w:gridCol w:w="{int(one[1]) // 4}"/>', body_of(dated(3)))
    narrow = re.sub(r"<w:tblW [^>]*/>", '<w:tblW w:w="3600" w:type="dxa"/>', narrow)
    narrow = re.sub(
        r'<w:tcW w:w="(\d+)" w:type="pct"/>', lambda one: f'<w:tcW w:w="{int(one[1]) * 18 // 25}" w:type="dxa"/>', narrow
    )
    margins = '<w:pgSz w:w="16838" w:h="11906" w:orient="landscape"/><w:pgMar w:left="1134" w:right="1134"/>'
    lying = f"<w:p><w:pPr><w:sectPr>{margins}</w:sectPr></w:pPr></w:p>"
    document = write_csr(tmp_path / "csr.docx", own_words("Mine.") + narrow + lying)
    done = refresh_docx(document, build, tmp_path / "new.docx", fit=fit)
    own, made = (sum(told_widths(body_of((tmp_path / name).read_bytes()))[1]) for name in ("new.docx", "l.docx"))
    told = "has the build's own columns again" if fit else "--fit sizes its columns anew"
    assert [line for line in done.told if line.endswith(told)] == list(done.told)
    assert len(done.told) == 1
    assert (own == made) is fit
    assert find_disorder((tmp_path / "new.docx").read_bytes()) == []

"""Rows of Word's tables of which only the texts are read say what the file says: nothing is read into it, and nothing passed over."""

from __future__ import annotations

import io

import pytest

from cgbm1_report.readback import docxrows
from cgbm1_report.readback.docxbody import Body, read_body

#: A head that no document of ours has: what follows is read element by element.
_OTHER = '<?xml version="1.0" encoding="utf-8" standalone="yes"?>'
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def cell(text: str, markup: str = "") -> str:
    return f'<w:tc><w:tcPr><w:tcW w:w="1" w:type="pct"/></w:tcPr><w:p><w:r>{markup}<w:t xml:space="preserve">{text}</w:t></w:r></w:p></w:tc>'


def row(*cells: str) -> str:
    return f"<w:tr>{''.join(cells)}</w:tr>"


def read(*rows: str, head: str = '<?xml version="1.0" encoding="UTF-8"?>') -> Body:
    """A document of one table, of no output."""
    text = f'{head}<w:document xmlns:w="{_W}"><w:body><w:tbl>{"".join(rows)}</w:tbl></w:body></w:document>'
    return read_body(io.BytesIO(text.encode()), frozenset())


def texts(body: Body) -> list[str]:
    return [block.text for block in body.blocks]


FIRST = row(cell("one"), cell("1"))
#: What stands below a row of its kind, and the texts that are read of it.
CASES = {
    "another text": (row(cell("two"), cell("2")), ["two", "2"]),
    "no text, which is none of a cell": (row(cell(""), cell("2")), ["2"]),
    "entities of XML": (row(cell("&lt;5 &amp;amp; &quot;x&quot;"), cell("a&gt;b")), ['<5 &amp; "x"', "a>b"]),
    "a number of a character": (row(cell("&#8805; 3"), cell("2")), ["≥ 3", "2"]),
    "letters of other scripts": (row(cell("发热 ≥ µ"), cell("2")), ["发热 ≥ µ", "2"]),
    "a break between words": (row(cell("two", "<w:t>to</w:t><w:br/>"), cell("2")), ["to two", "2"]),
    "text as it is written": (row(cell("<![CDATA[two]]>"), cell("2")), ["two", "2"]),
    "a row that is a comment": (f"<!--{row(cell('two'), cell('2'))}-->", []),
    "a comment in a row": (row(cell("t<!-- no -->wo"), cell("2")), ["two", "2"]),
    "a cell more": (row(cell("two"), cell("2"), cell("3")), ["two", "2", "3"]),
    "a row that says it was read": ('<w:tr mark="0.0"/><w:tr w:mark="a.0"/><w:tr mark=".0"/>', []),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("chunk", [64, 1 << 20])
def test_row_says_its_texts(case: str, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # A piece of the file may end anywhere.
    monkeypatch.setattr(docxrows, "_CHUNK", chunk)
    markup, said = CASES[case]
    assert texts(read(FIRST, markup, FIRST, row(cell("end"), cell("9")))) == ["one", "1", *said, "one", "1", "end", "9"]
    assert read(FIRST, markup) == read(FIRST, markup, head=_OTHER)


def test_rows_of_a_table_in_a_cell_are_none_of_the_table() -> None:
    inner = f"<w:tbl>{row(cell('a'))}{row(cell('b'))}{row(cell('c'))}</w:tbl>"
    body = read(FIRST, f"<w:tr><w:tc>{inner}<w:p/></w:tc></w:tr>", FIRST)
    assert body == read(FIRST, f"<w:tr><w:tc>{inner}<w:p/></w:tc></w:tr>", FIRST, head=_OTHER)
    assert texts(body)[:2] == texts(body)[-2:] == ["one", "1"]


def test_hidden_text_and_pale_colour_are_found_below_rows_of_the_same_texts() -> None:
    hidden = row(cell("two", "<w:rPr><w:vanish/></w:rPr>"), cell("2"))
    assert read(FIRST, FIRST, hidden, hidden).hidden == ["two", "two"]
    pale = row(cell("two", '<w:rPr><w:color w:val="FFFFFF"/></w:rPr>'), cell("2"))
    assert list(read(FIRST, FIRST, pale, pale).strange) == ["<color> val=FFFFFF"]


def test_rows_of_one_kind_are_read_by_their_texts_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    read_so: list[str] = []
    one_cell = docxrows._read_cell
    monkeypatch.setattr(docxrows, "_read_cell", lambda cell: read_so.append(one_cell(cell)) or read_so[-1])
    read(FIRST, *(row(cell(f"text {number}"), cell(str(number))) for number in range(3)))
    assert [text.strip() for text in read_so] == ["text 0", "0", "text 1", "1", "text 2", "2"]

"""Rows of HTML tables of which only the texts are read say what the page says."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from cgbm1_report.readback.htmlpage import Page, read_page

FIRST = '<tr><td style="text-align:left">one</td><td style="text-align:right">1</td></tr>'
AGAIN = '<tr><td class="cg-again" style="text-align:left">one</td><td style="text-align:right">2</td></tr>'
#: What stands below a row of each kind, and the rows that are read of it.
CASES = {
    "other texts": (FIRST.replace("one", "two").replace(">1<", ">2<"), [["two", "2"]]),
    "no text": (FIRST.replace("one", ""), [["", "1"]]),
    "entities": (FIRST.replace("one", "&lt;5 &amp;amp; &#8805;&nbsp;3 a>b"), [["<5 &amp; ≥ 3 a>b", "1"]]),
    "a text over two lines": (FIRST.replace("one", "two\n  words"), [["two words", "1"]]),
    "a row in which a cell is not seen again": (AGAIN, [["one", "2"]]),
    "an element in a cell": (FIRST.replace("one", "t<b>wo</b><br>three"), [["two three", "1"]]),
    "a cell more": (FIRST.replace("</tr>", "<td>3</td></tr>"), [["one", "1", "3"]]),
    "a comment around a row": (f"<!-- {FIRST} -->", []),
    "a script around a row": (f"<script>{FIRST}</script>", []),
    "words between rows": (f"words{FIRST}", [["one", "1"]]),
}


def read(*rows: str) -> Page:
    body = "\n".join(rows)
    table = f'<section id="t"><h2>T</h2><table><tbody>\n{body}\n</tbody></table></section>'
    return read_page(f"<html><body>{table}</body></html>", frozenset({"t"}))


def taken(page: Page) -> dict[str, object]:
    """All that was taken down of a page; not where the parser stands."""
    own = {"_kinds", "_HTMLParser__starttag_text", *vars(HTMLParser())}
    return {name: value for name, value in vars(page).items() if name not in own}


@pytest.mark.parametrize("case", CASES)
def test_row_says_its_texts(case: str) -> None:
    markup, said = CASES[case]
    rows = read(FIRST, AGAIN, markup, FIRST, AGAIN).found["t"].rows
    assert rows[:2] + rows[-2:] == [["one", "1"], ["one", "2"]] * 2
    assert rows[2:-2] == said


@pytest.mark.parametrize("case", CASES)
def test_page_is_read_as_it_is_element_by_element(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = taken(read(FIRST, AGAIN, CASES[case][0], FIRST, AGAIN))
    monkeypatch.setattr(Page, "_take", lambda page, row: False)
    assert quick == taken(read(FIRST, AGAIN, CASES[case][0], FIRST, AGAIN))


def test_cells_that_are_not_seen_are_noted_where_they_stand() -> None:
    assert read(FIRST, AGAIN, FIRST, AGAIN, AGAIN).found["t"].again == {(1, 0), (3, 0), (4, 0)}


def test_same_row_outside_of_the_outputs_is_no_row_of_theirs() -> None:
    page = read_page(
        f'<section id="t"><table><tbody>{FIRST}</tbody></table></section><table><tbody>{FIRST}</tbody></table>', frozenset({"t"})
    )
    assert page.found["t"].rows == [["one", "1"]]
    assert [text for _, text in page.blocks] == ["one", "1"]

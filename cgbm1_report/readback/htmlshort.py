"""What a report says of its tables once, said in each cell again, so that a section can be held against the output's own page."""

from __future__ import annotations

import re

#: A table that names the alignment of its columns, up to its rows; its rows.
_TABLE = re.compile(r'(<table\b[^>]* class="gt_table)((?: cg-\d+[lcr])+)([^>]*>.*?)(<tbody.*?)(?=<tfoot|</table>)', re.S)
_HEADS = re.compile(r'<th scope="col" style="text-align:(\w+)')
_ROW = re.compile(r"<tr\b.*?(?=<tr\b|</tbody>)", re.S)
#: A cell of a row begins; one that says nothing of its alignment has it from its column.
_CELL = re.compile(r'<(?:td(?: class="cg-again")?>|t[dh]\b)')
#: A cell that has no end: its element, its tag and what stands in it, up to the next cell, row or group of rows.
_OPEN_CELL = re.compile(r"<(t[dh])\b[^>]*>[^<]*(?:<(?!t[dhr]\b|/t[dhr]>|/?tbody\b)[^<]*)*")
_OPEN_ROW = re.compile(r"(?<=</t[dh]>)(?=<tr\b|</tbody>)")
_ENDED = re.compile(r"</t[dhr]>")
_WAYS = {"l": "left", "c": "center", "r": "right"}
_RULE = r"\.cg-output \.cg-(?P<{way}>\d{{1,2}}){way} td:nth-child\((?P={way})\){{text-align:{said};?}}"
#: A rule of a style sheet that aligns a column as it says, without blanks that do nothing.
RULE = "(?:" + "|".join(_RULE.format(way=way, said=said) for way, said in _WAYS.items()) + ")"


def say_alignments(text: str) -> str:
    """A page whose cells say their alignment, and whose rows and cells say their ends.

    Only where the columns that a table names are those of its heads, and the page has the rule of each: a table that is
    printed in another way stays as it is, and is not that of the output's own page.
    """
    ruled = {f"cg-{at}{way}" for at, way in re.findall(r"\.cg-output \.cg-(\d+)([lcr]) td:nth-child\(\1\) \{", text)}

    def say(table: re.Match[str]) -> str:
        names = table[2].split()
        ways = _HEADS.findall(table[3])
        if [f"cg-{at}{way[0]}" for at, way in enumerate(ways, 1)] != names or not ruled.issuperset(names):
            return table[0]
        return table[1] + table[3] + _ROW.sub(lambda row: _say_row(row[0], ways), _say_ends(table[4]))

    return _TABLE.sub(say, text)


def _say_ends(rows: str) -> str:
    """Rows whose cells and rows end where the next begins; those that say an end say all of them."""
    if _ENDED.search(rows):
        return rows
    return _OPEN_ROW.sub("</tr>\n", _OPEN_CELL.sub(lambda cell: f"{cell[0]}</{cell[1]}>", rows))


def _say_row(row: str, ways: list[str]) -> str:
    cells = iter(ways)

    def say(cell: re.Match[str]) -> str:
        way = next(cells, "")
        return f'{cell[0][:-1]} style="text-align:{way}">' if cell[0].endswith(">") else cell[0]

    return _CELL.sub(say, row)

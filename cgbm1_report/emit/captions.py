r"""The fields that make an output's title a caption to Word.

The number is the output's own, from the protocol. So the SEQ field shows nothing (``\h``) and counts
nothing (``\c`` repeats the count before it): an output pasted between a writer's Table 1 and Table 2
leaves them what they are. LibreOffice knows no ``\h`` and would print the count right behind the
number; there the hidden mark of the field's result keeps it off the page, and a hidden blank keeps the count apart
from the number where LibreOffice repeats the title in a sentence: "16.2.7.1 0" is no number, "16.2.7.10" is another one.
"""

from __future__ import annotations

from cgbm1_report.emit.escape import escape_xml
from cgbm1_report.tabulate.table import Output

#: Property of a heading or a caption that is not numbered, whatever its style says.
UNNUMBERED = '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="0"/></w:numPr>'
#: Labels by which Word's lists and cross-references find captions (``SEQ`` and ``TOC \\c`` fields).
LABELS = {"table": "Table", "figure": "Figure", "listing": "Listing"}
#: The level that an output's title has in a table of contents that asks for it, until its place in a report is known.
_LEVEL = 2
_HIDDEN = "<w:rPr><w:vanish/></w:rPr>"


def entry_field(title: str) -> str:
    """A hidden field by which a table of contents that asks for marked entries lists the title."""
    said = title.replace("\\", "/").replace('"', "'")
    runs = (
        '<w:fldChar w:fldCharType="begin"/>',
        f'<w:instrText xml:space="preserve"> TC "{escape_xml(said)}" \\l {_LEVEL} </w:instrText>',
        '<w:fldChar w:fldCharType="end"/>',
    )
    return "".join(f"<w:r>{_HIDDEN}{run}</w:r>" for run in runs)


def sequence_field(output: Output) -> str:
    """The field by which Word knows a caption of this kind: it prints nothing and counts nothing.

    An appendix, a narrative and what a package shows are of none, whatever they are made of.
    """
    if not output.label.startswith(f"{LABELS[output.kind]} "):
        return ""
    runs = (
        f'{_HIDDEN}<w:t xml:space="preserve"> </w:t>',
        '<w:fldChar w:fldCharType="begin"/>',
        f'<w:instrText xml:space="preserve"> SEQ {LABELS[output.kind]} \\c \\h </w:instrText>',
        f'{_HIDDEN}<w:fldChar w:fldCharType="separate"/>',
        f'{_HIDDEN}<w:fldChar w:fldCharType="end"/>',
    )
    return "".join(f"<w:r>{run}</w:r>" for run in runs)


def at_level(content: str, level: int) -> str:
    """A fragment whose title stands at this level of a table of contents."""
    return content.replace(f'" \\l {_LEVEL} </w:instrText>', f'" \\l {level} </w:instrText>', 1)

"""What stands so near an output that its bounds are asked: remarks behind its last note, a copy, figures another program saved."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from cgbm1_report import emit
from cgbm1_report.emit.docx import fill_reference
from cgbm1_report.errors import ReportError
from cgbm1_report.render.refresh import refresh_docx, region_name
from cgbm1_report.tabulate.files import file_stem
from tests.emit_cases import STAMP, figure, summary_table
from tests.test_refresh import as_libreoffice_saves, assert_whole, output_of, pasted, saved_again
from tests.written_csr import body_of, own_words, part, write_csr

REMARK = '<w:r><w:t xml:space="preserve">My remark.</w:t></w:r>'
TOLD = "F14.2.1.1: words of yours stood in the paragraph of its last note, 'My remark.': they are a paragraph of their own now"


@pytest.fixture
def build(tmp_path: Path) -> dict[str, Path]:
    """A build whose figure says another thing, and whose table has other numbers."""
    table, files = summary_table(), {}
    rows = tuple(replace(row, cells={**row.cells, "Placebo": "13 (43.3)"}) if row.label == "Nausea" else row for row in table.rows)
    for made in (replace(table, rows=rows), figure(alt="Curves of the new cut")):
        files[made.number] = tmp_path / f"{file_stem(made.number)}.docx"
        files[made.number].write_bytes(emit.emit_docx(made))
    return files


def drawn(made) -> str:
    return output_of(made).replace("rIdP1", "rIdH1")


def behind_the_last_mark(xml: str, words: str = REMARK) -> str:
    """Typed behind an output: where its bookmark ends, before the paragraph does."""
    at = xml.rindex("</w:p>")
    assert re.search(r"<w:bookmark(?:End|Start) [^>]*/>$", xml[:at])
    return xml[:at] + words + xml[at:]


SECTION = '<w:sectPr><w:pgSz w:w="16838" w:h="11906" w:orient="landscape"/></w:sectPr>'


def with_section(xml: str) -> str:
    at = xml.rindex("</w:pPr>")
    return xml[:at] + SECTION + xml[at:]


#    how the document has the figure's bookmark
SAVED = {
    "as Word saves it":             lambda xml: xml,
    "as LibreOffice saves it":      lambda xml: as_libreoffice_saves(xml, "out_F14_2_1_1"),
    "as LibreOffice saves it again": lambda xml: saved_again(xml, "out_F14_2_1_1"),
    "with a section break behind":  with_section,
}  # fmt: skip


@pytest.mark.parametrize("case", SAVED)
@pytest.mark.parametrize("force", [False, True], ids=["", "forced"])
def test_remark_behind_the_last_note_of_a_figure_stays_as_a_paragraph_of_its_own(build, tmp_path, case, force):
    body = drawn(figure()) if case == "with a section break behind" else SAVED[case](drawn(figure()))
    body = behind_the_last_mark(body)
    body = SAVED[case](body) if case == "with a section break behind" else body
    document = write_csr(tmp_path / "csr.docx", own_words("Before.") + body + own_words("After.") + output_of(summary_table()))
    done = refresh_docx(document, build, tmp_path / "new.docx", force=force)
    assert TOLD in done.told
    assert (done.changed, done.left) == (("F14.2.1.1", "T14.3.1.2.1"), 0)
    new = body_of((tmp_path / "new.docx").read_bytes())
    assert "Curves of the new cut" in new
    (paragraph,) = (one for one in re.findall(r"<w:p>.*?</w:p>", new) if "My remark." in one)
    assert re.sub(r"<w:pPr>.*?</w:pPr>", "", paragraph) == f"<w:p>{REMARK}</w:p>"
    assert new.count(SECTION) == (case == "with a section break behind")
    assert (SECTION in paragraph) is (case == "with a section break behind")
    assert new.index("My remark.") < new.index("After.")
    assert_whole(tmp_path / "new.docx")
    # Nothing is left to set apart.
    again = refresh_docx(tmp_path / "new.docx", build, tmp_path / "again.docx")
    assert (again.changed, [line for line in again.told if "words of yours" in line]) == ((), [])


def test_remark_behind_a_figure_that_says_the_same_is_set_apart_and_nothing_else_moves(tmp_path):
    made = figure()
    (tmp_path / "f.docx").write_bytes(emit.emit_docx(made))
    (tmp_path / "csr.docx").write_bytes(emit.emit_docx(made))
    whole = drawn(made)
    parts = {"word/media/image7.png": made.png, "word/_rels/document.xml.rels": related("rIdH1", "image7.png")}
    document = write_csr(tmp_path / "own.docx", behind_the_last_mark(whole) + own_words("After."), parts)
    done = refresh_docx(document, {made.number: tmp_path / "f.docx"}, tmp_path / "new.docx")
    # What says the same is not counted as replaced.
    assert (done.outputs, done.replaced, done.changed) == ((made.number,), (), ())
    new = body_of((tmp_path / "new.docx").read_bytes())
    assert new == f'{whole}<w:p><w:pPr><w:pStyle w:val="Footnote"/></w:pPr>{REMARK}</w:p>{own_words("After.")}'


def related(ident: str, media: str) -> bytes:
    """The relations of a document, with one to a picture."""
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/image"
    added = f'<Relationship Id="{ident}" Target="media/{media}" Type="{kind}"/></Relationships>'
    own = re.sub(
        rb'<Relationship [^>]*Id="%s"[^>]*/>' % ident.encode(), b"", part(fill_reference(STAMP, ""), "word/_rels/document.xml.rels")
    )
    return own.replace(b"</Relationships>", added.encode())


def test_remark_in_a_figure_whose_notes_were_edited_too_keeps_that_figure_and_names_it(build, tmp_path):
    edited = behind_the_last_mark(drawn(figure())).replace("Source: ADTTE", "Source: all")
    assert edited != behind_the_last_mark(drawn(figure()))
    document = write_csr(tmp_path / "csr.docx", own_words("Before.") + edited + own_words("After.") + output_of(summary_table()))
    said = "Figure 14.2.1.1: its bookmark out_F14_2_1_1 begins or ends inside a paragraph that has other text"
    with pytest.raises(ReportError, match=said):
        refresh_docx(document, build, tmp_path / "new.docx")
    done = refresh_docx(document, build, tmp_path / "new.docx", force=True)
    assert (done.replaced, done.left) == (("T14.3.1.2.1",), 1)
    assert [line for line in done.told if line.startswith(f"{said}, behind 'Before.': left as it was; copy the output anew")]
    assert edited in body_of((tmp_path / "new.docx").read_bytes())


#    what came of the table                                    what is said of it; the figure is replaced all the same
UNSURE = {
    "in the document twice":      (lambda xml: xml + own_words("Again:") + xml, "stands 2 times, each time around a whole output"),
    "its end cut off":            (lambda xml: re.sub(r"<w:bookmarkEnd [^>]*/></w:p>$", "</w:p>", xml), "has no end"),
    "words in front of its mark": (lambda xml: xml.replace("<w:bookmarkStart", f"{REMARK}<w:bookmarkStart", 1), "begins or ends inside a paragraph"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNSURE)
def test_output_whose_bookmark_is_not_sure_is_named_and_forced_stays_while_others_are_replaced(build, tmp_path, case):
    change, said = UNSURE[case]
    old = change(output_of(summary_table()))
    document = write_csr(tmp_path / "csr.docx", own_words("Before.") + old + own_words("After.") + drawn(figure()))
    before = document.read_bytes()
    with pytest.raises(ReportError, match=rf"behind 'Before\.': Table 14\.3\.1\.2\.1: its bookmark out_T14_3_1_2_1 {said}"):
        refresh_docx(document, build, document)
    assert document.read_bytes() == before
    done = refresh_docx(document, build, document, force=True)
    assert (done.replaced, done.left, done.unmarked) == (("F14.2.1.1",), 1, 0)
    assert len([line for line in done.told if "14.3.1.2.1" in line]) == 1
    assert [*done.tell(document)][-1].endswith("1 output replaced, 1 changed, 1 left")
    assert old in body_of(document.read_bytes())


def test_figure_that_lost_its_marks_and_kept_the_name_of_its_picture_is_counted_once(build, tmp_path):
    old = re.sub(r"<w:bookmark(?:Start|End) [^>]*/>", "", pasted(figure(), named="Figure 14.2.1.1"))
    document = write_csr(tmp_path / "csr.docx", output_of(summary_table()) + own_words("Before.") + old + own_words("After."))
    with pytest.raises(ReportError, match=r"Figure 14\.2\.1\.1 stands outside its bookmark"):
        refresh_docx(document, build, document)
    done = refresh_docx(document, build, document, force=True)
    assert done.left == 1
    assert len([line for line in done.told if "14.2.1.1" in line]) == 1


#    how a program writes what is said of a picture: "Hy's law", <2 & "so on"
ALTERNATIVES = {
    "as numbers":   "Hy&#39;s law &lt;2 &amp; &#34;so on&#34;",
    "as names":     "Hy&apos;s law &lt;2 &amp; &quot;so on&quot;",
    "as they are":  "Hy's law &lt;2 &amp; &quot;so on&quot;",
    "on two lines": "Hy's law&#10;&lt;2 &amp; &quot;so on&quot;",
}  # fmt: skip


@pytest.mark.parametrize("case", ALTERNATIVES)
def test_figure_is_the_same_where_its_picture_is_whatever_a_program_calls_it_and_however_it_writes_what_is_said(tmp_path, case):
    made = figure(alt="""Hy's law <2 & "so on\"""")
    (tmp_path / "f.docx").write_bytes(emit.emit_docx(made))
    ours = re.search(r' descr="([^"]*)"', output_of(made))
    assert ours
    body = drawn(made).replace(f' descr="{ours[1]}"', f' descr="{ALTERNATIVES[case]}"').replace("rIdH1", "rId77")
    parts = {"word/media/image9.png": made.png, "word/_rels/document.xml.rels": related("rId77", "image9.png")}
    document = write_csr(tmp_path / "csr.docx", own_words("Before.") + body, parts)
    done = refresh_docx(document, {made.number: tmp_path / "f.docx"}, tmp_path / "new.docx")
    assert (done.outputs, done.replaced, done.changed) == ((made.number,), (), ())
    assert region_name(made.number) in body
    # Another picture, or another number said of it, is another figure.
    for wrong in ({"word/media/image9.png": b"another"}, None):
        other = body if wrong else body.replace("law", "laws")
        write_csr(tmp_path / "csr.docx", own_words("Before.") + other, parts | (wrong or {}))
        assert refresh_docx(document, {made.number: tmp_path / "f.docx"}, tmp_path / f"{bool(wrong)}.docx").changed == (
            made.number,
        )

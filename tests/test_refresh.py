"""A writer's own document gets the outputs of a new cut; not a byte of the writer's changes."""

from __future__ import annotations

import io
import os
import re
import subprocess
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from cgbm1_report import emit
from cgbm1_report.emit.captions import at_level
from cgbm1_report.emit.docx import fill_reference
from cgbm1_report.emit.openxml import lead
from cgbm1_report.errors import ProofError, ReportError
from cgbm1_report.render import refresh
from cgbm1_report.render.refresh import find_documents, refresh_docx
from cgbm1_report.render.refresh.bold import has_own_bold
from cgbm1_report.render.refresh.markup import plain_markup
from cgbm1_report.tabulate.files import file_stem
from cgbm1_report.tabulate.table import Column, Row
from tests.emit_cases import STAMP, change_table, figure, hostile_listing, listing, summary_table
from tests.word_order import find_disorder
from tests.written_csr import DOCUMENT, STYLES, body_of, changed, commented, own_words, part, reference, referred, write_csr

MINE = '<w:p w:rsidR="00AB12CD"><w:r><w:t xml:space="preserve">In my own words: 12 subjects &amp; more. </w:t></w:r></w:p>'


def written(path: Path, body: str, parts: dict[str, bytes] | None = None) -> Path:
    """A document as a writer has it: our styles, the given body."""
    with zipfile.ZipFile(io.BytesIO(fill_reference(STAMP, ""))) as package:
        found = {name: package.read(name) for name in package.namelist()}
    shell = found[DOCUMENT].decode("utf-8")
    drawing = ' xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"'
    shell = shell.replace("<w:document", f"<w:document{drawing}", 1)
    found[DOCUMENT] = shell.replace("<w:p/>", body, 1).encode("utf-8")
    found |= parts or {}
    with zipfile.ZipFile(path, "w") as package:
        for name, content in found.items():
            package.writestr(name, content)
    return path


@pytest.fixture
def build(tmp_path: Path) -> dict[str, Path]:
    """The Word files of outputs of a new cut: 13 subjects with nausea where there were 12, the figure another."""
    folder = tmp_path / "outputs"
    folder.mkdir()
    files = {}
    table = summary_table()
    rows = tuple(replace(row, cells={**row.cells, "Placebo": "13 (43.3)"}) if row.label == "Nausea" else row for row in table.rows)
    for made in (replace(table, rows=rows), listing(300), figure(alt="Curves of the new cut")):
        files[made.number] = folder / f"{file_stem(made.number)}.docx"
        files[made.number].write_bytes(emit.emit_docx(made))
    return files


def test_outputs_are_replaced_and_the_rest_is_untouched(build, tmp_path):
    old, long = body_of(emit.emit_docx(summary_table())), body_of(emit.emit_docx(listing(30)))
    document = written(tmp_path / "csr.docx", MINE + old + MINE + long + MINE)
    before = {info.filename for info in zipfile.ZipFile(document).infolist()}
    done = refresh_docx(document, build, tmp_path / "new.docx")
    assert done.replaced == ("T14.3.1.2.1", "L16.2.7.1")
    assert done.changed == ("T14.3.1.2.1", "L16.2.7.1")
    new = (tmp_path / "new.docx").read_bytes()
    expected = [(build[number]).read_bytes() for number in done.replaced]
    assert body_of(new) == MINE + body_of(expected[0]) + MINE + body_of(expected[1]) + MINE
    for name in before - {DOCUMENT}:
        assert part(new, name) == part(document.read_bytes(), name), name


def test_word_files_of_a_build_are_found_by_the_numbers_of_its_manifest(build, tmp_path):
    # A dose group's number keeps its capitals although its file has none; what is no output of the build is not taken.
    group = tmp_path / "outputs" / "t-14-3-1-2-1-p1low.docx"
    group.write_bytes(b"")
    found = find_documents(tmp_path, ["T14.3.1.2.1", "T14.3.1.2.1-P1LOW", "T14.1.1.1", "/etc/passwd"])
    assert found == {"T14.3.1.2.1": build["T14.3.1.2.1"], "T14.3.1.2.1-P1LOW": group}
    with pytest.raises(ReportError, match="holds no outputs in DOCX"):
        find_documents(tmp_path, ["T14.1.1.1"])


def test_word_file_that_is_not_what_the_build_made_is_refused(build, tmp_path):
    told = {f"outputs/{path.name}": sha256(path.read_bytes()).hexdigest() for path in build.values()}
    assert find_documents(tmp_path, build, told) == build
    build["L16.2.7.1"].write_bytes(emit.emit_docx(listing(299)))
    with pytest.raises(ReportError, match=r"l-16-2-7-1\.docx: was changed after the build made it") as error:
        find_documents(tmp_path, build, told)
    assert len(error.value.problems) == 1


#    what goes wrong                            in the new text
LOST = {
    "an old output stays":      lambda new, old: old,
    "an output is there twice": lambda new, old: new.replace(b"<w:sectPr", body_of_bytes(new) + b"<w:sectPr", 1),
    "a number is another":      lambda new, old: new.replace(b"13 (43.3)", b"18 (43.3)"),
    "an output is gone":        lambda new, old: new.replace(body_of_bytes(new), MINE.encode()),
}  # fmt: skip


def body_of_bytes(text: bytes) -> bytes:
    return text[text.index(b"<w:body>") + 8 : text.rindex(b"<w:sectPr")]


@pytest.mark.parametrize("fault", LOST)
def test_document_that_would_not_say_what_the_build_says_is_not_written(build, tmp_path, monkeypatch, fault):
    document = written(tmp_path / "csr.docx", output_of(summary_table()))
    before, renewed = document.read_bytes(), refresh._renewed
    monkeypatch.setattr(refresh, "_renewed", lambda parts, made: LOST[fault](renewed(parts, made), parts[DOCUMENT]))
    with pytest.raises(ProofError, match="would not say what the build says"):
        refresh_docx(document, build, document)
    assert document.read_bytes() == before


def test_second_refresh_from_the_same_build_changes_nothing(build, tmp_path):
    document = written(tmp_path / "csr.docx", MINE + body_of(emit.emit_docx(summary_table())) + MINE)
    refresh_docx(document, build, document)
    first = document.read_bytes()
    done = refresh_docx(document, build, document)
    assert done.outputs == ("T14.3.1.2.1",)
    assert done.replaced == done.changed == ()
    assert next(done.tell(document)) == "T14.3.1.2.1  the same as before"
    assert [*done.tell(document)][-1].endswith(": 0 outputs replaced, 0 changed, 1 the same as before, 0 left")
    assert document.read_bytes() == first


def test_output_the_build_lacks_is_told_and_left(build, tmp_path):
    other = body_of(emit.emit_docx(replace(summary_table(), number="T14.9.9")))
    document = written(tmp_path / "csr.docx", other + body_of(emit.emit_docx(listing(3))))
    done = refresh_docx(document, build, tmp_path / "new.docx")
    assert done.absent == ("T14.9.9",)
    assert "T14.9.9  is not in this build: its output of an earlier one is left as it was" in [*done.tell(document)]
    assert body_of((tmp_path / "new.docx").read_bytes()).startswith(other)


def test_tables_that_carry_no_mark_are_counted_and_left(build, tmp_path):
    def own(words: str, inside: str = "") -> str:
        return f"<w:tbl><w:tblPr/><w:tblGrid><w:gridCol/></w:tblGrid><w:tr><w:tc>{inside}{own_words(words)}</w:tc></w:tr></w:tbl>"

    ours, lacked = output_of(summary_table()), output_of(replace(summary_table(), number="T14.9.9"))
    lost = re.sub(r"<w:(?:bookmark(?:Start|End)|tblCaption) [^>]*/>", "", output_of(replace(listing(3), number="L16.9.9")))
    document = write_csr(
        tmp_path / "csr.docx", own("Visits", own("within a cell")) + MINE + ours + own_words("Then:") + lacked + lost
    )
    done = refresh_docx(document, build, tmp_path / "new.docx")
    assert done.unmarked == 2, "the table of visits with what stands in its cell, and the listing that has lost its bookmark"
    assert "2 tables of the document carry no mark of an output and were left as they are" in [*done.tell(document)]
    assert own("Visits", own("within a cell")) + MINE in body_of((tmp_path / "new.docx").read_bytes())
    only = write_csr(tmp_path / "only.docx", ours)
    assert not any("no mark" in line for line in refresh_docx(only, build, tmp_path / "none.docx").tell(only))


def test_end_that_word_moved_into_the_writers_next_paragraph_takes_none_of_its_text(build, tmp_path):
    old = body_of(emit.emit_docx(summary_table()))
    mark = re.findall(r'<w:bookmarkEnd w:id="\d+"/>', old)[-1]
    moved = old.replace(mark, "")
    mine = MINE.replace("<w:r>", f"{mark}<w:r>", 1)
    document = written(tmp_path / "csr.docx", moved + mine)
    refresh_docx(document, build, tmp_path / "new.docx")
    new = body_of((tmp_path / "new.docx").read_bytes())
    assert new == body_of(build["T14.3.1.2.1"].read_bytes()) + MINE


def test_picture_is_exchanged_and_the_old_one_is_gone(build, tmp_path):
    old = emit.emit_docx(figure())
    body = body_of(old).replace("rIdP1", "rId77")
    relations = part(fill_reference(STAMP, ""), "word/_rels/document.xml.rels").replace(
        b"</Relationships>",
        b'<Relationship Id="rId77" Target="media/image7.png"'
        b' Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/image"/></Relationships>',
    )
    pictured = {"word/_rels/document.xml.rels": relations, "word/media/image7.png": b"old picture"}
    document = written(tmp_path / "csr.docx", MINE + body, pictured)
    refresh_docx(document, build, tmp_path / "new.docx")
    new = (tmp_path / "new.docx").read_bytes()
    names = zipfile.ZipFile(io.BytesIO(new)).namelist()
    (ident,) = set(re.findall(r'r:embed="([^"]+)"', body_of(new)))
    assert f'Id="{ident}"' in part(new, "word/_rels/document.xml.rels").decode()
    assert "word/media/image7.png" not in names
    assert b"rId77" not in part(new, "word/_rels/document.xml.rels")
    assert part(new, f"word/media/{ident}.png") == figure().png
    assert b'Extension="png"' in part(new, "[Content_Types].xml")
    assert "Curves of the new cut" in body_of(new)


def test_picture_brings_the_prefixes_that_a_document_without_any_lacks(build, tmp_path):
    document = written(tmp_path / "csr.docx", output_of(figure()).replace("rIdP1", "rIdH1"))
    text = part(document.read_bytes(), DOCUMENT).decode()
    old = re.sub(r"<w:r><w:drawing>.*?</w:drawing></w:r>|<w:sectPr.*</w:sectPr>", "", text, flags=re.S)
    old = re.sub(r' xmlns:(?:wp|r)="[^"]*"', "", old)
    assert "xmlns:wp" not in old
    document = written(tmp_path / "bare.docx", MINE, {DOCUMENT: old.encode()})
    refresh_docx(document, build, document)
    assert find_disorder(document.read_bytes()) == []


def test_section_break_the_writer_put_behind_an_output_stays(build, tmp_path):
    landscape = '<w:sectPr><w:pgSz w:w="16838" w:h="11906" w:orient="landscape"/></w:sectPr>'
    old = body_of(emit.emit_docx(summary_table()))
    at = old.rindex("</w:pPr>")
    document = written(tmp_path / "csr.docx", old[:at] + landscape + old[at:] + MINE)
    refresh_docx(document, build, tmp_path / "new.docx")
    new = body_of((tmp_path / "new.docx").read_bytes())
    assert new.count(landscape) == 1
    assert new.endswith(MINE)
    assert new.index(landscape) > new.rindex("</w:tbl>")


def test_styles_the_document_lacks_come_along(build, tmp_path):
    styles = part(emit.emit_docx(listing(3)), "word/styles.xml")
    bare = re.sub(rb'<w:style [^>]*w:styleId="ListingText".*?</w:style>', b"", styles, flags=re.S)
    assert b'w:styleId="ListingText"' not in bare
    document = written(tmp_path / "csr.docx", body_of(emit.emit_docx(listing(3))), {"word/styles.xml": bare})
    refresh_docx(document, build, document)
    assert part(document.read_bytes(), "word/styles.xml").count(b'w:styleId="ListingText"') == 1


#    what the writer did                                   what is said
FAULTS = {
    "typed in front of it":     (lambda xml: xml.replace("<w:bookmarkStart", "<w:r><w:t>mine</w:t></w:r><w:bookmarkStart", 1), "other text"),
    "put it into a table":      (lambda xml: f"<w:tbl><w:tr><w:tc>{xml}</w:tc></w:tr></w:tbl>", "inside a table"),
    "cut its end off":          (lambda xml: re.sub(r"<w:bookmarkEnd [^>]*/></w:p>$", "</w:p>", xml), "has no end.*a hand that deletes an end of a bookmark"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_bookmark_that_does_not_hold_the_whole_output_alone_is_refused(build, tmp_path, fault):
    change, message = FAULTS[fault]
    document = written(tmp_path / "csr.docx", change(body_of(emit.emit_docx(summary_table()))))
    before = document.read_bytes()
    with pytest.raises(ReportError, match=message):
        refresh_docx(document, build, document)
    assert document.read_bytes() == before


def test_what_is_no_word_document_is_refused(build, tmp_path):
    text = tmp_path / "notes.docx"
    text.write_text("not a zip")
    with pytest.raises(ReportError, match="is no Word document"):
        refresh_docx(text, build, text)
    with pytest.raises(ReportError, match="is not there"):
        refresh_docx(tmp_path / "absent.docx", build, text)
    with pytest.raises(ReportError, match="holds no output of this build"):
        refresh_docx(written(tmp_path / "own.docx", MINE), build, text)
    bomb = written(tmp_path / "bomb.docx", MINE, {DOCUMENT: b'<!DOCTYPE w [<!ENTITY a "b">]><w/>'})
    with pytest.raises(ReportError, match="declares a document type"):
        refresh_docx(bomb, build, text)


def test_document_that_unpacks_to_gigabytes_is_refused(build, tmp_path):
    bomb = written(tmp_path / "bomb.docx", MINE)
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as package, package.open("word/media/image1.emf", "w") as part:
        for _ in range(60):
            part.write(bytes(1_000_000))
    with pytest.raises(ReportError, match=r"image1\.emf unpacks to more than 200 times its size"):
        refresh_docx(bomb, build, tmp_path / "new.docx")
    assert not (tmp_path / "new.docx").exists()


def test_document_keeps_its_rights_and_a_link_to_it_stays_a_link(build, tmp_path):
    document = written(tmp_path / "csr.docx", MINE + body_of(emit.emit_docx(summary_table())))
    document.chmod(0o640)
    (tmp_path / "latest.docx").symlink_to("csr.docx")
    refresh_docx(tmp_path / "latest.docx", build, tmp_path / "latest.docx")
    assert (tmp_path / "latest.docx").readlink() == Path("csr.docx")
    assert document.stat().st_mode & 0o777 == 0o640
    assert "13 (43.3)" in body_of(document.read_bytes())


def test_another_file_that_is_there_is_not_overwritten_but_by_what_it_holds_already(build, tmp_path):
    document = written(tmp_path / "csr.docx", MINE + body_of(emit.emit_docx(summary_table())))
    (tmp_path / "mine.docx").write_text("my words")
    (tmp_path / "folder").mkdir()
    (tmp_path / "nowhere.docx").symlink_to("gone.docx")
    for name, words in (("mine.docx", "is not the document"), ("folder", "is a folder"), ("nowhere.docx", "is not the document")):
        with pytest.raises(ReportError, match=words):
            refresh_docx(document, build, tmp_path / name)
    assert (tmp_path / "mine.docx").read_text() == "my words"
    assert not (tmp_path / "gone.docx").exists()
    refresh_docx(document, build, tmp_path / "new.docx")
    refresh_docx(document, build, tmp_path / "new.docx")


def test_document_that_a_writer_saved_meanwhile_is_not_overwritten(build, tmp_path, monkeypatch):
    document = written(tmp_path / "csr.docx", MINE + body_of(emit.emit_docx(summary_table())))
    pack = refresh._pack
    monkeypatch.setattr(refresh, "_pack", lambda parts: (document.write_text("saved by Word"), pack(parts))[1])
    with pytest.raises(ReportError, match="was saved while it was read"):
        refresh_docx(document, build, document)
    assert document.read_text() == "saved by Word"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["csr.docx", "outputs"]


def test_hostile_text_of_a_new_cut_stays_text(tmp_path):
    made, file = hostile_listing(), tmp_path / "hostile.docx"
    file.write_bytes(emit.emit_docx(made))
    document = written(tmp_path / "csr.docx", MINE + body_of(emit.emit_docx(replace(made, rows=made.rows[:1]))))
    refresh_docx(document, {made.number: file}, document)
    assert body_of(document.read_bytes()) == MINE + body_of(file.read_bytes())


def output_of(made) -> str:
    return body_of(emit.emit_docx(made))


def test_document_is_kept_beside_under_a_name_that_no_older_one_has(build, tmp_path):
    document = written(tmp_path / "csr.docx", MINE + output_of(summary_table()))
    old = document.read_bytes()
    (tmp_path / "csr.before-refresh-1.docx").write_text("an older one")
    done = refresh_docx(document, build, document)
    assert done.backup == tmp_path / "csr.before-refresh-2.docx"
    assert done.backup.read_bytes() == old
    assert (tmp_path / "csr.before-refresh-1.docx").read_text() == "an older one"
    # Nothing changes the second time, and nothing is kept.
    assert refresh_docx(document, build, document).backup is None
    assert refresh_docx(document, build, tmp_path / "new.docx").backup is None


def test_owner_stays_and_other_names_of_the_document_are_told(build, tmp_path):
    document = written(tmp_path / "csr.docx", MINE + output_of(summary_table()))
    (tmp_path / "same.docx").hardlink_to(document)
    old = document.read_bytes()
    if os.geteuid() == 0:
        os.chown(document, 12345, 12346)
    before = document.stat()
    done = refresh_docx(document, build, document)
    assert (document.stat().st_uid, document.stat().st_gid) == (before.st_uid, before.st_gid)
    assert "csr.docx has another name (hard links): there the old document stays" in done.told
    assert (tmp_path / "same.docx").read_bytes() == old
    assert done.backup is not None
    assert done.backup.stat().st_ino != before.st_ino, "an editor of the other name would change the backup"


def test_document_of_another_owner_is_refused_by_who_cannot_keep_it_his(build, tmp_path, monkeypatch):
    document = written(tmp_path / "csr.docx", MINE + output_of(summary_table()))
    monkeypatch.setattr(os, "access", lambda path, mode: True)
    monkeypatch.setattr(os, "geteuid", lambda: document.stat().st_uid + 1)
    with pytest.raises(ReportError, match="belongs to another user or group"):
        refresh_docx(document, build, document)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ReportError, match="is read-only"):
        refresh_docx(document, build, document)
    refresh_docx(document, build, tmp_path / "new.docx")


def test_cross_references_span_the_same_part_of_the_new_title(build, tmp_path):
    #   _Ref1 the label alone, _Ref2 all of the title, _Ref3 the words alone
    old = output_of(summary_table(title="Adverse Events"))
    old = referred(referred(old, "_Ref2", 9002, label=False), "_Ref1", 9001, label=True)
    words = '<w:r><w:t xml:space="preserve"> Adverse Events</w:t></w:r>'
    assert words in old
    old = old.replace(words, f'<w:bookmarkStart w:id="9003" w:name="_Ref3"/>{words}<w:bookmarkEnd w:id="9003"/>')
    mine = own_words("See ", reference("_Ref1", "Table 14.3.1.2.1") + reference("_Ref2", "Table 14.3.1.2.1 Adverse Events"))
    document = written(tmp_path / "csr.docx", mine + old)
    done = refresh_docx(document, build, document)
    new = body_of(document.read_bytes())
    whole = "Table 14.3.1.2.1 Adverse Events by System Organ Class and Preferred Term"
    assert spanned(new, "_Ref1") == "Table 14.3.1.2.1"
    assert spanned(new, "_Ref2") == whole
    assert spanned(new, "_Ref3") == " Adverse Events by System Organ Class and Preferred Term"
    assert new.startswith(mine)
    stale = f"a cross-reference shows 'Table 14.3.1.2.1 Adverse Events' where the title says {whole!r}"
    assert [line for line in done.told if "cross-reference" in line] == [f"{stale}: update the fields in Word (Ctrl+A, F9)"]
    assert_whole(document)


def spanned(body: str, name: str) -> str:
    """What a bookmark spans that a reader sees, read apart from the code."""
    (ident,) = re.findall(rf'<w:bookmarkStart w:id="(\d+)" w:name="{name}"/>', body)
    inside = body[body.index(f'w:name="{name}"/>') : body.index(f'<w:bookmarkEnd w:id="{ident}"/>')]
    inside = re.sub(r"<w:r><w:rPr><w:vanish/></w:rPr>.*?</w:r>", "", inside)
    return "".join(re.findall(r"<w:t(?: [^>]*)?>([^<]*)</w:t>", inside))


def assert_whole(document: Path) -> None:
    """Every part well-formed and in Word's order; every mark of the text has both its ends, once."""
    assert find_disorder(document.read_bytes()) == []
    body = body_of(document.read_bytes())
    for first, last in (("bookmarkStart", "bookmarkEnd"), ("commentRangeStart", "commentRangeEnd")):
        starts, ends = (re.findall(rf'<w:{tag} [^>]*?w:id="(\w+)"', body) for tag in (first, last))
        assert sorted(starts) == sorted(ends)
        assert len(set(starts)) == len(starts)
        assert all(body.index(f'<w:{first} w:id="{ident}"') < body.index(f'<w:{last} w:id="{ident}"') for ident in starts)
    names = re.findall(r'<w:bookmarkStart [^>]*w:name="([^"]+)"', body)
    assert len(set(names)) == len(names)
    assert body.count('fldCharType="begin"') == body.count('fldCharType="end"')


def test_widths_of_the_writer_stay_and_what_cannot_is_told(build, tmp_path):
    old = output_of(summary_table())
    (grid,) = re.findall(r"<w:tblGrid>(.*?)</w:tblGrid>", old)
    narrow = "".join(f'<w:gridCol w:w="{width}"/>' for width in (5000, 1500, 1500, 1638))
    moved = re.sub("<w:tblW [^>]*/>", '<w:tblW w:w="9638" w:type="dxa"/>', old.replace(grid, narrow))
    assert moved != old
    document = written(tmp_path / "csr.docx", MINE + moved)
    done = refresh_docx(document, build, tmp_path / "new.docx")
    new = body_of((tmp_path / "new.docx").read_bytes())
    assert f"<w:tblGrid>{narrow}</w:tblGrid>" in new
    assert '<w:tblW w:w="9638" w:type="dxa"/>' in new
    # The title goes over all columns, the rows of numbers stand in each.
    assert '<w:tcW w:w="9638" w:type="dxa"/><w:gridSpan w:val="4"/>' in new
    assert set(re.findall(r'<w:tcW w:w="(\d+)"', new)) == {"9638", "5000", "1500", "1638"}
    assert done.told == ()
    assert_whole(tmp_path / "new.docx")
    # An arm more: the table stays as wide, and the writer is told.
    table = summary_table()
    more = replace(table, columns=(*table.columns, replace(table.columns[0], key="High", label="High")))
    build["T14.3.1.2.1"].write_bytes(emit.emit_docx(more))
    done = refresh_docx(document, build, tmp_path / "more.docx")
    assert done.told == ("T14.3.1.2.1: has 5 columns and had 4: the table's width is kept, the columns are the build's",)
    new = body_of((tmp_path / "more.docx").read_bytes())
    assert sum(int(width) for width in re.findall(r'<w:gridCol w:w="(\d+)"', new)) == 9638


def test_links_and_the_level_in_contents_stay_where_a_report_had_them(build, tmp_path):
    linked = replace(summary_table(), links=("L16.2.7.1", "L16.2.7.2"))
    rows = tuple(replace(row, cells={**row.cells, "Low": "7 (7.0)"}) if row.label == "Nausea" else row for row in linked.rows)
    build["T14.3.1.2.1"].write_bytes(emit.emit_docx(replace(linked, rows=rows)))
    # In a report links lead to what it holds, and a title has the level of its place.
    old = at_level(lead(emit.emit_openxml(linked), {"L16_2_7_1"}), 3)
    document = written(tmp_path / "csr.docx", old + output_of(listing(30)))
    refresh_docx(document, build, document)
    new = body_of(document.read_bytes())
    assert re.findall(r'<w:hyperlink w:anchor="(\w+)".*?<w:t[^>]*>([^<]*)<', new) == [("L16_2_7_1", "16.2.7.1")]
    assert "16.2.7.2" in new
    assert re.findall(r'TC "(\w+) [^<]*\\l (\d)', new) == [("Table", "3"), ("Listing", "2")]
    assert "7 (7.0)" in new
    assert_whole(document)


def test_picture_keeps_the_writers_width_and_its_own_proportions(build, tmp_path):
    old = output_of(figure()).replace("rIdP1", "rIdH1")
    (size,) = set(re.findall(r'cx="(\d+)" cy="(\d+)"', old))
    document = written(tmp_path / "csr.docx", old.replace(f'cx="{size[0]}" cy="{size[1]}"', 'cx="3000000" cy="999"'))
    build["F14.2.1.1"].write_bytes(emit.emit_docx(figure(alt="new", width_in=6.0, height_in=4.0)))
    refresh_docx(document, build, tmp_path / "new.docx")
    assert set(re.findall(r'cx="(\d+)" cy="(\d+)"', body_of((tmp_path / "new.docx").read_bytes()))) == {("3000000", "2000000")}


def in_cell(old: str, new: str):
    """What a writer makes of the text of a cell, in its paragraph."""
    run = re.compile(rf'<w:r>(?:<w:rPr>[^/]*/></w:rPr>)?<w:t xml:space="preserve">\s*{re.escape(old)}\s*</w:t></w:r>')

    def change(xml: str) -> str:
        assert run.search(xml)
        return run.sub(lambda _: new, xml, count=1)

    return change


RUN = '<w:r>{}<w:t xml:space="preserve">{}</w:t></w:r>'
BOLD = "<w:rPr><w:b/></w:rPr>"
#    what the writer did                          and what is said of it
OWN = {
    "changed a number, tracked":  (in_cell("Nausea", changed("Nausea", "Nausea!")), "tracked by R. Writer: 1 deletion, 1 insertion"),
    "commented on it":            (in_cell("Nausea", commented("Nausea")), "comment by R. Writer: 'Is this the final cut?'"),
    "edited a label":             (in_cell("Nausea", RUN.format("", "Nausea (feeling sick)")), "text that was edited"),
    "added a row's words":        (lambda xml: xml.replace("</w:tbl>", "</w:tbl>" + own_words("My reading of it."), 1), "text that was edited"),
    "marked a label yellow":      (in_cell("Nausea", RUN.format('<w:rPr><w:highlight w:val="yellow"/></w:rPr>', "Nausea")), "formatting: highlighting"),
    "shaded a cell":              (lambda xml: re.sub(r"(<w:tcW [^>]*/>)(</w:tcPr>)", r'\1<w:shd w:val="clear" w:fill="FFFF00"/>\2', xml, count=1), "formatting: shading"),
    "refers to a cell":           (in_cell("Nausea", f'<w:bookmarkStart w:id="77" w:name="_Ref7"/>{RUN.format("", "Nausea")}<w:bookmarkEnd w:id="77"/>'), "bookmark _Ref7 on 'Nausea'"),
    "made a note bold":           (lambda xml: re.sub(r'(<w:pStyle w:val="Footnote"/></w:pPr>)<w:r><w:t', r'\1<w:r><w:rPr><w:b/></w:rPr><w:t', xml, count=1), "formatting: bold text"),
    "made a word of the title bold": (in_cell("Safety Analysis Set", RUN.format("", "Safety ") + RUN.format("<w:rPr><w:b/></w:rPr>", "Analysis") + RUN.format("", " Set")), "formatting: bold text"),
    "made the label of a row bold": (in_cell("Nausea", RUN.format(BOLD, "Nausea")), "formatting: bold text"),
    "made a word of a label bold": (in_cell("Subjects with at least one TEAE", RUN.format("", "Subjects with at least one ") + RUN.format(BOLD, "TEAE")), "formatting: bold text"),
    "made a number bold":         (in_cell("5 (5.0)", RUN.format(BOLD, "5 (5.0)")), "formatting: bold text"),
    "made a dash bold":           (in_cell("-", RUN.format(BOLD, "-")), "formatting: bold text"),
    "made a number bold by a style": (in_cell("5 (5.0)", RUN.format('<w:rPr><w:rStyle w:val="Strong"/></w:rPr>', "5 (5.0)")), "formatting: a character style"),
    "put a footnote to it":       (in_cell("Nausea", RUN.format("", "Nausea") + '<w:r><w:footnoteReference w:id="2"/></w:r>'), "1 footnote"),
    "put a field into it":        (in_cell("Nausea", RUN.format("", "Nausea") + reference("_Ref9", "")), "field REF"),
}  # fmt: skip


@pytest.mark.parametrize("deed", OWN)
def test_what_of_the_writers_stands_in_an_output_is_told_before_it_goes(build, tmp_path, deed):
    change, said = OWN[deed]
    document = write_csr(tmp_path / "csr.docx", own_words("Before.") + change(output_of(summary_table())) + own_words("After."))
    before = document.read_bytes()
    with pytest.raises(ReportError, match=f"behind 'Before.': T14.3.1.2.1 holds .*{re.escape(said)}.*--force"):
        refresh_docx(document, build, document)
    assert document.read_bytes() == before
    done = refresh_docx(document, build, document, force=True)
    assert [line for line in done.told if said in line and line.startswith("T14.3.1.2.1: replaced with ")]
    assert "13 (43.3)" in body_of(document.read_bytes())
    assert_whole(document)


#: The rows of a table: label, cell, depth. The build prints bold in itself Events, which begins a block of deeper rows, and Organs,
#: which has no cells; not Serious, which has deeper rows and begins no block.
DRESSED = (("Events", "9", 0), ("Serious", "4", 1), ("Fatal", "1", 2), ("Organs", "", 0), ("Liver", "7", 1), ("Kidney", "NE", 1))
#    what is set bold   of the writer
SET_BOLD = """
    -                   no
    Events              no       # it is bold already
    Organs              no
    Serious             yes
    Fatal               yes
    Liver               yes
    4                   yes
    9                   yes      # though the label of its row is bold
    NE                  yes
    a note              yes
    All                 no       # the head of a column: its style is bold
"""


@pytest.mark.parametrize("case", SET_BOLD.strip().splitlines(), ids=lambda line: line.split()[0])
def test_words_are_the_writers_bold_where_the_build_prints_none(case):
    words, own = re.split(r"\s{2,}", case.partition("#")[0].strip())
    column = Column("All", "All", None, 1.1)
    rows = [Row((("EVENT", label),), label, depth, {"All": cell}, head=not cell) for label, cell, depth in DRESSED]
    old = output_of(summary_table(columns=(column,), rows=tuple(rows), blocks=(0, 3), footnotes=("a note",)))
    run = re.compile(rf'<w:r>(?:{BOLD})?(<w:t xml:space="preserve">\s*{re.escape(words)}\s*</w:t>)')
    assert words == "-" or run.search(old)
    assert has_own_bold(run.sub(rf"<w:r>{BOLD}\1", old).encode(), {}) is (own == "yes")


@pytest.mark.parametrize("made", [summary_table(), change_table(), hostile_listing(), listing(40)], ids=lambda made: made.number)
def test_what_the_build_prints_bold_is_not_taken_for_the_writers(made):
    assert has_own_bold(output_of(made).encode(), {}) is False


def test_word_of_a_listing_that_a_writer_made_bold_is_told(build, tmp_path):
    old = in_cell("XY-101-0001", RUN.format(BOLD, "XY-101-0001"))(output_of(listing(30)))
    document = write_csr(tmp_path / "csr.docx", own_words("Before.") + old)
    with pytest.raises(ReportError, match=r"L16\.2\.7\.1 holds formatting: bold text"):
        refresh_docx(document, build, document)


#    where a reference shows the words of a cell        what it shows
SHOWN = {"in the text": "12 (40.0)", "with the spaces that line numbers up": "12 (40.0)\u2007\u2008", "nowhere": ""}


@pytest.mark.parametrize("case", SHOWN)
def test_bookmark_of_a_cell_goes_with_the_cell_and_what_refers_to_it_is_to_be_written_anew(build, tmp_path, case):
    marked = f'<w:bookmarkStart w:id="77" w:name="_Ref7"/>{RUN.format("", "12 (40.0)")}<w:bookmarkEnd w:id="77"/>'
    old = in_cell("12 (40.0)", marked)(referred(output_of(summary_table()), "_Ref1", 9001, label=True))
    mine = own_words("Nausea: ", reference("_Ref7", SHOWN[case]) if SHOWN[case] else "")
    document = write_csr(tmp_path / "csr.docx", mine + old)
    done = refresh_docx(document, build, document, force=True)
    new = body_of(document.read_bytes())
    assert new.startswith(mine)
    assert ('w:name="_Ref7"' in new, spanned(new, "_Ref1")) == (False, "Table 14.3.1.2.1")
    told = [line for line in done.told if "write it anew" in line]
    assert told[0].startswith("T14.3.1.2.1: bookmark _Ref7 stood on '12 (40.0)', which was replaced, and is gone with it")
    assert told[1:] == [
        "a cross-reference shows '12 (40.0)', which stood in the replaced T14.3.1.2.1: write it anew; Word prints an error in its "
        "place when it updates fields"
    ] * bool(SHOWN[case])
    assert not any("update the fields" in line for line in done.told)
    assert_whole(document)


#    where the bookmark begins and ends             what is said of it
ACROSS = {
    "from a cell into the text behind": ("Nausea", "After.", "begins"),
    "from the text before into a cell": ("Before.", "Nausea", "ends"),
    "from the title into the text behind": ("Safety Analysis Set", "After.", "begins"),
}  # fmt: skip


@pytest.mark.parametrize("case", ACROSS)
def test_bookmark_over_the_edge_of_an_output_is_told_where_it_lies_now(build, tmp_path, case):
    first, last, said = ACROSS[case]
    start, end = '<w:bookmarkStart w:id="77" w:name="Mine"/>', '<w:bookmarkEnd w:id="77"/>'
    xml = own_words("Before.") + output_of(summary_table()) + own_words("After.")
    for words, mark in ((first, start), (last, end)):
        run = re.compile(rf'(<w:r>(?:<w:rPr>[^/]*/></w:rPr>)?<w:t xml:space="preserve">{re.escape(words)}</w:t></w:r>)')
        xml = run.sub(rf"{mark}\1" if mark == start else rf"\1{mark}", xml, count=1)
    assert xml.index(start) < xml.index(end)
    done = refresh_docx(write_csr(tmp_path / "csr.docx", xml), build, tmp_path / "new.docx", force=True)
    told = [line for line in done.told if "goes on outside" in line]
    assert told == [
        f"T14.3.1.2.1: bookmark Mine {said} in it and goes on outside: it {said} at the new title now; look at what refers to it"
    ]
    assert_whole(tmp_path / "new.docx")


def test_point_that_a_writer_marked_in_a_cell_spans_nothing_of_the_title(build, tmp_path):
    marked = '<w:bookmarkStart w:id="77" w:name="_Ref7"/><w:bookmarkEnd w:id="77"/>' + RUN.format("", "Nausea")
    document = write_csr(tmp_path / "csr.docx", in_cell("Nausea", marked)(output_of(summary_table())))
    refresh_docx(document, build, document, force=True)
    assert spanned(body_of(document.read_bytes()), "_Ref7") == ""
    assert_whole(document)


def test_forced_comments_stay_on_the_title_wherever_they_began(build, tmp_path):
    #   1 stands in the output, 2 begins before it, 3 ends behind it
    old = output_of(summary_table())
    old = in_cell(
        "Nausea",
        commented("Nausea", 1)
        + '<w:commentRangeEnd w:id="2"/><w:r><w:commentReference w:id="2"/></w:r><w:commentRangeStart w:id="3"/>',
    )(old)
    before, after = (
        own_words("Before.", '<w:commentRangeStart w:id="2"/>'),
        own_words("After.", '<w:commentRangeEnd w:id="3"/><w:r><w:commentReference w:id="3"/></w:r>'),
    )
    document = write_csr(tmp_path / "csr.docx", before + old + after)
    refresh_docx(document, build, document, force=True)
    body = body_of(document.read_bytes())
    assert body.startswith(before)
    assert body.endswith(after)
    title = next(p for p in re.findall(r"<w:p>.*?</w:p>", body) if 'w:name="T14_3_1_2_1"' in p)
    assert re.findall(r'<w:comment(\w+) w:id="(\d)"', title) == [
        ("RangeStart", "1"), ("RangeStart", "3"), ("RangeEnd", "2"), ("Reference", "2"), ("RangeEnd", "1"), ("Reference", "1"),
    ]  # fmt: skip
    assert_whole(document)


def test_comment_on_a_title_goes_along_without_being_asked_for(build, tmp_path):
    """Nothing of the writer's is lost then; --force puts comments of cells there, and the next refresh must not stop at them."""
    on_title = in_cell("Table 14.3.1.2.1", commented("Table 14.3.1.2.1"))(output_of(summary_table()))
    in_table = in_cell("Nausea", commented("Nausea"))(output_of(summary_table()))
    for name, old, force in (("title", on_title, False), ("cell", in_table, True)):
        document = write_csr(tmp_path / f"{name}.docx", old)
        refresh_docx(document, build, document, force=force)
        once = body_of(document.read_bytes())
        refresh_docx(document, build, document)
        title = next(p for p in re.findall(r"<w:p>.*?</w:p>", body_of(document.read_bytes())) if 'w:name="T14_3_1_2_1"' in p)
        assert title.count("<w:commentReference ") == once.count("<w:commentReference ") == 1, name
        assert_whole(document)


def test_mark_of_words_cursor_goes_whole_or_stays_whole(build, tmp_path):
    start, end = '<w:bookmarkStart w:id="5" w:name="_GoBack"/>', '<w:bookmarkEnd w:id="5"/>'
    inside = in_cell("Nausea", start + RUN.format("", "Nausea") + end)(output_of(summary_table()))
    refresh_docx(written(tmp_path / "csr.docx", inside), build, tmp_path / "inside.docx")
    assert "_GoBack" not in body_of((tmp_path / "inside.docx").read_bytes())
    across = own_words("Before.", start) + in_cell("Nausea", RUN.format("", "Nausea") + end)(output_of(summary_table()))
    refresh_docx(write_csr(tmp_path / "csr.docx", across), build, tmp_path / "across.docx")
    assert_whole(tmp_path / "across.docx")
    assert body_of((tmp_path / "across.docx").read_bytes()).count('w:id="5"') == 2


def test_what_begins_in_an_output_and_cannot_be_moved_is_refused_even_by_force(build, tmp_path):
    half = '<w:r><w:fldChar w:fldCharType="begin"/></w:r>'
    document = written(tmp_path / "csr.docx", in_cell("Nausea", RUN.format("", "Nausea") + half)(output_of(summary_table())) + MINE)
    with pytest.raises(ReportError, match="a field begins or ends in bookmark out_T14_3_1_2_1"):
        refresh_docx(document, build, document, force=True)


def test_output_that_says_what_the_build_says_is_not_touched(build, tmp_path):
    """What of the writer's stands in it stays."""
    table = summary_table()
    build["T14.3.1.2.1"].write_bytes(emit.emit_docx(table))
    old = in_cell("Nausea", commented("Nausea"))(output_of(table))
    long = output_of(listing(30))
    document = write_csr(tmp_path / "csr.docx", old + long)
    done = refresh_docx(document, build, document)
    assert done.changed == ("L16.2.7.1",)
    assert body_of(document.read_bytes()).startswith(old)


def test_copy_that_word_leaves_without_a_bookmark_is_refreshed_too(build, tmp_path):
    old = output_of(listing(300))
    copy = re.sub(r"<w:bookmark(Start|End) [^>]*/>", "", old).replace('w:val="OutputBreak"', 'w:val="CsrText"', 1)
    document = write_csr(tmp_path / "csr.docx", old + own_words("Once more:") + copy + own_words("After."))
    build["L16.2.7.1"].write_bytes(emit.emit_docx(listing(31)))
    done = refresh_docx(document, build, document)
    new = body_of(document.read_bytes())
    assert done.replaced == ("L16.2.7.1",)
    assert "L16.2.7.1 stands more than once: its copy behind 'Once more:' was replaced as well" in done.told
    # Rows 1 to 31 twice, and none of the 300.
    assert new.count("XY-101-0011") == 2
    assert "XY-101-0012" not in new
    assert_whole(document)


def pasted(made, *, named: str = "Picture") -> str:
    """A figure of a report, copied from its title on: no line above it, hence no bookmark around it; its picture is called so."""
    whole = output_of(made).replace("rIdP1", "rIdH1").replace(f'name="{made.label}"', f'name="{named}"')
    start, region = whole.index("</w:p>") + len("</w:p>"), f'w:name="{refresh.region_name(made.number)}"'
    (ident,) = re.findall(rf'<w:bookmarkStart w:id="(\d+)" {region}/>', whole)
    return whole[start:].replace(f'<w:bookmarkEnd w:id="{ident}"/>', "")


@pytest.mark.parametrize("named", ["Picture", "Figure 14.2.1.1"], ids=["of the report", "of its own file"])
def test_figure_copied_from_its_title_on_is_found_by_the_title_and_replaced(build, tmp_path, named):
    document = write_csr(tmp_path / "csr.docx", own_words("Before.") + pasted(figure(), named=named) + own_words("After."))
    done = refresh_docx(document, build, document)
    assert (done.replaced, done.changed) == (("F14.2.1.1",), ("F14.2.1.1",))
    assert not any("copy" in line for line in done.told), "it stands once"
    assert [*done.tell(document)][-1].endswith("1 output replaced, 1 changed, 0 left")
    new = body_of(document.read_bytes())
    assert new.startswith(own_words("Before.") + '<w:p><w:pPr><w:pStyle w:val="Caption"/>'), "no page begins above it"
    assert new.endswith(own_words("After."))
    # The alternative text stands twice in a drawing.
    assert (new.count("<w:drawing>"), new.count("Curves of the new cut")) == (1, 2)
    assert_whole(document)
    # It is found again: by the same title.
    again = refresh_docx(document, build, document)
    assert (again.outputs, again.replaced) == (("F14.2.1.1",), ())


@pytest.mark.parametrize("lost", ["", "<w:tblCaption [^>]*/>"], ids=["as Word saves it", "as LibreOffice saves it"])
def test_table_copied_from_its_title_on_is_no_second_copy_and_keeps_the_marks_of_its_title(build, tmp_path, lost):
    whole = output_of(summary_table())
    alone = whole[whole.index("<w:tbl>") : whole.rindex("</w:tbl>") + len("</w:tbl>")]
    alone = re.sub(lost, "", alone) if lost else alone
    document = write_csr(tmp_path / "csr.docx", own_words("Before.") + alone + own_words("After."))
    done = refresh_docx(document, build, document)
    assert (done.changed, done.told) == (("T14.3.1.2.1",), ())
    assert body_of(document.read_bytes()).count('w:name="T14_3_1_2_1"') == 1
    assert_whole(document)
    edited = document.read_bytes()
    written(tmp_path / "edited.docx", body_of(edited).replace("13 (43.3)", "14 (43.3)"))
    with pytest.raises(ReportError, match="text that was edited since the build printed it"):
        refresh_docx(tmp_path / "edited.docx", build, tmp_path / "new.docx")


@pytest.mark.parametrize("off", ["0", "false"], ids=["as Word saves it", "as LibreOffice saves it"])
def test_output_that_follows_the_words_before_it_begins_no_page_when_it_is_renewed(build, tmp_path, off):
    """As in a report, whose heading and first output stand on one page: whether it changed moves nothing."""
    old, above = output_of(summary_table()), '<w:p><w:pPr><w:pStyle w:val="OutputBreak"/>'
    assert old.startswith(above)
    follows = f'{above}<w:pageBreakBefore w:val="{off}"/>{old.removeprefix(above)}'.replace("13 (43.3)", "12 (40.0)")
    for placed, begins in (
        (follows, f'{above}<w:pageBreakBefore w:val="0"/>'),
        (old.replace("13 (43.3)", "12 (40.0)"), f"{above}</w:pPr>"),
    ):
        document = write_csr(tmp_path / "csr.docx", own_words("Before.") + placed + own_words("After."))
        done = refresh_docx(document, build, document, force=True)
        assert done.changed == ("T14.3.1.2.1",)
        assert body_of(document.read_bytes()).startswith(own_words("Before.") + begins)
        assert_whole(document)


def without_notes(xml: str) -> str:
    return xml[: xml.index("</w:drawing></w:r></w:p>") + len("</w:drawing></w:r></w:p>")]


#    what came of the figure                                                               what is said
UNSURE = {
    "copied without its notes": (without_notes, "Figure 14.2.1.1 stands outside its bookmark, and where it ends is not sure, behind 'Before.'"),
    "with words of the writer's": (lambda xml: xml.replace("<w:drawing>", "<w:t>mine</w:t></w:r><w:r><w:drawing>", 1), "Figure 14.2.1.1 stands outside its bookmark, and where it ends is not sure, behind 'Before.'"),
    "without any mark":         (lambda xml: re.sub(r"<w:bookmark(?:Start|End) [^>]*/>", "", xml), "a picture below Figure 14.2.1.1 carries no mark of an output, behind 'Before.'"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNSURE)
def test_old_figure_that_cannot_be_replaced_is_counted_and_said(build, tmp_path, case):
    change, said = UNSURE[case]
    old = change(pasted(figure()))
    document = write_csr(tmp_path / "csr.docx", output_of(summary_table()) + own_words("Before.") + old + own_words("After."))
    if "bookmark" in said:
        with pytest.raises(
            ReportError,
            match=r"Figure 14\.2\.1\.1 stands outside its bookmark.*from its title to its last note.*--force leaves this one as it is",
        ):
            refresh_docx(document, build, document)
    done = refresh_docx(document, build, document, force=True)
    (line,) = (line for line in done.told if "14.2.1.1" in line)
    assert line.startswith(f"{said}: left as it was; copy the output anew from the report, from its title to its last note")
    assert [*done.tell(document)][-1].endswith("1 output replaced, 1 changed, 1 left")
    assert "1 picture of the document carries no mark of an output and was left as it is" in [*done.tell(document)]
    assert old in body_of(document.read_bytes())


def test_output_copied_from_its_title_on_that_the_build_lacks_is_told(build, tmp_path):
    lacked = pasted(replace(figure(), number="F14.9.9.1"))
    document = write_csr(tmp_path / "csr.docx", output_of(summary_table()) + own_words("Before.") + lacked)
    done = refresh_docx(document, build, document)
    assert (done.absent, done.left) == (("F14.9.9.1",), 1)
    # Its picture is no picture without a mark.
    assert (done.unmarked, done.pictures) == (0, 0)
    assert not [line for line in done.tell(document) if "no mark" in line]


def test_copy_whose_bounds_are_not_sure_is_named(build, tmp_path):
    old = output_of(summary_table())
    copy = re.sub(r"<w:bookmark(Start|End) [^>]*/>", "", old)
    document = write_csr(
        tmp_path / "csr.docx", old + own_words("Once more:") + f"<w:sdt><w:sdtContent>{copy}</w:sdtContent></w:sdt>"
    )
    with pytest.raises(ReportError, match=r"behind 'Once more:': Table 14\.3\.1\.2\.1 stands outside its bookmark"):
        refresh_docx(document, build, document)
    done = refresh_docx(document, build, document, force=True)
    left = "Table 14.3.1.2.1 stands outside its bookmark, and where it ends is not sure, behind 'Once more:': left as it was; copy"
    assert [line[: len(left)] for line in done.told] == [left]
    assert [*done.tell(document)][-1].endswith("1 output replaced, 1 changed, 1 left")


def test_writers_own_table_may_begin_with_the_label_of_an_output(build, tmp_path):
    own = f"<w:tbl><w:tblPr/><w:tblGrid><w:gridCol/></w:tblGrid><w:tr><w:tc>{own_words('Table 14.3.1.2.1 in short')}</w:tc></w:tr></w:tbl>"
    document = write_csr(tmp_path / "csr.docx", own + own_words("Whole:") + output_of(summary_table()))
    refresh_docx(document, build, document)
    assert body_of(document.read_bytes()).startswith(own)


def as_libreoffice_saves(xml: str, name: str) -> str:
    """The bookmark as LibreOffice 7.4 wrote it: twice where it began and twice where it ended, each time one without an end."""
    start = re.search(rf'<w:bookmarkStart w:id="(\d+)" w:name="{name}"/>', xml)
    assert start
    loose, empty = f'<w:bookmarkStart w:id="{{}}" w:name="{name}"/>', '<w:bookmarkEnd w:id="{}"/>'
    twins = [loose.format(at) + loose.format(at + 1) + empty.format(at + 1) for at in (500_000, 500_002)]
    return xml.replace(start[0], twins[0], 1).replace(f'<w:bookmarkEnd w:id="{start[1]}"/>', twins[1], 1)


def saved_again(xml: str, name: str) -> str:
    """The same saved by LibreOffice once more: the marks of the last paragraph have another name."""
    pieces = as_libreoffice_saves(xml, name).split(f'w:name="{name}"')
    return f'w:name="{name}"'.join(pieces[:3]) + "".join(f'w:name="{name}_Copy_1"{piece}' for piece in pieces[3:])


@pytest.mark.parametrize("saved", [as_libreoffice_saves, saved_again], ids=["once", "twice"])
def test_bookmark_as_libreoffice_saves_it_is_read_as_what_it_was(build, tmp_path, saved):
    old = saved(output_of(summary_table()), "out_T14_3_1_2_1")
    assert old.count('w:name="out_T14_3_1_2_1') == 4
    document = written(tmp_path / "csr.docx", MINE + old + MINE)
    done = refresh_docx(document, build, document)
    assert done.told == ("T14.3.1.2.1: its bookmark stood twice without an end, as LibreOffice saves it: mended",)
    assert body_of(document.read_bytes()) == MINE + body_of(build["T14.3.1.2.1"].read_bytes()) + MINE


def without_its_empty_line(xml: str, name: str) -> str:
    """As LibreOffice 7.4 saves a table that was pasted without the line above: what began there stands in the table's first cell."""
    start = re.search(rf'<w:bookmarkStart w:id="(\d+)" w:name="{name}"/>', xml)
    assert start
    loose = f'<w:bookmarkStart w:id="{{}}" w:name="{name}"/>'
    cell, last = f'{loose.format(0)}<w:bookmarkEnd w:id="0"/>', f'{loose.format(3)}{loose.format(4)}<w:bookmarkEnd w:id="4"/>'
    saved = xml[xml.index("<w:tbl>") :].replace(f'<w:bookmarkEnd w:id="{start[1]}"/>', last)
    at = re.search(r"<w:tc>.*?<w:p>(?:<w:pPr>.*?</w:pPr>)?", saved, re.DOTALL)
    assert at
    return saved[: at.end()] + cell + saved[at.end() :]


def test_table_pasted_without_its_empty_line_is_replaced_after_libreoffice_saved_it(build, tmp_path):
    old = without_its_empty_line(output_of(summary_table()), "out_T14_3_1_2_1")
    document = written(tmp_path / "csr.docx", MINE + old + MINE)
    done = refresh_docx(document, build, document)
    assert done.told == ("T14.3.1.2.1: its bookmark stood twice without an end, as LibreOffice saves it: mended",)
    assert body_of(document.read_bytes()) == MINE + body_of(build["T14.3.1.2.1"].read_bytes()) + MINE
    # In another table than its own nobody knows where it begins; nor with a word of the writer's below it.
    named = re.sub(r"<w:tblCaption [^>]*/>", "", old).replace("Table 14.3.1.2.1", "Table 9")
    for other in (named, old.replace("</w:tbl>", "</w:tbl>" + own_words("Mine."))):
        with pytest.raises(ReportError, match="copy the output anew"):
            refresh_docx(written(tmp_path / "csr.docx", MINE + other + MINE), build, tmp_path / "new.docx")


def on_its_last_line(xml: str, name: str) -> str:
    """As LibreOffice saves an output that ends with words twice: the bookmark is left on its last paragraph alone."""
    start = re.search(rf'<w:bookmarkStart w:id="(\d+)" w:name="{name}"/>', xml)
    assert start
    at = xml.rindex("<w:p>")
    return xml[:at].replace(start[0], "") + xml[at:].replace("</w:pPr>", f"</w:pPr>{start[0]}", 1)


def test_bookmark_left_on_the_last_line_is_known_by_the_title_and_the_text_between(build, tmp_path):
    old = on_its_last_line(output_of(figure()).replace("rIdP1", "rIdH1"), "out_F14_2_1_1")
    document = written(tmp_path / "csr.docx", MINE + old + MINE)
    refresh_docx(document, build, tmp_path / "new.docx")
    body = body_of((tmp_path / "new.docx").read_bytes())
    assert body.startswith(MINE + '<w:p><w:pPr><w:pStyle w:val="OutputBreak"/>')
    assert body.endswith(MINE)
    assert (body.count("<w:drawing>"), body.count("Curves of the new cut")) == (1, 2)
    assert body.count('w:name="out_F14_2_1_1"') == 1
    # With a word of the writer's between nobody knows where it begins.
    between = old.replace("<w:drawing>", "<w:t>mine</w:t></w:r><w:r><w:drawing>", 1)
    with pytest.raises(ReportError, match=r"does not hold Figure 14\.2\.1\.1.*copy the output anew"):
        refresh_docx(written(tmp_path / "csr.docx", MINE + between + MINE), build, tmp_path / "new.docx", force=True)


def pieces_of_libreoffice() -> tuple[str, str, str]:
    """An output as LibreOffice saves it, cut where its bookmark's marks are: the first, all between, the last."""
    old = as_libreoffice_saves(output_of(summary_table()), "out_T14_3_1_2_1")
    mark = r'(?:<w:bookmark\w+ w:id="50000\d"[^>]*/>)+'
    (first, last) = re.findall(mark, old)
    return first, old, last


#    what came of LibreOffice's twins                              what is said
TWINS = {
    "its last pair is gone":        (lambda first, old, last: old.replace(last, ""), "stands 2 times, 1 of them without an end"),
    "Word kept the empty one":      (lambda first, old, last: old.replace(last, "").replace(first, re.sub(r'<[^>]*"500000"[^>]*>', "", first)), "does not hold Table 14.3.1.2.1"),
    "a third stands elsewhere":     (lambda first, old, last: old + own_words("", first.replace("50000", "50001")), "stands 6 times, 3 of them without an end"),
    "the writer wrote between":     (lambda first, old, last: old.replace("</w:tbl>", "</w:tbl>" + own_words("Mine.")), "stands 4 times, 2 of them without an end"),
    "the writer wrote between, and it was saved twice": (lambda first, old, last: saved_again(output_of(summary_table()), "out_T14_3_1_2_1").replace("</w:tbl>", "</w:tbl>" + own_words("Mine.")), "stands 4 times, 2 of them without an end"),
    "whole twins":                  (lambda first, old, last: output_of(summary_table()) * 2, "stands 2 times, each time around a whole output: the output is in the document more than once"),
}  # fmt: skip


@pytest.mark.parametrize("case", TWINS)
def test_twins_and_loose_ends_that_do_not_hold_the_output_alone_are_refused(build, tmp_path, case):
    change, said = TWINS[case]
    document = write_csr(tmp_path / "csr.docx", own_words("Before.") + change(*pieces_of_libreoffice()) + own_words("After."))
    before = document.read_bytes()
    with pytest.raises(ReportError) as told:
        refresh_docx(document, build, document, force=True)
    assert [problem.message for problem in told.value.problems] == [f"Table 14.3.1.2.1: its bookmark out_T14_3_1_2_1 {said}"]
    assert told.value.problems[0].place == "behind 'Before.'"
    assert ("take all but one of them out" if case == "whole twins" else "copy the output anew") in told.value.problems[0].remedy
    assert document.read_bytes() == before


def test_styles_are_named_as_the_document_names_them(build, tmp_path):
    """Word in German calls the identity of ``caption`` otherwise; LibreOffice gives ours to a style of its own."""
    styles = part(emit.emit_docx(listing(3)), STYLES).decode()
    styles = styles.replace('w:styleId="Caption"', 'w:styleId="Beschriftung"').replace(
        'w:styleId="Footnote"', 'w:styleId="OutputFootnote"'
    )
    styles = styles.replace('w:styleId="FootnoteText"', 'w:styleId="Footnote"')
    styles = re.sub(r'<w:style [^>]*w:styleId="ListingRight".*?</w:style>', "", styles, flags=re.S)
    old = (
        output_of(listing(3))
        .replace('w:val="Caption"', 'w:val="Beschriftung"')
        .replace('w:val="Footnote"', 'w:val="OutputFootnote"')
    )
    document = written(tmp_path / "csr.docx", old, {STYLES: styles.encode()})
    refresh_docx(document, build, document)
    new, body = part(document.read_bytes(), STYLES).decode(), body_of(document.read_bytes())
    used = set(re.findall(r'<w:(?:pStyle|tblStyle) w:val="([^"]+)"', body))
    assert {"Beschriftung", "OutputFootnote", "ListingRight"} <= used
    assert not used & {"Caption", "Footnote"}
    assert used <= set(re.findall(r'w:styleId="([^"]+)"', new))
    assert new.count('w:val="Listing Right"') == new.count('w:val="caption"') == 1


#    how another program writes the same document
WRITTEN = {
    "single quotes":      lambda xml: re.sub(r'(<[^<>]*>)', lambda tag: tag[1].replace('"', "'"), xml),
    "lines between tags": lambda xml: re.sub(r"(</w:\w+>|/>)<", r"\1\r\n  <", xml),
    "lines inside tags":  lambda xml: xml.replace(' w:name="', '\r\n  w:name = "'),
    "names before ids":   lambda xml: re.sub(r'(<w:bookmarkStart) (w:id="\d+") (w:name="[^"]*")', r"\1 \3 \2", xml),
    "text as CDATA":      lambda xml: re.sub(r"(<w:t[^>]*>)([^<&]+)(</w:t>)", r"\1<![CDATA[\2]]>\3", xml),
    "comments":           lambda xml: xml.replace("</w:tblPr>", "</w:tblPr><!-- a table's grid -->"),
}  # fmt: skip


@pytest.mark.parametrize("way", WRITTEN)
def test_document_is_read_however_its_program_writes_xml(build, tmp_path, way):
    title = "Adverse Events by System Organ Class and Preferred Term"
    mine = own_words("Cut & dried: ", reference("_Ref1", "Table 14.3.1.2.1")).replace("Cut & dried", "Cut &amp; dried")
    document = write_csr(tmp_path / "csr.docx", mine + referred(output_of(summary_table(title=title)), "_Ref1", 9001, label=True))
    text = part(document.read_bytes(), DOCUMENT).decode()
    head, body = text[: text.index("<w:body>")], text[text.index("<w:body>") :]
    document = write_csr(tmp_path / "odd.docx", "", {DOCUMENT: (head + WRITTEN[way](body)).encode()})
    done = refresh_docx(document, build, tmp_path / "new.docx")
    assert (done.changed, done.told) == (("T14.3.1.2.1",), ())
    new = body_of((tmp_path / "new.docx").read_bytes())
    assert "13 (43.3)" in new
    assert spanned(new, "_Ref1") == "Table 14.3.1.2.1"
    assert "Cut &amp; dried: " in new
    assert_whole(tmp_path / "new.docx")


def test_parts_as_word_in_a_browser_names_them_are_found(build, tmp_path):
    """document2.xml, styles2.xml: what counts is the relation, not the name."""
    document = write_csr(
        tmp_path / "csr.docx", own_words("Mine.") + in_cell("Nausea", commented("Nausea"))(output_of(summary_table()))
    )
    with zipfile.ZipFile(document) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    made = tmp_path / "browser.docx"
    with zipfile.ZipFile(made, "w") as package:
        for name, content in parts.items():
            if name.endswith(".rels") or name == "[Content_Types].xml":
                content = re.sub(rb'(Target|PartName)="([^"]*?)(document|styles|comments)\.xml"', rb'\1="\2\g<3>2.xml"', content)
            package.writestr(re.sub(r"(document|styles|comments)\.xml", r"\g<1>2.xml", name), content)
    with pytest.raises(ReportError, match=r"comment by R\. Writer: 'Is this the final cut.'"):
        refresh_docx(made, build, tmp_path / "new.docx")
    refresh_docx(made, build, tmp_path / "new.docx", force=True)
    assert "13 (43.3)" in body_of((tmp_path / "new.docx").read_bytes())
    assert_whole(tmp_path / "new.docx")


def test_text_that_looks_like_odd_markup_is_none():
    """An output's source line says TRTEMFL = 'Y'; a document that Word wrote is not written anew for it."""
    text = """<?xml version='1.0'?>\r\n<w:p w:a="1"><w:t xml:space="preserve"> a ='b', c = "d"  e </w:t><w:t> </w:t></w:p>"""
    assert plain_markup(text.encode(), apart=True) == text.encode()
    odd = text.replace('w:a="1"', "w:a = '>\"'")
    made = text.replace('w:a="1"', 'w:a="&gt;&quot;"')
    assert plain_markup(odd.encode(), apart=True) == made.encode()


def test_main_part_in_another_encoding_is_refused(build, tmp_path):
    document = written(tmp_path / "csr.docx", output_of(summary_table()))
    utf16 = part(document.read_bytes(), DOCUMENT).decode().replace("UTF-8", "UTF-16").encode("utf-16")
    with pytest.raises(ReportError, match="is not written in UTF-8"):
        refresh_docx(written(tmp_path / "utf16.docx", "", {DOCUMENT: utf16}), build, tmp_path / "new.docx")


def test_section_break_that_was_changed_under_tracking_is_kept_as_it_is_now(build, tmp_path):
    before = '<w:sectPrChange w:id="8" w:author="R. Writer"><w:sectPr><w:pgSz w:w="11906" w:h="16838"/></w:sectPr></w:sectPrChange>'
    now = '<w:sectPr><w:pgSz w:w="16838" w:h="11906" w:orient="landscape"/>{}</w:sectPr>'
    old = output_of(summary_table())
    at = old.rindex("</w:pPr>")
    document = write_csr(tmp_path / "csr.docx", old[:at] + now.format(before) + old[at:] + own_words("After."))
    with pytest.raises(ReportError, match=r"tracked by R\. Writer: 1 change of formatting"):
        refresh_docx(document, build, tmp_path / "new.docx")
    refresh_docx(document, build, tmp_path / "new.docx", force=True)
    new = body_of((tmp_path / "new.docx").read_bytes())
    assert new.count(now.format("")) == new.count("<w:sectPr") == 1
    assert_whole(tmp_path / "new.docx")


def simple_reference(name: str, shown: str) -> str:
    return f'<w:fldSimple w:instr=" REF {name} \\h "><w:r><w:t>{shown}</w:t></w:r></w:fldSimple>'


def torn_reference(name: str, shown: str) -> str:
    """As Word cuts an instruction into runs."""
    return reference(name, shown).replace(f" REF {name}", f' RE</w:instrText></w:r><w:r><w:instrText xml:space="preserve">F {name}')


@pytest.mark.parametrize("made", [reference, simple_reference, torn_reference])
@pytest.mark.parametrize("place", ["body", "footnote"])
def test_reference_that_shows_another_title_is_told_however_it_is_written(build, tmp_path, made, place):
    old = referred(output_of(summary_table(title="Adverse Events")), "_Ref2", 9002, label=False)
    mine = own_words("See ", made("_Ref2", "Table 14.3.1.2.1 Adverse Events"))
    notes = f'<w:footnotes xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:footnote w:id="2">{mine}</w:footnote></w:footnotes>'
    document = write_csr(
        tmp_path / "csr.docx",
        (mine if place == "body" else "") + old,
        {"word/footnotes.xml": notes.encode()} if place == "footnote" else {},
    )
    told = refresh_docx(document, build, tmp_path / "new.docx").told
    assert [line[:71] for line in told] == ["a cross-reference shows 'Table 14.3.1.2.1 Adverse Events' where the title"[:71]]


def test_pictures_of_several_outputs_are_told_apart(build, tmp_path):
    """Each drawing of a document has a number of its own."""
    body = output_of(figure()) + output_of(replace(figure(), number="F14.2.1.2"))
    assert len(set(re.findall(r'<wp:docPr id="(\d+)"', body))) == 2


HEADER = f'<w:hdr xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:p>{RUN.format("", "Cut of 2026-")}{RUN.format("", "01-15")}</w:p></w:hdr>'
#    a writer's words                                               what is said of them; the old outputs are of 2026-01-15
CUTS = {
    "ISO 8601":       (own_words("Data as of 2026-01-15."), "a paragraph still says 2026-01-15: 'Data as of 2026-01-15.'"),
    "as a sponsor":   (own_words("Data cut-off 15JAN2026"), "a paragraph still says 15JAN2026: 'Data cut-off 15JAN2026'"),
    "as a text":      (own_words("On January 15, 2026 all"), "a paragraph still says January 15, 2026: 'On January 15, 2026 all'"),
    "in Europe":      (own_words("am 15.01.2026 waren"), "a paragraph still says 15.01.2026: 'am 15.01.2026 waren'"),
    "another day":    (own_words("born 2026-01-14, 2026-01-151, ID-2026-01-15"), ""),
    "the new cut":    (own_words("Data as of 2026-07-01"), ""),
}  # fmt: skip


@pytest.mark.parametrize("case", CUTS)
def test_words_that_still_say_the_old_cut_are_named_and_stay(tmp_path, case):
    words, said = CUTS[case]
    old, new = (replace(STAMP, cutoff=cutoff) for cutoff in ("2026-01-15", "2026-07-01"))
    build = {"T14.3.1.2.1": tmp_path / "t.docx"}
    build["T14.3.1.2.1"].write_bytes(emit.emit_docx(replace(summary_table(), title="Later", stamp=new)))
    header = {"word/header2.xml": HEADER.encode()}
    document = write_csr(tmp_path / "csr.docx", words + output_of(replace(summary_table(), stamp=old)) + own_words("End."), header)
    done = refresh_docx(document, build, tmp_path / "new.docx")
    assert list(done.told) == ["header 2 still says 2026-01-15: 'Cut of 2026-01-15'", *([said] if said else [])]
    made = (tmp_path / "new.docx").read_bytes()
    assert body_of(made).startswith(words)
    assert part(made, "word/header2.xml") == HEADER.encode()


def rows(*cells: str) -> str:
    """A table of the writer's with a row for each text."""
    inside = "".join(f"<w:tr><w:tc>{own_words(cell)}</w:tc></w:tr>" for cell in cells)
    return f"<w:tbl><w:tblPr/><w:tblGrid><w:gridCol/></w:tblGrid>{inside}</w:tbl>"


def test_date_in_a_table_of_the_writers_is_not_called_the_cut_off_and_one_of_an_output_that_stays_is_not_told(tmp_path):
    old, new = (replace(STAMP, cutoff=cutoff) for cutoff in ("2026-01-15", "2026-07-01"))
    build = {"T14.3.1.2.1": tmp_path / "t.docx"}
    build["T14.3.1.2.1"].write_bytes(emit.emit_docx(replace(summary_table(), stamp=new)))
    lacked = output_of(replace(summary_table(), number="T14.9.9", subtitle="A day of 2026-01-15", stamp=old))
    visits = own_words("Visits:") + rows("2026-01-14", "2026-01-15", "again 2026-01-15")
    document = write_csr(
        tmp_path / "csr.docx", visits + output_of(replace(summary_table(), stamp=old)) + lacked + own_words("End.")
    )
    done = refresh_docx(document, build, tmp_path / "new.docx")
    assert done.told == (
        "a table behind 'Visits:' says 2026-01-15, which may be a date of its own: '2026-01-14 | 2026-01-15 | again 2026-01-15'",
    )


#    cut-off and status in the document          in the build                what is said; the former is the earlier cut twice
STATES = {
    "a later cut":      (("2026-01-15", "draft"), ("2026-07-01", "draft"), []),
    "an earlier cut":   (("2026-07-01", "draft"), ("2026-01-15", "draft"), ["WARNING: this build is of an earlier data cut-off, 2026-01-15, than outputs of the document, which were of 2026-07-01: T14.3.1.2.1; is it the build that you meant?"]),
    "becomes final":    (("2026-01-15", "draft"), ("2026-01-15", "final"), ["WARNING: this build is final, and outputs of the document were drafts: T14.3.1.2.1; does the document still call itself a draft?"]),
    "was final":        (("2026-01-15", "final"), ("2026-01-15", "draft"), ["WARNING: this build is a draft, and outputs of the document were final: T14.3.1.2.1; is it the build that you meant?"]),
    "nothing is known": (("not stated", ""), ("2026-01-15", "draft"), []),
}  # fmt: skip


@pytest.mark.parametrize("title", ["Adverse Events by System Organ Class and Preferred Term", "Another"], ids=["same", "changed"])
@pytest.mark.parametrize("case", STATES)
def test_earlier_build_and_another_status_are_warned_of_once(tmp_path, case, title):
    before, after, said = STATES[case]
    old, new = (replace(STAMP, cutoff=cutoff, status=status) for cutoff, status in (before, after))
    build = {"T14.3.1.2.1": tmp_path / "t.docx"}
    build["T14.3.1.2.1"].write_bytes(emit.emit_docx(replace(summary_table(), stamp=new)))
    document = write_csr(tmp_path / "csr.docx", own_words("Mine.") + output_of(summary_table(title=title, stamp=old)))
    done = refresh_docx(document, build, tmp_path / "new.docx")
    assert [line for line in done.told if "WARNING" in line] == said
    assert refresh_docx(tmp_path / "new.docx", build, tmp_path / "again.docx").told == ()


@pytest.mark.runs("soffice")
def test_report_of_a_writer_that_libreoffice_saved_is_refreshed_right(build, tmp_path):
    table, long, curve = summary_table(), listing(20), output_of(figure()).replace("rIdP1", "rId77")
    body = (
        own_words("Nausea is in ", reference("_Ref100", "Table 14.3.1.2.1") + commented(" as of now."))
        + referred(output_of(table), "_Ref100", 9001, label=True)
        + own_words("Between: ", changed("many", "few") + reference("_Ref101", "Listing 16.2.7.1 Adverse Events"))
        + referred(output_of(long), "_Ref101", 9002, label=False)
        + own_words("Then the figure.")
        + curve
        + own_words("The end.")
    )
    relations = part(fill_reference(STAMP, ""), "word/_rels/document.xml.rels").replace(
        b"</Relationships>",
        b'<Relationship Id="rId77" Target="media/image7.png"'
        b' Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/image"/></Relationships>',
    )
    pictured = {"word/_rels/document.xml.rels": relations, "word/media/image7.png": figure().png}
    write_csr(tmp_path / "csr.docx", body, pictured)
    build["L16.2.7.1"].write_bytes(emit.emit_docx(listing(26)))
    saved = convert(tmp_path / "csr.docx", tmp_path / "saved", "docx:MS Word 2007 XML") / "csr.docx"
    before = body_of(saved.read_bytes())
    assert before.count('w:name="out_T14_3_1_2_1"') == 4, "LibreOffice no longer doubles bookmarks: then this test asks nothing"
    done = refresh_docx(saved, build, saved)
    assert done.replaced == done.changed == ("T14.3.1.2.1", "L16.2.7.1", "F14.2.1.1")
    new = body_of(saved.read_bytes())
    # Nausea was 12 of 30 on placebo and is 13; the listing had 20 rows of 7 subjects and has 26 of 9.
    assert new.count("13 (43.3)") == 1
    assert before.count("XY-101-0007") == 2
    assert (new.count("XY-101-0007"), new.count("XY-101-0009")) == (3, 2)
    assert new.count("<w:tbl>") == 2
    assert new.count("<w:drawing>") == 1
    assert "Curves of the new cut" in new
    for words in ("Nausea is in ", "few", "many", "Then the figure.", "The end.", "Between: "):
        assert new.count(words) == before.count(words), words
    assert new.count("<w:ins ") == new.count("<w:del ") == new.count("<w:commentReference ") == 1
    assert spanned(new, "_Ref100") == "Table 14.3.1.2.1"
    assert spanned(new, "_Ref101") == "Listing 16.2.7.1 Adverse Events"
    assert_whole(saved)
    styles = part(saved.read_bytes(), STYLES).decode()
    assert set(re.findall(r'<w:(?:pStyle|tblStyle) w:val="([^"]+)"', new)) <= set(re.findall(r'w:styleId="([^"]+)"', styles))


def convert(document: Path, folder: Path, kind: str) -> Path:
    """What LibreOffice makes of a document, in a folder."""
    home = f"-env:UserInstallation=file://{folder / 'home'}"
    command = ["soffice", home, "--headless", "--convert-to", kind, "--outdir", str(folder), str(document)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return folder


# ---- blinded documents

BELOW, BEHIND = "Phase 2, blinded: all treatment groups pooled", "adverse_events T14.3.1, cgbm1-report, blinded data"


def told(subtitle: str, program: str) -> bytes:
    return emit.emit_docx(replace(summary_table(), subtitle=subtitle, program=program))


#: What the document's output says of itself      what the build's says             whether it is refused
BLINDED = {
    "blinded, as the build":                       ((BELOW, BEHIND), (BELOW, BEHIND), False),
    "blinded, and the build open":                 ((BELOW, BEHIND), ("Phase 2", "adverse_events"), True),
    "its line below the title taken out":          (("Phase 2", BEHIND), ("Phase 2", "adverse_events"), True),
    "its note taken out":                          ((BELOW, ""), ("Phase 2", "adverse_events"), True),
    "open, and the build blinded":                 (("Phase 2", "adverse_events"), (BELOW, BEHIND), False),
    "both open":                                   (("Phase 2", "adverse_events"), ("Phase 2", "adverse_events"), False),
}  # fmt: skip


@pytest.mark.parametrize("case", BLINDED)
def test_blinded_document_is_opened_only_where_that_is_said(case, tmp_path):
    before, after, refused = BLINDED[case]
    number = summary_table().number
    (tmp_path / "old.docx").write_bytes(told(*before))
    (tmp_path / "new.docx").write_bytes(told(*after))
    content = (tmp_path / "old.docx").read_bytes()
    if refused:
        with pytest.raises(ReportError, match=rf"{number} is blinded in the document and open in the build.*--unblind"):
            refresh_docx(tmp_path / "old.docx", {number: tmp_path / "new.docx"}, tmp_path / "out.docx", force=True)
        assert not (tmp_path / "out.docx").exists()
        assert (tmp_path / "old.docx").read_bytes() == content
    done = refresh_docx(tmp_path / "old.docx", {number: tmp_path / "new.docx"}, tmp_path / "out.docx", unblind=refused)
    assert done.outputs == (number,)
    assert done.replaced == (number,) * (before != after)
    assert (BELOW.encode() in part((tmp_path / "out.docx").read_bytes(), DOCUMENT)) is (after[0] == BELOW)

"""A writer's own document gets the outputs of a new cut; not a byte of the writer's changes."""

from __future__ import annotations

import io
import re
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from cgbm1_report import emit
from cgbm1_report.emit.docx import fill_reference
from cgbm1_report.errors import ReportError
from cgbm1_report.render import refresh
from cgbm1_report.render.refresh import find_documents, refresh_docx
from cgbm1_report.tabulate.files import file_stem
from tests.emit_cases import STAMP, figure, hostile_listing, listing, summary_table

DOCUMENT = "word/document.xml"
MINE = '<w:p w:rsidR="00AB12CD"><w:r><w:t xml:space="preserve">In my own words: 12 subjects &amp; more. </w:t></w:r></w:p>'


def body_of(content: bytes) -> str:
    text = part(content, DOCUMENT).decode("utf-8")
    return text[text.index("<w:body>") + 8 : text.rindex("<w:sectPr")]


def part(content: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        return package.read(name)


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


def test_second_refresh_from_the_same_build_changes_nothing(build, tmp_path):
    document = written(tmp_path / "csr.docx", MINE + body_of(emit.emit_docx(summary_table())) + MINE)
    refresh_docx(document, build, document)
    first = document.read_bytes()
    done = refresh_docx(document, build, document)
    assert done.replaced == ("T14.3.1.2.1",)
    assert done.changed == ()
    assert document.read_bytes() == first


def test_output_the_build_lacks_is_told_and_left(build, tmp_path):
    other = body_of(emit.emit_docx(replace(summary_table(), number="T14.9.9")))
    document = written(tmp_path / "csr.docx", other + body_of(emit.emit_docx(listing(3))))
    done = refresh_docx(document, build, tmp_path / "new.docx")
    assert done.absent == ("T14_9_9",)
    assert body_of((tmp_path / "new.docx").read_bytes()).startswith(other)


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
    "cut its end off":          (lambda xml: re.sub(r"<w:bookmarkEnd [^>]*/></w:p>$", "</w:p>", xml), "has no end"),
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


@pytest.mark.runs("soffice")
def test_libreoffice_opens_a_refreshed_document(build, tmp_path):
    document = written(tmp_path / "csr.docx", MINE + body_of(emit.emit_docx(summary_table())) + MINE)
    refresh_docx(document, build, document)
    home = f"-env:UserInstallation=file://{tmp_path / 'home'}"
    subprocess.run(["soffice", home, "--headless", "--convert-to", "txt:Text", "--outdir", str(tmp_path), str(document)], check=True, capture_output=True, timeout=120)  # fmt: skip
    text = (tmp_path / "csr.txt").read_text(encoding="utf-8")
    assert "13 (43.3)" in " ".join(text.split())
    assert text.count("In my own words") == 2

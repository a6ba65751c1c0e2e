"""A PDF whose structure is not what PDF/A-2 and PDF/UA-1 ask for is found, rule by rule.

One small good report is damaged in one way after another: a check that cannot fail proves nothing.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pikepdf import Array, Dictionary, Name, Pdf, String
from pypdf import PdfReader

from cgbm1_report import emit
from cgbm1_report.readback.pdftext import PageReader, unescaped
from cgbm1_report.readback.printed import Finding
from cgbm1_report.readback.structure import (
    CHECKS,
    STANDARD_CHECKS,
    TAGGED_CHECKS,
    check_structure,
    document,
    fonts,
    marks,
    seen,
    tables,
    tags,
)
from cgbm1_report.readback.structure import bookmarks as marks_of_books
from cgbm1_report.readback.structure.opened import Opened
from cgbm1_report.render import ReportAbout, pdf, render_outputs, render_report
from cgbm1_report.tabulate.files import file_stem
from tests.emit_cases import MARK, figure, listing, summary_table
from tests.test_render import notebook
from tests.test_singles import single

ABOUT = ReportAbout("A Trial & More", protocol="XY-101", sponsor="Sponsor", mark=MARK, cutoff="2026-10-01", program="p 1")
WORDS = """# 14.3 Safety

Words with *stress*, a [link](https://example.org/) and a formula.[^1]

[^1]: A footnote with **words**.

- one
- two
    1. deeper

| a | b |
|---|---|
| 1 | 2 |

Table: A caption.

## 14.3.9 A part

> Quoted.

### 14.3.9.1 A part of the part

Words.
"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> dict[str, Path]:
    """One report in one piece, joined of volumes, and joined without tags."""
    folder = tmp_path_factory.mktemp("structure")
    shown = [
        notebook(folder / "one.ipynb", WORDS, emit.mime_bundle(summary_table()), "More words."),
        notebook(
            folder / "two.ipynb",
            "# 14.2 Efficacy\n\nWords.[^1]\n\n[^1]: A footnote of another volume.",
            emit.mime_bundle(figure()),
        ),
        notebook(folder / "three.ipynb", "# 16.2 Listings\n\nWords.", emit.mime_bundle(listing(40))),
    ]
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        for name, rows, cells in (("whole", 3000, 250_000), ("joined", 30, 250_000), ("untagged", 30, 10)):
            patch.setattr(pdf, "VOLUME_ROWS", rows)
            patch.setattr(pdf, "TAGGED_CELLS", cells)
            render_report(shown, folder / name, about=ABOUT, formats=("pdf",), engine="embedded")
            made[name] = folder / name / "report.pdf"
    return made


@pytest.fixture(scope="module")
def raw(reports) -> bytes:
    return reports["whole"].read_bytes()


def opened(content: bytes) -> Opened:
    return Opened("report.pdf", pikepdf.open(io.BytesIO(content)), content)


# What is clean


@pytest.mark.parametrize(("name", "level"), [("whole", ("A", "1")), ("joined", ("A", "1")), ("untagged", ("B", None))])
def test_report_is_what_it_says_it_is_whole_joined_and_without_tags(reports, name, level):
    said = opened(reports[name].read_bytes()).metadata
    assert (said["pdfaid:part"], said["pdfaid:conformance"], said.get("pdfuaid:part")) == ("2", *level)
    assert check_structure(reports[name], "report.pdf") == []


@pytest.mark.parametrize("paper", ["a4", "letter"])
def test_pdf_of_each_output_is_what_it_says_it_is_on_both_sheets(tmp_path, paper):
    outputs = (summary_table(), figure(), listing(40))
    render_outputs([single(one) for one in outputs], tmp_path, about=ReportAbout("A Trial", paper=paper))
    for one in outputs:
        assert check_structure(tmp_path / f"{file_stem(one.number)}.pdf", one.number) == []


@pytest.mark.parametrize("name", ["whole", "joined", "untagged"])
def test_outputs_stand_below_the_bookmark_of_their_section(reports, name):
    above: list[str] = []
    numbered = []
    for title, level, _ in document.outline_levels(opened(reports[name].read_bytes())):
        above = [*above[: level - 1], title]
        number = re.match(r"(?:\w+ )?(\d+(?:\.\d+)+) ", title)
        assert number, title
        numbered.append(number[1])
        section = re.match(r"(?:\w+ )?(\d+(?:\.\d+)+) ", above[0])
        assert section
        assert f"{number[1]}.".startswith(f"{section[1]}.")
    assert numbered == ["14.3", "14.3.9", "14.3.9.1", "14.3.1.2.1", "14.2", "14.2.1.1", "16.2", listing(40).number[1:]]


def test_links_of_the_contents_name_the_page_they_lead_to(reports):
    doc = opened(reports["joined"].read_bytes())
    links = [note for page in doc.pages[:2] for note in page.get("/Annots", ())]
    assert len(links) > 8
    for link in links:
        assert str(link.Contents) == f"Page {doc.page_numbers[link.Dest[0].objgen]}"


#: Words above a figure, and on which pages words and figure begin: page 1 is the title, page 2 has the contents.
ABOVE = [
    ("a footnote at the foot of a full page", WORDS, 4),
    # The picture would have the room if the footnote took none.
    ("a footnote that leaves too little", "# 14.2 Efficacy\n\nWords.[^1]\n\n[^1]: A footnote.\n" + "\nMore words.\n" * 9, 4),
    # It shares the page at a smaller size, as below words without footnotes.
    ("two footnotes that leave enough", "# 14.2 Efficacy\n\nWords.[^1] [^2]\n\n[^1]: A footnote.\n\n[^2]: B." + "\n\nMore." * 6, 3),
    ("a heading that goes with the picture", WORDS + "\n### 14.3.9.2 Another part", 4),
]  # fmt: skip


@pytest.mark.parametrize(("words", "page"), [case[1:] for case in ABOVE], ids=[case[0] for case in ABOVE])
def test_figure_below_words_with_footnotes_leaves_every_page_its_true_number(tmp_path, words, page):
    """Typst's passes over the document come to an end: the last one's page numbers are those of the pages."""
    shown = [notebook(tmp_path / "one.ipynb", words, emit.mime_bundle(figure()), "More words.")]
    render_report(shown, tmp_path, about=ABOUT, formats=("pdf",), engine="embedded")
    reader = PdfReader(tmp_path / "report.pdf")
    pages = [PageReader(reader).runs(at) for at in range(len(reader.pages))]
    total = page + 1
    said = [[run for run in runs if run.startswith("Page ")] for runs in pages[1:]]
    assert said == [[f"Page {number} of {total}"] for number in range(2, total + 1)]
    title = "Figure 14.2.1.1 Survival without Transplant"
    assert [number for number, runs in enumerate(pages, start=1) if number > 2 and title in runs] == [page]
    assert [number for number, runs in enumerate(pages, start=1) if "Figure 14.2.1.1: page 1 of 1" in runs] == [page]
    # The picture has not left its title.
    assert {number for number, runs in enumerate(pages, start=1) if "KM product-limit." in runs} == {page}
    links = [note.get_object() for note in reader.pages[1]["/Annots"]]
    assert [note["/Contents"] for note in links if note["/Contents"].startswith("Figure")] == [f"Figure, page {page}"] * 2
    assert check_structure(tmp_path / "report.pdf", "report.pdf") == []


# What is damaged: each damage changes an open document, and gives back the file's bytes where those are meant.

Damage = Callable[[Pdf], bytes | None]


def elements(made: Pdf, kind: str) -> list[Any]:
    """Tags of a kind in the order of reading."""

    def below(item: Any) -> Iterator[Any]:
        if isinstance(item, Array):
            for kid in item:
                yield from below(kid)
        elif isinstance(item, Dictionary) and "/S" in item:
            yield from [item] if Name(f"/{kind}") == item.S else []
            yield from below(item.get("/K"))

    return list(below(made.Root.StructTreeRoot.K))


def element(made: Pdf, kind: str) -> Any:
    return elements(made, kind)[0]


def of_table(cell: Any) -> Any:
    return next(part for part in cell.A if Name.Table == part.O)


def last_page(made: Pdf) -> Any:
    return made.pages[len(made.pages) - 1].obj


def linked(made: Pdf, address: bool = False) -> Any:
    """The first link of the contents, or the one to an address."""
    notes = [note for page in made.pages for note in page.obj.get("/Annots", ())]
    return next(note for note in notes if ("/A" in note) == address)


def font(made: Pdf) -> Any:
    return next(iter(last_page(made).Resources.Font.values()))


def described(made: Pdf) -> Any:
    return font(made).DescendantFonts[0]


def remove(find: Callable[[Pdf], Any], key: str) -> Damage:
    def damage(made: Pdf) -> None:
        del find(made)[key]

    return damage


def put(find: Callable[[Pdf], Any], key: str, value: Any) -> Damage:
    def damage(made: Pdf) -> None:
        find(made)[key] = value(made) if callable(value) else value

    return damage


def root(made: Pdf) -> Any:
    return made.Root


def tree(made: Pdf) -> Any:
    return made.Root.StructTreeRoot


def said(before: bytes, after: bytes) -> Damage:
    """Let the metadata say something else."""

    def damage(made: Pdf) -> None:
        packet = made.Root.Metadata.read_bytes()
        assert re.search(before, packet)
        made.Root.Metadata.write(re.sub(before, after, packet))

    return damage


def drawn(before: bytes, after: bytes, page: Callable[[Pdf], Any] = last_page) -> Damage:
    """Let a page draw something else."""

    def damage(made: Pdf) -> None:
        content = page(made).Contents.read_bytes()
        changed = re.sub(before, after, content, count=1, flags=re.S)
        assert changed != content
        page(made).Contents = made.make_stream(changed)

    return damage


def kept(*keys: str) -> Callable[[Pdf], Any]:
    """What lies at the end of a path from the catalogue."""

    def find(made: Pdf) -> Any:
        item = made.Root
        for key in keys:
            item = item[int(key)] if key.isdigit() else item[key]
        return item

    return find


def action(kind: str, **more: Any) -> Dictionary:
    return Dictionary(S=Name(f"/{kind}"), **more)


def state(**entries: Any) -> Callable[[Pdf], Dictionary]:
    return lambda made: Dictionary(G0=Dictionary(**entries))


def picture(made: Pdf, **entries: Any) -> Dictionary:
    stream = made.make_stream(b"\0")
    for key, value in ({"Subtype": Name.Image, "Width": 1, "Height": 1} | entries).items():
        stream[f"/{key}"] = value
    return Dictionary(X0=stream)


def resources(made: Pdf) -> Any:
    return last_page(made).Resources


def outlined(made: Pdf) -> Any:
    return made.Root.Outlines.First


def shown_code(code: bytes) -> Damage:
    return drawn(rb"\bBT\b(.*?Tm)", rb"BT\1 <" + code + rb"> Tj")


def nowhere(find: Callable[[Pdf], Any]) -> Damage:
    def damage(made: Pdf) -> None:
        item = find(made)
        for key in {"/Dest", "/A"} & set(item.keys()):
            del item[key]

    return damage


def without_heads(made: Pdf) -> None:
    """Heads that do not say what they head, in a table whose cells name none."""
    for kind in ("TH", "TD"):
        for cell in elements(made, kind):
            if "/A" in cell:
                del cell["/A"]


def empty_table(made: Pdf) -> None:
    font(made).ToUnicode.write(b"")


def private_table(made: Pdf) -> None:
    table = font(made).ToUnicode
    table.write(re.sub(rb"(<[0-9A-F]{4}>) <[0-9A-F]{4}>", rb"\1 <E000>", table.read_bytes()))


def narrow_set(made: Pdf) -> None:
    described(made).FontDescriptor.CIDSet = made.make_stream(b"\x80")


def short_program(made: Pdf) -> None:
    """A font of one glyph: the number of glyphs in its table ``maxp``."""
    stream = described(made).FontDescriptor.FontFile2
    program = bytearray(stream.read_bytes())
    at = program.index(b"maxp")
    start = int.from_bytes(program[at + 8 : at + 12], "big")
    program[start + 4 : start + 6] = b"\0\1"
    stream.write(bytes(program))


def wide_letters(made: Pdf) -> None:
    """All widths, which stand as first, last, width."""
    widths = described(made).W
    for at in range(2, len(widths), 3):
        widths[at] = float(widths[at]) + 2


def swapped_bookmarks(made: Pdf) -> None:
    first, last = outlined(made), made.Root.Outlines.Last
    for key in ("/Dest", "/A"):
        if key in first:
            first[key], last[key] = last[key], first[key]


def moved_down(made: Pdf) -> None:
    """The second section becomes the child of the first one's first bookmark."""
    first = outlined(made)
    second = first.Next
    child = first.First
    child.First = child.Last = second
    second.Parent = child
    first.Next, second.Next.Prev = second.Next, first
    del second["/Next"]
    if "/Prev" in second:
        del second["/Prev"]


def round_roles(made: Pdf) -> None:
    tree(made).RoleMap["/Odd"] = Name.Even
    tree(made).RoleMap["/Even"] = Name.Odd


def without_object(made: Pdf) -> None:
    link = element(made, "Link")
    link.K = Array([kid for kid in link.K if not (isinstance(kid, Dictionary) and "/Obj" in kid)])


def same_names(made: Pdf) -> None:
    first, second = elements(made, "TH")[:2]
    second.ID = first.ID


def same_key(made: Pdf) -> None:
    made.pages[2].obj.StructParents = made.pages[1].obj.StructParents


def swapped_parents(made: Pdf) -> None:
    """The first two marks of the last page change their tags in its list."""
    listed = pikepdf.NumberTree(tree(made).ParentTree)[int(last_page(made).StructParents)]
    first = listed[0]
    other = next(at for at, item in enumerate(listed) if item.objgen != first.objgen)
    listed[0], listed[other] = listed[other], first


def lost_kid(made: Pdf) -> None:
    """A cell forgets what it draws."""
    cell = next(cell for cell in elements(made, "TD") if "/Pg" in cell and len(cell.K))
    cell.K = Array()


def extra_kid(made: Pdf) -> None:
    next(cell for cell in elements(made, "TD") if "/Pg" in cell and len(cell.K)).K.append(9999)


CASES: list[tuple[Callable[[Opened], Any], str, Damage, str]] = [
    (seen.check_ink, "not painted", drawn(b"0 Tr", b"3 Tr"), "not painted"),
    (seen.check_ink, "tiny", drawn(b" 8 Tf", b" 1 Tf"), "less than 4 points"),
    (seen.check_whole_pages, "box", put(last_page, "/CropBox", [0, 0, 9, 9]), "has /CropBox"),
    (seen.check_whole_pages, "turned", put(last_page, "/Rotate", 180), "has /Rotate"),
    (seen.check_beside, "labels", put(root, "/PageLabels", Dictionary(Nums=[])), "has /PageLabels"),
    (seen.check_beside, "keywords", put(lambda made: made.docinfo, "/Keywords", "N = 9"), "as its Keywords"),
    (seen.check_beside, "words of a link", put(linked, "/Contents", "Section, page 99"), "leads elsewhere"),
    (document.check_language, "language of no form", put(root, "/Lang", "English, please"), "'English, please'"),
    (document.check_language, "no language", remove(root, "/Lang"), "'none'"),
    (document.check_catalog, "form", put(root, "/AcroForm", Dictionary()), "a form"),
    (document.check_catalog, "layers", put(root, "/OCProperties", Dictionary()), "layers"),
    (document.check_catalog, "script", put(root, "/Names", Dictionary(JavaScript=Dictionary())), "/JavaScript"),
    (document.check_catalog, "attachment", put(root, "/Names", Dictionary(EmbeddedFiles=Dictionary())), "/EmbeddedFiles"),
    (document.check_actions, "script on opening", put(root, "/OpenAction", action("JavaScript")), "/JavaScript"),
    (document.check_actions, "program", put(linked, "/A", action("Launch")), "/Launch"),
    (document.check_actions, "address of a script", put(linked, "/A", action("URI", URI="javascript:x")), "javascript:x"),
    (document.check_actions, "hidden", put(linked, "/F", 6), "hidden"),
    (document.check_actions, "not printed", put(linked, "/F", 0), "not printed"),
    (document.check_actions, "other annotation", put(linked, "/Subtype", Name.FileAttachment), "/FileAttachment"),
    (document.check_actions, "page's own", put(last_page, "/AA", Dictionary()), "actions of its own"),
    (document.check_actions, "bookmark's own", put(outlined, "/A", action("Named")), "/Named"),
    (document.check_file, "other version", lambda made: b"%PDF-2.0\n%\xff\xff\xff\xff", "%PDF-1.0"),
    (document.check_file, "not binary", lambda made: b"%PDF-1.7\n1 0 obj", "binary"),
    (document.check_file, "LZW", lambda made: b"%PDF-1.7\n%\xff\xff\xff\xff\n<</Filter/LZWDecode>>", "LZW"),
    (
        document.check_file,
        "encrypted stream",
        lambda made: b"%PDF-1.7\n%\xff\xff\xff\xff\n<</Filter [/Crypt]>>",
        "encrypted stream",
    ),
    (document.check_file, "encrypted", put(lambda made: made.trailer, "/Encrypt", Dictionary()), "is encrypted"),
    (document.check_file, "no identity", remove(lambda made: made.trailer, "/ID"), "no identity"),
    (document.check_metadata, "none", remove(root, "/Metadata"), "no metadata"),
    (document.check_metadata, "not XML", said(rb"</x:xmpmeta>", b""), "no metadata"),
    (document.check_metadata, "no title", said(rb"<dc:title>.*</dc:title>", b""), "no title"),
    (document.check_metadata, "other part", said(rb"part>2<", b"part>3<"), "PDF/A part 3"),
    (document.check_metadata, "other level", said(rb"conformance>A<", b"conformance>B<"), "level B"),
    (document.check_metadata, "not accessible", said(rb"<pdfuaid:part>1</pdfuaid:part>", b""), "PDF/UA part none"),
    (document.check_metadata, "tags lost", remove(root, "/StructTreeRoot"), "PDF/UA and has no tags"),
    (document.check_info_agrees, "title", put(lambda made: made.docinfo, "/Title", "Another"), "Title 'Another'"),
    (document.check_info_agrees, "date", put(lambda made: made.docinfo, "/ModDate", "D:20300101000000Z"), "ModDate"),
    (document.check_title_shown, "hidden", put(kept("/ViewerPreferences"), "/DisplayDocTitle", value=False), "file name"),
    (document.check_colours, "no intent", remove(root, "/OutputIntents"), "no output intent"),
    (
        document.check_colours,
        "no profile",
        lambda made: made.Root.OutputIntents[0].DestOutputProfile.write(b"x" * 200),
        "a colour profile that is none",
    ),
    (document.check_colours, "ink", drawn(rb"\bBT\b", b"0 0 0 1 k BT"), "/DeviceCMYK"),
    (document.check_colours, "ink of a space", drawn(rb"\bBT\b", b"/DeviceCMYK cs BT"), "/DeviceCMYK"),
    (document.check_transparency, "odd blend", put(resources, "/ExtGState", state(BM=Name.Odd)), "blends by /Odd"),
    (document.check_transparency, "curve", put(resources, "/ExtGState", state(TR=Name.Identity)), "transfer curve"),
    (document.check_pictures, "smoothed", put(resources, "/XObject", lambda made: picture(made, Interpolate=True)), "smooths"),
    (
        document.check_pictures,
        "alternates",
        put(resources, "/XObject", lambda made: picture(made, Alternates=Array())),
        "/Alternates",
    ),
    (document.check_pictures, "PostScript", put(resources, "/XObject", lambda made: picture(made, Subtype=Name.PS)), "/PS"),
    (fonts.check_fonts_embedded, "left out", remove(lambda made: described(made).FontDescriptor, "/FontFile2"), "not in the file"),
    (fonts.check_font_kinds, "drawings", put(font, "/Subtype", Name.Type3), "Type 3"),
    (fonts.check_font_kinds, "no glyph map", remove(described, "/CIDToGIDMap"), "CIDToGIDMap"),
    (fonts.check_font_kinds, "no characters", remove(font, "/ToUnicode"), "ToUnicode"),
    (fonts.check_font_kinds, "own codes", put(font, "/Encoding", Name("/GBK-EUC-H")), "codes of its own"),
    (fonts.check_font_kinds, "two names", put(font, "/BaseFont", Name.Other), "has the names"),
    (fonts.check_characters, "empty table", empty_table, "which is the text ''"),
    (fonts.check_characters, "private use", private_table, "which is the text '\\ue000'"),
    (fonts.check_glyphs, "box", shown_code(b"0000"), ".notdef"),
    (fonts.check_glyphs, "not in the set", narrow_set, "CIDSet leaves out"),
    (fonts.check_glyphs, "not in the font", short_program, "which it does not hold"),
    (fonts.check_widths, "two thousandths", wide_letters, "wide in the file"),
    (marks_of_books.check_bookmarks, "none", remove(root, "/Outlines"), "no bookmarks"),
    (
        marks_of_books.check_bookmarks,
        "nowhere",
        nowhere(outlined),
        "no page",
    ),
    (marks_of_books.check_bookmarks, "backwards", swapped_bookmarks, "after one to page"),
    (marks_of_books.check_nesting, "other title", put(outlined, "/Title", "14.9 Other"), "'14.9 Other'"),
    (marks_of_books.check_nesting, "deeper", moved_down, "where the tags have"),
    (marks_of_books.check_outline_tree, "no end", put(kept("/Outlines"), "/Last", outlined), "as the last"),
    (marks_of_books.check_outline_tree, "other parent", put(outlined, "/Parent", lambda made: outlined(made).Next), "neighbours"),
    (marks_of_books.check_outline_tree, "ring", put(lambda made: outlined(made).Next, "/Next", outlined), "in a ring"),
    (tags.check_marked, "does not say so", put(root, "/MarkInfo", Dictionary(Marked=False)), "does not say so"),
    (tags.check_marked, "suspects", put(kept("/MarkInfo"), "/Suspects", value=True), "may be wrong"),
    (tags.check_marked, "no parents", remove(tree, "/ParentTree"), "without a list of parents"),
    (tags.check_marked, "no tags", put(tree, "/K", Array()), "without tags"),
    (
        tags.check_links,
        "nowhere",
        nowhere(linked),
        "leads to no page",
    ),
    (tags.check_links, "unknown name", put(linked, "/Dest", String("nowhere")), "leads to no page"),
    (tags.check_links, "no words", remove(linked, "/Contents"), "whose words are ''"),
    (tags.check_links, "address for words", put(linked, "/Contents", "https://page.invalid/3"), "page.invalid"),
    (tags.check_links, "no object", without_object, "in no tag Link"),
    (tags.check_links, "not a link", put(lambda made: element(made, "Link"), "/S", Name.Span), "in no tag Link"),
    (tags.check_roles, "unknown", put(lambda made: element(made, "P"), "/S", Name.Odd), "a tag 'Odd'"),
    (tags.check_roles, "ring", round_roles, "stands for no standard tag"),
    (tags.check_roles, "standard mapped", put(lambda made: tree(made).RoleMap, "/P", Name.H1), "lets the standard tag P"),
    (
        tags.check_tree,
        "other parent",
        put(lambda made: element(made, "TR"), "/P", lambda made: element(made, "P")),
        "names another tag",
    ),
    (tags.check_tree, "language", put(lambda made: element(made, "P"), "/Lang", "x y"), "'x y'"),
    (tags.check_headings, "skipped", put(lambda made: element(made, "H2"), "/S", Name.H3), "has an H3 after H1"),
    (tags.check_headings, "late", put(lambda made: element(made, "H1"), "/S", Name.P), "after no heading"),
    (tags.check_headings, "without level", put(lambda made: element(made, "P"), "/S", Name.H), "with a level and without"),
    (tags.check_nesting, "row in a text", put(lambda made: element(made, "TBody"), "/S", Name.P), "has a TR in P"),
    (tags.check_nesting, "text in a row", put(lambda made: element(made, "TD"), "/S", Name.P), "has a P in TR"),
    (tags.check_nesting, "item without list", put(lambda made: element(made, "L"), "/S", Name.Div), "has a LI in Div"),
    (tags.check_nesting, "two heads", put(lambda made: element(made, "TBody"), "/S", Name.THead), "THead, THead"),
    (tags.check_nesting, "drawn in a row", lambda made: element(made, "TR").K.append(0), "draws in a TR"),
    (tags.check_alternatives, "no words", remove(lambda made: element(made, "Figure"), "/Alt"), "has a Figure without words"),
    (tags.check_alternatives, "no place", remove(lambda made: element(made, "Figure"), "/A"), "without its place"),
    (tags.check_alternatives, "formula", put(lambda made: element(made, "P"), "/S", Name.Formula), "has a Formula without words"),
    (tags.check_notes, "no name", remove(lambda made: element(made, "Note"), "/ID"), "without a name"),
    (tables.check_heads, "no scope", without_heads, "not what it heads"),
    (
        tables.check_heads,
        "unknown head",
        put(lambda made: of_table(elements(made, "TD")[-1]), "/Headers", Array([String("none")])),
        "names a head 'none'",
    ),
    (tables.check_names, "twice", same_names, "two tags with the name"),
    (tables.check_names, "not listed", remove(tree, "/IDTree"), "does not list"),
    (tables.check_grid, "too wide", put(lambda made: of_table(elements(made, "TD")[-2]), "/ColSpan", 2), "rows of"),
    (tables.check_grid, "too deep", put(lambda made: of_table(elements(made, "TD")[-2]), "/RowSpan", 3), "out of its section"),
    (marks.check_drawn, "no mark", drawn(rb"\Z", b"\nBT /f0 8 Tf <0001> Tj ET"), "draws by Tj"),
    (marks.check_drawn, "line", drawn(rb"\A", b"0 0 m 9 9 l S\n"), "draws by S"),
    (marks.check_drawn, "no end", drawn(rb"EMC\s*\Z", b""), "does not end"),
    (marks.check_drawn, "end too many", drawn(rb"\Z", b" EMC"), "has not begun"),
    (
        marks.check_drawn,
        "decoration in a tag",
        drawn(rb"(/MCID 0.*?BDC)(.*?)EMC", rb"\1 /Artifact BMC \2 EMC EMC"),
        "decoration inside",
    ),
    (
        marks.check_drawn,
        "tag in decoration",
        drawn(rb"(/Artifact.*?BDC)(.*?)EMC", rb"\1 /P <</MCID 990>> BDC \2 EMC EMC"),
        "inside decoration",
    ),
    (marks.check_marks, "unknown mark", drawn(rb"\Z", b"\n/P <</MCID 990>> BDC EMC"), "mark 990 has 0 tags"),
    (marks.check_marks, "mark twice", drawn(rb"\Z", b"\n/P <</MCID 0>> BDC EMC"), "a mark's number twice"),
    (marks.check_marks, "tag lost", lost_kid, "has 0 tags"),
    (marks.check_marks, "tag of nothing", extra_kid, "mark 9999, which is not drawn"),
    (marks.check_marks, "other tag", swapped_parents, "that of another tag"),
    (marks.check_page_keys, "none", remove(last_page, "/StructParents"), "no /StructParents"),
    (marks.check_page_keys, "shared", same_key, "shares /StructParents"),
    (marks.check_page_keys, "link's", put(linked, "/StructParent", 99_999), "no /StructParent"),
    (marks.check_page_keys, "next", put(tree, "/ParentTreeNextKey", 0), "the next number"),
    (marks.check_tabs, "other order", remove(lambda made: made.pages[1].obj, "/Tabs"), "tab key"),
]


@pytest.mark.parametrize(
    ("check", "damage", "message"), [(c, d, m) for c, _, d, m in CASES], ids=[f"{c.__name__}-{n}" for c, n, *_ in CASES]
)
def test_damage_is_found_by_its_check(raw, check, damage, message):
    assert list(check(opened(raw))) == []
    damaged = pikepdf.open(io.BytesIO(raw))
    content = damage(damaged)
    found = list(check(Opened("report.pdf", damaged, content if isinstance(content, bytes) else raw)))
    assert any(message in finding.message for finding in found), [finding.message for finding in found]
    assert all(isinstance(finding, Finding) and finding.place for finding in found)


def test_every_check_has_a_damage_it_finds():
    every = {*CHECKS, *STANDARD_CHECKS, *TAGGED_CHECKS}
    assert {check for check, *_ in CASES} == every
    assert len(every) == len(CHECKS) + len(STANDARD_CHECKS) + len(TAGGED_CHECKS)


def test_page_where_something_shines_through_without_a_space_to_blend_in_is_found(raw):
    damaged = pikepdf.open(io.BytesIO(raw))
    del damaged.Root["/OutputIntents"]
    last_page(damaged).Resources.ExtGState = Dictionary(G0=Dictionary(ca=0.5))
    found = [finding.message for finding in document.check_transparency(Opened("report.pdf", damaged, raw))]
    assert found == ["lets things shine through without a colour space to blend in"] * len(found)
    assert found


# What a PDF says it is decides what it is held to.


def test_pdf_that_need_not_be_of_a_standard_is_held_to_what_every_pdf_is(raw, tmp_path):
    with pikepdf.open(io.BytesIO(raw)) as made:
        for part in (rb"<pdfaid:part>2</pdfaid:part>", rb"<pdfuaid:part>1</pdfuaid:part>"):
            said(part, b"")(made)
        del made.Root["/OutputIntents"]
        del element(made, "Figure")["/Alt"]
        del linked(made)["/Dest"]
        made.save(tmp_path / "report.pdf")
    rules = {finding.rule for finding in check_structure(tmp_path / "report.pdf", "report.pdf", standard=False)}
    assert rules == {tags.LINKS}
    rules = {finding.rule for finding in check_structure(tmp_path / "report.pdf", "report.pdf")}
    assert {document.METADATA, document.COLOURS} < rules


def test_report_whose_headings_skip_a_level_may_say_it_is_not_accessible_and_say_so(raw):
    damaged = pikepdf.open(io.BytesIO(raw))
    said(rb"<pdfuaid:part>1</pdfuaid:part>", b"")(damaged)
    element(damaged, "H2").S = Name.H3
    doc = Opened("report.pdf", damaged, raw, log="PDF/A-2a, tagged; not PDF/UA-1: skipped from level 1 to 3")
    assert list(document.check_metadata(doc)) == []
    assert list(tags.check_headings(doc)) == []


def test_tags_are_left_unread_where_they_are_not_asked_for(raw, tmp_path):
    with pikepdf.open(io.BytesIO(raw)) as made:
        del element(made, "Figure")["/Alt"]
        made.save(tmp_path / "report.pdf")
    assert check_structure(tmp_path / "report.pdf", "report.pdf", every_tag=False) == []
    assert [finding.rule for finding in check_structure(tmp_path / "report.pdf", "report.pdf")] == [tags.ALTERNATIVES]


def test_one_slip_on_every_page_is_told_a_few_times_and_counted(raw, tmp_path):
    with pikepdf.open(io.BytesIO(raw)) as made:
        texts = elements(made, "P")
        for text in texts:
            text["/Lang"] = "x y"
        made.save(tmp_path / "report.pdf")
    found = [finding for finding in check_structure(tmp_path / "report.pdf", "report.pdf") if finding.rule == document.LANGUAGE]
    assert len(texts) > 4
    assert len(found) == 4
    assert found[-1].message == f"and {len(texts) - 3} more of this kind"


@pytest.mark.parametrize("cut", [0, 100, 5000, -2000])
def test_file_that_is_cut_off_is_a_finding_and_never_an_error(raw, tmp_path, cut):
    (tmp_path / "report.pdf").write_bytes(raw[:cut])
    assert check_structure(tmp_path / "report.pdf", "report.pdf")


@pytest.mark.parametrize(
    ("find", "key", "value"),
    [
        (root, "/StructTreeRoot", 7),
        (root, "/Outlines", Array()),
        (tree, "/ParentTree", Name("/None")),
        (lambda made: element(made, "TH"), "/ID", 3),
        (resources, "/Font", Array()),
        (font, "/DescendantFonts", 1),
        (kept("/OutputIntents", "0"), "/DestOutputProfile", 4),
    ],
    ids=["tags", "outlines", "parents", "name", "fonts", "font", "profile"],
)
def test_object_of_another_kind_is_a_finding_and_never_an_error(raw, tmp_path, find, key, value):
    with pikepdf.open(io.BytesIO(raw)) as made:
        find(made)[key] = value
        made.save(tmp_path / "report.pdf")
    assert check_structure(tmp_path / "report.pdf", "report.pdf")


# Small parts by hand.


@pytest.mark.parametrize(
    ("rows", "widths", "fault"),
    [
        # a | b
        # c | d
        ([[(1, 1), (1, 1)], [(1, 1), (1, 1)]], {2}, ""),
        # a a
        # b | c
        ([[(1, 2)], [(1, 1), (1, 1)]], {2}, ""),
        # a | b
        # a | c   (a goes down)
        ([[(2, 1), (1, 1)], [(1, 1)]], {2}, ""),
        # a | b b
        # c | d   (a column is missing)
        ([[(1, 1), (1, 2)], [(1, 1), (1, 1)]], {3, 2}, ""),
        # a       (goes down out of the table)
        ([[(2, 1)]], {1}, "goes 1 row out"),
        # a | b
        #   | b   (a hole before b)
        ([[(1, 1), (2, 1)], []], {2, 1}, "a hole in row 2"),
        # a | b
        # c c     (c would lie over b, which goes down)
        ([[(1, 1), (2, 1)], [(1, 2)]], {2}, "overlap in row 2"),
    ],
)
def test_cells_are_laid_out_as_a_grid(rows, widths, fault):
    found, said = tables.lay_out(rows)
    assert found == widths
    assert fault in said
    assert bool(said) == bool(fault)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("en", True),
        ("en-GB", True),
        ("zh-Hans-CN", True),
        ("de-CH-1901", True),
        ("es-419", True),
        ("", False),
        ("english", False),
        ("en_GB", False),
        ("en-", False),
        ("e", False),
    ],
)
def test_language_is_a_tag_of_bcp_47(text, is_one):
    assert document.is_language(text) is is_one


@given(
    st.lists(st.sampled_from([b"\\\\", b"\\(", b"\\)", b"\\n", b"\\101", b"\\7", b"\\x", b"\\\n", b"a", b"0", b"\xe9", b"\\377"]))
)
def test_strings_are_read_as_qpdf_reads_them(parts):
    text = b"(" + b"".join(parts) + b")"
    assert unescaped(text) == bytes(pikepdf.Object.parse(text))

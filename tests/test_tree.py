"""The report is one tree: outputs found by looking, sections of ICH E3, what stands where, and the proof of it."""

from __future__ import annotations

import json
import re
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from pypdf import PdfReader

from cgbm1_report import outputs
from cgbm1_report.assets import asset
from cgbm1_report.build.documents import notebooks_of
from cgbm1_report.build.names import refuse_arm_codes, refuse_shared_files
from cgbm1_report.build.shown import refuse_unshown
from cgbm1_report.emit import anchor, mime_bundle
from cgbm1_report.errors import PlanError, ReportError
from cgbm1_report.notebook.receipts import PLACE
from cgbm1_report.notebook.run import NotebookJob
from cgbm1_report.outputs.catalogue import _refuse_listings, catalogue, csr_order
from cgbm1_report.protocol.e3 import e3_sections, find_section, section_of
from cgbm1_report.readback.printed import Printed
from cgbm1_report.readback.structure import check_structure
from cgbm1_report.readback.tree import check_tree
from cgbm1_report.render import pdf, render_report
from cgbm1_report.tabulate import declare
from cgbm1_report.tabulate.files import file_stem
from cgbm1_report.tabulate.table import Table
from tests.drawn import our_trial
from tests.emit_cases import listing, summary_table
from tests.test_render import ABOUT, notebook

# ---- outputs are found by looking


@pytest.fixture
def folder_of_outputs(tmp_path, monkeypatch):
    """A second folder of outputs beside the package's, forgotten afterwards."""
    outputs.find_outputs()  # the package's own are declared for good
    monkeypatch.setattr(outputs, "__path__", [*outputs.__path__, str(tmp_path)])
    monkeypatch.setattr(declare, "_DECLARED", list(declare._DECLARED))
    outputs.find_outputs.cache_clear()
    yield tmp_path
    outputs.find_outputs.cache_clear()
    for name in [name for name in sys.modules if name.startswith("cgbm1_report.outputs.zz_")]:
        del sys.modules[name]


def test_file_put_into_outputs_is_found_without_a_list(folder_of_outputs):
    (folder_of_outputs / "zz_new.py").write_text(
        "from cgbm1_report.tabulate.declare import output\n"
        "@output('T14.3.2.99', 'New', population='SAF', source=('ADAE',))\n"
        "def new(view): ...\n"
    )
    assert "T14.3.2.99.1" in catalogue(our_trial())


def test_files_that_cannot_be_imported_are_named_all_at_once(folder_of_outputs):
    (folder_of_outputs / "zz_broken.py").write_text("def broken(:\n")
    (folder_of_outputs / "zz_lost.py").write_text("import nothing_of_this_name\n")
    with pytest.raises(ReportError) as error:
        catalogue(our_trial())
    assert [problem.file for problem in error.value.problems] == ["outputs/zz_broken.py", "outputs/zz_lost.py"]
    assert "SyntaxError" in str(error.value)
    assert "nothing_of_this_name" in str(error.value)


def declare_in(file: Path, number: str, population: str = "SAF", source: str = "ADAE") -> None:
    file.write_text(
        "from cgbm1_report.tabulate.declare import output\n"
        f"@output({number!r}, 'New', population={population!r}, source=({source!r},))\n"
        "def new(view): ...\n"
    )


def test_number_that_two_files_declare_is_told_with_both(folder_of_outputs):
    declare_in(folder_of_outputs / "zz_one.py", "T14.3.2.99")
    declare_in(folder_of_outputs / "zz_two.py", "T14.3.2.99")
    declare_in(folder_of_outputs / "zz_three.py", "T14.1.1")
    with pytest.raises(PlanError) as error:
        catalogue(our_trial())
    assert [(problem.file, problem.message) for problem in error.value.problems] == [
        ("outputs/disposition.py and outputs/zz_three.py", "output T14.1.1 is declared twice"),
        ("outputs/zz_one.py and outputs/zz_two.py", "output T14.3.2.99 is declared twice"),
    ]


def test_declaration_of_an_unknown_population_or_dataset_is_refused_before_any_data_is_read(folder_of_outputs):
    declare_in(folder_of_outputs / "zz_one.py", "T14.3.2.98", population="SAFE")
    declare_in(folder_of_outputs / "zz_two.py", "T14.3.2.99", source="ADEA")
    with pytest.raises(PlanError) as error:
        catalogue(our_trial())
    assert [(problem.file, problem.message) for problem in error.value.problems] == [
        ("outputs/zz_one.py", "output T14.3.2.98 is of population SAFE, which trial.yaml does not declare"),
        ("outputs/zz_two.py", "output T14.3.2.99 is made from ADEA, which no file of schemas/adam describes"),
    ]


def test_file_that_was_mended_declares_its_outputs_once(folder_of_outputs):
    file = folder_of_outputs / "zz_new.py"
    declare_in(file, "T14.3.2.99")
    right = file.read_text()
    file.write_text(f"{right}raise ValueError('half way')\n")
    with pytest.raises(PlanError, match="half way"):
        catalogue(our_trial())
    file.write_text(right)
    assert "T14.3.2.99.1" in catalogue(our_trial())


# ---- outputs and their listings


def declared(number: str, *listings: str, source: str = "ADAE") -> declare.Declaration:
    return declare.Declaration(number, "A title", "SAF", (source,), (), lambda view: None, listings=listings)


# Named listing | why it is refused: one that nobody declared, one that is a table, one of other data.
WRONG = {
    "L16.2.7.99": "names the listing L16.2.7.99, which nothing declares",
    "T14.3.1.2": "names T14.3.1.2 as its listing: an output leads to a listing",
    "L16.2.6.9": "names the listing L16.2.6.9, which lists ADCE and not ADAE",
}


def test_listings_that_an_output_names_and_that_are_not_its_own_are_refused_all_at_once():
    there = [declared("T14.3.1.2"), declared("L16.2.6.9", source="ADCE"), declared("L16.2.7.1")]
    with pytest.raises(ReportError) as error:
        _refuse_listings([*there, declared("T14.3.1.1", "L16.2.7.1", *WRONG)])
    assert [problem.message for problem in error.value.problems] == [f"T14.3.1.1 {told}" for told in WRONG.values()]


def test_output_of_records_that_a_listing_holds_leads_to_it_and_back():
    entries = catalogue(our_trial(), scope="dose group")
    # ADSL has something of every subject: what is counted of it alone leads to the listings that its declaration names.
    listed = {name for number, entry in entries.items() if number.startswith("L") for name in entry.source} - {"ADSL"}
    unlinked = [number for number, entry in entries.items() if set(entry.source) & listed and not entry.links]
    assert unlinked == []
    assert all(number in entries[link].links for number, entry in entries.items() for link in entry.links)
    assert entries["L16.2.6.9.1"].links == ("T14.2.5.1",)
    order = [*entries]
    counted = entries["L16.2.7.1.1"].links
    assert {"T14.3.1.2.1", "T14.3.1.5.1", "T14.3.1.12.1"} < set(counted)
    assert list(counted) == sorted(counted, key=order.index), "in the order of the CSR"
    assert entries["T14.3.1.1.2"].links == ("L16.2.7.1.2",)


# ---- sections of ICH E3

# What E3 (July 1996) lists below 14 and 16.2, and of 16.1 what outputs stand in; 14.3.5 is common beside it.
E3 = [
    "14.1",
    "14.2",
    "14.3.1",
    "14.3.2",
    "14.3.3",
    "14.3.4",
    "14.3.5",
    "16.1.1",
    "16.1.2",
    "16.1.3",
    "16.1.4",
    "16.1.5",
    "16.1.6",
    "16.1.7",
    "16.1.8",
    "16.1.9",
    "16.1.10",
    "16.1.11",
    "16.1.12",
    "16.2.1",
    "16.2.2",
    "16.2.3",
    "16.2.4",
    "16.2.5",
    "16.2.6",
    "16.2.7",
    "16.2.8",
]


def test_sections_are_those_of_e3_in_its_order():
    assert [one.number for one in e3_sections()] == E3


@pytest.mark.parametrize(
    ("output", "section"),
    [("T14.1.1", "14.1"), ("L16.2.7.1", "16.2.7"), ("L16.2.1.1.1", "16.2.1"), ("A16.1.10", "16.1.10"), ("T14.3.1.12.1", "14.3.1")],
)
def test_output_stands_in_the_section_whose_number_leads_its_own(output, section):
    assert section_of(output).number == section


def test_output_in_no_section_and_unknown_section_are_refused():
    with pytest.raises(ReportError, match=r"T15\.1\.1 stands in no section"):
        csr_order("T15.1.1")
    with pytest.raises(ReportError, match=r"section '14\.3\.6' is unknown.*did you mean"):
        find_section("14.3.6")


def test_catalogue_keeps_each_section_together():
    """A laboratory figure stands with the laboratory tables, not behind all tables and figures of 14.3."""
    numbers = [
        "F14.3.1.1.1",
        "T14.3.4.1.1",
        "L16.2.1.2.1",
        "T14.3.1.12.1",
        "F14.3.4.1.1",
        "A16.1.9.1",
        "T14.3.1.2.1",
        "L14.3.2.1.1",
    ]
    assert sorted(numbers, key=csr_order) == [
        *("T14.3.1.2.1", "T14.3.1.12.1", "F14.3.1.1.1", "L14.3.2.1.1", "T14.3.4.1.1", "F14.3.4.1.1", "A16.1.9.1", "L16.2.1.2.1"),
    ]


# ---- the notebooks show every section


def shown_sections() -> list[str]:
    told = []
    for path in sorted(asset("notebooks").glob("[0-9]*.ipynb")):
        for cell in json.loads(path.read_text())["cells"]:
            told += re.findall(r'report\.show_section\("([^"]+)"\)', "".join(cell["source"])) if cell["cell_type"] == "code" else []
    return told


def test_every_section_of_the_catalogue_is_shown_once_in_the_csr_notebooks():
    shown = shown_sections()
    assert len(shown) == len(set(shown))
    assert {entry.section.number for entry in catalogue(our_trial()).values()} <= set(shown)


def test_section_that_no_notebook_shows_is_one_problem_with_its_remedy():
    trial = our_trial()
    expected = {"L16.2.6.4.1", "L16.2.6.4.2", "L16.2.6.9.1", "L16.2.6.9.2", "L16.2.7.1.1", "L16.2.7.1.2"}
    with pytest.raises(ReportError) as error:
        refuse_unshown(catalogue(trial), expected, {"L16.2.6.4.1", "L16.2.6.4.2", "L16.2.6.9.2"})
    told = [(problem.message, problem.remedy) for problem in error.value.problems]
    assert told == [
        ("output L16.2.6.9.1 is declared, but no notebook shows it", 'add its show() line, or report.show_section("16.2.6")'),
        (
            "section 16.2.7 Adverse Event Listings holds L16.2.7.1.1, L16.2.7.1.2, but no notebook shows it",
            'add report.show_section("16.2.7") to a notebook',
        ),
    ]


# ---- what the notebooks show is put in order


def marked(kind: str, place: tuple[str, ...], bundle: dict, **linked: object) -> dict:
    return {"bundle": bundle, "metadata": {PLACE: {"place": list(place), "is": kind, **linked}}}


def executed(path: Path, *cells: str | dict) -> Path:
    """An executed notebook whose displays say where they stand."""
    notebook(path, *[cell if isinstance(cell, str) else cell["bundle"] for cell in cells])
    content = json.loads(path.read_text())
    for cell, given in zip(content["cells"], cells, strict=True):
        for output in cell.get("outputs", []):
            if output["output_type"] == "display_data":
                output["metadata"] = given["metadata"]
    path.write_text(json.dumps(content))
    return path


def heading(section: str, part: str) -> dict:
    text = f"# {section}\n\n## {part}"
    return marked("heading", (section, part), {"text/markdown": text, "text/plain": text})


def lead(section: str, part: str, text: str) -> dict:
    return marked("lead", (section, part), {"text/markdown": text, "text/plain": text})


SAFETY, SUBJECTS, LISTINGS = "14.3.1 Displays of Adverse Events", "14.1 Demographic Data", "16.2.7 Adverse Event Listings"
WORDS = "Every subject is counted once."


def shown(output: Table, *links: str) -> dict:
    """What `show` displays of a bundle and how it names it."""
    bundle = mime_bundle(replace(output, links=links))
    return {"bundle": bundle, "name": anchor(output.number), "links": [anchor(one) for one in links]}


def table(number: str, place: tuple[str, ...]) -> dict:
    links = (f"L16.2.7.1.{number[-1]}", f"L16.2.9.1.{number[-1]}") if number.startswith("T14.3") else ()
    return marked("output", place, **shown(summary_table(number=number), *links))


def long_listing(number: str, place: tuple[str, ...], rows: int = 3) -> dict:
    tables = [f"T14.3.1.{at}.{number[-1]}" for at in (1, 2)]
    return marked("output", place, **shown(replace(listing(rows), number=number), *tables))


@pytest.fixture
def two_phases(tmp_path: Path) -> list[Path]:
    """Listings before tables, phase by phase, words between: as no report should be ordered."""
    made = []
    for phase in (1, 2):
        part = f"Phase {phase}"
        made.append(
            executed(
                tmp_path / f"a_listings_phase{phase}.ipynb",
                heading(LISTINGS, part), lead(LISTINGS, part, f"Lead of phase {phase}."), long_listing(f"L16.2.7.1.{phase}", (LISTINGS, part)),
                marked("nothing", ("16.2.8 Individual Laboratory Measurements", part), {"text/markdown": "*none*", "text/plain": ""}),
                "Words of a section that holds nothing.",
            )
        )  # fmt: skip
    for phase in (1, 2):
        part = f"Phase {phase}"
        made.append(
            executed(
                tmp_path / f"b_tables_phase{phase}.ipynb",
                heading(SAFETY, part), lead(SAFETY, part, f"Lead of phase {phase}."), WORDS, table(f"T14.3.1.1.{phase}", (SAFETY, part)),
                f"Words of phase {phase} alone.", table(f"T14.3.1.2.{phase}", (SAFETY, part)),
                # Shown in the wrong notebook: it stands in its own section all the same.
                table(f"T14.1.1.{phase}", (SUBJECTS, part)),
            )
        )  # fmt: skip
    return made


TREE = [
    *((1, SUBJECTS), (2, "Phase 1"), (3, "T14.1.1.1"), (2, "Phase 2"), (3, "T14.1.1.2")),
    *((1, SAFETY), (2, "Phase 1"), (3, "T14.3.1.1.1"), (3, "T14.3.1.2.1"), (2, "Phase 2"), (3, "T14.3.1.1.2"), (3, "T14.3.1.2.2")),
    *((1, LISTINGS), (2, "Phase 1"), (3, "L16.2.7.1.1"), (2, "Phase 2"), (3, "L16.2.7.1.2")),
]


def by_number(headings: list[tuple[int, str]]) -> list[tuple[int, str]]:
    return [(level, text[0] + text.split()[1] if re.match(r"(Table|Listing) ", text) else text) for level, text in headings]


def flat(items: list, level: int = 1) -> list[tuple[int, str]]:
    found = []
    for item in items:
        found += flat(item, level + 1) if isinstance(item, list) else [(level, str(item.title))]
    return found


@pytest.fixture
def rendered(two_phases, tmp_path) -> Path:
    done = render_report(two_phases, tmp_path / "out", about=ABOUT, engine="embedded")
    assert done.notes == ("PDF/A-2a and PDF/UA-1, tagged",)
    return tmp_path / "out"


def test_bookmarks_are_the_tree_whatever_notebook_an_output_came_from(rendered):
    assert by_number(flat(PdfReader(rendered / "report.pdf").outline)) == TREE


def test_bookmarks_are_the_tree_also_of_volumes_that_begin_below_their_headings(two_phases, tmp_path, monkeypatch):
    monkeypatch.setattr(pdf, "VOLUME_ROWS", 20)
    done = render_report(two_phases, tmp_path / "out", about=ABOUT, engine="embedded", formats=["pdf"])
    assert "PDF/A-2a and PDF/UA-1, tagged, of" in done.notes[0]
    report = PdfReader(tmp_path / "out" / "report.pdf")
    assert by_number(flat(report.outline)) == TREE
    assert leads_in(report) == LEADS
    assert check_structure(tmp_path / "out" / "report.pdf", "report.pdf", "") == []


#: Tables and listings lead to each other; L16.2.9.1, which the tables name too, is not in the document.
LEADS = {
    **{f"Table 14.3.1.{at}.{phase}": {f"Listing 16.2.7.1.{phase}"} for phase in (1, 2) for at in (1, 2)},
    **{f"Listing 16.2.7.1.{phase}": {f"Table 14.3.1.{at}.{phase}" for at in (1, 2)} for phase in (1, 2)},
}


def leads_in(report: PdfReader) -> dict[str, set[str]]:
    """Which output leads to which, by the titles of the pages that the links are on and lead to."""
    found: dict[str, set[str]] = {}
    titles = [re.findall(r"((?:Table|Listing) [\d.]+\d) (?!\.)", page.extract_text().replace("\n", " ")) for page in report.pages]
    place = {page.indirect_reference.idnum: at for at, page in enumerate(report.pages)}
    for at, page in enumerate(report.pages):
        for note in (one.get_object() for one in page.get("/Annots", ())):
            aim = note["/Dest"]
            target = (
                report.get_destination_page_number(report.named_destinations[aim]) if isinstance(aim, str) else place[aim[0].idnum]
            )
            if at > 1:
                found.setdefault(titles[at][0], set()).add(titles[target][0])
    return found


def test_tables_and_listings_lead_to_each_other_where_the_document_holds_them(rendered):
    assert leads_in(PdfReader(rendered / "report.pdf")) == LEADS
    named = {anchor(text[0] + text.split()[1]): text for text in LEADS}
    page = (rendered / "report.html").read_text()
    sections = re.findall(r'<section class="cg-output[^"]*" id="(\w+)".*?</section>', page, re.S)
    html = {
        name: set(re.findall(r'class="cg-to" href="#(\w+)"', page.split(f'id="{name}"')[1].split("</section>")[0]))
        for name in sections
    }
    assert {named[name]: {named[one] for one in aims} for name, aims in html.items() if aims} == LEADS
    with zipfile.ZipFile(rendered / "report.docx") as package:
        body = package.read("word/document.xml").decode()
    assert set(re.findall(r'w:anchor="(\w+)" w:history="1"><w:r><w:rPr>', body)) == set(named)
    assert "16.2.9.1.1" in body, "what the document does not hold is text"


def test_word_headings_and_captions_are_the_tree(rendered):
    """Headings are sections; an output is a caption, marked for the contents at the level below them."""
    with zipfile.ZipFile(rendered / "report.docx") as package:
        body = package.read("word/document.xml").decode()
    found = re.findall(r'<w:pStyle w:val="(Heading\d|Caption)"\s*/>(.*?)</w:p>', body, re.S)
    texts = []
    for style, inside in found:
        level = re.search(r" TC .* \\l (\d) ", inside)[1] if style == "Caption" else style[-1]
        texts.append((int(level), "".join(re.findall(r"<w:t(?: [^>]*)?>([^<]*)</w:t>", inside))))
    assert by_number(texts) == TREE
    contents = body[body.index("<w:sdtContent>") : body.index("</w:sdtContent>")]
    assert [int(level) for level in re.findall(r'<w:pStyle w:val="TOC(\d)"', contents)] == [level for level, _ in TREE]
    lists = re.findall(r'TOC \\h \\z \\c "(\w+)"', body)
    assert lists == ["Table", "Listing"]


def test_html_headings_and_navigation_are_the_tree(rendered):
    page = (rendered / "report.html").read_text()
    found = re.findall(r"<h([1-6])\b[^>]*>(.*?)</h\1>", page[page.index("</nav>") :], re.S)
    assert by_number([(int(level), text) for level, text in found][1:]) == TREE
    level, told = 0, []
    for tag, text in re.findall(r"<(/?ol)>|<a href=\"#[^\"]+\">([^<]+)</a>", page[page.index("<nav") : page.index("</nav>")]):
        level += {"ol": 1, "/ol": -1}.get(tag, 0)
        told += [(level, text)] if text else []
    assert by_number(told) == TREE


def test_words_that_both_phases_say_stand_once_above_them_and_on_the_page_of_the_first_output(rendered):
    pages = [" ".join(page.extract_text().split()) for page in PdfReader(rendered / "report.pdf").pages]
    (page,) = [text for text in pages if WORDS in text]
    order = [SAFETY, WORDS, "Phase 1 Lead of phase 1.", "Table 14.3.1.1.1 "]
    places = [page.rindex(text) for text in order]
    assert places == sorted(places)
    (second,) = [text for text in pages if "Words of phase 2 alone." in text]
    assert second.index("Words of phase 2 alone.") < second.index("Table 14.3.1.2.2 Adverse")
    assert not [text for text in pages if "holds nothing" in text or "16.2.8" in text]


def test_word_begins_no_page_between_words_and_the_output_they_lead_to(rendered):
    with zipfile.ZipFile(rendered / "report.docx") as package:
        body = package.read("word/document.xml").decode()
    breaks = re.findall(r'<w:pStyle w:val="OutputBreak"/>(<w:pageBreakBefore w:val="0"/>)?(<w:sectPr)?', body)
    # The front's section, then seven outputs behind words and one behind an output, and words behind outputs.
    assert [bool(kept) for kept, section in breaks if not section].count(True) == 7 + 1


def test_long_listing_below_words_says_continued_from_its_second_page_on(tmp_path):
    part = "Phase 1"
    path = executed(
        tmp_path / "n.ipynb", heading(LISTINGS, part), lead(LISTINGS, part, "Words. " * 200), long_listing("L16.2.7.1.1", (LISTINGS, part), 400)
    )  # fmt: skip
    render_report([path], tmp_path / "out", about=ABOUT, engine="embedded", formats=["pdf"])
    pages = [page.extract_text() for page in PdfReader(tmp_path / "out" / "report.pdf").pages]
    own = [text for text in pages if "XY-101-" in text]
    assert "Words." in own[0]
    assert ["(continued)" in text for text in own] == [False] + [True] * (len(own) - 1)
    rows = sum(len(re.findall(r"2026-01-\d\d \(", text)) for text in own)
    assert rows == 400


# ---- the gate proves the tree


def prints(number: str, part: str) -> Printed:
    section = section_of(number).heading
    return Printed(number, "table", f"Table {number[1:]} X", (), (), (), (), (), (), "", {}, (section, part))


OWN = {number: prints(number, f"Phase {number[-1]}") for number in ("T14.1.1.1", "T14.1.1.2", "T14.3.1.1.1")}
SOUND = [
    *((1, SUBJECTS), (2, "Phase 1"), (3, "Table 14.1.1.1 X"), (2, "Phase 2"), (3, "Table 14.1.1.2 X")),
    *((1, SAFETY), (3, "A heading of the author's"), (2, "Phase 1"), (3, "Table 14.3.1.1.1 X")),
]


def test_sound_tree_has_no_findings():
    assert check_tree("f", OWN.values(), SOUND) == []


@pytest.mark.parametrize(
    ("headings", "said"),
    [
        ([*SOUND[5:], *SOUND[:5]], "after 14.3.1"),
        ([*SOUND, (1, SUBJECTS)], "heads section '14.1 Demographic Data' twice"),
        ([*SOUND[:3], (2, "Phase 1"), *SOUND[3:]], "heads 'Phase 1' twice"),
        ([*SOUND[:2], *SOUND[3:], SOUND[2]], "has it at level 3 under '14.3.1 Displays of Adverse Events / Phase 1'"),
        ([*SOUND[:2], (2, "Table 14.1.1.1 X"), *SOUND[3:]], "no phase or dose group"),
        (SOUND[:-1], "has no heading of it"),
        ([*SOUND, SOUND[-1]], "heads it twice"),
        ([(1, "Safety"), *SOUND], "which is no section"),
    ],
    ids=["order", "section twice", "phase twice", "outside its section", "level", "lost", "output twice", "foreign section"],
)
def test_tree_that_is_none_is_a_finding(headings, said):
    assert any(said in finding.message for finding in check_tree("f", OWN.values(), headings))


def test_output_that_says_it_stands_elsewhere_is_a_finding():
    wrong = {"T14.1.1.1": Printed("T14.1.1.1", "table", "Table 14.1.1.1 X", (), (), (), (), (), (), "", {}, (SAFETY, "Phase 1"))}
    assert (
        "says it stands in '14.3.1"
        in check_tree("f", wrong.values(), [(1, SAFETY), (2, "Phase 1"), (3, "Table 14.1.1.1 X")])[0].message
    )


# ---- dose groups


def test_notebooks_of_a_dose_group_are_a_document_of_their_own(tmp_path):
    (tmp_path / "notebooks").mkdir()
    jobs = []
    for name, group in (("a", "all"), ("b", "P1LOW"), ("c", "all")):
        shown = [] if name == "c" else [marked("output", ("14.1", "Phase 1"), {"text/html": "<p></p>"})]
        executed(tmp_path / "notebooks" / f"{name}.ipynb", *shown)
        jobs.append(NotebookJob(Path("x"), Path(f"{name}.ipynb"), {"dose_group": group}))
    made = notebooks_of(tmp_path, jobs)
    assert {name: [path.name for path in paths] for name, paths in made.items()} == {"": ["a.ipynb"], "P1LOW": ["b.ipynb"]}


def test_dose_groups_that_cannot_name_their_files_are_refused_all_at_once():
    names = ["P1LOW", "p1low", "../P1", "P 1", ".P1", "P1/2"]
    with pytest.raises(ReportError) as error:
        refuse_arm_codes(SimpleNamespace(arms=[SimpleNamespace(armcd=name) for name in names]))
    told = [problem.message for problem in error.value.problems]
    assert [message for message in told if "cannot name files" in message] == [
        f"armcd {name!r} cannot name files" for name in names[2:]
    ]
    assert sum("differs from another by case alone" in message for message in told) == 2


@pytest.mark.parametrize(
    ("number", "stem"),
    [
        ("T14.3.1.2.1", "t-14-3-1-2-1"),
        ("F14.2.1.2", "f-14-2-1-2"),
        ("L16.2.7.1.1", "l-16-2-7-1-1"),
        ("T14.2.1.1-P1LOW", "t-14-2-1-1-p1low"),  # of a dose group
        ("T14.2.1.1-Xan_Hi", "t-14-2-1-1-xan_hi"),
        ("../../T1\\x", "------t1-x"),  # a number of a damaged manifest is no path
        ("/etc/passwd", "-etc-passwd"),
    ],
)  # fmt: skip
def test_files_of_an_output_are_named_in_lower_case_and_without_dots(number, stem):
    assert file_stem(number) == stem


def test_outputs_whose_files_would_have_one_name_are_refused_all_at_once(monkeypatch):
    """Arm 1 of T14.2.1.1 and the output T14.2.1.1.1; numbers that differ by case alone; arm 2 is of another phase."""
    entries = {number: SimpleNamespace(phase=1) for number in ("T14.2.1.1", "T14.2.1.1.1", "T14.2.1.1.2", "F14.2.1.1", "f14.2.1.1")}
    monkeypatch.setattr("cgbm1_report.build.names.catalogue", lambda _trial, scope: entries)
    arms = [SimpleNamespace(armcd="1", phase=1), SimpleNamespace(armcd="2", phase=2)]
    with pytest.raises(ReportError) as error:
        refuse_shared_files(SimpleNamespace(arms=arms))
    assert [problem.message for problem in error.value.problems] == [
        "the files of T14.2.1.1-1 and T14.2.1.1.1 would all be named t-14-2-1-1-1",
        "the files of F14.2.1.1 and f14.2.1.1 would all be named f-14-2-1-1",
        "the files of F14.2.1.1-1 and f14.2.1.1-1 would all be named f-14-2-1-1-1",
    ]
    del entries["f14.2.1.1"]
    refuse_shared_files(SimpleNamespace(arms=arms[1:]))

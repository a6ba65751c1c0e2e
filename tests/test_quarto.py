"""Quarto as engine, held to what Quarto does: by a stand-in on every machine, by itself where it is installed."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import time
import zipfile
from pathlib import Path

import nbformat
import pikepdf
import pytest
import yaml
from pypdf import PdfReader

from cgbm1_report import doctor
from cgbm1_report.emit import mime_bundle
from cgbm1_report.errors import ReportError, ToolError
from cgbm1_report.readback.structure import check_structure
from cgbm1_report.render import ReportAbout, engines, quarto, render_report
from cgbm1_report.render.parts import read_sections
from tests.emit_cases import listing, summary_table
from tests.emit_readers import docx_body, xml_text
from tests.quarto_standin import write_quarto
from tests.test_render import ABOUT, HOSTILE, notebook, output, printed_numbers

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
FORMATS = ("html", "docx", "pdf")


@pytest.fixture(autouse=True)
def look_at_quarto_again():
    """Quarto is looked at once per process; each test has another one."""
    engines._examine.cache_clear()
    yield
    engines._examine.cache_clear()


@pytest.fixture
def standin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a quarto that is on PATH."""
    write_quarto(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "bin"


@pytest.fixture
def told(tmp_path: Path) -> list[Path]:
    """Two notebooks with words before, between and after outputs; the second cell of words is one string of paragraphs."""
    return [
        notebook(
            tmp_path / "one.ipynb",
            f"# 14.1 Subjects\n\nWords {HOSTILE}",
            output("14.1.1", "Disposition"),
            "Subjects dosed: 13\n\n2 subjects withdrew.",
            output("14.1.2", "Dosing"),
        ),
        notebook(tmp_path / "two.ipynb", "# 14.3 Safety\n\nWords.[^1]\n\n[^1]: A footnote.", mime_bundle(summary_table())),
    ]


def calls(standin: Path) -> list[dict]:
    return [json.loads(line) for line in (standin / "called.jsonl").read_text().splitlines()]


def pages(folder: Path) -> list[str]:
    return [page.extract_text() for page in PdfReader(folder / "report.pdf").pages]


def bookmarks(folder: Path) -> list[tuple[int, str]]:
    def below(items, level):
        for item in items:
            yield level, str(item.title)
            yield from below(item.children, level + 1)

    with pikepdf.open(folder / "report.pdf") as pdf, pdf.open_outline() as outline:
        return list(below(outline.root, 1))


def paragraphs(folder: Path) -> list[str]:
    """What every paragraph of the Word document says; those that say nothing are left out."""
    texts = [xml_text(one).strip() for one in docx_body((folder / "report.docx").read_bytes()).iter(f"{W}p")]
    return [text for text in texts if text]


# What it does to a document -----------------------------------------------------------------------


def test_every_page_is_that_of_the_embedded_engine(standin, told, tmp_path):
    """Below a folder whose name begins with a dot, too: the settings are named, and the templates found."""
    for engine in ("quarto", "embedded"):
        done = render_report(told, tmp_path / ".cache" / engine, about=ABOUT, engine=engine)
        assert done.engine == engine
        assert done.notes == ("PDF/A-2a and PDF/UA-1, tagged",)
    mine, theirs = tmp_path / ".cache" / "quarto", tmp_path / ".cache" / "embedded"
    assert pages(mine) == pages(theirs)
    assert len(pages(mine)) > 5
    assert bookmarks(mine) == bookmarks(theirs)
    assert (1, "14.1 Subjects") in bookmarks(mine)
    assert printed_numbers(mine) == printed_numbers(theirs)
    assert paragraphs(mine) == paragraphs(theirs)
    assert sorted(path.name for path in mine.iterdir()) == ["report.docx", "report.html", "report.pdf"]
    assert check_structure(mine / "report.pdf", "report.pdf") == []
    with pikepdf.open(mine / "report.pdf") as pdf:
        assert str(pdf.docinfo["/Title"]) == ABOUT.title
        assert str(pdf.docinfo["/CreationDate"]).startswith("D:20261002080000")


def test_paragraphs_stay_apart_in_every_format(standin, told, tmp_path):
    """The lines of one string are run together from the second markdown cell on: "Subjects dosed: 132 subjects withdrew."."""
    render_report(told, tmp_path / "out", about=ABOUT, engine="quarto")
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "<p>Subjects dosed: 13</p>" in page
    assert "<p>2 subjects withdrew.</p>" in page
    assert {"Subjects dosed: 13", "2 subjects withdrew."} <= set(paragraphs(tmp_path / "out"))
    assert "132" not in "".join(pages(tmp_path / "out")) + page


def test_the_first_section_is_a_section_and_not_the_title(standin, told, tmp_path):
    render_report(told, tmp_path / "out", about=ABOUT, engine="quarto", formats=("html", "docx"))
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert re.search(r"<h1[^>]*>14\.1 Subjects</h1>", page)
    assert re.search(r"<title>A Trial of <b>Something</b> & More|<title>A Trial of &lt;b&gt;", page)
    assert "14.1 Subjects" in paragraphs(tmp_path / "out")


def test_a_page_of_quarto_loads_nothing_and_leads_to_no_other_format(standin, told, tmp_path):
    render_report(told, tmp_path / "out", about=ABOUT, engine="quarto")
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    assert 'href="report.html"' not in page


HOSTILE_CELLS = """
`````````` # ten backticks
``````````{=html} # a fence
<!-- # a comment that nobody closes
--> # the end of one
{{< include /etc/passwd >}} # a command
::: {.x} # a division
"""


def test_no_text_of_the_data_ends_a_block_or_is_acted_on(standin, tmp_path):
    texts = [line.split(" # ")[0] for line in HOSTILE_CELLS.strip().splitlines()]
    cells: list[str | dict] = ["# 1 One"]
    for number, text in enumerate(texts, start=1):
        made = output(f"1.{number}", f"Title {number}", cell=text)
        lines = escaped(f"{text}\n---\n: x: [\n---")
        cells += [made | {"text/html": made["text/html"].replace("</p>", f"\n{lines}\n</p>")}, f"After {number}."]
    path = notebook(tmp_path / "n.ipynb", *cells)
    for engine in ("quarto", "embedded"):
        render_report([path], tmp_path / engine, about=ABOUT, engine=engine)
    page = (tmp_path / "quarto" / "report.html").read_text("utf-8")
    for number, text in enumerate(texts, start=1):
        lines = escaped(f"{text}\n---\n: x: [\n---").replace("{{<", "&#123;&#123;<")
        assert page.count(f"\n{lines}\n") == 1, text
        assert re.search(rf"<h2[^>]*>Table 1\.{number} Title {number}</h2>", page), text
        assert f"<p>After {number}.</p>" in page, text
    assert "?shortcode" not in page
    assert pages(tmp_path / "quarto") == pages(tmp_path / "embedded")
    assert paragraphs(tmp_path / "quarto") == paragraphs(tmp_path / "embedded")


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


HOSTILE_WORDS = """
---\\n: x: [\\n--- # looks like settings
<!-- words # a comment that nobody closes
words {{< env HOME >}} # a command
`{{< env HOME >}} <!--` # the same as code
`````` # a fence
::: {.x} # a division
- ::: # one in a list
\\\\input{/etc/passwd} # TeX
---\\n\\ntext # a rule
"""


def test_words_of_an_author_are_words(standin, tmp_path):
    texts = [line.rsplit(" # ", 1)[0].replace("\\n", "\n") for line in HOSTILE_WORDS.strip().splitlines()]
    cells = [f"Before {number}.\n\n{text}\n\nAfter {number}." for number, text in enumerate(texts, start=1)]
    path = notebook(tmp_path / "n.ipynb", "# 1 One", *cells, output("1.1", "First"))
    for engine in ("quarto", "embedded"):
        render_report([path], tmp_path / engine, about=ABOUT, engine=engine)
    assert without_gaps(tmp_path / "quarto") == without_gaps(tmp_path / "embedded")
    assert "?shortcode" not in (tmp_path / "quarto" / "report.html").read_text("utf-8")
    assert sum(text.startswith(("Before", "After")) for text in paragraphs(tmp_path / "quarto")) == 2 * len(texts)


def without_gaps(folder: Path) -> list[str]:
    """Words of the pages; in code a space keeps a command apart, which is all that differs."""
    return [re.sub(r"\s+", "", text) for text in pages(folder)]


def test_a_document_whose_headings_jump_is_archived_without_universal_access(standin, tmp_path):
    path = notebook(tmp_path / "n.ipynb", "# One\n\n### Three\n\nWords.", output("1.1", "First"))
    done = render_report([path], tmp_path / "out", about=ABOUT, engine="quarto", formats=("pdf",))
    assert done.notes[0].startswith("PDF/A-2a, tagged; not PDF/UA-1: ")


def test_the_project_holds_no_command_and_no_code(tmp_path, told):
    quarto.write_project(tmp_path / "project", read_sections(told), ABOUT, FORMATS)
    for kind in FORMATS:
        text = (tmp_path / "project" / f"{kind}.ipynb").read_text("utf-8")
        assert "{{<" not in text
        assert "SECRET_CODE" not in text
        assert "text/html" not in text
        nbformat.validate(nbformat.reads(text, as_version=4))
    settings = (tmp_path / "project" / "settings.yml").read_text("utf-8")
    assert "{{<" not in settings
    assert "project" not in yaml.safe_load(settings)
    words = "".join(line for cell in json.loads(text)["cells"] for line in cell["source"])
    assert "\\<script\\>alert(1)" in words


def test_settings_take_titles_as_text(tmp_path, told):
    about = ReportAbout("A *title* {{< include /etc/passwd >}} `x`{=html} <!--")
    quarto.write_project(tmp_path / "project", read_sections(told), about, ["html"])
    settings = yaml.safe_load((tmp_path / "project" / "settings.yml").read_text("utf-8"))
    assert list(settings["format"]) == ["html"]
    assert settings["execute"]["enabled"] is False
    title = settings["format"]["html"]["title"]
    assert r"\*title\*" in title
    assert "{{<" not in title
    assert r"\`x\`\{\=html\}" in title


# How it is called ----------------------------------------------------------------------------------


def test_quarto_is_called_with_its_settings_and_little_of_the_environment(standin, told, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "x")
    monkeypatch.setenv("QUARTO_SHARE_PATH", "/opt/conda/share/quarto")
    monkeypatch.setenv("QUARTO_PROFILE", "other")
    render_report(told, tmp_path / "out", about=ABOUT, formats=["html", "pdf"])
    made = calls(standin)[-2:]
    assert made[0]["argv"] == ["render", "html.ipynb", "--to", "html", "--output", "report.html", "--no-execute",
                               "--metadata-file", "settings.yml"]  # fmt: skip
    assert made[1]["argv"][:4] == ["render", "pdf.ipynb", "--to", "typst"]
    environment = made[0]["env"]
    assert environment["QUARTO_SHARE_PATH"] == "/opt/conda/share/quarto"
    assert environment["NO_COLOR"] == "1"
    assert not {"SECRET_TOKEN", "QUARTO_PROFILE"} & set(environment)
    assert {"about.json", "fonts", "output.typ", "page.typ", "report.css", "typst-show.typ"} <= set(made[1]["files"])


def test_quarto_of_conda_finds_its_parts_by_the_variables_of_its_activation(tmp_path, told, standin, monkeypatch):
    write_quarto(standin, conda=True)
    monkeypatch.setenv("QUARTO_SHARE_PATH", "/opt/conda/share/quarto")
    assert render_report(told, tmp_path / "out", about=ABOUT, formats=["docx"]).engine == "quarto"


def test_what_quarto_says_of_its_failure_is_its_first_error_without_colours_and_traces(standin, told, tmp_path):
    chosen = engines.choose_engine("quarto")
    write_quarto(standin, broken="the words of quarto")
    with pytest.raises(ToolError) as caught:
        render_report(told, tmp_path / "out", about=ABOUT, formats=["html"], engine=chosen)
    (problem,) = caught.value.problems
    assert problem.message.endswith("--metadata-file settings.yml: ERROR: the words of quarto")
    assert "Stack trace" not in str(caught.value)
    assert "Stack trace" in str(caught.value.__cause__)
    assert list((tmp_path / "out").iterdir()) == []


def test_quarto_that_takes_too_long_ends_with_all_it_started(standin, told, tmp_path):
    chosen = engines.choose_engine("quarto")
    write_quarto(standin, hangs=str(tmp_path / "child"))
    with pytest.raises(ToolError, match="took longer than"):
        render_report(told, tmp_path / "out", about=ABOUT, formats=["html"], engine=chosen, timeout=3)
    child = int((tmp_path / "child").read_text())
    assert not is_alive(child)


def is_alive(process: int) -> bool:
    """Whether a process runs; one that was killed may need a moment until it is gone."""
    ends = time.monotonic() + 5
    while time.monotonic() < ends:
        try:
            os.kill(process, 0)
            if Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].startswith("Z"):
                return False
        except (ProcessLookupError, FileNotFoundError):
            return False
        time.sleep(0.01)
    os.kill(process, signal.SIGKILL)
    return True


# Which one is taken --------------------------------------------------------------------------------

UNFIT = """
version 1.5.57  | {"version": "1.5.57"}       | is 1.5.57; 1.9 is needed                     # makes no PDF/A
version 1.8.27  | {"version": "1.8.27"}       | is 1.8.27; 1.9 is needed
no version      | {"version": "Quarto"}       | does not say its version, but 'Quarto'       # another program of this name
broken          | {"broken": "no deno"}       | does not work: ERROR: no deno
conda, inactive | {"conda": true}             | does not work: ERROR: NotFound: No such file
"""


@pytest.mark.parametrize("case", [line.split("#")[0] for line in UNFIT.strip().splitlines()])
def test_a_quarto_that_does_not_work_is_left_alone_and_said(case, standin, told, tmp_path):
    _, settings, said = (part.strip() for part in case.split("|"))
    write_quarto(standin, **json.loads(settings))
    chosen = engines.choose_engine("auto")
    assert chosen.name == "embedded"
    assert said in str(chosen)
    assert any(line.startswith("unused   Quarto at") and said in line for line in doctor.examine()[0])
    with pytest.raises(ToolError, match=re.escape(said)):
        engines.choose_engine("quarto")


def test_a_quarto_that_works_is_taken_and_named_with_its_version(standin):
    assert str(engines.choose_engine("auto")) == f"Quarto 1.10.18 at {standin / 'quarto'}"
    assert f"ok       Quarto 1.10.18 at {standin / 'quarto'}: renders a notebook of one cell" in doctor.examine()[0]


def test_quarto_that_is_missing_is_an_error_that_says_how_to_get_it(told, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(ReportError, match=r"Quarto is not on PATH.*cgbm1-report\[quarto\]"):
        render_report(told, tmp_path / "out", about=ABOUT, engine="quarto")
    assert str(engines.choose_engine("auto")) == "the embedded engine"


# The real one --------------------------------------------------------------------------------------


@pytest.mark.runs("quarto")
def test_real_quarto_prints_every_page_as_the_embedded_engine_does(told, tmp_path):
    """Narrative, titles, contents, bookmarks, outside addresses and structure; numbers of tables in HTML and DOCX."""
    told.append(notebook(tmp_path / "three.ipynb", "# 16.2 Listings", mime_bundle(listing())))
    for engine in ("quarto", "embedded"):
        assert render_report(told, tmp_path / engine, about=ABOUT, engine=engine).engine == engine
    mine, theirs = tmp_path / "quarto", tmp_path / "embedded"
    assert printed_numbers(mine) == printed_numbers(theirs)
    assert without_leaders(pages(mine)) == without_leaders(pages(theirs))
    assert bookmarks(mine) == bookmarks(theirs)
    assert check_structure(mine / "report.pdf", "report.pdf") == []
    assert zipfile.is_zipfile(io.BytesIO((mine / "report.docx").read_bytes()))
    assert paragraphs(mine) == paragraphs(theirs)
    page = (mine / "report.html").read_text("utf-8")
    assert "<p>2 subjects withdrew.</p>" in page
    assert "&lt;script&gt;alert" in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)


def without_leaders(texts: list[str]) -> list[str]:
    return [re.sub(r"[.\s]+", " ", text) for text in texts]

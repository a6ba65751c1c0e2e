"""Quarto as engine, held to what Quarto does: by a stand-in on every machine, by itself where it is installed."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
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
from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request
from cgbm1_report.emit import mime_bundle
from cgbm1_report.errors import ReportError, ToolError
from cgbm1_report.readback import verify_build
from cgbm1_report.readback.structure import check_structure
from cgbm1_report.render import ReportAbout, engines, quarto, render_report
from cgbm1_report.render.parts import read_sections
from tests.emit_cases import figure, listing, one_pixel_png, summary_table
from tests.emit_readers import docx_parts
from tests.quarto_standin import write_quarto
from tests.reports_said import page_said, pages, paragraphs, pdf_said, said_by, word_said
from tests.test_render import ABOUT, HOSTILE, notebook, output

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
    return tell(tmp_path)


def tell(folder: Path) -> list[Path]:
    """Notebooks with words before, between and after outputs; the second cell of words is one string of paragraphs."""
    return [
        notebook(
            folder / "one.ipynb",
            f"# 14.1 Subjects\n\nWords {HOSTILE}",
            output("14.1.1", "Disposition"),
            "Subjects dosed: 13\n\n2 subjects withdrew. A [link](https://example.org/a).",
            output("14.1.2", "Dosing"),
        ),
        notebook(folder / "two.ipynb", "# 14.3 Safety\n\nWords.[^1]\n\n[^1]: A footnote.", mime_bundle(summary_table())),
        notebook(folder / "three.ipynb", "# 16.2 Listings\n\n", mime_bundle(listing()), mime_bundle(figure())),
    ]


def calls(standin: Path) -> list[dict]:
    return [json.loads(line) for line in (standin / "called.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One report by a quarto on PATH and by the embedded engine, below a folder whose name begins with a dot."""
    folder = tmp_path_factory.mktemp("both")
    write_quarto(folder / "bin")
    engines._examine.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
        return make_both(folder, folder / ".cache")


def make_both(folder: Path, out: Path) -> tuple[Path, Path]:
    made = (out / "quarto", out / "embedded")
    notebooks = tell(folder)
    for place in made:
        done = render_report(notebooks, place, about=ABOUT, engine=place.name)
        assert done.engine == place.name
        assert done.notes == ("PDF/A-2a and PDF/UA-1, tagged",)
    return made


# What it does to a document -----------------------------------------------------------------------


def test_a_report_says_what_that_of_the_embedded_engine_says(both):
    """Below a folder whose name begins with a dot, too: the settings are named, and the templates found."""
    mine, theirs = both
    assert_alike(mine, theirs)
    assert sorted(path.name for path in mine.iterdir()) == ["report.docx", "report.html", "report.pdf"]


def assert_alike(mine: Path, theirs: Path) -> None:
    """Two engines print the same, and what they print is what the notebooks of these tests say."""
    said, wanted = said_by(mine), said_by(theirs)
    different = [aspect for aspect in wanted if said[aspect] != wanted[aspect]]
    assert different == []
    assert check_structure(mine / "report.pdf", "report.pdf") == []
    assert said["pdf: Title"] == ABOUT.title
    assert said["pdf: CreationDate"].startswith("D:20261002080000")
    assert said["pdf: bookmarks"][:2] == [(1, "14.1 Subjects"), (2, "Table 14.1.1 Disposition")]
    assert len(said["pdf: pages"]) > 6
    assert said["page: title"] == ABOUT.title
    assert [line for line, held in said["page: contents"] if held][:3] == [
        "14.1 Subjects", "Table 14.1.1 Disposition", "Table 14.1.2 Dosing",
    ]  # fmt: skip
    assert said["page: addresses"] == ["https://example.org/a"]
    assert {"Subjects dosed: 13", "2 subjects withdrew. A link."} <= set(said["word: words"])
    assert "Subjects dosed: 13 2 subjects withdrew." in said["page: words"]
    assert "132 subjects" not in "\n".join([said["page: words"], *said["word: words"], *said["pdf: pages"]])
    for aspect in ("page: pictures", "word: pictures", "pdf: pictures"):
        assert said[aspect], aspect


#: What is planted in one file of a report, and the aspect that tells of it.
PLANTED = """
page: words     | report.html | Subjects dosed: 13     | Subjects dosed: 18     # a number of the narrative
page: title     | report.html | <title>A Trial         | <title>A Trail
page: headings  | report.html | 14.3 Safety</h1>       | 14.3 Safely</h1>
page: contents  | report.html | >14.3 Safety</a>       | >14.3 Safely</a>
page: contents  | report.html | id="section-4"         | id="section-9"         # a line that leads nowhere
page: addresses | report.html | </main>                | <img src=//x.org/p></main>
page: addresses | report.html | </main>                | <style>a{background:url(//x.org/p)}</style></main>
page: pictures  | report.html | aria-label="           | aria-label="no
page: cells     | report.html | </td>                  | 9</td>
word: words     | report.docx | 2 subjects withdrew    | 3 subjects withdrew
word: headings  | report.docx | w:val="Heading1"       | w:val="Heading2"
word: pictures  | report.docx | descr="                | descr="no
"""


@pytest.mark.parametrize("case", [line.split(" # ")[0] for line in PLANTED.strip().splitlines()])
def test_a_report_that_says_something_else_is_seen(both, case, tmp_path):
    aspect, name, was, is_now = (part.strip() for part in case.split("|"))
    content = (both[0] / name).read_bytes()
    wrong = tmp_path / name
    if name == "report.docx":
        parts = docx_parts(content)
        with zipfile.ZipFile(wrong, "w") as package:
            for member, text in parts.items():
                package.writestr(member, text.replace(was.encode(), is_now.encode()) if member == "word/document.xml" else text)
    else:
        wrong.write_bytes(content.replace(was.encode(), is_now.encode()))
    read = word_said if name == "report.docx" else page_said
    said, wanted = read(wrong), read(both[1] / name)
    assert said[aspect] != wanted[aspect]
    assert read(both[0] / name)[aspect] == wanted[aspect]


def test_a_pdf_without_a_page_with_another_title_or_bookmark_is_seen(both, tmp_path):
    wrong = tmp_path
    shutil.copyfile(both[0] / "report.pdf", wrong / "report.pdf")
    with pikepdf.open(wrong / "report.pdf", allow_overwriting_input=True) as pdf:
        del pdf.pages[-1]
        pdf.docinfo["/Title"] = "Other"
        with pdf.open_outline() as outline:
            outline.root[0].title = "Other"
        pdf.save()
    wanted = pdf_said(both[1] / "report.pdf")
    told = {aspect for aspect, value in pdf_said(wrong / "report.pdf").items() if value != wanted[aspect]}
    assert {"pdf: pages", "pdf: Title", "pdf: bookmarks"} <= told


def test_a_page_of_quarto_leads_to_no_other_format(both):
    assert 'href="report.html"' not in (both[0] / "report.html").read_text("utf-8")


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


def test_nothing_in_a_raw_block_ends_it_or_is_acted_on():
    held = quarto._fenced("a\n``````\n{{< env HOME >}}<!-- b", "html")
    assert held == "```````{=html}\na\n``````\n&#123;&#123;< env HOME >}}&lt;!-- b\n```````\n"


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


#: Words of an author, one narrative a line: what another reader of Markdown would take for more than words, or for others.
AUTHORED = r"""
13. 2 subjects withdrew.\n\n5. five\n6. six             # numbers that begin a list are its numbers
Dosed:\n\n13\n\n2 withdrew.                            # three paragraphs
1. one\n\n(3) three\n\niv. four\n\nA) letter            # lists of other kinds
- a\n    - b\n\n      c                                 # a list with a paragraph in it
\"x\" \'y\' \-- \... "q" 's' -- --- ... 5'3\"          # signs that an author wrote as they are, and others
@key [@smith p. 3] -@key (@good) @fig-x [-@fig-x]     # no citation and no reference
$x^2$ and $20,000 and $30,000 \$5\$ \\(a\\)           # no formula
:smile: H~2~O 10^9^ ~~gone~~ a^b c~d                  # no picture for words
{{< env HOME >}} {{<meta title>}} {{{< x >}}}         # a command
`{{< env HOME >}} <!--` `<b>`{=html} `x`{.r} `{r} 1`  # the same as code, and code that would be markup
::: {.callout-note}\nwords\n:::\n\n- ::: {.x}          # a division
# Head {#sec-x .unnumbered}\n\n## 1. Two {-}           # no attributes
[span]{.smallcaps} [a]{} [t "q"](https://example.org/a_b*c "title") [c](https://example.org/{{<x>}}) # links
| a | b |\n|---|--:|\n| 1 | 3 \| x |\n\n: Caption       # a table
Term\n:   Para 13.\n\n    2 subjects\n\nOther\n:   Text # a definition of two paragraphs in a close list
> 13.\n>\n> 2 subjects\n\n    code  two\n      {{< x >}} # a quotation, code with blanks
Words.[^1] More ^[in line][^2]\n\n[^1]: First.\n\n    13.\n\n    2 subjects\n\n[^2]: Last. # footnotes
a  \nb\\\nc                                           # lines
---\n: x: [\n---                                      # looks like settings
---\ntitle: Other\n---\n\ntext                         # is settings at the start of a cell
<!-- words                                            # a comment that nobody closes
``````                                                # a fence
\\input{/etc/passwd} \\textbf{x} \\newpage            # TeX
***\n\n---\n\ntext                                    # rules
<div>x</div> a < b > c &lt; p<0.05 &nbsp;n            # HTML
#| echo: false\n\n(@) example                         # options of a cell, an example
![p](data:image/png;base64,PNG)\n\n- ![q](data:image/png;base64,PNG) # pictures by themselves: no captions
"""


def authored() -> list[str]:
    picture = base64.b64encode(one_pixel_png()).decode()
    texts = [line.rsplit(" # ", 1)[0].rstrip() for line in AUTHORED.strip().splitlines()]
    return [re.sub(r"(?<!\\)\\n", "\n", text).replace("\\\\", "\\").replace("PNG", picture) for text in texts]


def test_words_of_an_author_are_words(standin, tmp_path):
    texts = authored()
    cells = [f"Before {number}.\n\n{text}\n\nAfter {number}." for number, text in enumerate(texts, start=1)]
    long = "| a |\n|---|\n" + "| 1 |\n" * 60
    path = notebook(
        tmp_path / "n.ipynb", "# 1 One", *cells, *(text for text in texts if text[:3] == "---"), long, output("1.1", "First")
    )
    for engine in ("quarto", "embedded"):
        render_report([path], tmp_path / engine, about=ABOUT, engine=engine)
    said, wanted = said_by(tmp_path / "quarto"), said_by(tmp_path / "embedded")
    assert [aspect for aspect in wanted if said[aspect] != wanted[aspect]] == []
    assert sum(text.startswith(("Before", "After")) for text in said["word: words"]) == 2 * len(texts)
    assert {"2 subjects withdrew.", "five", "Dosed:", "13", "2 withdrew.", "Head {#sec-x .unnumbered}"} <= set(said["word: words"])
    for words in ("-@key (@good)", "{{< env HOME >}} <!-- <b>{=html} x{.r}", "\"x\" 'y' -- ...", "$20,000 and $30,000"):
        assert any(words in text for text in said["word: words"]), words


def test_a_list_begins_with_the_number_that_its_author_wrote(standin, tmp_path):
    """Numbers are words to a reader: 10 and 13 are not 1, in either engine and in any format."""
    words = "# 1 One\n\n10. ten\n11. eleven\n\nWords.\n\n13. 2 subjects withdrew.\n\n- a\n    5. five"
    path = notebook(tmp_path / "n.ipynb", words, output("1.1", "First"))
    for engine in ("quarto", "embedded"):
        made = tmp_path / engine
        render_report([path], made, about=ABOUT, engine=engine)
        page = (made / "report.html").read_text("utf-8")
        assert re.findall(r'<ol start="(\d+)"', page) == ["10", "13", "5"]
        numbers = docx_parts((made / "report.docx").read_bytes())["word/numbering.xml"].decode("utf-8")
        assert re.findall(r'<w:lvlOverride w:ilvl="0">\s*<w:startOverride w:val="(\d+)"', numbers) == ["10", "13", "5"]
        printed = PdfReader(made / "report.pdf").pages[2].extract_text()
        for line in ("10. ten", "11. eleven", "13. 2 subjects withdrew.", "5. five"):
            assert line in printed, line


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
    word = json.loads((tmp_path / "project" / "docx.ipynb").read_text("utf-8"))
    words = "".join(line for cell in word["cells"] for line in cell["source"])
    assert "\\<script\\>alert\\(1\\)" in words


def test_settings_take_titles_as_text(tmp_path, told):
    about = ReportAbout("A *title* {{< include /etc/passwd >}} `x`{=html} <!--")
    quarto.write_project(tmp_path / "project", read_sections(told), about, ["html"])
    settings = yaml.safe_load((tmp_path / "project" / "settings.yml").read_text("utf-8"))
    assert list(settings["format"]) == ["html"]
    assert settings["execute"]["enabled"] is False
    assert settings["format"]["html"]["toc"] is False
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


def test_settings_of_a_folder_above_change_nothing(standin, told, tmp_path):
    """Quarto looks for a project in every folder above."""
    (tmp_path / "_quarto.yml").write_text("project: {type: website\ntitle: Other\n")
    (tmp_path / "_metadata.yml").write_text("title: Other\n")
    done = render_report(told, tmp_path / "out", about=ABOUT, formats=["docx"])
    assert done.engine == "quarto"
    assert "Other" not in paragraphs(tmp_path / "out")
    assert "14.1 Subjects" in paragraphs(tmp_path / "out")


def test_a_character_that_the_fonts_lack_is_told_with_its_place(standin, tmp_path):
    path = notebook(tmp_path / "n.ipynb", "# 1 One", output("1.1", "First", cell="\u0a95"))
    said = []
    for engine in ("quarto", "embedded"):
        with pytest.raises(ReportError, match=r"n\.ipynb, cell 2: the fonts lack .*U\+0A95") as caught:
            render_report([path], tmp_path / engine, about=ABOUT, engine=engine, formats=("pdf",))
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_a_notebook_of_a_build_renders_by_itself(standin, tmp_path):
    (path, *_) = tell(tmp_path)
    quarto.write_workbench(tmp_path, ABOUT)
    quarto.run_quarto(str(standin / "quarto"), ["render", path.name, "--to", "typst"], tmp_path, 60)
    text = " ".join(page.extract_text() for page in PdfReader(path.with_suffix(".pdf")).pages)
    assert all(words in text for words in ("14.1 Subjects", "Table 14.1.1 Disposition", "Subjects dosed: 13\n", ABOUT.mark))


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


def test_a_quarto_with_an_old_typst_is_left_alone(standin, monkeypatch):
    monkeypatch.setenv("QUARTO_TYPST", "/opt/old/typst")
    assert "does not work: ERROR: error: invalid value 'a-2a'" in str(engines.choose_engine("auto"))


def test_a_quarto_that_works_is_taken_and_named_with_its_version(standin):
    assert str(engines.choose_engine("auto")) == f"Quarto 1.10.18 at {standin / 'quarto'}"
    assert f"ok       Quarto 1.10.18 at {standin / 'quarto'}: renders a notebook of one cell" in doctor.examine()[0]


def test_quarto_that_is_missing_is_an_error_that_says_how_to_get_it(told, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(ReportError, match=r"Quarto is not on PATH.*cgbm1-report\[quarto\]"):
        render_report(told, tmp_path / "out", about=ABOUT, engine="quarto")
    assert str(engines.choose_engine("auto")) == "the embedded engine"


# What it makes is proved ----------------------------------------------------------------------------


@pytest.mark.usefixtures("shared_cuts_are_read")
def test_a_build_through_quarto_is_proved_as_any_other(standin, young_cut, tmp_path):
    asked = Request(cut=young_cut, out=tmp_path / "build", only=("T14.1.1.1",), phase=1, formats=("html",), engine="quarto")
    out = build_report(asked)
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert manifest["engine"]["name"] == "quarto"
    text = (out / "report.html").read_text("utf-8")
    for was, is_now in ((">14.1 Demographic Data</a>", ">14.1 Demographic Date</a>"), ('title-mark">Draft', 'title-mark">Final')):
        assert was in text
        text = text.replace(was, is_now)
    (out / "report.html").write_text(text, encoding="utf-8")
    assert {"contents", "title"} <= {finding.place for finding in verify_build(out, manifest).findings}


# The real one --------------------------------------------------------------------------------------


@pytest.mark.runs("quarto")
def test_real_quarto_prints_every_page_as_the_embedded_engine_does(tmp_path):
    """Narrative, titles, contents, bookmarks, outside addresses and structure, as asked of the stand-in's report."""
    assert_alike(*make_both(tmp_path, tmp_path / "out"))


@pytest.mark.runs("quarto")
def test_real_quarto_takes_words_for_words(tmp_path):
    path = notebook(tmp_path / "n.ipynb", "# 1 One", *authored(), output("1.1", "First"))
    for engine in ("quarto", "embedded"):
        render_report([path], tmp_path / engine, about=ABOUT, engine=engine)
    said, wanted = said_by(tmp_path / "quarto"), said_by(tmp_path / "embedded")
    assert [aspect for aspect in wanted if said[aspect] != wanted[aspect]] == []


@pytest.mark.runs("quarto")
def test_real_quarto_renders_a_notebook_of_a_build_by_itself(tmp_path):
    (path, *_) = tell(tmp_path)
    quarto.write_workbench(tmp_path, ABOUT)
    quarto.run_quarto(shutil.which("quarto"), ["render", path.name, "--to", "typst"], tmp_path, 600)
    text = " ".join(page.extract_text() for page in PdfReader(path.with_suffix(".pdf")).pages)
    assert all(words in text for words in ("14.1 Subjects", "Table 14.1.1 Disposition", "Subjects dosed: 13\n", ABOUT.mark))

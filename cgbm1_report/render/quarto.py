"""Quarto as engine: a folder of notebooks that hold what is to be printed, one of each format; nothing is executed.

Quarto reads as little as can be of what is printed, so that it can change nothing of it:

* HTML is one raw block: the contents and sections of the embedded engine's page, in Quarto's frame.
* PDF is the embedded engine's files of typst, and a raw block that includes them.
* Only DOCX has words as Markdown, because lists, notes and pictures are parts of a Word file that no raw block holds;
  every sign in them is escaped (:mod:`.literal`).

What Quarto does to a notebook decides the rest:

* Files below a folder whose name begins with a dot are no inputs of a project, so the settings are a file
  named on the command line; ``_quarto.yml`` only keeps Quarto from looking for one further up.
* The first heading of a notebook becomes the document's title, unless a markdown cell without one stands first.
* The lines of a markdown cell stay apart only where its source is a list of lines.
* An output with ``text/html`` brings scripts from a content network into a page.
* ``{{< … >}}`` is acted on wherever it stands, and ``<!--`` hides what follows from Quarto's search for settings.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from cgbm1_report.assets import asset
from cgbm1_report.errors import ToolError
from cgbm1_report.render import RenderResult, ReportAbout, seconds_left
from cgbm1_report.render.engines import Engine
from cgbm1_report.render.parts import Narrative, Section, Shown
from cgbm1_report.render.tree import read_report
from cgbm1_report.system.processes import run_program

if TYPE_CHECKING:
    from cgbm1_report.render.pandoc import Blocks
    from cgbm1_report.render.pdf import Piece

SETTINGS = "settings.yml"
_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()#+\-.!<>|~^$@\"'&:=])")
#: What Quarto acts on wherever it stands, and what stands for it in each kind of text: it prints alike and does nothing.
_INERT: Mapping[str, Mapping[str, str]] = {
    "{{<": {"words": "{{ <", "html": "&#123;&#123;<", "openxml": "&#123;&#123;<"},
    "<!--": {"words": "<! --", "html": "&lt;!--", "openxml": "&lt;!--"},
}
_TARGETS = {"html": "html", "docx": "docx", "pdf": "typst"}
_NEW_PAGE = '<w:p><w:pPr><w:pStyle w:val="OutputBreak"/></w:pPr></w:p>'
_TEMPLATES = {"html": ("report.css", "quarto.css"), "docx": (), "pdf": ("page.typ", "output.typ", "typst-show.typ")}
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
#: What conda's activation tells its Quarto: where its parts lie. What changes how a document looks is not passed on.
_OWN = re.compile(
    r"QUARTO_(DENO|DENO_DOM|PANDOC|ESBUILD|DART_SASS|TYPST|SHARE_PATH|BIN_PATH|CONDA_PREFIX|ROOT)|DENO_DOM_PLUGIN|CONDA_PREFIX"
)
_SYSTEM = ("TMPDIR", "SYSTEMROOT", "TEMP", "TMP", "APPDATA", "LOCALAPPDATA")


def render_with_quarto(
    notebooks: list[Path],
    scratch: Path,
    about: ReportAbout,
    formats: list[str],
    timeout: float,
    reference: bytes | None = None,
    *,
    engine: Engine,
) -> RenderResult:
    """Render executed notebooks into ``scratch``; see :func:`cgbm1_report.render.render_report`."""
    ends = time.monotonic() + timeout
    sections = read_report(notebooks, printed=bool({"docx", "pdf"} & set(formats)))
    project = scratch / "quarto"
    pieces = write_project(project, sections, about, formats, reference)
    files, notes = {}, []
    for kind in formats:
        said = _render(engine, kind, project, about.seconds, ends, pieces)
        files[kind] = project / f"report.{kind}"
        if not files[kind].is_file():
            raise ToolError(f"Quarto made no report.{kind}", rule="engine quarto", remedy="use the engine embedded")
        notes += [said] if said else []
    if "docx" in files:
        from cgbm1_report.render.docx import finish_docx

        files["docx"].write_bytes(finish_docx(files["docx"].read_bytes(), about))
    return RenderResult(files, "quarto", engine.version, tuple(notes))


def _render(engine: Engine, kind: str, project: Path, seconds: int, ends: float, pieces: Sequence[Piece]) -> str:
    """Make one format; what a reader of the log should know of it."""
    try:
        _order(engine, kind, project, seconds, ends, pieces)
    except _NotUniversalError as error:
        # The order of headings is the author's; the archive's standard does not depend on it.
        settings = yaml.safe_load((project / SETTINGS).read_text(encoding="utf-8"))
        settings["format"]["typst"]["pdf-standard"] = ["a-2a"]
        (project / SETTINGS).write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
        _order(engine, kind, project, seconds, ends, pieces)
        return f"PDF/A-2a, tagged; not PDF/UA-1: {error}"
    return "PDF/A-2a and PDF/UA-1, tagged" if kind == "pdf" else ""


class _NotUniversalError(Exception):
    """Typst refuses to call the document PDF/UA."""


def _order(engine: Engine, kind: str, project: Path, seconds: int, ends: float, pieces: Sequence[Piece]) -> None:
    arguments, left = render_arguments(kind), seconds_left(ends)
    try:
        run_quarto(engine.path, arguments, project, left, seconds)
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"Quarto took longer than {left:.0f} s", rule="engine quarto", remedy="allow more time") from error
    except OSError as error:
        raise ToolError(
            f"Quarto cannot be run: {error.strerror}", file=engine.path, rule="engine quarto", remedy="use the engine embedded"
        ) from error
    except subprocess.CalledProcessError as error:
        said = first_error(error)
        if kind == "pdf" and "PDF/UA" in said and "could not be displayed" not in said:
            raise _NotUniversalError(said) from error
        everything = QuartoSaidError(error.stderr.decode("utf-8", "replace"))
        if kind == "pdf" and ("could not be displayed" in said or any(piece.file in str(everything) for piece in pieces)):
            from cgbm1_report.render.order import TypesetError
            from cgbm1_report.render.pdf import explained

            raise explained(TypesetError(said, _ANSI.sub("", str(everything))), pieces) from everything
        raise ToolError(
            f"Quarto failed (exit code {error.returncode}) at: quarto {' '.join(arguments)}: {said}",
            rule="engine quarto",
            remedy="mend what Quarto names, or use the engine embedded; --debug shows all that Quarto said",
        ) from everything


class QuartoSaidError(Exception):
    """All that Quarto printed before it failed: settings, stack traces and all."""


def render_arguments(kind: str) -> list[str]:
    """Arguments of the ``quarto`` that makes one format."""
    return ["render", f"{kind}.ipynb", "--to", _TARGETS[kind], "--output", f"report.{kind}", "--no-execute",
            "--metadata-file", SETTINGS]  # fmt: skip


def write_project(
    project: Path, sections: Sequence[Section], about: ReportAbout, formats: Sequence[str], reference: bytes | None = None
) -> list[Piece]:
    """Write the folder: a notebook of each format, the settings, templates and fonts; give the pieces of the PDF."""
    project.mkdir()
    pieces: list[Piece] = []
    for kind in formats:
        if kind == "pdf":
            from cgbm1_report.render.pdf import body_of, cut_pieces, prepare

            pieces = cut_pieces(sections)
            prepare(project, about, pieces)
            cells = [_words(1, _fenced(body_of(pieces), "typst"))]
        else:
            cells = [_words(1, _page(sections, about))] if kind == "html" else _document(sections)
        notebook = json.dumps(_notebook(cells), ensure_ascii=False)
        (project / f"{kind}.ipynb").write_text(notebook, encoding="utf-8", errors="replace")
    (project / "_quarto.yml").write_text("project:\n  type: default\n", encoding="utf-8")
    settings = _settings(about, formats)
    if "html" in formats:
        # The report brings its own, which names the outputs as well; Quarto's would be empty.
        settings["format"]["html"]["toc"] = False
    (project / SETTINGS).write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    write_looks(project, about, formats, reference)
    return pieces


def write_looks(folder: Path, about: ReportAbout, formats: Sequence[str], reference: bytes | None = None) -> None:
    """Write what the settings name into the folder: style sheet, templates, fonts, Word's template, what the pages say."""
    (folder / "about.json").write_text(json.dumps(about.as_data()), encoding="utf-8")
    for name in [name for kind in formats for name in _TEMPLATES[kind]]:
        shutil.copyfile(asset("templates", name), folder / name)
    if "pdf" in formats:
        (folder / "fonts").mkdir()
        for font in sorted(asset("templates", "fonts").iterdir()):
            # One by one: of a whole tree the error says no number, by which a full disk is known.
            shutil.copyfile(font, folder / "fonts" / font.name)
    if "docx" in formats:
        from cgbm1_report.emit.docx import fill_reference

        (folder / "reference.docx").write_bytes(fill_reference(about.stamp, about.title, reference))


def write_workbench(folder: Path, about: ReportAbout, reference: bytes | None = None) -> None:
    """Make a folder of executed notebooks a project of Quarto's, so that each renders as the report does, by itself.

    ``quarto render NOTEBOOK --to typst``, or without a name all of them. A title of the project keeps the first heading of
    a notebook from becoming the title.
    """
    settings = {"project": {"type": "default"}, "title": _literal(about.title), **_settings(about, tuple(_TARGETS))}
    (folder / "_quarto.yml").write_text(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False), encoding="utf-8")
    write_looks(folder, about, tuple(_TARGETS), reference)


def _settings(about: ReportAbout, formats: Sequence[str]) -> dict[str, Any]:
    """templates/_quarto.yml of this report, without what is a project's; only HTML has no title page of ours."""
    settings: dict[str, Any] = yaml.safe_load(asset("templates", "_quarto.yml").read_text(encoding="utf-8"))
    settings.pop("project", None)
    wanted = [_TARGETS[kind] for kind in formats]
    settings["format"] = {target: options for target, options in settings["format"].items() if target in wanted}
    if "html" in formats:
        settings["format"]["html"] |= {"title": _literal(about.title), "subtitle": _literal(about.subtitle)}
    return settings


def _literal(text: str) -> str:
    """Text that Quarto, which reads settings as Markdown, prints as it is."""
    return _PUNCTUATION.sub(r"\\\1", _inert(" ".join(text.split()), "words"))


def _inert(text: str, kind: str) -> str:
    for command, instead in _INERT.items():
        text = text.replace(command, instead[kind])
    return text


def _page(sections: Sequence[Section], about: ReportAbout) -> str:
    """The embedded engine's page without its frame, as one raw block."""
    from cgbm1_report.render.html import printed, write_abbreviations, write_body, write_facts

    contents, body = write_body(sections)
    front = f'<p class="title-mark">{printed(about.mark)}</p>\n' if about.mark else ""
    front += f'<dl class="facts">\n{write_facts(about)}\n</dl>\n{write_abbreviations(about)}'
    lines = f'<nav class="contents" aria-label="Contents">\n<p class="contents-head">Contents</p>\n{contents}\n</nav>'
    return _fenced(f"{front}\n{lines}\n{body}", "html")


def _document(sections: Sequence[Section]) -> list[dict[str, Any]]:
    """The report for Word: words as Markdown, outputs as raw blocks and the pictures between them."""
    from cgbm1_report.render.literal import write_literal

    parts = [part for section in sections for part in section.parts]
    written = iter(write_literal([blocks for part in parts for blocks in _words_of(part)]))
    cells: list[dict[str, Any]] = []
    for section in sections:
        before: Narrative | Shown | None = None
        for part in section.parts:
            if isinstance(part, Narrative):
                # Words after an output start a page, as in the embedded engine.
                started = _fenced(_NEW_PAGE, "openxml") + "\n" if isinstance(before, Shown) else ""
                cells.append(_words(len(cells) + 1, started + next(written)))
            else:
                shown = {"output_type": "display_data", "metadata": {}, "data": {"text/markdown": _lines(_printed(part, written))}}
                cell = _cell(len(cells) + 1, "code", ["#| echo: false"])
                cells.append(cell | {"execution_count": len(cells) + 1, "outputs": [shown]})
            before = part
    return cells


def _words_of(part: Narrative | Shown) -> list[Blocks]:
    """A narrative has one text, an output as many as stand in it: pictures, which Word has a style for."""
    from cgbm1_report.render.docx import without_last_break
    from cgbm1_report.render.literal import styled

    if isinstance(part, Narrative):
        return [part.blocks]
    return [styled("Output Picture", without_last_break(content)) for kind, content in part.printed if kind == "words"]


def _printed(part: Shown, written: Iterator[str]) -> str:
    """What of an output Word prints: raw blocks, and the pictures between them."""
    from cgbm1_report.render.docx import placed

    pieces, first = [], True
    for own, content in part.printed:
        if own == "words":
            pieces.append(next(written))
        elif own == "openxml":
            pieces.append(_fenced(placed(content, part, first=first), own))
            first = False
    return "\n\n".join(pieces)


def _notebook(cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    # Stands first, so that the first heading stays what it is.
    first = _words(0, "<!-- -->\n")
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return {"cells": [first, *cells], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}


def _words(number: int, text: str) -> dict[str, Any]:
    return _cell(number, "markdown", _lines(text))


def _cell(number: int, kind: str, source: list[str]) -> dict[str, Any]:
    return {"id": f"cell-{number}", "cell_type": kind, "metadata": {}, "source": source}


def _fenced(content: str, kind: str) -> str:
    """A raw block; its fence is longer than any run of backticks in it."""
    content = _inert(content, kind) if kind != "typst" else content
    fence = "`" * (max(map(len, re.findall(r"`{3,}", content)), default=2) + 1)
    return f"{fence}{{={kind}}}\n{content}\n{fence}\n"


def _lines(text: str) -> list[str]:
    """A text as a notebook's file holds it: Quarto runs the lines of one string together, and paragraphs with them."""
    return re.findall(r"[^\n]*\n|[^\n]+$", text)


def first_error(error: subprocess.CalledProcessError) -> str:
    """The line in which Quarto says what is wrong: the first that says it is an error, else the first of all."""
    lines = [line.strip() for line in _ANSI.sub("", error.stderr.decode("utf-8", "replace")).splitlines() if line.strip()]
    told = [line for line in lines if re.match(r"(ERROR|error)\b", line)]
    return (told or lines or [f"exit code {error.returncode}, without a word"])[0][:500]


def run_quarto(path: str, arguments: list[str], folder: Path, timeout: float, seconds: int = 315532800) -> bytes:
    """Run Quarto in a folder and return what it prints; ``seconds`` since 1970 date its files. All that it starts ends with it.

    Raises
    ------
    subprocess.CalledProcessError
        It failed; ``stderr`` holds its words.
    subprocess.TimeoutExpired, OSError
        It took too long, it cannot be started.
    """
    home = folder / "home"
    home.mkdir(exist_ok=True)
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(home), "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}
    environment["SOURCE_DATE_EPOCH"] = str(seconds)
    environment |= {name: value for name, value in os.environ.items() if name in _SYSTEM or _OWN.fullmatch(name)}
    done = run_program([path, *arguments], timeout=timeout, folder=folder, environment=environment)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, done.args, done.stdout, done.stderr)
    return done.stdout

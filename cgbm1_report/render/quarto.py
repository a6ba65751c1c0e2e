"""Quarto as engine: a private project of one notebook with the stored outputs, nothing executed.

Quarto takes text/html for HTML and the raw blocks of text/markdown for DOCX and PDF. It acts on
``{{< … >}}`` wherever it stands, so the project's copy of the notebooks holds none.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from cgbm1_report.assets import asset
from cgbm1_report.errors import ToolError
from cgbm1_report.render import RenderResult, ReportAbout, seconds_left
from cgbm1_report.render.pandoc import Blocks, write_fragments
from cgbm1_report.render.parts import Narrative, Section, Shown
from cgbm1_report.render.tree import read_report
from cgbm1_report.system.processes import run_program

_COMMAND = "{{<"
_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()#+\-.!<>|~^$@\"'&:=])")
#: What stands for a command of Quarto's in each kind of text: it prints alike and does nothing.
_INERT = {"words": "{{ <", "html": "&#123;&#123;<", "openxml": "&#123;&#123;<", "typst": "\\u{7b}\\u{7b}<"}
_TARGETS = {"html": "html", "docx": "docx", "pdf": "typst"}
_TEMPLATES = {"html": ("report.css",), "docx": (), "pdf": ("page.typ", "output.typ")}


def render_with_quarto(
    notebooks: list[Path], scratch: Path, about: ReportAbout, formats: list[str], timeout: float, reference: bytes | None = None
) -> RenderResult:
    """Render executed notebooks into ``scratch``; see :func:`cgbm1_report.render.render_report`."""
    ends = time.monotonic() + timeout
    sections = read_report(notebooks, printed=bool({"docx", "pdf"} & set(formats)))
    project = scratch / "quarto"
    write_project(project, sections, about, formats, reference)
    version = _run(["--version"], project, 60).strip()
    files = {}
    for kind in formats:
        _run(render_arguments(kind), project, seconds_left(ends))
        files[kind] = project / f"report.{kind}"
        if not files[kind].is_file():
            raise ToolError(f"Quarto made no report.{kind}", rule="engine quarto", remedy="use the engine embedded")
    if "docx" in files:
        from cgbm1_report.render.docx import finish_docx

        files["docx"].write_bytes(finish_docx(files["docx"].read_bytes(), about))
    return RenderResult(files, "quarto", version)


def render_arguments(kind: str) -> list[str]:
    """Arguments of the ``quarto`` that makes one format of the project's notebook."""
    return ["render", "report.ipynb", "--to", _TARGETS[kind], "--output", f"report.{kind}", "--no-execute"]


def write_project(
    project: Path, sections: Sequence[Section], about: ReportAbout, formats: Sequence[str], reference: bytes | None = None
) -> None:
    """Write the project: one notebook, ``_quarto.yml``, templates and fonts."""
    project.mkdir()
    (project / "report.ipynb").write_text(json.dumps(_notebook(sections), ensure_ascii=False), encoding="utf-8")
    (project / "_quarto.yml").write_text(yaml.safe_dump(_settings(about, formats), allow_unicode=True), encoding="utf-8")
    (project / "about.json").write_text(json.dumps(about.as_data()), encoding="utf-8")
    for name in [name for kind in formats for name in _TEMPLATES[kind]]:
        shutil.copyfile(asset("templates", name), project / name)
    if "pdf" in formats:
        shutil.copytree(asset("templates", "fonts"), project / "fonts")
    if "docx" in formats:
        from cgbm1_report.emit.docx import fill_reference

        (project / "reference.docx").write_bytes(fill_reference(about.stamp, about.title, reference))


def _settings(about: ReportAbout, formats: Sequence[str]) -> dict[str, Any]:
    """Make templates/_quarto.yml of this report; only HTML has no title page of ours."""
    settings: dict[str, Any] = yaml.safe_load(asset("templates", "_quarto.yml").read_text(encoding="utf-8"))
    wanted = [_TARGETS[kind] for kind in formats]
    settings["format"] = {target: options for target, options in settings["format"].items() if target in wanted}
    if "html" in formats:
        facts = [f"{what}: {value}" for what, value in about.facts]
        told = " | ".join([*([about.mark] if about.mark else []), *facts])
        settings["format"]["html"] |= {
            "title": _literal(about.title),
            "subtitle": _literal(about.subtitle),
            "abstract": _literal(told),
        }
    return settings


def _literal(text: str) -> str:
    """Text that Quarto, which reads settings as Markdown, prints as it is."""
    return _PUNCTUATION.sub(r"\\\1", " ".join(text.split()).replace(_COMMAND, _INERT["words"]))


def _notebook(sections: Sequence[Section]) -> dict[str, Any]:
    parts = [part for section in sections for part in section.parts]
    groups: list[Blocks] = []
    for part in parts:
        pieces = [part.blocks] if isinstance(part, Narrative) else [content for kind, content in part.printed if kind == "words"]
        groups += [_disarmed(blocks) for blocks in pieces]
    words = iter(write_fragments(groups, "markdown-raw_html-raw_attribute-raw_tex-smart"))
    cells = []
    for number, part in enumerate(parts, start=1):
        cell: dict[str, Any] = {"id": f"cell-{number}", "metadata": {}}
        if isinstance(part, Narrative):
            cell |= {"cell_type": "markdown", "source": _lines(next(words))}
        else:
            cell |= {
                "cell_type": "code",
                "source": ["#| echo: false"],
                "execution_count": number,
                "outputs": [_output(part, words)],
            }
        cells.append(cell)
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}


def _output(part: Shown, words: Any) -> dict[str, Any]:
    from cgbm1_report.render.docx import placed
    from cgbm1_report.render.html import levelled
    from cgbm1_report.render.pdf import placing

    pieces: list[str] = []
    told: set[str] = set()
    for kind, content in part.printed:
        first = kind not in told
        told.add(kind)
        if kind == "words":
            pieces.append(next(words))
        else:
            if kind == "openxml":
                content = placed(content, part, first=first)
            elif kind == "typst" and first:
                content = placing(part) + content
            runs = re.findall(r"`{3,}", content)
            fence = "`" * (max((len(run) for run in runs), default=2) + 1)
            pieces.append(f"{fence}{{={kind}}}\n{content.replace(_COMMAND, _INERT[kind])}\n{fence}")
    data = {"text/html": levelled(part).replace(_COMMAND, _INERT["html"]), "text/markdown": "\n\n".join(pieces)}
    return {"output_type": "display_data", "metadata": {}, "data": {mime: _lines(text) for mime, text in data.items() if text}}


def _lines(text: str) -> list[str]:
    """A text as a notebook's file holds it: Quarto runs the lines of one string together, and paragraphs with them."""
    return text.splitlines(keepends=True)


def _disarmed(node: Any) -> Any:
    if isinstance(node, str):
        return node.replace(_COMMAND, _INERT["words"])
    if isinstance(node, list):
        return [_disarmed(item) for item in node]
    return {key: _disarmed(value) for key, value in node.items()} if isinstance(node, dict) else node


def _run(arguments: list[str], project: Path, timeout: float) -> str:
    """Run quarto in the project and return what it prints."""
    home = project / "home"
    home.mkdir(exist_ok=True)
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(home), "LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": "315532800"}
    environment |= {
        name: os.environ[name] for name in ("TMPDIR", "SYSTEMROOT", "TEMP", "TMP", "APPDATA", "LOCALAPPDATA") if name in os.environ
    }
    command = [shutil.which("quarto") or "quarto", *arguments]
    try:
        done = run_program(command, timeout=timeout, folder=project, environment=environment)
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"Quarto took longer than {timeout:g} s", rule="engine quarto", remedy="allow more time") from error
    except OSError as error:
        raise ToolError(
            f"Quarto cannot be run: {error.strerror}", file=command[0], rule="engine quarto", remedy="use the engine embedded"
        ) from error
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip()[-4000:]
        raise ToolError(
            f"Quarto failed (exit code {done.returncode}) at: quarto {' '.join(arguments)}\n{words}",
            rule="engine quarto",
            remedy="mend what Quarto names, or use the engine embedded",
        )
    return done.stdout.decode("utf-8", "replace")

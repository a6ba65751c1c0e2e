"""A program named ``quarto`` that does to notebooks what Quarto 1.5 to 1.10 was seen to do, and fails where it fails.

Quarto itself is downloaded while it is installed, which needs a network. What it does that decides how our
notebooks must be written is here, each with where it stands in Quarto's source. It renders for real: pandoc and
typst come from the packages that the embedded engine uses.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html import escape
from pathlib import Path
from typing import Any

import yaml

CHILD = "import time; time.sleep(600)"
SCRIPTS = (
    '<script src="https://cdn.jsdelivr.net/npm/requirejs@2.3.6/require.min.js"></script>\n'
    '<script src="https://cdn.jsdelivr.net/npm/jquery@3.5.1/dist/jquery.min.js"></script>\n'
)
MATHJAX = '<script src="https://cdn.jsdelivr.net/npm/mathjax@3/es5/tex-chtml-full.js"></script>\n'
#: What its typst template says before a partial named page.typ: how code, terms and tables look, and what it calls where no
#: partial named typst-show.typ takes its place.
ARTICLE = """#show raw.where(block: true): set block(fill: luma(230), width: 100%, inset: 8pt)
#show terms.item: it => block(breakable: false)[#strong(it.term) #block(inset: (left: 1.5em, top: -0.4em), it.description)]
#set table(inset: 6pt, stroke: none)
#let article(title: none, doc) = {
  set document(title: title)
  set par(justify: true)
  doc
}
"""
SHOW = "#show: doc => article(doc)\n"
PAGE = '#set page(paper: "us-letter", margin: (x: 1.25in, y: 1.25in), numbering: "1")\n'

_COMMENT = re.compile(r"<!--[\W\w]*?-->")
_FENCED = re.compile(r"^([\t >]*`{3,})[^`\n]*\n[\W\w]*?\n\1\s*$", re.M)
_YAML = re.compile(r"^(---[ \t]*[\r\n]+(?![ \t]*[\r\n]+)[\W\w]*?[\r\n]+(?:---|\.\.\.))[ \t]*$", re.M)
_SHORTCODE = re.compile(r"\{\{<.*?>\}\}", re.S)
_HEADING = re.compile(r"#+\s")
_HEADINGS = re.compile(r"^#{1,3} (.*)$", re.M)
_RAW = re.compile(r"^(`{3,})\{=.*?^\1$", re.M | re.S)


class QuartoFailedError(Exception):
    """What Quarto ends with: a word of its own, and a stack trace."""


def write_quarto(folder: Path, **settings: object) -> Path:
    """Put the program into a folder that a test puts on PATH; ``settings`` say which Quarto it is."""
    folder.mkdir(exist_ok=True)
    (folder / "quarto.json").write_text(json.dumps({"version": "1.10.18", **settings}))
    program = folder / "quarto"
    root = Path(__file__).parent.parent
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(root)!r})\nfrom tests.quarto_standin import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    program.chmod(0o755)
    return program


def main(arguments: list[str]) -> int:
    """Be quarto: ``--version``, or ``render FILE`` with its options."""
    being = json.loads(Path(sys.argv[0]).with_name("quarto.json").read_text())
    (Path(sys.argv[0]).parent / "called.jsonl").open("a").write(
        json.dumps({"argv": arguments, "env": dict(os.environ), "files": sorted(os.listdir())}) + "\n"
    )
    try:
        if being.get("conda") and "QUARTO_SHARE_PATH" not in os.environ:
            raise QuartoFailedError("NotFound: No such file or directory (os error 2), readfile 'undefined/share/version'")
        if arguments == ["--version"]:
            sys.stdout.write(being["version"] + "\n")
            return 0
        if being.get("broken"):
            raise QuartoFailedError(str(being["broken"]))
        if being.get("hangs"):
            # Quarto is a wrapper: deno, pandoc and typst are its children, and outlive it when it alone is ended.
            with subprocess.Popen([sys.executable, "-c", CHILD]) as child:
                Path(str(being["hangs"])).write_text(str(child.pid))
        render(arguments[1:])
    except QuartoFailedError as error:
        if "--quiet" not in arguments:
            color, plain = ("", "") if "NO_COLOR" in os.environ else ("\x1b[31m", "\x1b[39m")
            sys.stderr.write("pandoc \n  to: typst\n  output-file: report.pdf\n\n")
            sys.stderr.write(f"{color}ERROR: {error}{plain}\n\nStack trace:\n    at renderFiles (quarto.js:1:1)\n")
        return 1
    return 0


def render(arguments: list[str]) -> None:
    """``render FILE --to FORMAT --output NAME [--metadata-file FILE] [--no-execute]``."""
    options = {name: arguments[at + 1] for at, name in enumerate(arguments) if name in ("--to", "--output", "--metadata-file")}
    source = Path(arguments[0])
    notebook = json.loads(source.read_text(encoding="utf-8"))
    project = find_project(source.resolve())
    if "title" not in project:
        fix_front_matter(notebook)
    named = Path(options["--metadata-file"]).read_text(encoding="utf-8") if "--metadata-file" in options else "{}"
    beside = source.resolve().with_name("_metadata.yml")
    shared = yaml.safe_load(beside.read_text(encoding="utf-8")) if beside.is_file() else {}
    settings = {**project, **shared, **yaml.safe_load(named)}
    target = options.get("--to", "html")
    markdown, libraries = to_markdown(notebook, target)
    read_settings_in(markdown)
    own = settings.get("format", {})
    general = {name: value for name, value in settings.items() if name != "format"}
    chosen = {**general, **front_matter(notebook), **(own.get(target) if isinstance(own.get(target), dict) else {})}
    markdown = _SHORTCODE.sub("?shortcode", markdown)
    made = source.resolve().with_name(options.get("--output", f"{source.stem}.{'pdf' if target == 'typst' else target}"))
    {"html": write_html, "docx": write_docx, "typst": write_pdf}[target](markdown, chosen, made, libraries, list(own))


def find_project(source: Path) -> dict[str, Any]:
    """``_quarto.yml`` of the project a notebook is an input of: the nearest, none where a folder's name begins with a dot.

    (project-context.ts: projectContext; of a file that is no input of the nearest project none further up is asked.)
    """
    nearest = next((folder for folder in source.parents if (folder / "_quarto.yml").is_file()), None)
    try:
        settings = yaml.safe_load((nearest / "_quarto.yml").read_text(encoding="utf-8")) if nearest else {}
    except yaml.YAMLError as error:
        raise QuartoFailedError(f"YAMLError: {str(error).splitlines()[0]}") from error
    return {} if any(part.startswith(".") for part in source.parts) else settings or {}


def front_matter(notebook: dict[str, Any]) -> dict[str, Any]:
    """The settings in the first cell of words, raw or not, that begins with a block of them (jupyter-fixups.ts)."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] in ("raw", "markdown")]
    found = next(filter(None, (_YAML.match(_joined(cell["source"]).lstrip()) for cell in cells)), None)
    return yaml.safe_load(found[1].removesuffix("---")) or {} if found else {}


def fix_front_matter(notebook: dict[str, Any]) -> None:
    """The first heading of the first markdown cell becomes the title and is cut out (jupyter-fixups.ts: fixupFrontMatter).

    Not where the project has a title (jupyter.ts: minimalFixups).
    """
    if front_matter(notebook).get("title"):
        return
    for cell in notebook["cells"]:
        if cell["cell_type"] != "markdown":
            continue
        lines = _joined(cell["source"]).split("\n")
        at = next((at for at, line in enumerate(lines) if _HEADING.match(line)), None)
        # A first line that is underlined is a heading, too.
        underlined = len(lines) > 1 and lines[0].strip() and re.fullmatch(r"(=+|-+)\s*", lines[1])
        if at == 0 or underlined:
            title = lines[0].lstrip("# ")
            cell["source"] = [line + "\n" for line in lines[2 if underlined else 1 :]]
            matter = yaml.safe_dump({**front_matter(notebook), "title": title}, allow_unicode=True)
            notebook["cells"].insert(0, {"cell_type": "raw", "source": [f"---\n{matter}---\n"], "metadata": {}})
        break


def to_markdown(notebook: dict[str, Any], target: str) -> tuple[str, bool]:
    """The notebook as Markdown (jupyter.ts: jupyterToMarkdown), and whether scripts for widgets come with it."""
    texts, libraries, markdown_cells = [], False, 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            for output in cell.get("outputs", []):
                data = output.get("data", {})
                libraries |= "text/html" in data
                if target == "html" and "text/html" in data:
                    shown = f"{'`' * 10}{{=html}}\n{_joined(data['text/html'])}\n{'`' * 10}\n"
                else:
                    shown = _joined(data.get("text/markdown", ""))
                texts.append(f"::: {{.cell-output}}\n{shown}\n:::\n" if target == "html" else shown)
        else:
            markdown_cells += cell["cell_type"] == "markdown"
            source = cell["source"]
            # A string is cut into lines that keep no line end; only the cell that was looked at for a title gets them back.
            lines = source.split("\n") if isinstance(source, str) else source
            told = source if isinstance(source, str) and markdown_cells == 1 else "".join(lines)
            texts.append(told)
    return "\n\n".join(texts) + "\n", libraries and target == "html"


def read_settings_in(markdown: str) -> None:
    """Every block between ``---`` lines outside comments and fences is read as settings (yaml.ts: readYamlFromMarkdown)."""
    for block in _YAML.findall(_FENCED.sub("", _COMMENT.sub("", markdown))):
        try:
            yaml.safe_load(re.sub(r"(?m)^(---|\.\.\.)\s*$", "", block))
        except yaml.YAMLError as error:
            raise QuartoFailedError(f"Error parsing YAML metadata: {str(error).splitlines()[0]}") from error


def write_html(markdown: str, settings: dict[str, Any], made: Path, libraries: bool, formats: list[str]) -> None:
    """A page; scripts from a content network where an output has ``text/html`` or words are a formula, links to other formats
    unless told not to (format-html-bootstrap.ts).
    """
    body = _pandoc(markdown, "html5")
    contents = "".join(f"<li>{text}</li>" for text in _HEADINGS.findall(_RAW.sub("", markdown))) if settings.get("toc") else ""
    contents = f'<nav id="TOC" role="doc-toc"><h2>Table of contents</h2><ul>{contents}</ul></nav>' if contents else ""
    title = str(settings.get("title", ""))
    others = [name for name in formats if name != "html"] if settings.get("format-links", True) else []
    links = "".join(f'<a href="{made.name}">{name}</a>' for name in others)
    styles = "".join(f"<style>{(made.parent / name).read_text()}</style>" for name in settings.get("css", []))
    loaded = (SCRIPTS if libraries else "") + (MATHJAX if 'class="math' in body else "")
    if not settings.get("embed-resources"):
        loaded += '<link href="report_files/libs/bootstrap/bootstrap.min.css" rel="stylesheet">'
    head = f"<meta charset=utf-8><title>{escape(_pandoc(title, 'plain').strip())}</title>{loaded}{styles}"
    front = "".join(_pandoc(f"# {settings[name]}" if name == "title" else settings[name], "html5") for name in
                    ("title", "subtitle", "abstract") if settings.get(name))  # fmt: skip
    made.write_text(
        f'<!DOCTYPE html><html lang="en"><head>{head}</head><body><header>{front}{links}</header>{contents}<main>{body}</main></body></html>'
    )


def write_docx(markdown: str, settings: dict[str, Any], made: Path, libraries: bool, formats: list[str]) -> None:
    """A Word document; a title is printed on top of it."""
    reference = [f"--reference-doc={made.parent / settings['reference-doc']}"] if "reference-doc" in settings else []
    title = [f"--metadata=title={settings['title']}"] if "title" in settings else []
    _run(["-f", _READER, "-t", "docx", "-o", str(made), *reference, *title], markdown)


def write_pdf(markdown: str, settings: dict[str, Any], made: Path, libraries: bool, formats: list[str]) -> None:
    """A PDF by typst, in Quarto's own template but for the partials that stand in the place of its own."""
    import typst

    # Without a heading of the first level all of them are raised (format-typst.ts; level-one-headings.ts).
    first = re.search(r"^# ", _FENCED.sub("", markdown), re.M)
    raised = settings.get("shift-heading-level-by", 0 if first else -1)
    partials = {Path(name).name: (made.parent / name).read_text() for name in settings.get("template-partials", [])}
    for name, text in partials.items():
        if "$" in text:
            raise QuartoFailedError(f"Error compiling template {name}: unexpected $")
    show = partials.get("typst-show.typ", f'#show: article.with(title: "{settings["title"]}")\n' if "title" in settings else SHOW)
    source = made.with_suffix(".typ")
    source.write_text(
        "\n".join([ARTICLE, partials.get("page.typ", PAGE), show, _pandoc(markdown, "typst", f"--shift-heading-level-by={raised}")])
    )
    fonts = typst.Fonts(include_system_fonts=False, font_paths=[str(made.parent / one) for one in settings.get("font-paths", [])])
    standards = settings.get("pdf-standard", [])
    if standards and "old" in os.environ.get("QUARTO_TYPST", ""):
        raise QuartoFailedError(f"error: invalid value '{standards[0]}' for '--pdf-standard <PDF_STANDARD>'")
    try:
        typst.compile(str(source), output=str(made), root=str(made.parent), font_paths=fonts, pdf_standards=standards,
                      timestamp=int(os.environ.get("SOURCE_DATE_EPOCH", 0)))  # fmt: skip
    except typst.TypstError as error:
        raise QuartoFailedError(f"error: {error.message}") from error


_READER = "markdown+raw_attribute+fenced_divs"


def _pandoc(text: str, to: str, *arguments: str) -> str:
    return _run(["-f", _READER, "-t", to, "--wrap=none", *arguments], text)


def _run(arguments: list[str], given: str) -> str:
    from importlib.metadata import files

    found = next(file for file in files("pypandoc-binary") or () if file.stem == "pandoc" and file.parent.name == "files")
    done = subprocess.run([str(found.locate()), *arguments], input=given.encode(), capture_output=True, check=False)
    if done.returncode:
        raise QuartoFailedError(done.stderr.decode().strip())
    return done.stdout.decode()


def _joined(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)

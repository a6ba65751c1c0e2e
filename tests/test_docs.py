"""The documentation: every example runs as it stands and prints what it says; every link leads somewhere; the pages are made."""

from __future__ import annotations

import io
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
CarryOut = Callable[..., tuple[int, str, str]]
PAGES = ("tutorial", "writers", "analysts", "jobs", "another-trial", "qualification")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
#: What is not run: it makes or opens what a test may not, or takes minutes; the words that such a block may begin with.
LEFT = ("make env", "pip install", "cgbm1-report key")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


class Step(NamedTuple):
    """A command with the lines that it prints, or Python."""

    language: str
    text: str
    printed: tuple[str, ...] = ()


def read_steps(page: Path) -> Iterator[Step]:
    """What a reader of a page would type, in its order."""
    for language, text in _BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "console":
            for one in re.split(r"^\$ ", text, flags=re.M)[1:]:
                command, *printed = one.rstrip("\n").split("\n")
                yield Step(language, command, tuple(printed))
        elif language in ("python", "sh"):
            yield Step(language, text)


def fits(said: str, printed: tuple[str, ...]) -> bool:
    """Whether what was said is what a page prints: … stands for anything within a line, alone on a line for any lines."""
    pattern = "".join(r"(?:[^\n]*\n)*?" if line == "…" else ".*?".join(map(re.escape, line.split("…"))) + "\n" for line in printed)
    return re.fullmatch(pattern, said) is not None


def run_command(step: Step, carry_out: CarryOut) -> None:
    """A command line as a shell runs it, without a shell; ours in this process, which has loaded what it stands on."""
    words = shlex.split(step.text)
    if words[0] == "cgbm1-report":
        code, said, erred = carry_out(*words[1:])
    else:
        words = [sys.executable, *words[1:]] if words[0] == "python" else words
        done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8")
        code, said, erred = done.returncode, done.stdout, done.stderr
    lines = [line for line in step.printed if not line.startswith("exit ")]
    wanted = next((int(line.removeprefix("exit ")) for line in step.printed if line.startswith("exit ")), 0)
    assert code == wanted, (step.text, said[-2000:], erred[-2000:])
    said = "".join(f"{line.rstrip()}\n" for line in said.splitlines())
    assert fits(said, tuple(lines)), f"{step.text} says\n{said}\nand the page\n" + "\n".join(lines)


@pytest.mark.long
@pytest.mark.parametrize("name", PAGES)
def test_every_example_of_a_page_runs_as_it_stands(
    name: str, tmp_path: Path, shared_folder: Path, monkeypatch: pytest.MonkeyPatch, carry_out: CarryOut
) -> None:
    shutil.copytree(DOCS / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    # What pages derive of the same cut is derived once, as it is for who reads them one after the other.
    monkeypatch.setenv("CGBM1_REPORT_STORE", str(shared_folder / "docs-store"))
    # An analyst's functions have their source in a cell; here in a file.
    cells, program, ran = tmp_path / "cells.py", "", 0
    names: dict[str, Any] = {}
    for step in read_steps(DOCS / f"{name}.md"):
        if step.language == "sh":
            assert step.text.startswith(LEFT), step.text
        elif step.language == "console":
            program = _run_python(program, cells, names)
            run_command(step, carry_out)
            ran += 1
        else:
            program += step.text
            ran += 1
    _run_python(program, cells, names)
    assert ran > 2


def _run_python(program: str, cells: Path, names: dict[str, Any]) -> str:
    """Run what was written since the last command, with the names of what was run before; nothing is left of it."""
    if program:
        cells.write_text(program, encoding="utf-8")
        with redirect_stdout(io.StringIO()):
            names |= runpy.run_path(str(cells), init_globals=names)
    return ""


@pytest.mark.parametrize(
    ("said", "printed", "same"),
    [
        ("a\nb\n", ("a", "b"), True),
        ("a\nb\n", ("a",), False),
        ("a 12 s\nb\n", ("a … s", "b"), True),
        ("a\nx\ny\nb\n", ("a", "…", "b"), True),
        ("a\nb\n", ("a", "…", "b"), True),
        ("a\nx\n", ("a", "…", "b"), False),
        ("a.b\n", ("axb",), False),
        ("", (), True),
    ],
)
def test_what_a_page_prints_is_held_against_what_is_said(said: str, printed: tuple[str, ...], same: bool) -> None:
    assert fits(said, printed) is same


def test_every_link_of_every_document_leads_to_a_file_or_heading() -> None:
    """Links within the project; those to elsewhere are told by their address."""
    lost = []
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))):
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
        for aims in _LINK.findall(text):
            aim, _, heading = (aims[0] or aims[1]).partition("#")
            if re.match(r"https?://|mailto:", aim):
                continue
            target = page.parent / aim if aim else page
            if not target.exists():
                lost.append(f"{page.name}: {aim}")
            elif heading and heading not in {_name_heading(line) for line in target.read_text("utf-8").splitlines()}:
                lost.append(f"{page.name}: {aim}#{heading}")
    assert lost == []


def _name_heading(line: str) -> str:
    """As pages name their headings."""
    return re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower()).replace(" ", "-") if line.startswith("#") else ""


def test_every_page_of_the_documentation_stands_in_its_contents() -> None:
    told = set(re.findall(r"^([a-z-]+)$", (DOCS / "index.md").read_text(), re.M))
    assert {page.stem for page in DOCS.glob("*.md")} - {"index"} <= told


def test_pages_are_made_without_a_warning(tmp_path: Path) -> None:
    """`make docs`: a docstring that cannot be read, a page that no page leads to and a link that leads nowhere are warnings."""
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d", str(tmp_path / "trees"), str(DOCS)]
    done = subprocess.run([*command, str(tmp_path / "pages")], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "pages" / "reference.html").read_text(encoding="utf-8")
    assert all(name in text for name in ("open_cut", "rows_behind", "Clopper-Pearson", "write_declaration"))
    pages = list((tmp_path / "pages").glob("*.html"))
    assert len(pages) >= len(PAGES) + 7
    # Read offline: nothing is loaded from elsewhere.
    outside = {
        aim for page in pages for aim in re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?://[^"]+)"', page.read_text())
    }
    assert outside == set()

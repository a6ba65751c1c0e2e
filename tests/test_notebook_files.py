"""The notebooks as files: what a reader reads, in order, without outputs and without computing."""

import ast
import json
from pathlib import Path

import pytest

from cgbm1_report.assets import asset

FILES = sorted(asset("notebooks").glob("*.ipynb"))


def cells(path: Path, kind: str) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == kind]


def parse(path: Path) -> ast.Module:
    """The code of a notebook as one module."""
    return ast.parse("\n".join(cells(path, "code")))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_notebook_holds_no_outputs(path):
    assert not any(cell.get("outputs") for cell in json.loads(path.read_text())["cells"])


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_notebook_defines_nothing_but_the_explorers_own_outputs(path):
    defined = [node for node in ast.walk(parse(path)) if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda)]
    decorated = [[ast.unparse(one).split("(")[0] for one in getattr(node, "decorator_list", [])] for node in defined]
    assert decorated == ([["study.own"]] if path.stem == "explore" else [])


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_notebook_imports_only_the_package(path):
    imports = [node for node in ast.walk(parse(path)) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert ast.unparse(imports[0]) == "import cgbm1_report as cg"
    modules = [node.module for node in imports[1:] if isinstance(node, ast.ImportFrom)]
    assert len(modules) == len(imports) - 1
    assert all(module.split(".")[0] == "cgbm1_report" for module in modules)
    assert not modules or path.stem == "explore"  # what a report is made of needs no more than the package's name


def test_narrative_is_there_for_the_medical_writer():
    for path in FILES:
        assert sum(len(text) for text in cells(path, "markdown")) > 100, path.stem

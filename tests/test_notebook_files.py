"""The notebooks as files: what a reader reads, in order, without outputs and without computing."""

import json
from pathlib import Path

import pytest

from cgbm1_report.assets import asset

FILES = sorted(asset("notebooks").glob("*.ipynb"))


def cells(path: Path, kind: str) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == kind]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_notebook_holds_no_outputs_and_defines_nothing(path):
    for cell in json.loads(path.read_text())["cells"]:
        assert not cell.get("outputs")
        assert "def " not in "".join(cell["source"]) or cell["cell_type"] == "markdown"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_notebook_imports_only_the_package(path):
    imports = [line for text in cells(path, "code") for line in text.splitlines() if line.startswith(("import ", "from "))]
    assert imports == ["import cgbm1_report as cg"]


def test_narrative_is_there_for_the_medical_writer():
    for path in FILES:
        assert sum(len(text) for text in cells(path, "markdown")) > 100, path.stem

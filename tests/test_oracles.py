"""Foreign numbers: each file says where it is from, and a test asks it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "oracles"
LISTED = (FOLDER / "README.md").read_text(encoding="utf-8")
FILES = sorted(path.name for path in FOLDER.iterdir() if path.is_file() and path.name != "README.md")


@pytest.mark.parametrize("name", FILES)
def test_file_of_foreign_numbers_is_listed_with_its_origin_and_asked_by_the_test_named(name: str) -> None:
    lines = [line for line in LISTED.splitlines() if f"`{name}`" in line]
    assert len(lines) == 1, "listed once"
    files, origin, what, asked = (cell.strip() for cell in lines[0].strip("|").split("|"))
    assert f"`{name}`" in files
    assert origin
    assert what
    tests = re.findall(r"`(test_\w+\.py)`", asked)
    told = {test: (FOLDER.parent / test).read_text(encoding="utf-8") for test in tests}
    stem = name.removesuffix(".R").split(".")[0]
    assert any(re.search(rf"[\"'/]{stem}\b", text) for text in told.values()), f"none of {tests} reads it"

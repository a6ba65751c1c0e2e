"""What a build stands on is told with its licences, and the texts of the fonts' licences come with the fonts."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from cgbm1_report.assets import asset
from cgbm1_report.doctor import list_licences

ROOT = Path(__file__).parents[1]
#: The number of the record in a font's table of names that says its licence.
LICENCE = 13


@pytest.fixture(scope="module")
def told() -> dict[str, tuple[str, str]]:
    """Version and licence by name."""
    rows = [re.split(r" {2,}", line) for line in list_licences()]
    return {row[0]: (row[1], row[-1]) for row in rows}


def test_every_package_the_project_needs_is_told_with_a_licence(told):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.match(r"[\w-]+", line)[0] for line in project["dependencies"]}
    assert needed - set(told) == set()
    assert [name for name, (_, licence) in told.items() if not licence or "not stated" in licence] == []
    # What the needed ones need, and nothing of the extras.
    assert {"click", "lxml", "pydantic-core", "tornado"} - set(told) <= {"click"}
    assert {"pytest", "hypothesis", "rtflite", "quarto-cli"} & set(told) == set()


def test_pandoc_is_told_with_its_own_licence_and_not_that_of_its_package(told):
    assert told["pypandoc-binary"][1] == "MIT"
    assert told["pandoc (in pypandoc-binary)"][1].startswith("GPL-2.0-or-later")
    assert re.fullmatch(r"[\d.]+", told["pandoc (in pypandoc-binary)"][0])


@pytest.mark.parametrize(
    ("family", "licence", "file", "said"),
    [
        (
            "LiberationSans",
            "SIL Open Font License, Version 1.1",
            "LICENSE-Liberation.txt",
            "SIL OPEN FONT LICENSE Version 1.1 - 26 February 2007",
        ),
        ("DroidSansFallback", "Apache License, Version 2.0", "LICENSE-DroidSansFallback.txt", "Version 2.0, January 2004"),
    ],
)
def test_text_of_the_licence_that_a_font_names_lies_beside_it(family, licence, file, said):
    folder = asset("templates", "fonts")
    fonts = sorted(folder.glob(f"{family}*.ttf"))
    assert fonts
    for font in fonts:
        assert licence in TTFont(font, lazy=True)["name"].getDebugName(LICENCE)
    text = (folder / file).read_text(encoding="utf-8")
    assert licence in text
    assert said in text
    assert len(text.split()) > 600
    assert any(line.endswith(str(folder / file) + ")") for line in list_licences())

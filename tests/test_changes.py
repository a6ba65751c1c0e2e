"""What changed is told in changes/, one file per change, and a release can join the files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CHANGES = ROOT / "changes"
FRAGMENTS = sorted(file for file in CHANGES.glob("*.md") if file.name != "README.md")


def find_faults(text: str) -> list[str]:
    """What of a fragment is no list of sentences: each line begins a sentence or goes on with one."""
    faults = [line for line in text.splitlines() if not re.match(r"- \S|  \S", line)]
    sentences = re.split(r"(?m)^- ", text)[1:]
    return faults + [sentence for sentence in sentences if not re.search(r"[.!?][)`\"]?$", sentence.strip())]


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("- A number is printed.\n", 0),
        ("- A number\n  is printed.\n- And another.\n", 0),
        ("A number is printed.\n", 1),  # no list
        ("- A number is printed\n", 1),  # no sentence
        ("- A number is printed.\n\n- Another.\n", 1),  # a gap: two lists
        ("# Numbers\n- A number is printed.\n", 1),
    ],
)
def test_what_is_no_list_of_sentences_is_seen(text: str, faults: int) -> None:
    assert len(find_faults(text)) == faults


def test_every_change_is_a_list_of_sentences() -> None:
    texts = {file.name: file.read_text(encoding="utf-8") for file in FRAGMENTS}
    assert [name for name, text in texts.items() if not text.strip()] == []
    assert {name: find_faults(text) for name, text in texts.items() if find_faults(text)} == {}


def test_changes_holds_nothing_else_than_fragments_and_what_a_release_needs() -> None:
    assert {file.name for file in CHANGES.iterdir()} - {file.name for file in FRAGMENTS} == {"README.md", "release.md.jinja"}
    assert [file.name for file in FRAGMENTS if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+\.md", file.name)] == []


def test_release_finds_the_folder_the_template_and_its_place_in_the_changelog() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["towncrier"]
    assert (ROOT / settings["directory"]) == CHANGES
    assert (ROOT / settings["template"]).is_file()
    changelog = (ROOT / settings["filename"]).read_text(encoding="utf-8")
    assert changelog.count(settings["start_string"]) == 1
    # Nothing waits for a release but in changes/: a second list would be forgotten.
    assert "Unreleased" not in changelog
    # `<name>.md` is one kind of change: towncrier reads the kind off the name's end.
    assert [kind["directory"] for kind in settings["type"]] == ["md"]


def test_what_contributors_are_told_leads_to_the_folder() -> None:
    told = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert "`changes/`" in told
    assert "`changes/README.md`" in told
    # No other place is asked for a line.
    assert "`CHANGELOG.md` gets" not in told
    command = re.search(r"pipx run (towncrier build --version \S+)", (CHANGES / "README.md").read_text(encoding="utf-8"))
    assert command is not None

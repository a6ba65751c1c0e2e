"""The page of a subject: one file for all, which draws whoever its address names from the data beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from cgbm1_report.assets import PROFILE_SCRIPTS, asset
from cgbm1_report.build.interactive.packed import write_script
from cgbm1_report.render.html import fill_template, frame_page
from cgbm1_report.system.manifest import INTERACTIVE
from cgbm1_report.tabulate.table import Stamp

#: What is told of a finding of the gate; of whom it is by its subject.
_TOLD = ("severity", "dataset", "rule", "key", "message")


def write_profile(build: Path, stamp: Stamp, words: Mapping[str, str]) -> None:
    """Write the page, what it shows of which records (templates/profile.yaml), and the findings of the gate by subject.

    ``words`` are those of the trial that notes of the page name (`protocol.wording.words_of`).
    """
    folder = build / INTERACTIVE
    inside = fill_template("page/profile.html", {})
    page = frame_page(inside, "Subject profile", stamp, PROFILE_SCRIPTS, ".", stamp.sheet.css, kind="profile")
    folder.mkdir(exist_ok=True)
    (folder / "profile.html").write_text(page, encoding="utf-8")
    plan = yaml.safe_load(asset("templates", "profile.yaml").read_text(encoding="utf-8"))
    for course in plan["courses"]:
        course["note"] = course.get("note", "").format_map(words)
    write_script(folder / "profile.js", "profile", plan)
    write_script(folder / "findings.js", "findings", _read_findings(build))


def _read_findings(build: Path) -> dict[str, list[Mapping[str, Any]]]:
    """The findings of the gate about each subject."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for one in json.loads((build / "findings.json").read_bytes())["findings"]:
        if one.get("usubjid"):
            found.setdefault(one["usubjid"], []).append({name: one.get(name) or "" for name in _TOLD})
    return found

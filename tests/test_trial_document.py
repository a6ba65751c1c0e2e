"""docs/trial-yaml.md names every key of trial.yaml and every footnote, as the code has them."""

from __future__ import annotations

import re
from pathlib import Path

from cgbm1_report.define.document import document_trial
from cgbm1_report.protocol.trial import read_trial

PAGE = Path(__file__).resolve().parents[1] / "docs" / "trial-yaml.md"


def rows_below(heading: str) -> dict[str, list[str]]:
    """The cells of the table below a heading, by the first of each row."""
    part = re.split(r"^## ", PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n", 1)[1], maxsplit=1, flags=re.M)[0]
    lines = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in part.splitlines() if line.startswith("| ")]
    return {cells[0].strip("`"): cells for cells in lines[1:]}


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == document_trial(), "python -m cgbm1_report.define.document > docs/trial-yaml.md"


def test_keys_are_told_with_their_kind_and_what_stands_without_them() -> None:
    assert rows_below("Arm")["trt01pn"][1] == "whole number"
    assert rows_below("Population")["treatment"][1] == "`TRT01P` or `TRT01A`"
    assert rows_below("Parameter")["dp"][1:3] == ["whole number", "`0`"]
    assert rows_below("Conventions")["visit_flag"][3].startswith("The flag of the one record per subject, parameter and visit")
    assert {"study", "phases", "arms", "populations", "parameters", "footnotes", "outputs"} <= set(rows_below("The sections"))


def test_every_footnote_is_told_with_the_outputs_that_print_it() -> None:
    told = rows_below("Footnotes by their ids")
    assert set(told) == set(read_trial().footnotes)
    assert "T14.1.9" in told["F1"][2].split(", ")
    assert rows_below("What each output asks for")["T14.3.1.3"][2].split(", ").count("F5") == 1

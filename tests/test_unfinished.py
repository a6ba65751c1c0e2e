"""A report that is called final warns of what may still change: a blind phase, subjects who go on."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from cgbm1_report.build.heard import warn_texts
from cgbm1_report.build.log import to_lines
from cgbm1_report.build.request import Request
from cgbm1_report.build.unfinished import warn_again, warn_unfinished
from tests.drawn import draw, our_trial


def data(states: dict[int, list[str]], *pooled: int) -> Any:
    rows = [
        {"USUBJID": f"{phase}-{at}", "PHASE": float(phase), "EOSSTT": one}
        for phase, own in states.items()
        for at, one in enumerate(own)
    ]
    return SimpleNamespace(adam={"ADSL": pd.DataFrame(rows, columns=["USUBJID", "PHASE", "EOSSTT"])}, pooled=frozenset(pooled))


def warned(request: Request, found: Any) -> str:
    return "\n".join(warn_unfinished(request, our_trial(), found))


FINAL = Request(Path("cut"), status="final")
ENDED = {1: ["COMPLETED"], 2: ["DISCONTINUED", "COMPLETED"]}
GOING = {1: ["ONGOING", "COMPLETED"], 2: ["ONGOING", "ONGOING", "DISCONTINUED"]}


def test_blind_phase_and_subjects_who_go_on_are_one_warning_with_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    said = warned(FINAL, data(GOING, 2))
    assert said == (
        "the report is called final, and Phase 2 is blind and 3 subjects are ongoing (Phase 1: 1, Phase 2: 2) "
        "[rule: a final report is of data that are complete and open] Remedy: say --status draft, or unblind Phase 2 (unblinding.csv "
        "in the cut), or build the cut in which all have ended"
    )
    assert [(one.levelno, one.getMessage()) for one in caplog.records] == [(logging.WARNING, f"cut: {said}")]


@pytest.mark.parametrize(
    ("request_", "found", "says"),
    [
        (FINAL, data(ENDED, 2), "Phase 2 is blind [rule"),
        (FINAL, data(ENDED, 1, 2), "Phase 1 and Phase 2 are blind [rule"),
        (FINAL, data({1: ["ONGOING"], 2: []}), "and 1 subject is ongoing (Phase 1: 1) [rule"),
        (Request(Path("cut"), status="final", phase=2), data(GOING, 2), "and 2 subjects are ongoing (Phase 2: 2) [rule"),
        (
            Request(Path("cut"), status="final", dose_group="P1LOW"),
            data(GOING, 2),
            "final, and 1 subject is ongoing (Phase 1: 1) [rule",
        ),
    ],
    ids=["blind", "both blind", "one", "a phase", "a dose group"],
)
def test_what_is_told_is_of_the_phases_that_are_reported(request_: Request, found: Any, says: str) -> None:
    assert says in warned(request_, found)


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        (FINAL, data(ENDED)),
        (Request(Path("cut")), data(GOING, 2)),
        (Request(Path("cut"), status="final", package="dsmb"), data(GOING, 2)),
        (Request(Path("cut"), status="final", phase=1), data({1: ["COMPLETED"], 2: ["ONGOING"]}, 2)),
        (FINAL, SimpleNamespace(adam={"ADSL": pd.DataFrame({"USUBJID": ["1"], "PHASE": [1.0]})}, pooled=frozenset())),
    ],
    ids=["ended and open", "a draft", "a package", "another phase", "data that do not say it"],
)
def test_nothing_is_warned_of_what_is_finished_or_not_called_final(
    request_: Request, found: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert warned(request_, found) == ""
    assert caplog.records == []


EVENTS = """
USUBJID$ | AESEQ | AESER
1-0      | 1     | Y     # written
1-0      | 2     | Y     # not written
2-0      | 1     | Y     # of phase 2, not written
2-1      | 1     | N     # has no narrative
"""
TEXTS = """
USUBJID$ | AESEQ | TEXT
1-0      | 1     | Fell ill.
1-0      | 2     | .
"""


@pytest.mark.parametrize(
    ("phase", "numbers", "says"),
    [
        (None, ["T14.1.1.1", "N14.3.3.1"], "the report is called final, and 2 narratives have no physician's text [rule"),
        (1, ["N14.3.3.1"], "and 1 narrative has no physician's text [rule"),
        # Outputs without narratives print no place for a text.
        (None, ["T14.1.1.1"], ""),
    ],
)
def test_narratives_without_a_text_are_told_where_they_are_made(phase: int | None, numbers: list[str], says: str) -> None:
    trial = our_trial()
    assert trial.narratives is not None
    serious = tuple(one for one in trial.narratives.reasons if "AESER" in one.events)
    trial = trial.model_copy(update={"narratives": trial.narratives.model_copy(update={"reasons": serious})})
    found = data(ENDED)
    found.adam["ADSL"] = found.adam["ADSL"].assign(SAFFL="Y")
    found.adam |= {"ADAE": draw(EVENTS).assign(TRTEMFL="Y"), "NARRATIVES": draw(TEXTS)}
    told = "\n".join(warn_unfinished(Request(Path("cut"), status="final", phase=phase), trial, found, numbers))
    assert (says in told) if says else told == ""
    # The log of a draft says it too, behind what is told of texts that are there; a package is of other pages.
    found.texts = ("printed nowhere: 1 text",)
    logged = warn_texts(Request(Path("cut"), phase=phase), trial, found, numbers)
    assert logged[0] == "printed nowhere: 1 text"
    assert [line in says for line in logged[1:]] == [True] * bool(says)
    assert warn_texts(Request(Path("cut"), package="dsmb"), trial, found, numbers) == []


def test_build_that_is_kept_warns_as_when_it_was_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    facts = [{"what": "code"}, {"what": "unfinished", "told": "the report is called final, and Phase 2 is blind"}]
    (tmp_path / "build.log").write_text(to_lines(facts), encoding="utf-8")
    warn_again(Request(Path("cut"), out=tmp_path))
    assert caplog.messages == ["cut: the report is called final, and Phase 2 is blind"]

"""Footnotes and labels say the values of trial.yaml: a value changed is a text changed."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path

import pytest

from cgbm1_report.errors import ReportError
from cgbm1_report.outputs.catalogue import catalogue
from cgbm1_report.protocol.trial import Trial, read_trial
from cgbm1_report.protocol.wording import OF_A_PAGE, VALUES, tokens_in
from cgbm1_report.tabulate.make import footnote_texts
from cgbm1_report.tabulate.view import View
from tests.drawn import our_trial, plain_protocol, stamp_of, write_plain

PROTOCOL = plain_protocol()

#: Circulation that scores 2 at most, and fails from there.
CIRCULATION_TO_2 = {
    "code": "CLIFCIR", "inputs": [{"measure": "MAP", "bands": [{"score": 2, "below": 70}]}], "support": {"VASOPRESSOR": 2},
    "failure_from": 2,
}  # fmt: skip


def trial_with(place: str, value: object) -> Trial:
    """The trial with one value changed; the place is its keys, joined by a dot."""
    data = deepcopy(PROTOCOL)
    inner = data
    *path, last = [int(key) if key.isdigit() else key for key in place.split(".")]
    for key in path:
        inner = inner[key]
    inner[last] = value
    return Trial.model_validate(data)


#: A scale that asks whether an event is related, and has no words of its own.
YES_OR_NO = {"codelist": ["N", "Y"], "related": ["Y"], "missing": "related"}


def footnote(trial: Trial, code: str, *, synthetic: bool = True) -> str:
    view = View(trial, {}, 2, trial.population("SAF"), stamp_of(trial, synthetic=synthetic))
    return footnote_texts(view, [code])[0]


@pytest.mark.parametrize(
    ("code", "place", "value", "before", "after"),
    [
        ("F2", "teae.end_day", 90, "within 180 days", "within 90 days"),
        ("F4", "relatedness.related", ["RELATED"], "possibly related, probably related, related or", "Related: related or missing"),
        ("F4", "relatedness.missing", "not_related", "or missing causality", "probably related or related."),
        ("F4", "relatedness", YES_OR_NO, "possibly related", "Related: causality “yes” or missing causality."),
        ("F5", "switches.ctcae", 6, "CTCAE v5.0", "CTCAE v6.0"),
        ("F7", "phases.2.reference", "Low", "vs Placebo", "vs Low"),
        ("F9", "phases.2.reference", "Low", "vs Placebo", "vs Low"),
        (
            "F16",
            "switches.meld_bounds",
            "none",
            "bounded (UNOS: none below 1, creatinine at most 4 mg/dL, and set to 4 by renal replacement on 2 or more of the 7 days before)",
            "not bounded",
        ),
        ("F16", "switches.meld_round", True, "unrounded", "rounded to whole numbers"),
        ("F17", "clif_c_of.organs.4", CIRCULATION_TO_2, "6–18", "6–17"),
        ("F19", "switches.ctcae", 6, "v5.0", "v6.0"),
        ("F19", "switches.ctcae_baseline_rule", False, "against baseline", "whatever the baseline"),
        ("F20b", "phases.2.reference", "Low", "vs Placebo", "vs Low"),
        ("F21", "study.meddra_version", "27.1", "synthetic dictionary", "MedDRA 27.1"),
        ("F25", "study.whodrug_version", "B3 2025", "WHO-DD synthetic dictionary", "WHO-DD B3 2025"),
        ("F23", "study.followup_days", 365, "within 180 days", "within 365 days"),
        ("F24", "dose_escalation.observation_days", 35, "within 28 days", "within 35 days"),
        ("F24", "study.followup_days", 365, "within 180 days", "within 365 days"),
    ],
)
def test_a_footnote_says_the_value_of_the_trial(code, place, value, before, after):
    old, new = footnote(Trial.model_validate(PROTOCOL), code), footnote(trial_with(place, value), code)
    assert before in old
    assert after in new
    assert before not in new


def test_an_endless_emergent_period_names_no_day():
    assert footnote(trial_with("teae.end_day", None), "F2") == "TEAE: onset at or after the start of the first infusion."


@pytest.mark.parametrize(("synthetic", "told"), [(True, "MedDRA synthetic dictionary"), (False, "MedDRA version not declared")])
def test_the_dictionary_of_a_synthetic_cut_is_called_so(synthetic, told):
    assert told in footnote(our_trial(), "F21", synthetic=synthetic)


@pytest.mark.parametrize(
    ("place", "value", "told", "label"),
    [
        ("dose_escalation.observation_days", 35, lambda trial: trial.parameters["DLT28"].label, "DLT within 35 Days"),
        ("study.followup_days", 365, lambda trial: trial.parameters["DLT180"].label, "DLT within 365 Days"),
        ("dose_escalation.observation_days", 42, lambda trial: trial.parameters["FUP28"].label, "Followed for 42 Days"),
        ("arms.0.dose_per_infusion_e6_cells_per_kg", 0.5, lambda trial: trial.arms[0].column_label, "Low 0.5x10^6 cells/kg"),
        # A head says the name that sentences say, whatever the label begins with.
        ("arms.3.column_label", "Control", lambda trial: trial.arms[3].heading, "Placebo (Control)"),
        ("arms.0.column_label", "Lowest of three", lambda trial: trial.arms[0].heading, "Low (Lowest of three)"),
        ("arms.0.column_label", "Low", lambda trial: trial.arms[0].heading, "Low"),
        ("phases.2.infusions", PROTOCOL["phases"][2]["infusions"][:3], lambda trial: trial.phases[2].design, "3 weekly infusions"),
    ],
)
def test_a_label_says_the_value_of_the_trial(place, value, told, label):
    assert told(trial_with(place, value)).endswith(label)
    assert not told(our_trial()).endswith(label)


@pytest.mark.parametrize(
    ("place", "text", "named"),
    [
        ("footnotes.F1", "Through day {folowup_days}", "footnote F1 names {folowup_days}"),
        ("footnotes.F1", "Half a {brace", "footnote F1 names {}"),
        ("parameters.DLT28.label", "DLT within {reference}", "parameter DLT28 names {reference}"),
        ("arms.0.column_label", "Low {dosis}", "arm P1LOW names {dosis}"),
        ("arms.3.column_label", "{column} {followup_days}", "arm P2PBO names {followup_days}"),
        ("phases.1.design", "open, {n} infusions", "phase 1 names {n}"),
    ],
)
def test_a_token_that_no_value_fills_is_refused(tmp_path: Path, place, text, named):
    data = deepcopy(PROTOCOL)
    inner = data
    *path, last = [int(key) if key.isdigit() else key for key in place.split(".")]
    for key in path:
        inner = inner[key]
    inner[last] = text
    file = tmp_path / "trial.yaml"
    file.write_text(write_plain(data), encoding="utf-8")
    with pytest.raises(ReportError, match=re.escape(named)):
        read_trial(file)


def test_every_value_a_footnote_may_name_is_named_by_one():
    named = {name for text in PROTOCOL["footnotes"].values() for name in tokens_in(text)}
    named |= {name for one in PROTOCOL["parameters"].values() for name in tokens_in(one["label"])}
    assert named == {*VALUES, *OF_A_PAGE}


def test_no_footnote_and_no_title_holds_a_number_of_days_of_its_own():
    texts = [
        *PROTOCOL["footnotes"].values(),
        *(entry.title for entry in catalogue(trial_with("study.followup_days", 365)).values()),
    ]
    assert not [text for text in texts if re.search(r"\b(28|90|180)\b", text)]

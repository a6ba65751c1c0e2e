"""What a trial does not declare is left out with a reason, or asked for at once: never a traceback, never in silence."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from cgbm1_report.build.gate import read_data
from cgbm1_report.build.refused import tell_unmet
from cgbm1_report.build.stamp import make_stamp
from cgbm1_report.cli import app
from cgbm1_report.derive import derive_adam
from cgbm1_report.errors import ReportError
from cgbm1_report.outputs import declarations
from cgbm1_report.outputs.catalogue import catalogue, left_out, make, require_declared
from cgbm1_report.protocol.derived import tell_underivable
from cgbm1_report.protocol.packages import UNSEEN as UNSEEN_DATA
from cgbm1_report.protocol.schema import schema_datasets
from cgbm1_report.protocol.trial import Trial, make_trial, read_trial
from cgbm1_report.protocol.wording import group_noun
from cgbm1_report.read.cut import read_cut
from cgbm1_report.simulate import simulate_cut
from cgbm1_report.tabulate.make import footnotes_of
from cgbm1_report.tabulate.view import refuse_unexpected
from cgbm1_report.validate import validate_adam
from tests.drawn import plain_protocol, stamp_of, write_plain
from tests.pilot.tables import write_cut
from tests.trial_way import record_reads

PROTOCOL = plain_protocol()
PILOT = plain_protocol(Path(__file__).parent / "pilot" / "trial.yaml")
REQUIRED = {"study", "phases", "arms", "populations", "parameters"}
TRIAL = read_trial()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The data of the first months: both kinds of data, few records."""
    return read_data(simulate_cut(tmp_path_factory.mktemp("another") / "cut", trial=TRIAL, cutoff=date(2025, 4, 1), seed=77), TRIAL)


@pytest.fixture(scope="module")
def asked(data) -> dict[str, frozenset[str]]:
    """The sections of trial.yaml each output of phase 1 asks for while it is made: without another it is made as ever."""
    found = {}
    for number, entry in catalogue(TRIAL, scope="dose group").items():
        if entry.phase == 1:
            with record_reads(TRIAL) as reads:
                make(entry, TRIAL, data.adam, stamp_of(TRIAL))
            found[number] = frozenset(field for place, field in reads if place == ())
    return found


def without(protocol: dict, *sections: str) -> dict:
    return {name: value for name, value in protocol.items() if name not in sections}


def outcome_of(trial: Trial, adam) -> str:
    """What the catalogue says of a trial: what is missing, all at once, or nothing."""
    try:
        require_declared(catalogue(trial, scope="dose group").values(), trial, adam)
    except ReportError as error:
        return str(error)
    return ""


def test_a_phase_with_the_safety_set_alone_says_what_it_loses():
    data = deepcopy(PROTOCOL)
    for population in data["populations"]:
        if population["code"] != "SAF":
            population["phases"] = [1]
    trial = Trial.model_validate(data)
    reasons = left_out(trial)
    assert {"T14.1.1.2", "T14.1.2.2", "T14.1.4.2"} <= set(reasons)
    assert reasons["T14.1.1.2"] == "population SCR is not declared for phase 2"
    assert reasons["T14.1.4.2"] == "population FAS is not declared for phase 2"
    lost = {number for number in catalogue(TRIAL, scope="every") if number not in catalogue(trial, scope="every")}
    assert lost == set(reasons) - set(left_out(TRIAL))


def test_the_list_says_what_is_not_made_and_why(tmp_path):
    file = tmp_path / "trial.yaml"
    shorter = without(PROTOCOL, "dose_escalation", "outcomes")
    # What speaks of the escalation goes with it: its set, its parameters, its footnote.
    shorter["populations"] = [one for one in PROTOCOL["populations"] if one["code"] != "DLTE"]
    shorter["parameters"] = {code: one for code, one in PROTOCOL["parameters"].items() if one["dataset"] != "ADDLT"}
    shorter["footnotes"] = {code: text for code, text in PROTOCOL["footnotes"].items() if "{observation_days}" not in text}
    shorter["documentation"] = {}
    file.write_text(write_plain(shorter), encoding="utf-8")
    printed = CliRunner().invoke(app, ["list", "--trial", str(file)]).output
    assert "T14.3.1.12.1     not made: trial.yaml declares no dose_escalation" in printed
    assert "Values and changes of the outcomes by visit not made: trial.yaml declares no outcomes" in printed


def test_a_dose_group_is_of_a_phase_that_escalates_doses_and_compares_with_nothing():
    # Phase 1 escalates; phase 2 compares with placebo. A trial without an escalation has treatment groups.
    assert [group_noun(TRIAL, phase) for phase in (1, 2)] == ["dose group", "treatment group"]
    assert group_noun(Trial.model_validate(PILOT), 1) == "treatment group"


def test_what_is_not_declared_is_named_by_its_key():
    told = left_out(Trial.model_validate({**without(PILOT, "outputs"), "parameters": {}, "outcomes": [], "level_tables": []}))
    assert told["L16.2.8.7.1"] == told["T14.3.5.1.1"] == "trial.yaml declares no parameters with dataset: ADVS"
    assert told["L16.2.8.1.1"] == "trial.yaml declares no parameters with dataset: ADLB and category: HEMATOLOGY"
    assert not [why for why in told.values() if why.rstrip() != why]


def test_an_output_asked_for_by_name_says_why_it_cannot_be_made():
    trial = Trial.model_validate({**without(PROTOCOL, "demographics"), "outputs": ["T14.1.4.1", "T14.1.9.9"]})
    with pytest.raises(ReportError) as caught:
        catalogue(trial)
    told = [problem.message for problem in caught.value.problems]
    assert told == ["T14.1.4.1 cannot be made: trial.yaml declares no demographics", "T14.1.9.9 is not declared"]


def test_everything_that_is_missing_is_named_at_once(data):
    adam = {name: frame for name, frame in data.adam.items() if name != "ADCE"}
    adam["ADAE"] = adam["ADAE"].drop(columns=["ATOXGR", "RELGR1"])
    adam["ADSL"] = adam["ADSL"].drop(columns="NINF")
    trial = TRIAL.model_copy(
        update={"footnotes": {code: text for code, text in TRIAL.footnotes.items() if code not in ("F1", "F8")}}
    )
    told = outcome_of(trial, adam)
    for named in (
        "ADAE: has no ATOXGR",
        "ADAE: has no RELGR1",
        "ADSL: has no NINF",
        "ADCE is not in the cut",
        "footnote F1",
        "footnote F8",
    ):
        assert told.count(named) == 1, named
    assert "T14.3.1.1.1, T14.3.1.1.2, T14.3.1.4.1, T14.3.1.4.2" in told  # of RELGR1: who needs it


@pytest.mark.parametrize("section", sorted(set(PROTOCOL) - REQUIRED))
def test_a_section_left_out_is_asked_for_or_its_outputs_are_left_out(section, data, asked):
    # Criteria whose limits are left out are refused; without criteria nobody asks for limits.
    gone = (section, "ie_criteria") if section == "eligibility" else (section,)
    trial = Trial.model_validate(without(PROTOCOL, *gone))
    told = outcome_of(trial, data.adam)
    if section == "footnotes":
        assert all(f"footnote {code} is not declared" in told for code in ("F1", "F2", "F8", "F11", "F21"))
        return
    assert told == ""
    made = catalogue(trial, scope="dose group")
    lost = set(catalogue(TRIAL, scope="dose group")) - set(made)
    assert lost <= set(left_out(trial)) or "Values and changes of the outcomes by visit" in left_out(trial)
    for number, entry in made.items():
        # One that the whole trial does not have is made too.
        if entry.phase == 1 and asked.get(number, {*gone}) & {*gone}:
            assert make(entry, trial, data.adam, stamp_of(trial)).number == number


@pytest.mark.parametrize("section", sorted(REQUIRED))
def test_a_section_nothing_can_do_without_is_asked_for(section):
    with pytest.raises(ValidationError, match=section):
        Trial.model_validate(without(PROTOCOL, section))


@pytest.mark.parametrize("section", sorted(set(PILOT) - REQUIRED))
def test_a_section_left_out_of_another_study_is_asked_for_or_left_out(section):
    trial = Trial.model_validate(without(PILOT, section))
    asked = {
        "demographics": "T14.1.4.1 cannot be made: trial.yaml declares no demographics",
        "footnotes": "footnote F1 is not declared",
    }
    told = ""
    try:
        told = outcome_of(trial, {})
    except ReportError as error:
        told = str(error)
    assert asked.get(section, "") in told
    assert "Traceback" not in told


def test_a_trial_of_the_five_sections_alone_lists_what_it_cannot_make():
    trial = Trial.model_validate({name: PROTOCOL[name] for name in REQUIRED})
    assert set(catalogue(trial)) >= {"T14.1.1.1", "T14.1.2.1", "T14.1.9.1", "T14.3.1.2.1", "T14.3.4.1.1", "L16.2.7.1.1"}
    assert left_out(trial)["T14.3.1.1.1"] == "trial.yaml declares no relatedness"
    assert left_out(trial)["T14.2.5.2"] == "trial.yaml declares no complications"


def test_each_output_is_made_from_the_variables_it_declares(data):
    for number, entry in catalogue(TRIAL, scope="dose group").items():
        if entry.phase != 1:
            continue
        asked = entry.declared.variables_in(1, TRIAL)
        adam = {name: frame for name, frame in data.adam.items() if name.startswith("SRC_")}
        for name, variables in asked.items():
            ways = [way for variable in variables for way in variable.split("|")]
            subject = ["PHASE", "TRT01A", "TRT01P"] if name == "ADSL" else []
            adam[name] = data.adam[name][[*dict.fromkeys([*ways, *subject])]]
        group = {"dose_group": "P1LOW"} if entry.declared.scope == "dose group" else {}
        assert make(entry, TRIAL, adam, stamp_of(TRIAL), **group).number.startswith(number)


def test_a_declared_variable_that_is_missing_is_named_with_its_dataset(data):
    for number, entry in catalogue(TRIAL, scope="dose group").items():
        for name, variables in entry.declared.variables_in(entry.phase, TRIAL).items():
            for variable in variables:
                adam = {**data.adam, name: data.adam[name].drop(columns=variable.split("|"), errors="ignore")}
                with pytest.raises(ReportError, match=rf"{name}: has no {variable.replace('|', ' or ')}, which {number} need"):
                    make(entry, TRIAL, adam, stamp_of(TRIAL))


@pytest.mark.parametrize("kept", [[], ["BILI"], ["CREAT", "PO2"]])
def test_conversions_that_scores_need_are_asked_for_at_once(data, kept):
    trial = TRIAL.model_copy(update={"conversions": tuple(one for one in TRIAL.conversions if one.param in kept)})
    with pytest.raises(ReportError) as caught:
        derive_adam(data.cut.sdtm, trial, data.cut.cutoff, data.cut.src_decisions)
    lacking = {problem.message.split()[0] for problem in caught.value.problems}
    assert lacking == {"CREAT", "BILI", "PO2"} - set(kept)


def test_days_of_outcomes_that_are_no_visits_are_refused_all_at_once():
    changed = deepcopy(PROTOCOL)
    changed["phases"][2]["visits"] = []
    with pytest.raises(
        ReportError, match="outcome P2-SEC-01 names day 28, 60, 90, 180, which is no analysis visit of phase 2"
    ) as caught:
        make_trial(changed, Path("trial.yaml"))
    assert "outcome P2-SEC-34 names day" in str(caught.value)


def test_a_dataset_that_is_missing_is_named_with_all_that_outputs_need_of_it(data):
    """Who supplies it learns at once what it is to hold, and not one variable a run."""
    told = outcome_of(TRIAL.model_copy(update={"outputs": ("T14.1.9.1",)}), {name: data.adam[name] for name in ("ADSL",)})
    assert "ADEX is not in the cut; T14.1.9.1 needs it, with USUBJID, PARAMCD, AVAL, AVALC " in told


def test_exposure_without_its_lines_and_without_parameters_of_infusions_is_not_made():
    shorter = without(PILOT, "exposure", "outputs")
    reason = left_out(Trial.model_validate(shorter))["T14.1.9.1"]
    assert reason.startswith("trial.yaml declares no exposure, nor all of the parameters DOSE, CELLS, DURMIN")


@pytest.fixture
def delivered(tmp_path) -> Path:
    """A subject of a study that supplies ADSL, and laboratory results of one visit."""
    folder = tmp_path / "cut" / "adam"
    folder.mkdir(parents=True)
    subject = {
        "STUDYID": "S1",
        "USUBJID": "01",
        "SAFFL": "Y",
        "ITTFL": "Y",
        "TRT01P": "Placebo",
        "TRT01A": "Placebo",
        "ARM": "Placebo",
    }
    pd.DataFrame([subject]).to_parquet(folder / "adsl.parquet")
    result = {"STUDYID": "S1", "USUBJID": "01", "PARAMCD": "ALT", "AVISITN": 0.0, "AVAL": 20.0}
    pd.DataFrame([result]).to_parquet(folder / "adlb.parquet")
    return folder.parent


def test_validate_and_list_say_what_build_would_refuse(delivered, tmp_path, carry_out):
    file = tmp_path / "trial.yaml"
    shorter = {**PILOT, "footnotes": {code: text for code, text in PILOT["footnotes"].items() if code != "F1"}}
    shorter["outputs"] = ["T14.1.4.1", "T14.3.1.2.1"]
    file.write_text(write_plain(shorter), encoding="utf-8")
    _, printed, _ = carry_out("list", "--trial", file)
    assert re.search(r"^build refuses: \S*trial\.yaml: footnote F1 is not declared; T14", printed, re.M)
    code, printed, _ = carry_out("validate", delivered, "--trial", file, "--json")
    assert code == 1, "what build refuses is no clean cut"
    told = json.loads(printed)["refused"]
    assert any(one["message"].startswith("footnote F1 is not declared; T14") for one in told)
    assert any(one["message"].startswith("ADAE is not in the cut; T14.3.1.2.1 needs it, with USUBJID") for one in told)


def test_validate_ends_0_where_build_refuses_nothing_and_calls_the_protocol_by_its_name(delivered, tmp_path, carry_out):
    file = tmp_path / "own.yaml"
    characteristics = [{"variable": "ARM", "label": "Arm", "categories": {"Placebo": "Placebo"}}]
    file.write_text(write_plain({**PILOT, "demographics": characteristics, "outputs": ["T14.1.4.1"]}), encoding="utf-8")
    code, printed, _ = carry_out("validate", delivered, "--trial", file)
    assert (code, "build refuses" in printed) == (0, False), printed
    file.write_text(write_plain({**PILOT, "outputs": ["T14.3.1.2.1"]}), encoding="utf-8")
    code, printed, _ = carry_out("validate", delivered, "--trial", file)
    told = " ".join(printed.split())
    assert code == 1
    assert "name the file that holds it in own.yaml (datasets: {adae: …}), or name the outputs to make in own.yaml: outputs" in told
    assert "trial.yaml" not in told


def test_what_build_refuses_of_values_is_told_beside_an_error_of_the_data(delivered, tmp_path, carry_out):
    adsl = pd.read_parquet(delivered / "adam" / "adsl.parquet").assign(ARM="Other", WEIGHTBL=-1.0)
    adsl.to_parquet(delivered / "adam" / "adsl.parquet")
    file = tmp_path / "own.yaml"
    characteristics = [{"variable": "ARM", "label": "Arm", "categories": {"Placebo": "Placebo"}}]
    file.write_text(write_plain({**PILOT, "demographics": characteristics, "outputs": ["T14.1.4.1"]}), encoding="utf-8")
    told = json.loads(carry_out("validate", delivered, "--trial", file, "--json")[1])
    assert "-1 is below 0" in [one["message"] for one in told["findings"] if one["severity"] == "E"]
    (refused,) = told["refused"]
    assert "Other" in refused["message"]
    assert refused["message"].endswith("; T14.1.4.1 cannot be made")


def test_an_output_that_an_error_of_the_data_keeps_from_being_asked_is_named(delivered, tmp_path, carry_out, monkeypatch):
    adsl = pd.read_parquet(delivered / "adam" / "adsl.parquet").assign(WEIGHTBL=-1.0)
    adsl.to_parquet(delivered / "adam" / "adsl.parquet")

    def broken(*_, **__):
        raise TypeError("what the data have is of another kind")

    monkeypatch.setattr("cgbm1_report.build.refused.make", broken)
    file = tmp_path / "own.yaml"
    characteristics = [{"variable": "ARM", "label": "Arm", "categories": {"Placebo": "Placebo"}}]
    file.write_text(write_plain({**PILOT, "demographics": characteristics, "outputs": ["T14.1.4.1"]}), encoding="utf-8")
    (refused,) = json.loads(carry_out("validate", delivered, "--trial", file, "--json")[1])["refused"]
    assert refused["message"] == "T14.1.4.1 could not be asked: an error of the data stands in the way"


def test_a_dataset_of_another_name_is_said_with_the_way_to_name_it(delivered, tmp_path, carry_out):
    (delivered / "adam" / "adlb.parquet").rename(delivered / "adam" / "adlabs.parquet")
    file = tmp_path / "own.yaml"
    file.write_text(write_plain({**PILOT, "outputs": ["T14.1.4.1"]}), encoding="utf-8")
    told = " ".join(carry_out("validate", delivered, "--trial", file)[1].split())
    assert "W V02 ADLABS : nothing reads the dataset, which holds PARAMCD ALT; outputs read ADAE, " in told
    named = {**PILOT, "outputs": ["T14.1.4.1"], "datasets": {"adlb": "adlabs"}}
    file.write_text(write_plain(named), encoding="utf-8")
    assert "nothing reads" not in carry_out("validate", delivered, "--trial", file)[1]


def test_a_baseline_has_the_number_that_supplied_data_give_it(delivered):
    """AVISITN 1 and Day 1 of a study whose visits are numbered from 1."""
    own = deepcopy(PILOT)
    (baseline,) = [visit for visit in own["phases"][1]["visits"] if visit.get("baseline")]
    baseline["analysed_as"] = {"avisitn": 1, "avisit": "Day 1"}
    trial = make_trial({name: one for name, one in own.items() if name != "notebooks"}, Path("trial.yaml"))
    adam = {**read_cut(delivered, trial).adam}
    adam["ADLB"] = adam["ADLB"].assign(AVISITN=1.0, AVISIT="Day 1", ABLFL="Y")
    found = validate_adam(adam, trial)
    assert not found["variable"].isin(["AVISIT", "AVISITN"]).any()
    moved = validate_adam({**adam, "ADLB": adam["ADLB"].assign(AVISITN=0.0)}, trial)
    assert moved[moved["variable"] == "AVISITN"]["message"].tolist() == [
        "'Day 1' has AVISITN 0 in 1 record, and trial.yaml gives 'Day 1' 1"
    ]
    assert any("analysed_as AVISITN 1, and the baseline is derived as 0" in one.message for one in tell_underivable(trial))


def test_an_arm_and_a_visit_that_no_record_has_are_said(delivered, tmp_path, carry_out):
    file = tmp_path / "trial.yaml"
    wrong = deepcopy(PILOT)
    wrong["arms"][0]["arm"] = "Placebox"
    file.write_text(write_plain(wrong), encoding="utf-8")
    _, printed, _ = carry_out("validate", delivered, "--trial", file, "--json")
    unmet = json.loads(printed)["unmet"]
    assert "trial.yaml: arms.0.arm: no subject of ADSL has ARM 'Placebox'" in unmet
    assert not [one for one in unmet if "ARMCD" in one]  # The pilot's ADSL has no ARMCD.
    assert any(one.startswith("trial.yaml: phases.1.visits: no record of ADLB has AVISITN of ") for one in unmet)


def test_code_of_an_arm_that_no_subject_has_is_said(delivered):
    trial = make_trial(PILOT, Path("trial.yaml"))
    cut = read_cut(delivered, trial)
    arms = {"Pbo": "Placebo", "Xan_Low": "Xanomeline Low Dose", "Xan_Hi": "Xanomeline High Dose"}
    coded = replace(cut, adam={"ADSL": pd.DataFrame({"USUBJID": ["1", "2", "3"], "ARM": arms.values(), "ARMCD": arms.keys()})})
    said = [one for one in tell_unmet(coded, trial) if "ADSL" in one]
    assert said == ["trial.yaml: arms.1.armcd: no subject of ADSL has ARMCD 'Xan_Lo'"]


#: Of what is disposed of in phase 1: the data have no ADIE, or none of its records | what the source line names.
READ = {"not there": "ADSL", "without records": "ADSL, ADIE", "whole": "ADSL, ADIE"}


@pytest.mark.parametrize("criteria", READ)
def test_source_line_names_the_datasets_that_are_there(criteria, data):
    adam = dict(data.adam)
    if criteria == "not there":
        del adam["ADIE"]
    elif criteria == "without records":
        adam["ADIE"] = adam["ADIE"].iloc[:0]
    made = make(catalogue(TRIAL)["T14.1.1.1"], TRIAL, adam, stamp_of(TRIAL))
    assert made.source.split("; ")[0] == READ[criteria]


#: Populations of the pilot are its own flags, and its phase is blind here: RANDFL, which a blind phase asks for, is its ITTFL.
RANDOMISED = {"code": "RAND", "flag": "RANDFL", "label": "Randomised Set", "treatment": "TRT01P", "phases": [1]}


@pytest.fixture
def blinded(tmp_path) -> tuple[Path, dict]:
    """The pilot while its phase is blind: its cut, and its protocol."""
    cut = write_cut(tmp_path / "cut")
    adsl = pd.read_parquet(cut / "adam" / "adsl.parquet")
    adsl.assign(RANDFL=adsl["ITTFL"]).to_parquet(cut / "adam" / "adsl.parquet")
    protocol = deepcopy(PILOT)
    protocol["phases"][1]["blinded"] = True
    return cut, {**protocol, "populations": [*protocol["populations"], RANDOMISED]}


def refused_of(cut, protocol, carry_out) -> list[dict[str, str]]:
    file = cut.parent / "trial.yaml"
    file.write_text(write_plain(protocol), encoding="utf-8")
    _, printed, _ = carry_out("validate", cut, "--trial", file, "--json")
    told = json.loads(printed)
    assert not [one for one in told["findings"] if one["severity"] == "E"]
    return told["refused"]


def test_validate_of_a_blind_phase_tells_of_refused_values_neither_value_nor_subject(blinded, carry_out):
    cut, protocol = blinded
    adsl = pd.read_parquet(cut / "adam" / "adsl.parquet")
    adsl["SEX"] = adsl["SEX"].mask(adsl["USUBJID"] == "01-701-1023", "MALE")
    adsl.to_parquet(cut / "adam" / "adsl.parquet")
    (told,) = refused_of(cut, {**protocol, "outputs": ["T14.1.4.1"]}, carry_out)
    assert told["message"] == "holds values that an output does not take; T14.1.4.1 cannot be made"
    assert (told["file"], told["place"]) == ("ADSL", "")
    assert "MALE" not in json.dumps(told)
    assert "1023" not in json.dumps(told)


def test_appendices_of_supplied_data_describe_what_came_and_say_that_nothing_of_it_was_derived(tmp_path):
    trial = make_trial({**PILOT, "outputs": None}, Path("trial.yaml"))
    data = read_data(write_cut(tmp_path / "cut"), trial)
    assert data.supplied
    stamp, entries = make_stamp(trial, data.cut, supplied=data.supplied), catalogue(trial)
    methods, definition = (make(entries[number], trial, data.adam, stamp) for number in ("A16.1.9.1", "A16.1.9b.1"))
    assert all(one.footnotes[-1].startswith("The analysis data were supplied: ") for one in (methods, definition))
    assert "Imputation" not in {row.cells["TOPIC"] for row in methods.rows}
    told = {(row.cells["DATASET"], row.cells["VARIABLE"]) for row in definition.rows}
    assert {dataset for dataset, variable in told if dataset in schema_datasets("adam")} <= data.adam.keys()
    assert not {dataset for dataset, _ in told} & set(schema_datasets("sdtm"))
    assert {variable.partition(" ")[0] for dataset, variable in told if dataset == "ADSL" and variable} <= set(data.adam["ADSL"])
    derived = make(entries["A16.1.9.1"], trial, data.adam, replace(stamp, supplied=False))
    assert "Imputation" in {row.cells["TOPIC"] for row in derived.rows}


def methods_of(trial: Trial, data) -> dict[tuple[str, str], tuple[str, str]]:
    """What 16.1.9 lays down of each item, and with which status, by topic and item."""
    made = make(catalogue(trial)["A16.1.9.1"], trial, data.adam, make_stamp(trial, data.cut, supplied=data.supplied))
    return {(row.cells["TOPIC"], row.cells["ITEM"]): (row.cells["TEXT"], row.cells["STATUS"]) for row in made.rows}


#: Outputs of the pilot | settings that are rules of them.
HEARD = """
T14.1.4.1              |
T14.2.30.1             | Times to an event count the day of the start
T14.2.31.1             | Degrees of freedom of the MMRM
"""


@pytest.mark.parametrize("case", HEARD.strip().splitlines())
def test_of_supplied_data_methods_lay_down_the_settings_that_their_outputs_ask_and_no_other(case, tmp_path):
    number, heard = (part.strip() for part in case.split("|"))
    protocol = {**deepcopy(PILOT), "outputs": [number, "A16.1.9.1"], "switches": {"meld_bounds": "none"}}
    shared = {"phase": 1, "type": "other", "baseline_needed": False, "favourable": "lower_rate", "registry_title": "An outcome"}
    protocol["outcomes"] = [
        {
            **shared, "id": code, "registry_order": order, "paramcd": code, "dataset": dataset, "nominal_days": days,
            "outputs": [{"number": own, "methods": methods}],
        }
        for code, order, dataset, days, own, methods in (
            ("TTDE", 1, "ADTTE", [30], "T14.2.30.1", ["landmark", "median"]),
            ("ACTOT", 2, "ADEFF", [], "T14.2.31.1", ["mmrm"]),
        )
    ]  # fmt: skip
    trial = make_trial(protocol, Path("trial.yaml"))
    told = methods_of(trial, read_data(write_cut(tmp_path / "cut"), trial))
    applied = {item for (topic, item), (_, status) in told.items() if topic == "Settings" and status == "Applied"}
    assert applied == ({heard} if heard else set())
    # It is named in trial.yaml, and nothing asks it.
    text, status = told["Settings", "Bounds of the inputs of MELD"]
    assert (text, status) == ("Not applied; decides nothing of what this report shows", "Not applied")
    rules = {item for topic, item in told if topic == "Rules of the program"}
    assert "Selection in a window" not in rules
    assert {"Percentages", "Rounding", "Missing values"} <= rules
    assert "imputed" not in told["Rules of the program", "Missing values"][0]
    assert "Formulas" not in {topic for topic, _ in told}
    # Notes on methods are those of outputs that are made.
    assert (("Methods", "Note F8") in told) == (number == "T14.2.30.1")
    assert (("Methods", "Note F15") in told) == (number == "T14.2.31.1")


#: What the protocol says is seen | the outputs | what they lack.
UNSEEN = """
nothing       T14.1.2.1,T14.1.4.1    ITTFL EFFFL COMP24FL
ITTFL         T14.1.2.1              EFFFL COMP24FL
ITTFL,EFFFL,COMP24FL  T14.1.2.1
# The other lines of the table are shown without it.
nothing       T14.1.4.1
# Of what the table shows nothing would be left.
nothing       T14.1.9.1              AVGDD CUMDOSE
# A dose is seen by nobody: schemas/ says so of CUMDOSE, and the page says that it is left out.
AVGDD         T14.1.9.1
"""


@pytest.mark.parametrize("case", [line for line in UNSEEN.strip().splitlines() if not line.startswith("#")])
def test_of_what_blinding_took_out_nothing_is_counted(case, blinded, carry_out):
    cut, protocol = blinded
    seen, outputs, *lacking = case.split()
    declared = {} if seen == "nothing" else {"ADSL": seen.split(",")}
    refused = refused_of(cut, {**protocol, "outputs": outputs.split(","), "seen_blind": declared}, carry_out)
    number = outputs.split(",")[0]
    assert [one["message"] for one in refused] == [
        f"{name} is not seen while phase 1 is blind, and {number} needs it" for name in lacking
    ]
    for one in refused:
        own = one["message"].split()[0]
        assert (f"seen_blind: {{ADSL: [{own}]}}" in one["remedy"]) == (own != "CUMDOSE")


#: What an own output is made of | what of it blinding took out: of these records are left, of those none.
PARAMETERS = """
DOSE       DOSE
NINF
DOSE,NINF  DOSE
PLANDOSE,DOSE  PLANDOSE DOSE
"""


@pytest.mark.parametrize("case", PARAMETERS.strip().splitlines())
def test_an_own_output_of_a_parameter_that_blinding_took_out_is_refused(case):
    chosen, *lacking = case.split()
    trial = TRIAL
    entry = catalogue(trial)["T14.1.9.2"]
    declared = replace(entry.declared, where={"PARAMCD": tuple(chosen.split(","))}, variables={"ADEX": ("AVAL",)}, source=("ADEX",))
    adex = pd.DataFrame({"USUBJID": ["1"], "PARAMCD": ["NINF"], "AVAL": [2.0]})
    adam = {"ADSL": pd.DataFrame({"USUBJID": ["1"], "SAFFL": ["Y"]}), "ADEX": adex}
    unseen = pd.DataFrame({"PHASE": [2], "DATASET": ["ADEX"], "VARIABLE": ["DOSE"]})
    entries = [replace(entry, declared=declared)]
    require_declared(entries, trial, adam)
    if lacking:
        with pytest.raises(ReportError) as told:
            require_declared(entries, trial, {**adam, UNSEEN_DATA: unseen})
        assert [(one.file, one.message) for one in told.value.problems] == [
            ("ADEX", f"{name} is not seen while phase 2 is blind, and T14.1.9.2 needs it") for name in lacking
        ]
    else:
        require_declared(entries, trial, {**adam, UNSEEN_DATA: unseen})


def test_a_page_says_what_it_leaves_out_of_a_blind_phase(blinded):
    cut, protocol = blinded
    declared = {"ADSL": ["MMSETOT", "ITTFL", "EFFFL", "COMP24FL"]}
    trial = make_trial({**protocol, "seen_blind": declared}, Path("trial.yaml"))
    adam = read_data(cut, trial).adam
    table = make(catalogue(trial)["T14.1.4.1"], trial, adam, stamp_of(trial), pooled=True)
    assert table.footnotes[-1] == (
        "Withheld while treatment is blinded: Body mass index group (kg/m2); Duration of disease (months); "
        "Duration of disease group (months); Education (years)."
    )
    # Of 254 subjects, as the study report counts them; MMSE 18.1 (4.2), CDISC pilot CSR, table 14-2.01.
    printed = {(row.label, text) for row in table.rows for text in row.cells.values()}
    assert {("Mean (SD)", "18.1 (4.21)"), ("n", "254")} <= printed
    assert not any("Education" in row.label for row in table.rows)


def test_validate_tells_values_that_an_output_refuses(tmp_path, carry_out):
    cut = write_cut(tmp_path / "cut")
    adsl = pd.read_parquet(cut / "adam" / "adsl.parquet")
    adsl["SEX"] = adsl["SEX"].mask(adsl["USUBJID"] == "01-701-1023", "MALE")
    adsl.to_parquet(cut / "adam" / "adsl.parquet")
    file = tmp_path / "trial.yaml"
    file.write_text(write_plain({**PILOT, "outputs": ["T14.1.4.1"]}), encoding="utf-8")
    _, printed, _ = carry_out("validate", cut, "--trial", file, "--json")
    (told,) = json.loads(printed)["refused"]
    assert told["message"] == "SEX is 'MALE', which is none of F, M; T14.1.4.1 cannot be made"
    assert (told["file"], told["place"]) == ("ADSL", "01-701-1023")
    assert told["rule"] == "an output counts by the values it expects"
    assert told["remedy"].startswith("correct the data")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("-1", "code the direction in ATOXGRL and ATOXGRH, and ATOXGR without a sign; or leave the number"),
        # what no sign explains is mended as any other value
        ("-9", "correct the data, or trial.yaml"),
        ("mild", "correct the data, or trial.yaml"),
    ],
)
def test_a_signed_grade_is_said_with_the_variables_that_tell_the_direction(value: str, said: str) -> None:
    records = pd.DataFrame({"USUBJID": ["1"], "ATOXGR": [value]})
    with pytest.raises(ReportError) as caught:
        refuse_unexpected("ADLB", records, "ATOXGR", ("0", "1", "2", "3", "4"))
    assert said in str(caught.value)


@pytest.mark.parametrize(("there", "printed"), [(True, True), (False, False)])
def test_note_on_values_after_a_transplantation_is_asked_for_where_the_data_tell_which_these_are(
    there: bool, printed: bool
) -> None:
    trial = Trial.model_validate(PROTOCOL)
    columns = {"POSTLTFL": [None]} if there else {}
    adam = {name: pd.DataFrame({"USUBJID": ["1"], **columns}) for name in ("ADLB", "ADEFF")}
    found = [one for one in declarations(trial) if "F13" in one.footnotes and one.scope == "phase"]
    assert len(found) > 10
    assert {"F13" in footnotes_of(one, trial.phase_numbers[-1], trial, adam) for one in found} == {printed}

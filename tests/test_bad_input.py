"""The gate against bad input: each small damage to a sound cut is one named finding, and nothing is derived."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report import validate
from cgbm1_report.build import gate
from cgbm1_report.build.gate import _look_back, look_at, pooled_phases, read_data, validate_everything
from cgbm1_report.errors import PlanError, ReportError
from cgbm1_report.protocol.schema import has_schema
from cgbm1_report.read.cut import read_cut
from cgbm1_report.validate import rules, schemas
from cgbm1_report.validate.findings import collect_findings
from cgbm1_report.validate.presence import garbled
from cgbm1_report.validate.source import Source
from tests.drawn import our_trial
from tests.small_study import CUTOFF, FAILED, MEDIUM, SENTINEL, decisions, small_study

Sdtm = dict[str, pd.DataFrame]
TRIAL = our_trial()
BASE = small_study(TRIAL)


def write_cut(folder: Path, sdtm: Sdtm = BASE, unblinding: str = "") -> Path:
    (folder / "sdtm").mkdir(parents=True)
    for name, frame in sdtm.items():
        frame.to_parquet(folder / "sdtm" / f"{name.lower()}.parquet")
    decisions().to_csv(folder / "src_decisions.csv", index=False)
    (folder / "cut.json").write_text(json.dumps({"cutoff": CUTOFF.isoformat()}), encoding="utf-8")
    if unblinding:
        (folder / "unblinding.csv").write_text(unblinding, encoding="utf-8")
    return folder


def put(dataset: str, variable: str, value: object, row: int = 0) -> Callable[[Sdtm], None]:
    def change(sdtm: Sdtm) -> None:
        column = sdtm[dataset][variable].astype("object")
        column.iloc[row] = value
        sdtm[dataset] = sdtm[dataset].assign(**{variable: column.astype(sdtm[dataset][variable].dtype)})

    return change


def lose(dataset: str, variable: str) -> Callable[[Sdtm], None]:
    def change(sdtm: Sdtm) -> None:
        column = sdtm[dataset][variable]
        empty = pd.Series(None, index=column.index, dtype="object").astype(column.dtype)
        sdtm[dataset] = sdtm[dataset].assign(**{variable: empty})

    return change


def without_records(dataset: str) -> Callable[[Sdtm], None]:
    return lambda sdtm: sdtm.update({dataset: sdtm[dataset].iloc[:0]})


def without_variable(dataset: str, variable: str) -> Callable[[Sdtm], None]:
    return lambda sdtm: sdtm.update({dataset: sdtm[dataset].drop(columns=[variable])})


def repeat_subject(sdtm: Sdtm) -> None:
    sdtm["DM"] = pd.concat([sdtm["DM"], sdtm["DM"].tail(1)], ignore_index=True)


def second_number(sdtm: Sdtm) -> None:
    other = sdtm["DM"].tail(1).assign(USUBJID="NCT06740149-01-777")
    sdtm["DM"] = pd.concat([sdtm["DM"], other], ignore_index=True)


def no_dataset(dataset: str) -> Callable[[Sdtm], None]:
    return lambda sdtm: sdtm.__delitem__(dataset)


# Case: the damage, then severity, rule, dataset, variable and a part of the message of the finding it must give.
CASES: dict[str, tuple[Callable[[Sdtm], None], str, str, str, str, str]] = {
    # A file cut right behind its headers is the file of a dataset without records.
    **{
        f"{name} without records": (without_records(name), "E", "V02", name, "", "has no record")
        for name in ("DM", "DS", "SV", "EX", "LB", "RS", "VS")
    },
    # Five subjects may have had no event; that is asked, not refused.
    "AE without records": (without_records("AE"), "W", "V02", "AE", "", "no record after 5 subjects dosed"),
    "dataset missing": (no_dataset("LB"), "E", "V02", "LB", "", "is not there"),
    "DM missing": (no_dataset("DM"), "E", "V02", "DM", "", "is not there"),
    "variable missing": (without_variable("EX", "EXDOSE"), "E", "V02", "EX", "EXDOSE", "is not there"),
    "column lost": (lose("LB", "LBSTRESN"), "E", "V02", "LB", "LBSTRESN", "no value in any of 14 records"),
    "required column lost": (lose("DM", "SEX"), "E", "V02", "DM", "SEX", "is missing"),
    "one result lost": (put("LB", "LBSTRESN", None), "E", "V21", "LB", "LBSTRESN", "BILI 300 umol/L has no standard result"),
    "laboratory unit unknown": (put("LB", "LBSTRESU", "furlong"), "E", "V21", "LB", "LBSTRESU", "standard unit umol/L"),
    "laboratory unit missing": (put("LB", "LBSTRESU", None), "E", "V21", "LB", "LBSTRESU", "no unit"),
    "original unit unknown": (put("LB", "LBORRESU", "furlong"), "E", "V21", "LB", "LBORRESU", "no factor is known"),
    "vital sign in Fahrenheit": (put("VS", "VSSTRESU", "F"), "E", "V21", "VS", "VSSTRESU", "TEMP in F, standard unit C"),
    "vital sign without unit": (put("VS", "VSSTRESU", None), "W", "V21", "VS", "VSSTRESU", "without a unit"),
    "test unknown": (put("LB", "LBTESTCD", "XYZ"), "E", "V02", "LB", "LBTESTCD", "XYZ"),
    "year of two digits": (put("AE", "AESTDTC", "24-03-05"), "E", "V02", "AE", "AESTDTC", "24-03-05"),
    "SAS date text": (put("AE", "AESTDTC", "05MAR24"), "E", "V02", "AE", "AESTDTC", "05MAR24"),
    "date with slashes": (put("AE", "AESTDTC", "03/05/24"), "E", "V02", "AE", "AESTDTC", "03/05/24"),
    "year 25": (put("AE", "AESTDTC", "0025-03-15"), "E", "V32", "AE", "AESTDTC", "0025-03-15"),
    "SAS number for a date": (lambda s: s.update(AE=s["AE"].assign(AESTDTC=23800.0)), "E", "V02", "AE", "AESTDTC", "not text"),
    "age with a unit": (lambda s: s.update(DM=s["DM"].assign(AGE="45y")), "E", "V02", "DM", "AGE", "not a number"),
    "subject twice": (repeat_subject, "E", "V03", "DM", "USUBJID", "more than once"),
    "screening number twice": (second_number, "E", "V03", "DM", "SUBJID", "more than one USUBJID"),
    "subject in small letters": (put("AE", "USUBJID", MEDIUM.lower()), "E", "V01", "AE", "USUBJID", f"which has {MEDIUM}"),
    "subject unknown": (put("AE", "USUBJID", "NCT06740149-01-999"), "E", "V01", "AE", "USUBJID", "not in DM"),
    "subject missing": (put("AE", "USUBJID", None), "E", "V02", "AE", "USUBJID", "is missing"),
    "letters lost": (put("AE", "AETERM", "fi\ufffdvre"), "E", "V02", "AE", "AETERM", "letters were lost"),
    "UTF-8 read as Windows-1252": (put("AE", "AETERM", "fiÃ¨vre"), "E", "V02", "AE", "AETERM", "UTF-8"),
    "missing as R writes it": (put("AE", "AETERM", "NA"), "W", "V02", "AE", "AETERM", "is NA in 1 record: so R writes"),
    "missing as SAS writes it": (put("CM", "CMTRT", "."), "W", "V02", "CM", "CMTRT", "is . in 1 record: so SAS writes"),
    "date with an offset": (put("AE", "AESTDTC", "2025-03-10T10:00+08:00"), "E", "V02", "AE", "AESTDTC", "has a UTC offset"),
    "date with a gap": (put("AE", "AESTDTC", "2025---10"), "E", "V02", "AE", "AESTDTC", "leaves out a part"),
    "infusion to the hour": (put("EX", "EXSTDTC", "2025-03-10T10"), "E", "V02", "EX", "EXSTDTC", "not precise enough (the minute"),
    "unlisted date with an offset": (
        lambda s: s.update(AE=s["AE"].assign(AEXDTC="2025-03-10T10:00Z")),
        "E",
        "V02",
        "AE",
        "AEXDTC",
        "has a UTC offset",
    ),
    "dataset unknown": (lambda s: s.update(QS=s["CM"]), "I", "V02", "QS", "", "no schema"),
}


def findings_of(sdtm: Sdtm, code: str) -> pd.DataFrame:
    """What the gate finds under one rule: registered checks, and the schemas of the datasets that differ."""
    for module in rules.RULE_MODULES:
        import_module(f"cgbm1_report.validate.{module}")
    source = Source(sdtm, TRIAL, CUTOFF, decisions())
    parts = [rules.run_rule(entry, source) for entry in rules.RULES.values() if entry.id == code]
    parts += list(validate._missing_domains(sdtm))
    for name, frame in sdtm.items():
        if has_schema(name) and frame is not BASE.get(name):
            parts += [part[part["rule"] == code] for part in schemas.check_frame(frame, name, TRIAL)]
    return collect_findings(parts)


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_a_named_finding(case: str) -> None:
    change, severity, rule, dataset, variable, words = CASES[case]
    sdtm = dict(BASE)
    change(sdtm)
    found = findings_of(sdtm, rule)
    of_it = found[(found["rule"] == rule) & (found["dataset"] == dataset) & (found["severity"] == severity)].fillna("")
    named = of_it[(of_it["variable"] == variable) & of_it["message"].str.contains(words, regex=False)]
    assert len(named) >= 1, of_it[["variable", "message"]]
    assert (named["remedy"] != "").all()


def test_nobody_dosed_needs_no_results() -> None:
    """A cut in which one subject was screened: consent is recorded, results need not be."""
    sdtm = {name: frame[frame["USUBJID"] == FAILED].reset_index(drop=True) for name, frame in BASE.items()}
    found = findings_of(sdtm, "V02")
    assert found[(found["rule"] == "V02") & (found["severity"] != "I")].empty


def test_ten_dosed_subjects_without_one_event_are_no_chance() -> None:
    dosed = pd.concat([BASE["DM"].head(1).assign(USUBJID=f"S{n}", SUBJID=f"{n:03}") for n in range(10)], ignore_index=True)
    found = findings_of({**BASE, "DM": dosed, "AE": BASE["AE"].iloc[:0]}, "V02")
    rows = found[(found["dataset"] == "AE") & (found["rule"] == "V02") & found["message"].str.startswith("the dataset")]
    assert rows["severity"].tolist() == ["E"]


def test_dm_that_is_missing_is_not_said_of_every_record() -> None:
    found = findings_of({name: frame for name, frame in BASE.items() if name != "DM"}, "V01")
    assert found["dataset"].tolist() == ["DM"]


def test_term_that_only_holds_the_letters_of_a_missing_value_is_a_term() -> None:
    sdtm = dict(BASE)
    for row, term in enumerate(["NAUSEA", "Nan", "NONE", "none", "N/A", "null result"]):
        put("AE", "AETERM", term, row % len(sdtm["AE"]))(sdtm)
        found = findings_of(sdtm, "V02")
        assert not found["message"].str.contains("writes a missing value").any()


#: Each looks like a file that may lie beside the data.
LOOKALIKES = ("unblinding.xlsx", "unblinding.csv.txt", "Unblinding (1).pdf", "cut.json.bak", "SRC_Decisions.docx")


def test_file_nobody_reads_is_named_and_stops_nothing(tmp_path: Path) -> None:
    """Data by its name is a question, and so is what looks like a file beside the data; any other file a line."""
    cut = write_cut(tmp_path / "cut")
    for name in (
        "README.txt",
        ".DS_Store",
        "sdtm/define.xml",
        "formats.sas7bcat",
        "ae.xpt",
        "sdtm/lb.xpt.gz",
        "sdtm/._ae.xpt",
        *LOOKALIKES,
    ):
        (cut / name).write_text("x", encoding="utf-8")
    (cut / "sdtm" / "split").mkdir()
    (cut / "sdtm" / "split" / "lbch.xpt").write_text("x", encoding="utf-8")
    read = read_cut(cut, TRIAL)
    found = validate_everything(read, TRIAL)
    of_cut = found[found["dataset"] == "CUT"]
    told = {row.message.split("'")[1]: row.severity for row in of_cut.itertuples()}
    told = {name: severity for name, severity in told.items() if name not in LOOKALIKES}
    assert told == {
        "README.txt": "I", ".DS_Store": "I", "sdtm/define.xml": "I", "formats.sas7bcat": "I", "sdtm/._ae.xpt": "I",
        "ae.xpt": "W", "sdtm/lb.xpt.gz": "W", "sdtm/split/lbch.xpt": "W",
    }  # fmt: skip
    for name in LOOKALIKES:
        assert found[found["message"].str.contains(f"'{name}' is not read: what", regex=False)]["severity"].tolist() == ["W"]
    assert pooled_phases(TRIAL, read) == {2}
    assert not {"ae.xpt", "sdtm/lb.xpt.gz"} & read.files.keys()


# Text and what is wrong with it. 发热 (fever) in GBK is B7 A2 C8 C8, in Latin-1 ·¢ÈÈ.
TEXTS = [
    ("fever", ""), ("fièvre", ""), ("créée", ""), ("发热", ""), ("≥ 2 × ULN", ""), ("37 °C", ""), ("Sjögren", ""),
    ("fi\ufffdvre", "lost"), ("fiÃ¨vre", "utf-8"), ("·¢ÈÈ", "gbk"), ("a\x07b", "control"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind"), TEXTS)
def test_text_of_another_encoding_is_told_from_foreign_letters(text: str, kind: str) -> None:
    assert garbled(text) == kind


@pytest.mark.parametrize("workers", [1, 2])
def test_all_damage_of_a_cut_is_said_at_once_and_nothing_is_derived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    # With two processes what is derived meanwhile fails too: nobody hears of that.
    monkeypatch.setattr(gate, "_WORTH", 0)
    told: list[str] = []
    sdtm = dict(BASE)
    for change in (without_records("VS"), put("AE", "AESTDTC", "24-03-05"), put("LB", "LBSTRESU", "furlong"), repeat_subject):
        change(sdtm)
    cut = write_cut(tmp_path / "cut", sdtm)
    with pytest.raises(ReportError) as error:
        read_data(cut, TRIAL, workers=workers, on_progress=lambda step, _: told.append(step))
    text = str(error.value)
    assert all(words in text for words in ("VS", "has no record", "24-03-05", "furlong", "USUBJID stands more than once"))
    assert told == ["read", "validate"]
    assert multiprocessing.active_children() == []


def test_gate_counts_all_errors_of_a_cut_as_validate_does_also_those_it_did_not_come_to(tmp_path: Path) -> None:
    """A wrong SDTM closes the gate before supplied ADaM is looked at: a subject nobody has is told all the same."""
    sdtm = dict(BASE)
    put("AE", "AESTDTC", "24-03-05")(sdtm)
    cut = write_cut(tmp_path / "cut", sdtm)
    (cut / "adam").mkdir()
    (cut / "adam" / "adsl.csv").write_text("STUDYID,USUBJID\nNCT06740149,NCT06740149-99-999\n")
    found = validate_everything(read_cut(cut, TRIAL), TRIAL)
    errors = found[found["severity"] == "E"]
    assert set(errors["dataset"]) >= {"AE", "ADSL"}
    with pytest.raises(ReportError) as error:
        read_data(cut, TRIAL)
    assert error.value.problems[0].message == f"{len(errors)} errors in the data; nothing is built"


def test_cut_of_one_other_study_is_refused_in_one_message_and_a_record_of_one_is_a_finding(tmp_path: Path) -> None:
    """By another study's protocol nobody knows who is blind: nothing is looked at."""
    other = {name: frame.assign(STUDYID="NCT00000001") for name, frame in BASE.items()}
    cut = write_cut(tmp_path / "other", other)
    for ask in (lambda: read_data(cut, TRIAL), lambda: validate_everything(read_cut(cut, TRIAL), TRIAL)):
        with pytest.raises(PlanError) as error:
            ask()
        (problem,) = error.value.problems
        assert problem.message == "the cut is of study NCT00000001, trial.yaml of study NCT06740149"
        assert (problem.place, problem.closed) == ("STUDYID of DM", "the cut is of another study than trial.yaml")
    mixed = dict(BASE)
    put("DM", "STUDYID", "NCT00000001")(mixed)
    found = validate_everything(read_cut(write_cut(tmp_path / "mixed", mixed), TRIAL), TRIAL)
    assert found[found["variable"] == "STUDYID"]["value"].tolist() == ["NCT00000001"]


def test_what_a_cut_lacks_is_told_with_what_to_deliver(tmp_path: Path) -> None:
    cut = write_cut(tmp_path / "cut", {name: frame for name, frame in BASE.items() if name != "DV"})
    (cut / "cut.json").write_text("{}", encoding="utf-8")
    found = validate_everything(read_cut(cut, TRIAL), TRIAL)
    lacking = found[found["message"] == "the dataset is not there"]
    assert lacking[["dataset", "remedy"]].to_numpy().tolist() == [["DV", "deliver the dataset, without records if there are none"]]
    remedies = [found[found["message"].str.startswith("the cut does not name its data cut-off")]["remedy"].tolist()]
    (cut / "cut.json").unlink()
    found = validate_everything(read_cut(cut, TRIAL), TRIAL)
    remedies.append(found[found["message"].str.startswith("the cut does not name its data cut-off")]["remedy"].tolist())
    assert remedies == [['write "cutoff": "YYYY-MM-DD" into cut.json'], ['put cut.json {"cutoff": "YYYY-MM-DD"} into the cut']]


def test_cut_that_is_derived_while_it_is_checked_gives_the_same_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = write_cut(tmp_path / "cut", dict(BASE))
    alone = read_data(cut, TRIAL)
    monkeypatch.setattr(gate, "_WORTH", 0)
    beside = read_data(cut, TRIAL, workers=2)
    assert list(beside.adam) == list(alone.adam)
    for name, frame in alone.adam.items():
        pd.testing.assert_frame_equal(beside.adam[name], frame, check_exact=True)
        assert beside.adam[name].attrs == frame.attrs
    pd.testing.assert_frame_equal(beside.findings, alone.findings)


RECORD = "PHASE,SCOPE,USUBJID,UNBLDTC,REASON,NAME\n"
WHOLE = "2,PHASE,,2025-12-31,FINAL ANALYSIS,A. Statistician\n"
ALONE = f"2,SUBJECT,{MEDIUM},2025-12-31,EMERGENCY,Dr. Li\n"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        # a row in which something is missing
        ("2,,,2025-12-31,FINAL ANALYSIS,A. Statistician", ["SCOPE is missing"]),
        ("2,PHASE,,,FINAL ANALYSIS,A. Statistician", ["UNBLDTC is missing"]),
        ("2,PHASE,,2025-12-31,,A. Statistician", ["REASON is missing"]),
        ("2,PHASE,,2025-12-31,FINAL ANALYSIS,", ["NAME is missing"]),
        (",PHASE,,2025-12-31,FINAL ANALYSIS,A. Statistician", ["PHASE is missing"]),
        # the cut-off is 2025-12-31, the first consent of phase 2 in 2025
        ("2,PHASE,,2099-01-01,FINAL ANALYSIS,A. Statistician", ["after the data cut-off 2025-12-31"]),
        ("2,PHASE,,1900-01-01,FINAL ANALYSIS,A. Statistician", ["before the first consent of the phase"]),
        ("2,PHASE,,2025-12,FINAL ANALYSIS,A. Statistician", ["no date YYYY-MM-DD"]),
        ("2,PHASE,,01/05/26,FINAL ANALYSIS,A. Statistician", ["no date YYYY-MM-DD"]),
        # what says that nothing was opened
        ("2,PHASE,,NOT YET UNBLINDED,NOT YET UNBLINDED,TBD", ["no date", "REASON is none of its scope", "NAME names nobody"]),
        # one subject's emergency is no reason to open a phase, nor is a phase a subject
        ("2,PHASE,,2025-12-31,EMERGENCY,Dr. Li", ["REASON is none of its scope"]),
        (f"2,PHASE,{MEDIUM},2025-12-31,FINAL ANALYSIS,Dr. Li", ["USUBJID is filled"]),
        ("2,SUBJECT,,2025-12-31,EMERGENCY,Dr. Li", ["USUBJID is missing"]),
        ("2,SUBJECT,NOBODY,2025-12-31,EMERGENCY,Dr. Li", ["no subject of the cut"]),
        ("2,ALL,,2025-12-31,FINAL ANALYSIS,Dr. Li", ["SCOPE is none of PHASE, SUBJECT"]),
        ("2.5,PHASE,,2025-12-31,FINAL ANALYSIS,Dr. Li", ["no phase of trial.yaml"]),
        ("x,PHASE,,2025-12-31,FINAL ANALYSIS,Dr. Li", ["no phase of trial.yaml"]),
        (WHOLE + WHOLE, ["more than once"]),
    ],
)
def test_damaged_unblinding_record_opens_nothing(rows: str, words: list[str], tmp_path: Path) -> None:
    """One message per row, with all that is wrong with it."""
    cut = write_cut(tmp_path / "cut", unblinding=RECORD + rows.strip() + "\n")
    with pytest.raises(ReportError, match=r"unblinding\.csv") as error:
        read_cut(cut, TRIAL)
    assert len(error.value.problems) == 1
    assert [word for word in words if word not in str(error.value)] == []


def test_unblinding_record_of_the_old_form_is_refused_with_the_columns_to_write(tmp_path: Path) -> None:
    cut = write_cut(tmp_path / "cut", unblinding="PHASE,UNBLDTC,REASON\n2,2025-12-31,FINAL ANALYSIS\n")
    with pytest.raises(ReportError, match="lacks SCOPE, USUBJID, NAME") as error:
        read_cut(cut, TRIAL)
    assert "PHASE, SCOPE, USUBJID, UNBLDTC, REASON, NAME" in str(error.value)


@pytest.mark.parametrize(("record", "pooled"), [(WHOLE, set()), (ALONE, {2}), (ALONE + WHOLE, set())])
def test_only_a_record_of_the_whole_phase_opens_it(record: str, pooled: set[int], tmp_path: Path) -> None:
    cut = read_cut(write_cut(tmp_path / "cut", unblinding=RECORD + record), TRIAL)
    assert pooled_phases(TRIAL, cut) == pooled
    told = collect_findings(_look_back(look_at(cut, TRIAL))).query("dataset == 'UNBLINDING'")
    assert told["message"].tolist() == ["1 subject of phase 2 unblinded one by one: that opens no phase"] * (ALONE in record)
    assert told["usubjid"].isna().all()


def test_phase_is_not_opened_by_a_date_that_cannot_be_checked(tmp_path: Path) -> None:
    cut = write_cut(tmp_path / "cut", unblinding=RECORD + WHOLE)
    (cut / "cut.json").unlink()
    endless = TRIAL.model_copy(update={"study": TRIAL.study.model_copy(update={"data_cutoff": None})})
    with pytest.raises(ReportError, match="the cut has no data cut-off"):
        read_cut(cut, endless)


def test_files_beside_the_data_go_by_any_case_of_letters(tmp_path: Path) -> None:
    cut = write_cut(tmp_path / "cut", unblinding=RECORD + WHOLE)
    for name, other in (("unblinding.csv", "Unblinding.CSV"), ("cut.json", "Cut.json")):
        (cut / name).rename(cut / other)
    read = read_cut(cut, TRIAL)
    assert pooled_phases(TRIAL, read) == set()
    assert {"Unblinding.CSV", "Cut.json"} <= read.files.keys()
    (cut / "UNBLINDING.csv").write_text(RECORD, encoding="utf-8")
    with pytest.raises(ReportError, match=r"stands twice: UNBLINDING\.csv, Unblinding\.CSV"):
        read_cut(cut, TRIAL)


@pytest.mark.parametrize(
    "content", ['{"cutoff": "2025-12-31", "cutoff": "2026-12-31"}', '{"cutoff": "2025-12-31", "more": {"a": 1, "a": 2}}']
)
def test_key_that_stands_twice_in_cut_json_is_refused(content: str, tmp_path: Path) -> None:
    cut = write_cut(tmp_path / "cut")
    (cut / "cut.json").write_text(content, encoding="utf-8")
    with pytest.raises(ReportError, match=r"cut\.json: cannot be read: key '(cutoff|a)' stands twice"):
        read_cut(cut, TRIAL)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"cutoff": ""}', "is no date"),
        ('{"cutoff": 20251231}', "is no date"),
        ('{"cutoff": "31.12.2025"}', "is no date"),
        ('{"cutof": "2025-12-31"}', "'cutof' is unknown"),
        ('{"cutoff": "2025-12-31", "synthetic": "yes"}', "neither true nor false"),
    ],
)
def test_slip_in_cut_json_is_an_error(content: str, words: str, tmp_path: Path) -> None:
    cut = write_cut(tmp_path / "cut")
    (cut / "cut.json").write_text(content, encoding="utf-8")
    with pytest.raises(ReportError, match=r"cut\.json") as error:
        read_cut(cut, TRIAL)
    assert words in str(error.value)


def test_findings_of_a_blind_cut_tell_no_treatment(tmp_path: Path) -> None:
    """One subject of each phase got another dose than planned: phase 1 is told, phase 2 is withheld."""
    sdtm = dict(BASE)
    rows = {subject: int((sdtm["EX"]["USUBJID"] == subject).to_numpy().argmax()) for subject in (SENTINEL, MEDIUM)}
    for row in rows.values():
        put("EX", "EXDOSE", 4.0, row)(sdtm)
    blind = validate_everything(read_cut(write_cut(tmp_path / "blind", sdtm), TRIAL), TRIAL)
    of_dose = blind[blind["rule"] == "V06"]
    # Neither the subject nor how many: an error of one arm alone would tell who is in it.
    assert MEDIUM not in set(of_dose["usubjid"])
    hidden = of_dose[of_dose["usubjid"].isna()]
    # One of the arm the subject has, one of the single infusion: each is told once, whoever and however many it is about.
    assert hidden[["dataset", "variable", "value"]].to_numpy().tolist() == [
        ["DM", "ACTARMCD", "withheld"],
        ["EX", "EXDOSE", "withheld"],
    ]
    assert "highest dose" in " ".join(of_dose.loc[of_dose["usubjid"] == SENTINEL, "message"])
    record = "PHASE,SCOPE,USUBJID,UNBLDTC,REASON,NAME\n2,PHASE,,2025-12-31,FINAL ANALYSIS,A. Statistician\n"
    opened = validate_everything(read_cut(write_cut(tmp_path / "open", sdtm, record), TRIAL), TRIAL)
    assert "withheld" not in set(opened["value"])

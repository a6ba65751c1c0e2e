"""Every deliberate defect is found by the rule it was made for, at the subject it was planted in."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from cgbm1_report import validate
from cgbm1_report.build.gate import validate_everything
from cgbm1_report.cli import app
from cgbm1_report.errors import ReportError
from cgbm1_report.protocol.schema import schema_labels, schema_types
from cgbm1_report.read.cut import Cut, read_cut
from cgbm1_report.simulate import defects, simulate_cut
from tests.drawn import our_trial

TRIAL = our_trial()
#: The catalogue: stage and rules of each defect.
CATALOGUE = {
    **dict.fromkeys(("D03", "D04"), ("S", "V04")),
    **dict.fromkeys(("D16", "D17"), ("S", "V13")),
    **dict.fromkeys(("D27", "D28"), ("S", "V23")),
    **dict.fromkeys(("D29", "D30"), ("S", "V02")),
    "D05": ("S", "V05"),
    "D15": ("S", "V12"),
    "D22": ("S", "V17"),
    "D23": ("S", "V18"),
    "D24": ("S", "V19"),
    "D25": ("S", "V21, V22"),
    "D26": ("S", "V22"),
    "D32": ("S", "V25"),
    "D33": ("S", "V28"),
    "D36": ("S", "V20"),
    "D38": ("S", "V24"),
    "D39": ("S", "V26"),
    "D40": ("S", "V29"),
    "D41": ("S", "V32"),
    **dict.fromkeys(("D07", "D08", "D34"), ("A", "V08")),
    **dict.fromkeys(("D09", "D10"), ("A", "V09")),
    **dict.fromkeys(("D11", "D12"), ("A", "V10")),
    **dict.fromkeys(("D13", "D14"), ("A", "V11")),
    **dict.fromkeys(("D19", "D20"), ("A", "V15")),
    "D01": ("A", "V01"),
    "D02": ("A", "V03"),
    "D06": ("A", "V07"),
    "D18": ("A", "V14"),
    "D21": ("A", "V16"),
    "D31": ("A", "V31"),
    "D35": ("A", "V11, V27"),
    "D37": ("A", "V06"),
}


Planted = tuple[Path, Cut, pd.DataFrame]


@pytest.fixture(scope="module")
def by_command(tmp_path_factory) -> Planted:
    """The default seed by the command line: a cut with all defects, and what `validate --json` says of it."""
    folder = tmp_path_factory.mktemp("defects") / "spoilt"
    made = CliRunner().invoke(app, ["simulate", str(folder), "--defects", "--parquet"])
    assert made.exit_code == 0, made.output
    told = CliRunner().invoke(app, ["validate", str(folder), "--json"])
    assert told.exit_code == 1, told.output
    findings = pd.DataFrame(json.loads(told.stdout)["findings"])
    return (
        folder,
        read_cut(folder, TRIAL),
        findings.assign(stage=findings["dataset"].str.startswith("AD").map({True: "A", False: "S"})),
    )


@pytest.fixture(scope="module")
def of_another_seed(tmp_path_factory) -> Planted:
    """The same of another seed, in this process."""
    folder = tmp_path_factory.mktemp("defects") / "spoilt"
    cut = read_cut(simulate_cut(folder, trial=TRIAL, seed=20260314, format="parquet", defects=True), TRIAL)
    findings = validate_everything(cut, TRIAL)
    return folder, cut, findings.assign(stage=findings["dataset"].str.startswith("AD").map({True: "A", False: "S"}))


@pytest.fixture(
    params=[
        pytest.param("by_command", id="default seed"),
        pytest.param("of_another_seed", id="another seed", marks=pytest.mark.long),
    ]
)
def planted(request) -> Planted:
    """A cut with all defects: its folder, the cut, and its findings."""
    return request.getfixturevalue(request.param)


def manifest(folder: Path) -> list[dict[str, str]]:
    return json.loads((folder / "defects_manifest.json").read_text(encoding="utf-8"))


def test_catalogue_is_whole():
    found = {entry.id: (entry.stage, entry.rule) for entry in defects.read_catalogue()}
    assert found == CATALOGUE
    assert sorted(found) == [f"D{number:02}" for number in range(1, 42)]


def test_manifest_names_each_defect_once_and_each_in_another_subject(planted):
    listed = manifest(planted[0])
    assert {entry["id"]: (entry["stage"], entry["rule"]) for entry in listed} == CATALOGUE
    assert len({entry["USUBJID"] for entry in listed}) == len(CATALOGUE)
    assert {frozenset(entry) for entry in listed} == {frozenset(("id", "stage", "dataset", "USUBJID", "key", "rule", "change"))}
    assert all(entry["change"] for entry in listed)


def test_every_defect_is_found_by_its_rules_in_its_subject(planted):
    folder, _, new = planted
    found = set(zip(new["stage"], new["rule"], new["usubjid"], strict=True))
    wanted = {
        (entry["id"], entry["stage"], rule, entry["USUBJID"]) for entry in manifest(folder) for rule in entry["rule"].split(", ")
    }
    assert sorted(entry for entry in wanted if entry[1:] not in found) == []


def test_defects_of_the_sdtm_disturb_nobody_else(by_command, final_cut):
    folder, _, found = by_command
    before, keys = validate.validate_sdtm(read_cut(final_cut, TRIAL), TRIAL), ["rule", "usubjid", "key", "message"]
    assert before[before["severity"] == "E"].empty
    known = pd.MultiIndex.from_frame(before[keys].fillna(""))
    new = found[~pd.MultiIndex.from_frame(found[keys].fillna("")).isin(known)]
    mine = {entry["USUBJID"] for entry in manifest(folder)}
    strangers = new[(new["stage"] == "S") & ~new["usubjid"].isin(mine) & new["usubjid"].notna()]
    # A randomisation number that is used twice is one of two subjects.
    assert set(strangers["rule"]) <= {"V29"}
    assert len(strangers) <= 1


def test_planted_values_are_those_of_the_catalogue(planted):
    folder, cut, _ = planted
    subject = {entry["id"]: entry["USUBJID"] for entry in manifest(folder)}

    def own(dataset: str, code: str) -> pd.DataFrame:
        frame = (cut.sdtm | cut.adam)[dataset]
        return frame[frame["USUBJID"] == subject[code]]

    assert own("LB", "D26").query("LBTESTCD == 'ICGR15'")["LBSTRESN"].max() == 130
    creatinine = own("LB", "D25").query("LBTESTCD == 'CREAT' and LBSTRESN == 1.2")
    assert creatinine[["LBORRESU", "LBSTRESU"]].to_numpy().tolist() == [["mg/dL", "umol/L"]]
    assert "2025-02-30" in own("CM", "D29")["CMSTDTC"].tolist()
    assert "Cured" in own("AE", "D30")["AEOUT"].tolist()
    assert 5 in own("ADEFF", "D19").query("PARAMCD == 'CLIFCOF'")["AVAL"].tolist()
    assert own("DM", "D28")[["SEX", "AGE"]].to_numpy().tolist() == [["F", 30.0]]
    # Three days between the first two infusions.
    days = pd.to_datetime(own("EX", "D23")["EXSTDTC"].str[:10]).sort_values().diff().dt.days
    assert days.iloc[1] == 3


def test_a_defect_that_finds_nobody_is_refused_and_named(planted):
    """Nobody has died yet: no date of death can be forgotten, nothing follows a death; all is said at once."""
    _, cut, _ = planted
    alive = cut.sdtm["DM"].assign(DTHDTC=pd.Series(None, index=cut.sdtm["DM"].index, dtype="str"))
    scene = defects.Scene(cut.sdtm | {"DM": alive}, cut.adam, TRIAL, cut.cutoff)
    with pytest.raises(ReportError) as caught:
        defects.choose_subjects(scene, [entry for entry in defects.read_catalogue() if entry.stage == "S"], seed=1)
    named = {problem.message.split(":")[0].rsplit(" ", 1)[-1] for problem in caught.value.problems}
    assert named == {"D05", "D15", "D39"}


def test_supplied_adam_comes_with_labels_and_kinds(planted):
    adam = planted[1].adam
    assert {"ADSL", "ADAE", "ADLB", "ADEFF", "ADTTE", "ADIS"} <= set(adam)
    for name, frame in adam.items():
        labels, kinds = schema_labels(name), schema_types(name)
        assert all(frame.attrs["labels"][column] for column in frame), name
        dated = {column for column in frame if pd.api.types.is_datetime64_any_dtype(frame[column])}
        assert dated == {column for column in frame if kinds.get(column) == "date"}, name
        assert {column: frame.attrs["labels"][column] for column in ("USUBJID", "STUDYID")} == {
            column: labels[column] for column in ("USUBJID", "STUDYID")
        }

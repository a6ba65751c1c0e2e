"""schemas/: read strictly, complete, and one with the checks they name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from cgbm1_report.assets import asset
from cgbm1_report.errors import ReportError
from cgbm1_report.protocol import schema
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.validate import load_schema, schemas
from tests.drawn import draw, our_trial
from tests.small_study import small_study

TRIAL = our_trial()
DATASETS = [*schema.schema_datasets("sdtm"), *schema.schema_datasets("adam")]
GOOD = """
schema_type: dataframe
name: XX
title: Example
unique: [USUBJID]
columns:
  USUBJID: {title: Unique Subject Identifier, dtype: str}
  AGE: {title: Age, dtype: float64, in_range: {min_value: 0, max_value: 120}}
  SEX: {title: Sex, dtype: str, nullable: true, isin: ['M', 'F']}
checks:
  - {column: SEX, filled: AGE, options: {check_name: present_when}}
"""


def read_text(tmp_path: Path, text: str) -> dict[str, object]:
    file = tmp_path / "xx.yaml"
    file.write_text(text, encoding="utf-8")
    return schema.read_schema_file(file)


def test_every_domain_of_the_data_model_has_a_schema() -> None:
    sdtm = "AE CE CM DD DM DS DV EX IE IS LB MB MH PR RE RS SRC_DECISIONS SS SV TA TE TI TS TV VS XL"
    adam = "ADAE ADCE ADCM ADDLT ADDV ADEFF ADEX ADIE ADIECK ADIS ADLB ADLBHY ADLBQ ADMH ADPR ADSL ADSV ADTTE ADVS"
    assert " ".join(schema.schema_datasets("sdtm")) == sdtm
    assert " ".join(schema.schema_datasets("adam")) == adam


@pytest.mark.parametrize("dataset", DATASETS)
def test_schema_loads_and_pandera_kept_all_of_it(dataset: str) -> None:
    loaded = load_schema(dataset, TRIAL)
    content = schema.read_schema(dataset)
    assert list(loaded.columns) == list(content["columns"])
    assert list(loaded.unique) == content["unique"]
    assert len(loaded.checks) == len(content.get("checks", []))
    for name, column in content["columns"].items():
        checks = set(column) & schema.COLUMN_CHECKS.keys()
        limited = {"isin"} if checks == {"in_trial"} and schemas.trial_terms(TRIAL, column["in_trial"]) else checks - {"in_trial"}
        assert {check.name for check in loaded.columns[name].checks} == limited, name
        assert loaded.columns[name].nullable is column.get("nullable", False), name
        assert loaded.columns[name].required is column.get("required", True), name
        assert loaded.columns[name].title == column["title"]


@pytest.mark.parametrize("dataset", DATASETS)
def test_names_and_labels_fit_sas(dataset: str) -> None:
    labels = schema.schema_labels(dataset)
    assert [name for name in labels if not (len(name) <= 8 and name.isupper())] == []
    assert [label for label in labels.values() if not 0 < len(label) <= 40] == []
    assert 0 < len(schema.schema_title(dataset)) <= 40


def test_what_belongs_to_the_trial_is_not_copied_into_schemas() -> None:
    """Arms, visits, complications, causality, criteria and doses come from trial.yaml only."""
    own = {arm.armcd for arm in TRIAL.arms} | {arm.arm for arm in TRIAL.arms} | {c.term for c in TRIAL.complications}
    own |= {visit.visit for phase in TRIAL.phases.values() for visit in phase.visits} - {"SCREENING", "UNSCHEDULED"}
    own |= set(TRIAL.relatedness.codelist) - {"RELATED", "NOT RELATED"}
    own |= {criterion.ietestcd for criteria in TRIAL.ie_criteria.values() for criterion in criteria}
    own |= {TRIAL.study.studyid, TRIAL.study.product}
    for dataset in DATASETS:
        columns = schema.read_schema(dataset)["columns"].values()
        listed = {value for column in columns for value in column.get("isin", [])}
        assert not listed & own, dataset


def test_every_schema_loads() -> None:
    for dataset in DATASETS:
        assert load_schema(dataset, TRIAL).columns


def test_reading_labels_does_not_import_pandera() -> None:
    code = "import sys; from cgbm1_report import validate; from cgbm1_report.read import cut; from cgbm1_report.protocol import schema; schema.schema_labels('AE'); sys.exit('pandera' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_named_checks_of_yaml_and_python_are_the_same() -> None:
    from cgbm1_report.validate import checks

    assert set(checks.FRAME_CHECKS) == set(schema.FRAME_CHECKS)


def test_good_schema_is_read(tmp_path: Path) -> None:
    assert list(read_text(tmp_path, GOOD)["columns"]) == ["USUBJID", "AGE", "SEX"]


# What pandera would drop without a word: the slip, the key that was meant, where.
SLIPS = [
    ("nullable: true", "nulable: true", "nulable", "nullable", "columns.SEX"),
    ("isin: ['M', 'F']", "is_in: ['M', 'F']", "is_in", "isin", "columns.SEX"),
    ("min_value: 0", "minvalue: 0", "minvalue", "min_value", "columns.AGE.in_range"),
    ("unique:", "uniqe:", "uniqe", "unique", ""),
    ("check_name: present_when", "check_name: presnt_when", "presnt_when", "present_when", "checks[0]"),
    ("filled: AGE", "fild: AGE", "fild", "filled", "checks[0]"),
    ("filled: AGE", "filled: AEG", "AEG", "AGE", "checks[0]"),
    ("options: {", "options: {raise_warnings: true, ", "raise_warnings", "raise_warning", "checks[0].options"),
    ("unique: [USUBJID]", "unique: [USUBJIT]", "USUBJIT", "USUBJID", "unique"),
]


@pytest.mark.parametrize(("right", "wrong", "key", "nearest", "place"), SLIPS)
def test_misspelt_key_is_refused_with_the_nearest_one(
    tmp_path: Path, right: str, wrong: str, key: str, nearest: str, place: str
) -> None:
    assert right in GOOD
    with pytest.raises(ReportError) as error:
        read_text(tmp_path, GOOD.replace(right, wrong))
    problem = error.value.problems[0]
    assert problem.file.endswith("xx.yaml")
    assert repr(key) in problem.message
    assert f"did you mean {nearest!r}" in problem.remedy
    assert problem.place == place


def test_all_slips_are_named_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("nullable", "nulable").replace("isin", "is_in").replace("dtype: float64", "dtype: number")
    with pytest.raises(ReportError) as error:
        read_text(tmp_path, text)
    assert len(error.value.problems) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("columns: [", "is not YAML"),
        ("- a\n- b\n", "has no columns"),
        ("", "has no columns"),
        (GOOD + "name: YY\n", "stands twice"),
        (GOOD.replace("dtype: float64", "dtype: category"), "dtype 'category' is unknown"),
        (
            GOOD.replace("{title: Age, dtype: float64, in_range: {min_value: 0, max_value: 120}}", "{dtype: float64}"),
            "'title' is missing",
        ),
        (GOOD.replace("USUBJID: {title: Unique Subject Identifier, dtype: str}", "USUBJID: text"), "is not a mapping"),
        (GOOD.replace(", options: {check_name: present_when}", ""), "names no check"),
        (GOOD.replace("present_when", "plausible"), "plausible needs 'test'"),
        ("!!python/object/apply:os.system ['true']", "is not YAML"),
    ],
)
def test_schema_that_is_none_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ReportError, match=words):
        read_text(tmp_path, text)


def test_missing_schema_names_the_known_ones() -> None:
    with pytest.raises(ReportError, match="AE, CE"):
        schema.read_schema("ZZ")
    assert schema.schema_labels("ZZ") == {}
    assert schema.schema_types("ZZ") == {}
    with pytest.raises(ReportError, match="arms"):
        schemas.trial_terms(TRIAL, "armz")


def test_lists_of_the_trial_are_filled_in() -> None:
    assert schemas.trial_terms(TRIAL, "arms") == ["P1HIGH", "P1LOW", "P1MED", "P2LOW", "P2MED", "P2PBO"]
    assert schemas.trial_terms(TRIAL, "doses") == [0.0, 1.0, 2.0, 4.0]
    assert schemas.trial_terms(TRIAL, "infusions") == ["INFUSION 1", "INFUSION 2", "INFUSION 3", "INFUSION 4"]
    assert schemas.trial_terms(TRIAL, "columns") == ["High", "Low", "Medium", "Placebo"]
    assert schemas.trial_terms(TRIAL, "parameters ADTTE") == ["LTFS", "OS", "OSLTC", "TTAE1", "TTCOMP", "TTLT"]
    # Every list a schema names exists.
    named = {c["in_trial"] for d in DATASETS for c in schema.read_schema(d)["columns"].values() if "in_trial" in c}
    assert all(isinstance(schemas.trial_terms(TRIAL, what), list) for what in named)


def test_schema_alone_finds_what_the_gate_finds() -> None:
    """The loaded schema is a whole pandera schema: its own validate refuses the same record."""
    import pandera.errors

    frame = small_study(TRIAL)["AE"]
    load_schema("AE", TRIAL).validate(frame)
    with pytest.raises(pandera.errors.SchemaError):
        load_schema("AE", TRIAL).validate(frame.assign(AEENDTC=pd.Series(["2025-01-01"] * len(frame), dtype="str")))


def test_supplemental_variables_are_named_by_their_dataset() -> None:
    assert schema.supplemental_variables("AE") == ["AEBEFINF", "AEDLT", "AEDLTSRC", "AEINFREA"]
    assert schema.supplemental_variables("dm") == ["SCRPHASE", "RANDNO"]
    assert schema.supplemental_variables("LB") == []


def test_files_are_plain_yaml_with_unix_lines() -> None:
    for file in sorted(asset("schemas").glob("*/*.yaml")):
        raw = file.read_bytes()
        assert b"\r" not in raw
        assert b"\t" not in raw
        assert yaml.safe_load(raw)["name"].lower() == file.stem


ANSWERS = """
PARAMCD | AVALC         # what the trial says
HLAAB   | POSITIVE      # one of its answers
HLAAB   | .             # none given
HLAAB   | WEAK          # none of its answers: found
HLA1AB  | positive      # spelt otherwise: found
"""


def test_answers_of_a_parameter_are_those_that_the_trial_gives_it() -> None:
    records = draw(ANSWERS)

    def said(trial: Trial) -> list[str]:
        found = pd.concat(schemas.check_frame(records, "ADIS", trial))
        return found[found["variable"] == "AVALC"]["message"].tolist()

    weak, spelt = (f"must be POSITIVE or NEGATIVE or INDETERMINATE where PARAMCD is {code}" for code in ("HLAAB", "HLA1AB"))
    assert said(TRIAL) == [weak, spelt]
    wider = TRIAL.parameters["HLAAB"].model_copy(update={"codelist": ("POSITIVE", "NEGATIVE", "WEAK")})
    assert said(TRIAL.model_copy(update={"parameters": {**TRIAL.parameters, "HLAAB": wider}})) == [spelt]

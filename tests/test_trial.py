"""The protocol as data: whole, consistent, and refused when it is misspelt."""

from pathlib import Path

import pytest

from cgbm1_report.assets import asset
from cgbm1_report.errors import ReportError
from cgbm1_report.protocol.trial import read_trial
from tests.drawn import plain_protocol, write_plain

TRIAL = read_trial()


def changed(tmp_path: Path, change) -> Path:
    data = plain_protocol()
    change(data)
    file = tmp_path / "trial.yaml"
    file.write_text(write_plain(data), encoding="utf-8")
    return file


def test_all_registry_outcomes_arms_and_assumptions_are_there():
    assert len(TRIAL.outcomes) == 37
    assert sum(o.type == "primary" for o in TRIAL.outcomes) == 3
    assert [arm.armcd for arm in TRIAL.arms] == ["P1LOW", "P1MED", "P1HIGH", "P2PBO", "P2LOW", "P2MED"]
    ids = {a.id for a in TRIAL.documentation.assumptions}
    assert {f"A-{n:02d}" for n in range(1, 67)} <= ids
    assert len(TRIAL.complications) == 9


@pytest.mark.parametrize(
    ("phase", "paramcd", "days"),
    [
        (1, "ALT", (3, 7, 14, 21, 28, 90)),  # laboratory: day 21, no day 60
        (1, "MELD", (3, 7, 14, 28, 60, 90)),  # scores: day 60, no day 21
        (1, "LSM", (14, 28, 60, 90)),
        (1, "ICGR15", (7, 14, 28, 60, 90)),
        (1, "HLAAB", (28, 60)),
        (2, "HLAAB", (28, 90)),
        (2, "LTFS", (28, 90, 180)),  # union of the primary and the secondary row
        (2, "HGF", (28, 60, 90, 180)),
        (1, "HGF", ()),  # phase 2 only
    ],
)
def test_registry_days_are_the_days_of_the_registered_outcomes(phase, paramcd, days):
    assert TRIAL.registry_days(phase, paramcd) == days


def test_analysis_windows_leave_no_day_out_and_none_twice():
    for phase in TRIAL.phase_numbers:
        windows = [visit.analysis_window for visit in TRIAL.analysis_visits(phase)]
        days = [day for lo, hi in windows for day in range(lo, hi + 1)]
        assert days == list(range(1, 211))


def test_columns_of_a_phase_are_its_arms_in_order_and_the_total():
    for number, phase in TRIAL.phases.items():
        assert [arm.column for arm in TRIAL.arms_of(number)] == list(phase.columns[:-1])
        assert phase.columns[-1] == "Total"


def test_every_outcome_names_a_declared_parameter_or_a_rate():
    rates = {"AEREL", "COMPL"}
    assert {o.paramcd for o in TRIAL.outcomes} <= set(TRIAL.parameters) | rates


def test_misspelt_key_is_refused_with_its_place(tmp_path):
    file = changed(tmp_path, lambda data: data["arms"][0].update(colunm="Low"))
    with pytest.raises(ReportError, match=r"arms\.0\.colunm") as caught:
        read_trial(file)
    assert str(file) in str(caught.value)


def test_all_problems_of_a_protocol_are_named_at_once(tmp_path):
    def change(data):
        data["studdy"] = {}
        data["arms"][1]["phase"] = "one"

    with pytest.raises(ReportError) as caught:
        read_trial(changed(tmp_path, change))
    assert len(caught.value.problems) == 2


def test_arm_in_an_undeclared_column_is_refused(tmp_path):
    with pytest.raises(ReportError, match="prints in column Mega"):
        read_trial(changed(tmp_path, lambda data: data["arms"][0].update(column="Mega")))


@pytest.mark.parametrize("version", [4, 7, "v5", None, 5.5])
def test_a_version_of_ctcae_without_a_table_is_refused(tmp_path, version):
    with pytest.raises(ReportError, match=r"switches\.ctcae"):
        read_trial(changed(tmp_path, lambda data: data["switches"].update(ctcae=version)))


def test_repeated_key_is_refused_not_overwritten(tmp_path):
    file = tmp_path / "trial.yaml"
    file.write_text("study: {}\nstudy: {}\n")
    with pytest.raises(ReportError, match="'study' stands twice"):
        read_trial(file)


def test_missing_file_and_broken_yaml_are_clear_errors(tmp_path):
    with pytest.raises(ReportError, match=r"nowhere\.yaml: cannot be read"):
        read_trial(tmp_path / "nowhere.yaml")
    broken = tmp_path / "trial.yaml"
    broken.write_text("study: [")
    with pytest.raises(ReportError, match="is not YAML"):
        read_trial(broken)


def test_models_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        TRIAL.study.studyid = "X"


def test_unknown_arm_population_and_parameter_are_errors_that_name_the_known_ones():
    for ask, known in (
        (lambda: TRIAL.arm("P9"), "P1LOW"),
        (lambda: TRIAL.population("NOSUCH"), "SAF"),
        (lambda: TRIAL.parameter("XYZ"), "declare"),
    ):
        with pytest.raises(ReportError, match=known):
            ask()


def test_no_package_code_names_an_arm_a_study_or_the_pilot():
    forbidden = [arm.armcd for arm in TRIAL.arms] + [TRIAL.study.studyid, "CG-BM1", "Xanomeline", "CDISCPILOT"]
    for file in asset("cgbm1_report").rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert not [word for word in forbidden if word in text], file


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("study: \n  title: fi\xe8vre\n".encode("latin-1"), "line 2: is not UTF-8"),
        ("study: 发热\n".encode("gbk"), "line 1: is not UTF-8"),
        ("study: x\n".encode("utf-16"), "line 1: is not UTF-8"),
        (b"study: a\0b\n", "is not YAML"),
        (b"study: 2025-02-30\n", "is not YAML"),
        (b"? [a]\n: b\n", "is not YAML"),
        (b"[" * 5000, "is not YAML"),
        # Each level is a call of the parser in C: these ended the process without a word.
        (b"[" * 100_000, "line 1, column 51"),
        (b"- " * 100_000, "nested more than 50 deep"),
        (b"{a: " * 100_000, "nested more than 50 deep"),
        (b"a: &x [*x]\n", ""),
        (b"", ""),
        (b'study: "\\ud800"\n', ""),
    ],
)
def test_protocol_of_another_encoding_or_form_is_one_message(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "trial.yaml"
    file.write_bytes(content)
    with pytest.raises(ReportError) as error:
        read_trial(file)
    assert words in str(error.value)
    str(error.value).encode("utf-8", "backslashreplace")

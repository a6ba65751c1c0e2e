"""Every registered check is asked alone, has a case it sees and one beside it that it does not, and stands in docs/rules.md."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report import validate
from cgbm1_report.validate import rules
from cgbm1_report.validate.asking import Asker
from cgbm1_report.validate.document import emit_rules
from cgbm1_report.validate.rules import load_rules, run_rule
from cgbm1_report.validate.source import Escalated, Source
from cgbm1_report.validate.supplied import Supplied
from tests.rule_cases import ADAM, SDTM, TRIAL, AnalysisCase, Case, ecg
from tests.small_study import CUTOFF, decisions, escalated
from tests.test_validate import BASE
from tests.test_validate_adam import derived

OF_SDTM, OF_ADAM = load_rules()


def find(check: str, case: Case) -> pd.DataFrame:
    src = decisions() if case.decided is None else case.decided
    sdtm = case.sdtm()
    derived = case.states or (lambda: escalated(sdtm, src, case.trial, case.cutoff))
    return run_rule(OF_SDTM[check], Source(sdtm | {"SRC_DECISIONS": src}, case.trial, case.cutoff, src, derived))


def find_supplied(check: str, case: AnalysisCase) -> pd.DataFrame:
    plain = {name: frame.reset_index(drop=True) for name, frame in case.change().items()}
    source = Source(case.sdtm(), case.trial, CUTOFF, None) if case.recompute else None
    return run_rule(OF_ADAM[check], Supplied(plain, case.trial, derived() if case.recompute else None, source))


def unasked(findings: pd.DataFrame) -> list[str]:
    return findings["message"][findings["message"].str.contains("could not be asked|was not asked")].tolist()


def test_every_check_has_a_case_it_sees_and_one_it_does_not() -> None:
    assert set(SDTM) == set(OF_SDTM), "a check without cases, or cases without a check: tests/rule_cases.py"
    assert set(ADAM) == set(OF_ADAM), "a check without cases, or cases without a check: tests/rule_cases.py"


@pytest.mark.parametrize("check", SDTM)
def test_check_of_the_sdtm_sees_its_case_and_not_the_one_beside_it(check: str) -> None:
    case = SDTM[check]
    found, beside = find(check, case.fires), find(check, case.silent)
    assert len(found)
    assert unasked(found) == []
    assert beside.empty, beside[["variable", "message"]].to_string()
    # It is silent about values, not for want of any.
    sdtm = case.silent.sdtm() | {"SRC_DECISIONS": decisions()}
    dataset, variable = case.looks or (found["dataset"].iloc[0], found["variable"].iloc[0])
    assert sdtm[dataset][variable].notna().any(), f"{dataset} {variable} has no value in the silent case"


@pytest.mark.parametrize("check", ADAM)
def test_check_of_supplied_adam_sees_its_case_and_not_the_one_beside_it(check: str) -> None:
    fires, silent, *looks = ADAM[check]
    found, beside = find_supplied(check, fires), find_supplied(check, silent)
    assert len(found)
    assert unasked(found) == []
    assert beside.empty, beside[["variable", "message"]].to_string()
    dataset, variable = looks[0] if looks else (found["dataset"].iloc[0], found["variable"].iloc[0])
    assert silent.change()[dataset][variable].notna().any() or variable in ("LTFL",)


def test_table_of_the_rules_is_the_one_the_code_gives() -> None:
    page = Path(__file__).resolve().parent.parent / "docs" / "rules.md"
    assert page.read_text(encoding="utf-8") == emit_rules(), "python -m cgbm1_report.validate.document > docs/rules.md"


def test_table_of_the_rules_names_every_check_with_what_it_asks() -> None:
    page = emit_rules()
    for entry in [*OF_SDTM.values(), *OF_ADAM.values()]:
        row = next(
            line
            for line in page.splitlines()
            if line.startswith(f"| `{entry.check.__name__}` | {entry.stage}") and f" | {entry.severity} | " in line
        )
        assert [cell.strip() for cell in row.strip("|").split(" | ")].count("") == 0, row


# --- a rule that fails is a finding, and the others still speak ------------------------------------


def failing(_: object) -> Iterator[pd.DataFrame]:
    """Finds one thing, then fails."""
    yield pd.DataFrame([{"severity": None, "message": "found before"}])
    raise TypeError("unsupported operand for 'P2MED'")


ENTRY: rules.Rule[Source] = rules.Rule("V03", "W", "no result stands twice", "none", failing)


def test_rule_that_fails_is_an_error_that_names_it_and_keeps_what_it_found() -> None:
    found = run_rule(ENTRY, Source(BASE, TRIAL, CUTOFF, None))
    assert found["severity"].tolist() == ["W", "E"]
    assert found["message"].tolist() == [
        "found before",
        "rule V03, no result stands twice, could not be asked: TypeError: unsupported operand for 'P2MED'",
    ]
    assert found["remedy"].str.len().gt(0).all()


def test_rule_that_fails_while_a_phase_is_blind_quotes_nothing() -> None:
    found = run_rule(ENTRY, Source(BASE, TRIAL, CUTOFF, None), Asker(quote=False))
    assert not found["message"].str.contains("P2MED").any()
    assert "TypeError (test_rules.py, line" in found["message"].iloc[1]


def test_rule_that_fails_beside_a_missing_variable_is_a_note() -> None:
    found = run_rule(ENTRY, Source(BASE, TRIAL, CUTOFF, None), Asker(explained=True))
    assert found["severity"].tolist() == ["W", "I"]
    assert "was not asked" in found["message"].iloc[1]


@cache
def sound() -> pd.DataFrame:
    """Findings of the study as it is."""
    return validate.validate_sdtm(BASE, TRIAL, CUTOFF, decisions())


def test_one_failing_rule_takes_nothing_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sound()
    monkeypatch.setitem(OF_SDTM, "failing", ENTRY)
    after = validate.validate_sdtm(BASE, TRIAL, CUTOFF, decisions())
    new = after[~after["message"].isin(before["message"])]
    assert len(after) == len(before) + 2
    assert new["severity"].tolist() == ["E", "W"]


def test_escalation_that_cannot_be_derived_is_said() -> None:
    def derive() -> Escalated:
        raise ValueError("no")

    told = validate.validate_escalation(BASE, TRIAL, decisions(), derive)
    assert set(told["rule"]) == {"V19"}
    assert told["severity"].tolist() == ["E"] * 4  # each of its checks
    assert told["message"].str.contains("could not be asked: ValueError: no").all()


def test_a_trial_without_escalation_asks_nothing_about_it() -> None:
    without = TRIAL.model_copy(update={"dose_escalation": None})
    assert validate.validate_escalation(BASE, without, None, lambda: escalated(BASE, None)).empty


# Datasets nobody reports from, each with VISIT and VISITNUM: numbers as a transport file has them, or text as a CSV has them.
UNKNOWN = {"EG": ecg("DAY 14"), "QS": ecg("DAY 14").astype({"VISITNUM": "str"}), "FA": ecg("DAY 14").drop(columns=["USUBJID"])}


def test_datasets_nobody_reports_from_are_one_note_each_and_stop_nothing() -> None:
    before, keys = sound(), ["severity", "rule", "dataset", "message"]
    found = validate.validate_sdtm(BASE | UNKNOWN, TRIAL, CUTOFF, decisions())
    new = found[~found["dataset"].isin(before["dataset"])]
    assert sorted(new[["severity", "rule", "dataset"]].to_numpy().tolist()) == [["I", "V02", name] for name in sorted(UNKNOWN)]
    assert new["message"].str.contains("no schema describes the dataset").all()
    rest = found.drop(index=new.index)
    assert rest[keys].fillna("").to_numpy().tolist() == before[keys].fillna("").to_numpy().tolist()


def test_visit_of_a_dataset_with_a_schema_that_lists_no_visit_is_asked_too() -> None:
    exposure = BASE["EX"].assign(VISIT="DAY 14", VISITNUM=15.0)
    found = validate.validate_sdtm(BASE | {"EX": exposure}, TRIAL, CUTOFF, decisions())
    assert (found[found["variable"] == "VISITNUM"]["message"] == "DAY 14 with number 15, 14 expected").all()
    assert unasked(found) == []


# Columns of every dataset damaged, one of each dataset in one run: taken out, empty, text, numbers.
DAMAGE = {
    "taken out": lambda frame, column: frame.drop(columns=[column]),
    "without a value": lambda frame, column: frame.assign(**{column: pd.Series(None, index=frame.index, dtype="str")}),
    "text": lambda frame, column: frame.assign(**{column: pd.Series("x", index=frame.index, dtype="str")}),
    "numbers": lambda frame, column: frame.assign(**{column: pd.Series(range(len(frame)), index=frame.index, dtype="float64")}),
}


def damaged(frames: dict[str, pd.DataFrame], kind: str, turn: int) -> dict[str, pd.DataFrame]:
    """Of every dataset the column of this turn damaged; the key of the subject stays in all but the first turn."""
    return {name: DAMAGE[kind](frame, frame.columns[turn % len(frame.columns)]) for name, frame in frames.items()}


@pytest.mark.parametrize("kind", DAMAGE)
def test_no_damage_to_columns_keeps_a_rule_from_being_asked(kind: str) -> None:
    for turn in (0, 7):
        found = validate.validate_sdtm(damaged(BASE, kind, turn), TRIAL, CUTOFF, decisions())
        assert unasked(found) == []
        assert (found["severity"] == "E").any()


@pytest.mark.parametrize("part", range(4))
def test_datasets_that_are_missing_or_empty_keep_no_rule_from_being_asked(part: int) -> None:
    gone = list(BASE)[part::4]
    found = validate.validate_sdtm({name: frame for name, frame in BASE.items() if name not in gone}, TRIAL, CUTOFF, decisions())
    assert unasked(found) == []
    assert set(gone) <= set(found.loc[(found["rule"] == "V02") & (found["severity"] == "E"), "dataset"])
    empty = BASE | {name: pd.DataFrame() for name in gone}
    assert unasked(validate.validate_sdtm(empty, TRIAL, CUTOFF, decisions())) == []


@pytest.mark.parametrize("kind", DAMAGE)
def test_no_damage_to_columns_of_adam_keeps_a_rule_from_being_asked(kind: str) -> None:
    for turn in (17,):
        adam = damaged(dict(derived()), kind, turn)
        assert unasked(validate.validate_adam(adam, TRIAL, derived=derived(), sdtm=BASE)) == []


def test_lowest_level_term_without_its_name_is_told_by_its_code_and_the_rarer_preferred_term_is_named() -> None:
    ae = pd.DataFrame({"USUBJID": ["A", "B", "C"], "AESEQ": [1.0, 1.0, 1.0], "AELLTCD": [10020667.0, 10020667.0, 10020667.0],
                       "AEDECOD": ["Hypernatraemia", "Hyponatraemia", "hyponatraemia"]})  # fmt: skip
    found = run_rule(OF_SDTM["lowest_terms_have_one_term"], Source({"AE": ae}, TRIAL, CUTOFF, None))
    assert found[["rule", "severity", "usubjid", "variable"]].to_numpy().tolist() == [["V02", "W", "A", "AEDECOD"]]
    assert found["message"].tolist() == ["AELLTCD 10020667 is 'Hypernatraemia' here and 'Hyponatraemia' elsewhere"]

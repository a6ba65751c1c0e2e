"""Packages for a committee: what may be asked for, what they are made of, and where the dose escalation stands in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from cgbm1_report.build import sections
from cgbm1_report.build.gate import Data
from cgbm1_report.build.packed import closed_phases, take_package
from cgbm1_report.build.request import Request, settle_request
from cgbm1_report.build.show import list_contents, tell_contents
from cgbm1_report.derive.escalation import STATE_WORDS, derive_cohort_subjects, tell_state
from cgbm1_report.errors import ArgumentError, PlanError
from cgbm1_report.outputs.catalogue import catalogue, csr_order, find
from cgbm1_report.protocol.packages import find_package, packages, section_of
from cgbm1_report.tabulate.files import file_stem, split_group
from cgbm1_report.tabulate.named import output_label
from cgbm1_report.tabulate.view import Review
from tests.drawn import our_trial
from tests.sdtm_cases import table

TRIAL = our_trial()
CUT = Path("cut")
SRC, DSMB = packages()["src"], packages()["dsmb"]


def unnamed(package: str) -> set[str]:
    """Outputs that a package names and nothing declares."""
    return {number for section in packages()[package].sections for number in section.outputs} - set(catalogue(TRIAL, scope="every"))


def settled(**asked: str | None) -> Request:
    return settle_request(Request(cut=CUT, **asked), TRIAL)  # type: ignore[arg-type]


# ---- what is asked for


def test_package_of_a_review_is_named_by_its_dose_group_and_review_in_letters_of_either_case() -> None:
    asked = settled(package="SRC", dose_group="p1low", review="Sentinel")
    assert (asked.package, asked.dose_group, asked.review) == ("src", "P1LOW", "sentinel")
    assert asked.target.name == "cut-src-P1LOW-sentinel"
    assert settled(package="dsmb").target.name == "cut-dsmb"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"package": "scr"}, ["package 'scr' is unknown"]),
        ({"package": "src"}, ["package src is of one dose group", "package src is of one review"]),
        # a dose group of the other phase, a review that the trial does not have
        ({"package": "src", "dose_group": "P2LOW", "review": "last"}, ["dose group 'P2LOW'", "review 'last'"]),
        ({"package": "dsmb", "dose_group": "P2LOW"}, ["package dsmb is of no dose group"]),
        ({"package": "dsmb", "review": "cohort"}, ["package dsmb is of no review"]),
        ({"review": "cohort"}, ["a review is of a package"]),
        ({"package": "dsmb", "only": ("T14.3.1.1.2",)}, ["output T14.3.1.1.2 is not in package dsmb"]),
        ({"only": ("SRC-1",)}, ["output SRC-1 is of package src"]),
    ],
)
def test_what_makes_no_package_is_refused(asked: dict[str, str], told: list[str]) -> None:
    with pytest.raises(ArgumentError) as error:
        settled(**asked)
    messages = [problem.message for problem in error.value.problems]
    assert len(messages) == len(told)
    assert all(part in message for part, message in zip(told, messages, strict=True))


@pytest.mark.parametrize(
    ("number", "ways"),
    [
        (
            "SRC-1",
            ["show SRC-1 CUT", "--package src --dose-group … --review …", 'phase=1, package="src", dose_group="…", review="…")'],
        ),
        ("dsmb-3", ["show DSMB-3 CUT", "CUT --package dsmb)", 'phase=2, package="dsmb")']),
    ],
)
def test_output_of_a_package_is_said_with_what_shows_it_in_the_shell_and_in_python(number: str, ways: list[str]) -> None:
    with pytest.raises(PlanError, match="is of package") as error:
        find(number, TRIAL)
    assert all(way in str(error.value) for way in ways)


def test_list_names_outputs_of_packages_behind_those_of_the_report_and_finds_them_by_words() -> None:
    told = list_contents(TRIAL)
    lines = [line for line, _ in tell_contents(told, narrow=False)]
    numbers = [*catalogue(TRIAL, scope="src"), *catalogue(TRIAL, scope="dsmb")]
    assert [one["number"] for one in told["of_packages"]] == numbers
    assert not {one["number"] for one in told["outputs"]} & set(numbers)
    assert all(any(line.startswith(f"{number} ") for line in lines) for number in numbers)
    assert [one["number"] for one in list_contents(TRIAL, ["dsmb-9a"])["of_packages"]] == ["DSMB-9a"]


def test_list_says_where_it_looked_for_what_packages_alone_have_and_names_no_outcomes_where_there_are_none() -> None:
    def last(*words: str) -> list[str]:
        return [line.strip() for line, _ in tell_contents(list_contents(TRIAL, words), narrow=False, words=words)][-2:]

    searched = "number, kind, phase, title, section, population, datasets or outcomes"
    assert last("dsmb-9a")[1] == f"No output of the report has dsmb-9a in {searched}; 1 output of packages has."
    assert last("SRC-1")[1] == f"No output of the report has SRC-1 in {searched}; 4 outputs of packages have."
    assert last("L16.2.1.2.1")[1] == "1 output; no outcome of the registry is answered by it."


def test_trial_without_escalation_or_blind_phase_has_no_packages() -> None:
    open_trial = TRIAL.model_copy(
        update={"dose_escalation": None, "phases": {n: p.model_copy(update={"blinded": False}) for n, p in TRIAL.phases.items()}}
    )
    assert [package.phase_in(open_trial) for package in packages().values()] == [None, None]
    assert catalogue(open_trial, scope="src") == catalogue(open_trial, scope="dsmb") == {}
    with pytest.raises(PlanError, match=r"cannot be made: trial\.yaml declares no dose_escalation"):
        settle_request(Request(cut=CUT, package="src", dose_group="P1LOW", review="cohort"), open_trial)


# ---- numbers


def test_numbers_of_packages_come_behind_the_report_in_their_own_order_and_no_report_has_them() -> None:
    numbers = ["SRC-12", "DSMB-8", "L16.2.8.1", "SRC-1", "DSMB-2b", "DSMB-4", "SRC-4", "DSMB-2a", "T14.1.1"]
    in_order = ["T14.1.1", "L16.2.8.1", "SRC-1", "SRC-4", "SRC-12", "DSMB-2a", "DSMB-2b", "DSMB-4", "DSMB-8"]
    assert sorted(numbers, key=csr_order) == in_order
    assert not {number for number in catalogue(TRIAL) if number.startswith(("SRC", "DSMB"))}
    every, parts = catalogue(TRIAL, scope="every"), [catalogue(TRIAL, scope=one) for one in ("dose group", "src", "dsmb")]
    assert list(every) == [number for part in parts for number in part]


@pytest.mark.parametrize(
    ("number", "stem", "label", "section"),
    [
        ("SRC-1", "src-1", "Display SRC-1", "A Status of the Cohort"),
        ("DSMB-8", "dsmb-8", "Display DSMB-8", "D Survival"),
        ("DSMB-10a", "dsmb-10a", "Display DSMB-10a", "E Conduct of the Study"),
    ],
)
def test_number_of_a_package_has_no_phase_and_no_dose_group(number: str, stem: str, label: str, section: str) -> None:
    assert (file_stem(number), output_label(number), section_of(number).heading) == (stem, label, section)
    assert split_group(number) == (number, "")
    assert split_group("T14.2.1.1-P1LOW") == ("T14.2.1.1", "P1LOW")


def test_sections_of_a_package_name_every_number_once() -> None:
    for package, most in ((SRC, 12), (DSMB, 10)):
        named = [number for section in package.sections for number in section.outputs]
        assert len(named) == len(set(named))
        # A number that has several outputs has a letter for each of them, in their order.
        assert list(dict.fromkeys(one.rstrip("abc") for one in named)) == [
            f"{package.name.upper()}-{at}" for at in range(1, most + 1)
        ]
        assert named == sorted(named, key=lambda one: (int(one.partition("-")[2].rstrip("abc")), one))


def test_output_of_a_review_cannot_be_made_without_one() -> None:
    from cgbm1_report.outputs.src_status import review_of
    from cgbm1_report.tabulate.view import View
    from tests.drawn import stamp_of

    view = View(TRIAL, {}, 1, TRIAL.population("SAF"), stamp_of(TRIAL))
    with pytest.raises(PlanError, match="is made for a review"):
        review_of(view)
    assert find("SRC-1", TRIAL, scope="src").phase == 1


# ---- the data


def test_package_holds_the_subjects_of_its_phase_and_what_is_found_of_them() -> None:
    adsl = pd.DataFrame({"USUBJID": ["A", "B"], "PHASE": [1.0, 2.0]})
    told = {
        "usubjid": ["A", "B", None],
        "message": ["of A", "of B", "of all"],
        "severity": ["W", "W", "I"],
        "rule": ["V1", "V1", "V2"],
    }
    findings = pd.DataFrame(told).assign(dataset="AE")
    record = {"PHASE": [2.0, 2.0, 1.0], "SCOPE": ["PHASE", "SUBJECT", "SUBJECT"], "USUBJID": [None, "B", "A"]}
    record |= {"UNBLDTC": ["2025-12-01"] * 3, "REASON": ["FINAL ANALYSIS", "EMERGENCY", "EMERGENCY"], "NAME": ["Somebody"] * 3}
    cut = SimpleNamespace(unblinding=pd.DataFrame(record))
    decisions = pd.DataFrame({"COHORT": ["LOW"]})
    adam = {"ADSL": adsl, "ADAE": pd.DataFrame({"USUBJID": ["B", "A", "B"]}), "SRC_DECISIONS": decisions}
    data = Data(cut, adam, frozenset(), findings)  # type: ignore[arg-type]
    src, dsmb = (take_package(data, package, TRIAL) for package in (SRC, DSMB))
    assert [(one.adam["ADSL"]["USUBJID"].tolist(), one.adam["ADAE"]["USUBJID"].tolist()) for one in (src, dsmb)] == [
        (["A"], ["A"]),
        (["B"], ["B", "B"]),
    ]
    assert [one.findings["message"].tolist() for one in (src, dsmb)] == [["of A", "of all"], ["of B", "of all"]]
    assert "SRC_DECISIONS" in src.adam
    assert "SRC_DECISIONS" not in dsmb.adam
    # A pooled package tells who of its phase was unblinded, and why, and by nobody's name.
    assert dsmb.adam["UNBLINDING"]["SCOPE"].tolist() == ["PHASE", "SUBJECT"]
    assert "NAME" not in dsmb.adam["UNBLINDING"]
    assert dsmb.adam["FINDINGS"][["RULE", "SEVERITY", "COUNT"]].to_numpy().tolist() == [
        ["V1", "Warning", 1.0],
        ["V2", "Information", 1.0],
    ]


def test_phase_of_a_pooled_package_stays_closed_though_it_was_opened() -> None:
    assert closed_phases(find_package("dsmb"), TRIAL) == {2}
    assert closed_phases(find_package("src"), TRIAL) == closed_phases(None, TRIAL) == frozenset()


# ---- where the escalation stands

ADSL = """
USUBJID  COHORT  COHORTSQ  TRTSDT      EOSDT  EOSSTT  DCSREAS  LSTALVDT    DLTEVFL  DLTEXCL                                  DOSECOMP
# observed to the window's end and beyond; toxic on day 10
L1       LOW     1         2025-01-01  -      -       -        2025-03-01  Y        -                                        100
L2       LOW     2         2025-02-01  -      -       -        2025-02-15  Y        -                                        100
# lost on day 11: by hand 3 are wanted, 2 of 3 can be evaluated, so nobody has replaced L3
L3       LOW     3         2025-02-03  -      -       -        2025-02-14  N        DEATH                                    100
M1       MEDIUM  1         2025-03-01  -      -       -        2025-04-30  Y        -                                        100
M2       MEDIUM  2         2025-04-01  -      -       -        2025-04-11  N        DEATH                                    100
M3       MEDIUM  3         2025-04-02  -      -       -        2025-04-30  Y        -                                        100
# seen for 20 days so far
M4       MEDIUM  4         2025-04-10  -      -       -        2025-04-30  N        OBSERVATION NOT COMPLETE AT DATA CUT-OFF  100
"""


def cohorts() -> tuple[pd.DataFrame, pd.DataFrame]:
    adsl = table(ADSL)
    dates = {name: pd.to_datetime(adsl[name]).astype("datetime64[s]") for name in ("TRTSDT", "EOSDT", "LSTALVDT")}
    numbers = {name: pd.to_numeric(adsl[name]).astype("float64") for name in ("COHORTSQ", "DOSECOMP")}
    adsl = adsl.assign(**dates, **numbers)
    addlt = pd.DataFrame({"USUBJID": ["L2"], "PARAMCD": ["DLT28"], "AVALC": ["Y"], "ADT": [pd.Timestamp("2025-02-11")]})
    return adsl, addlt.astype({"ADT": "datetime64[s]"})


def test_subjects_of_cohorts_are_told_as_observed_toxic_lost_and_replaced() -> None:
    found = derive_cohort_subjects(*cohorts(), None, TRIAL).set_index("USUBJID")
    assert found["OBSDAYS"].to_dict() == {"L1": 28, "L2": 14, "L3": 11, "M1": 28, "M2": 10, "M3": 28, "M4": 20}
    assert found.index[found["DLTDT"].notna()].tolist() == ["L2"]
    assert found.index[found["LOST"]].tolist() == ["L3", "M2"]
    # of Medium three are evaluable or may become so: M4 has taken the place of M2
    assert found["REPLACED"].dropna().to_dict() == {"L3": "N", "M2": "Y"}


def test_lost_subject_of_a_cohort_that_is_to_be_enlarged_is_not_replaced_yet() -> None:
    decided = pd.DataFrame({"COHORT": ["MEDIUM"], "REVIEW": ["COHORT"], "REVDTC": ["2025-05-10"], "DECISION": ["ENROL 3"]})
    found = derive_cohort_subjects(*cohorts(), decided, TRIAL).set_index("USUBJID")
    assert found.loc["M2", "REPLACED"] == "N"


def test_every_state_of_the_rules_has_words_with_the_sizes_of_the_protocol() -> None:
    rules = TRIAL.dose_escalation
    assert rules is not None
    assert STATE_WORDS.keys() == {rule.id for rule in rules.rules}
    assert tell_state("R5", rules) == "No DLT in 3 observed"
    assert tell_state("R8", rules.model_copy(update={"max_cohort": 8})) == "Fewer than 2 DLTs in 8 observed"


def test_review_is_said_with_its_dose_group() -> None:
    from cgbm1_report.tabulate.reviews import tell_review

    assert tell_review(Review("P1MED", "COHORT"), TRIAL) == "Cohort review of dose group Medium 2.0×10⁶ cells/kg"


@pytest.mark.parametrize("asked", [{"package": "src", "dose_group": "P1LOW", "review": "cohort"}, {"package": "dsmb"}])
def test_package_that_lacks_outputs_says_which_and_is_never_final(asked: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    package = packages()[asked["package"]]
    first = package.sections[0]
    named = replace(package, sections=(replace(first, outputs=(*first.outputs, "SRC-99")), *package.sections[1:]))
    monkeypatch.setattr(sections, "find_package", lambda _: named)
    lacking = sections.ask_complete(settled(**asked), TRIAL)
    wanted = f"SRC-99 of section {first.heading} is not in the package: nothing declares it"
    assert wanted in lacking
    assert len(lacking) == len(unnamed(asked["package"])) + 1
    with pytest.raises(PlanError) as error:
        sections.ask_complete(settled(**asked, status="final"), TRIAL)
    assert [problem.message for problem in error.value.problems] == lacking
    # A part of a package is asked for nothing else.
    made = next(number for one in package.sections for number in one.outputs if number not in unnamed(asked["package"]))
    assert sections.ask_complete(settled(**asked, only=(made,), status="final"), TRIAL) == []

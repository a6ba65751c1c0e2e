"""Nobody is let in: nothing of what a blind cut gives depends on who got what."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report.build.gate import look_at, read_data
from cgbm1_report.build.packed import closed_phases
from cgbm1_report.build.refused import tell_unmet
from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request
from cgbm1_report.derive import blind_adam, blind_sdtm, find_open_subjects, tell_unseen
from cgbm1_report.derive.blinding import Notes
from cgbm1_report.outputs.catalogue import catalogue, make
from cgbm1_report.protocol.packages import packages
from cgbm1_report.protocol.schema import read_schema, schema_datasets, schema_types, seen_blind
from cgbm1_report.read.cut import Cut, read_cut
from cgbm1_report.validate.source import Source
from tests.drawn import our_trial, stamp_of
from tests.permuted import deal_anew, supply_adam, write_cut
from tests.sdtm_cases import table

TRIAL = our_trial()
TURNS = (0, 1)


@pytest.fixture(scope="module")
def blind_cut(young_phase_cut: Path) -> Cut:
    return read_cut(young_phase_cut, TRIAL)


@pytest.fixture(scope="module")
def cuts(blind_cut: Cut, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], Path]:
    """The cut with its arms dealt out three times: ADaM alone, and both."""
    folder, found = tmp_path_factory.mktemp("dealt"), {}
    for turn in TURNS:
        sdtm = deal_anew(blind_cut, TRIAL, turn)
        adam = supply_adam(sdtm, blind_cut, TRIAL)
        for kind, frames in {"adam": ({}, adam), "both": (sdtm, adam)}.items():
            found[kind, turn] = write_cut(folder / f"{kind}{turn}", blind_cut, *frames)
    return found


@pytest.fixture(scope="module")
def supplied(blind_cut: Cut, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    adam = supply_adam(deal_anew(blind_cut, TRIAL, 0), blind_cut, TRIAL)
    return read_data(write_cut(tmp_path_factory.mktemp("supplied") / "cut", blind_cut, {}, adam), TRIAL).adam


def test_analysis_data_and_findings_do_not_depend_on_who_got_what(cuts: dict[tuple[str, int], Path]) -> None:
    """Derived from SDTM, and the supplied ADaM held against it."""
    first, *others = (read_data(cuts["both", turn], TRIAL) for turn in TURNS)
    assert first.pooled == {2}
    assert first.adam["ADSL"]["PHASE"].eq(2).sum() > 8
    for other in others:
        pd.testing.assert_frame_equal(first.findings, other.findings)
        assert first.adam.keys() == other.adam.keys()
        for name, frame in first.adam.items():
            pd.testing.assert_frame_equal(frame, other.adam[name], obj=name)
            assert frame.attrs == other.adam[name].attrs


def test_arms_of_a_blind_phase_are_not_told_as_arms_nobody_has(cuts: dict[tuple[str, int], Path]) -> None:
    """No subject is seen in one, and what is told of a blind cut names no arm of its phase."""
    blind = [name for arm in TRIAL.arms if TRIAL.phases[arm.phase].blinded for name in (arm.arm, arm.armcd)]
    said = tell_unmet(read_cut(cuts["adam", 0], TRIAL), TRIAL)
    assert not [one for one in said for name in blind if f"{name!r}" in one]


def test_no_byte_of_a_build_depends_on_who_got_what(cuts: dict[tuple[str, int], Path], tmp_path: Path) -> None:
    """ADaM alone, with variables, labels, an order and missing records that tell the arm."""
    only = ("T14.1.9.2", "L16.2.7.1.2", "T14.3.1.1.2")
    builds = []
    for turn in TURNS[:2]:
        # The stamp names the folder of the cut.
        cut = tmp_path / str(turn) / "cut"
        cut.parent.mkdir()
        cuts["adam", turn].rename(cut)
        builds.append(build_report(Request(cut=cut, out=tmp_path / str(turn) / "out", only=only, phase=2, formats=("html",))))
    files = [{str(file.relative_to(build)): file.read_bytes() for file in build.rglob("*") if file.is_file()} for build in builds]
    manifests = [json.loads(one.pop("manifest.json")) for one in files]
    assert files[0].keys() == files[1].keys()
    assert [name for name, content in files[0].items() if content != files[1][name]] == []
    assert manifests[0] == manifests[1]
    # No checksum of a file that holds treatment: it would prove a guess of it. What may be seen has one.
    assert (manifests[0]["inputs"], "recipe" in manifests[0]) == ({}, False)
    assert {"adam/ADSL", "cut.json"} <= manifests[0]["blind"]["seen"].keys()
    assert {"adam/adsl.parquet", "ard.parquet", "findings.csv", "build.log"} <= files[0].keys()


def test_phase_that_was_opened_stays_closed_where_a_package_is_pooled(blind_cut: Cut) -> None:
    """Whoever got what, what a pooled package is made from is the same, in a cut that holds the record that opens the phase."""
    record = {"PHASE": [2.0], "SCOPE": ["PHASE"], "USUBJID": [None], "UNBLDTC": ["2025-12-01"], "REASON": ["FINAL ANALYSIS"]}
    opened = [
        replace(blind_cut, sdtm=deal_anew(blind_cut, TRIAL, turn), unblinding=pd.DataFrame(record).assign(NAME="A"))
        for turn in TURNS
    ]
    assert look_at(opened[0], TRIAL).pooled == frozenset()
    assert not look_at(opened[0], TRIAL).sdtm["DM"]["ARMCD"].equals(look_at(opened[1], TRIAL).sdtm["DM"]["ARMCD"])
    first, other = (look_at(cut, TRIAL, closed_phases(packages()["dsmb"], TRIAL)) for cut in opened)
    assert first.pooled == {2}
    assert first.sdtm.keys() == other.sdtm.keys()
    for name, frame in first.sdtm.items():
        pd.testing.assert_frame_equal(frame, other.sdtm[name], obj=name)


#: A subject of each phase, and three whose phase nobody can be sure of.
SUBJECTS = """
USUBJID  SCRPHASE  ARMCD  ACTARMCD
OPEN     1         P1LOW  P1LOW
FAILED   1         -      -
HIDDEN   2         P2PBO  P2PBO
# the arms say another phase than the form, an arm nobody knows, nothing at all
MOVED    1         P1LOW  P2LOW
UNKNOWN  1         X9     -
NOBODY   -         -      -
"""


def subjects() -> pd.DataFrame:
    return table(SUBJECTS)


def test_who_is_not_certainly_in_an_open_phase_stays_hidden() -> None:
    dm = subjects()
    assert sorted(find_open_subjects({"DM": dm}, {}, TRIAL, {2})) == ["FAILED", "OPEN"]
    # ADSL that says another phase does not open it, and does not hide what DM shows open but with it.
    adsl = pd.DataFrame({"USUBJID": ["OPEN", "HIDDEN", "FAILED"], "PHASE": [1.0, 1.0, 2.0]})
    assert sorted(find_open_subjects({"DM": dm}, {"ADSL": adsl}, TRIAL, {2})) == ["OPEN"]
    assert list(find_open_subjects({}, {}, TRIAL, {2})) == []
    # Two records of one subject: both must say so.
    twice = pd.concat([dm, dm[dm["USUBJID"] == "OPEN"].assign(SCRPHASE=2.0)], ignore_index=True)
    assert sorted(find_open_subjects({"DM": twice}, {}, TRIAL, {2})) == ["FAILED"]


def blind_one(frame: pd.DataFrame, name: str, notes: Notes | None = None) -> pd.DataFrame:
    """One dataset of two subjects, OPEN of phase 1 and HIDDEN of the blind phase 2."""
    return blind_adam({name: frame}, TRIAL, {2}, ["OPEN"], notes).get(name, pd.DataFrame())


@pytest.mark.parametrize(
    "variable", ["TRT01PG1", "ACTARMUD", "TRTSEQP", "ARMN", "DOSEGR1", "KITNO", "COHORT", "DOSECOMP", "PPSEXCL", "RANDNO"]
)
def test_what_no_schema_declares_free_of_treatment_is_withheld(variable: str) -> None:
    frame = pd.DataFrame({"USUBJID": ["HIDDEN", "OPEN"], "AGE": [50.0, 40.0], variable: ["secret", "told"]})
    found = blind_one(frame, "ADSL").set_index("USUBJID")
    assert pd.isna(found.loc["HIDDEN", variable])
    assert found.loc["OPEN", variable] == "told"
    assert found["AGE"].to_dict() == {"HIDDEN": 50.0, "OPEN": 40.0}


def test_variable_that_the_study_says_tells_no_treatment_is_seen() -> None:
    trial = TRIAL.model_copy(update={"seen_blind": {"ADSL": ("MMSETOT", "NOTE")}})
    frame = pd.DataFrame({"USUBJID": ["HIDDEN"], "MMSETOT": [21.0], "NOTE": ["on placebo"], "DURDIS": [3.0], "TRT01A": ["x"]})
    found = blind_adam({"ADSL": frame, "ADAE": frame}, trial, {2}, [])
    assert found["ADSL"][["MMSETOT", "NOTE"]].to_numpy().tolist() == [[21.0, "withheld"]]
    assert found["ADSL"][["DURDIS", "TRT01A"]].isna().all(axis=None)
    # Of another dataset it is not said.
    assert found["ADAE"]["MMSETOT"].isna().all()
    told = tell_unseen({"ADSL": frame, "ADEX": frame[["USUBJID"]], "ADPC": frame}, trial, {2})
    own = [(phase, dataset, name) for phase, dataset, name in told.itertuples(index=False) if dataset == "ADSL"]
    assert own == [(2, "ADSL", "DURDIS"), (2, "ADSL", "TRT01A")]
    # Records of doses and cells are left out, those of times and numbers of infusions are not.
    left = set(told.loc[told["DATASET"] == "ADEX", "VARIABLE"])
    assert {"DOSE", "CELLS", "CUMDOSE", "DOSECOMP", "INFCOMP"} <= left
    assert not left & {"DURMIN", "NINF", "ADJFL"}
    assert "ADPC" not in set(told["DATASET"])


#: Of supplied analysis data while phase 2 is blind: the output | what its page says is withheld.
LEFT_OUT = {
    "T14.1.2.2": "Excluded from Per-Protocol Set",
    "F14.1.1.2": "Excluded from Per-Protocol Set",
    "T14.1.9.2": "Overall dose compliance of infusions due; Overall dose compliance group",
    "L16.2.3.1.2": "Reason, Per-Protocol Set",
}


@pytest.mark.parametrize("number", LEFT_OUT)
def test_page_of_supplied_data_says_what_a_blind_phase_does_not_show(number: str, supplied: dict[str, pd.DataFrame]) -> None:
    """It was counted as if nobody had a value: n 0, 0 subjects in each group, no reason."""
    made = make(catalogue(TRIAL)[number], TRIAL, supplied, stamp_of(TRIAL), pooled=True)
    assert f"Withheld while treatment is blinded: {LEFT_OUT[number]}." in made.footnotes
    rows = " ".join(made.ard["row"])
    assert not any(name in rows for name in ("DOSECOMP", "DCOMPGR1", "Excluded from"))
    assert "PPSEXCL" not in set(made.ard["column"])


def test_labels_and_order_of_a_file_tell_nothing() -> None:
    frame = pd.DataFrame({"USUBJID": ["OPEN", "HIDDEN", "AHEAD"], "AGE": [1.0, 2.0, 3.0], "ZZ": ["x", "y", "z"]})
    frame.attrs = {"label": "Placebo first", "labels": {"AGE": "Age on Placebo", "ZZ": "Placebo", "USUBJID": "U"}}
    found = blind_one(frame, "ADSL")
    assert found["USUBJID"].tolist() == ["AHEAD", "HIDDEN", "OPEN"]
    assert found.attrs == {
        "label": "Subject-Level Analysis Dataset",
        "labels": {"USUBJID": "Unique Subject Identifier", "AGE": "Age", "ZZ": "ZZ"},
    }


def test_records_of_exposure_that_only_one_arm_can_have_are_left_out() -> None:
    """Placebo has no record of cells, a variable of its own names the source, and numbers skip what was left out."""
    adex = table(
        """
        USUBJID  PARAMCD   ASEQ  AVAL  SRCDOM  SRCVAR
        HIDDEN   DOSE      7     4     SUPPEX  EXTOTCEL
        HIDDEN   DURMIN    8     45    EX      EXENDTC
        HIDDEN   INFCOMP   9     98.7  SUPPEX  EXTOTCEL
        HIDDEN   NINF      12    1     EX      EXSEQ
        OPEN     DOSE      7     1     SUPPEX  EXTOTCEL
        """
    )
    adex = adex.assign(ASEQ=pd.to_numeric(adex["ASEQ"]).astype("float64"), AVAL=pd.to_numeric(adex["AVAL"]).astype("float64"))
    found = blind_one(adex, "ADEX")
    hidden = found[found["USUBJID"] == "HIDDEN"]
    assert hidden[["PARAMCD", "ASEQ", "AVAL"]].to_numpy().tolist() == [["DURMIN", 1.0, 45.0], ["NINF", 2.0, 1.0]]
    assert hidden[["SRCDOM", "SRCVAR"]].isna().all(axis=None)
    assert found[found["USUBJID"] == "OPEN"][["PARAMCD", "ASEQ", "SRCVAR"]].to_numpy().tolist() == [["DOSE", 7.0, "EXTOTCEL"]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rash after PLACEBO infusion", "withheld"),
        ("thinks he is in the low dose group", "withheld"),
        ("kit of P2MED", "withheld"),
        # ordinary words of a report
        ("Low platelets, high fever", "Low platelets, high fever"),
        ("Placebos", "Placebos"),
    ],
)
def test_text_that_names_an_arm_is_withheld(text: str, expected: str) -> None:
    notes: Notes = []
    frame = pd.DataFrame({"USUBJID": ["HIDDEN", "OPEN"], "AETERM": [text, text]})
    assert blind_one(frame, "ADAE", notes)["AETERM"].tolist() == [expected, text]
    assert [note.variable for note in notes] == (["AETERM"] if expected == "withheld" else [])


def test_dataset_nobody_describes_keeps_records_of_open_subjects_alone() -> None:
    """Concentrations of the product exist in active arms only."""
    notes: Notes = []
    frame = pd.DataFrame({"USUBJID": ["HIDDEN", "OPEN"], "AVAL": [1.0, 2.0]})
    assert blind_one(frame, "ADPC", notes)["USUBJID"].tolist() == ["OPEN"]
    assert blind_one(frame[:1], "ADPC").empty
    assert blind_one(frame.rename(columns={"USUBJID": "SUBJID"}), "ADPC", notes).empty
    assert [note.dataset for note in notes] == ["ADPC", "ADPC"]
    # The elements of a subject tell its arm.
    se = pd.DataFrame({"USUBJID": ["HIDDEN"], "ETCD": ["PBO"], "ELEMENT": ["Placebo"]})
    assert "SE" not in blind_sdtm({"DM": subjects(), "SE": se}, TRIAL, {2})


#: What a derivation or a rule reads of SDTM although it tells treatment; blind, it finds it missing.
OF_TREATMENT = {
    *("ARM", "ARMCD", "ACTARM", "ACTARMCD", "ACTARMUD", "RANDNO"),
    *("EXTRT", "EXDOSE", "EXLOT", "EXTOTCEL", "EXPLCEL"),
    "REVDTC",  # of the committee, of no subject
}


def test_all_that_is_read_of_sdtm_is_seen_blind_but_treatment(blind_cut: Cut, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that a derivation reads and no schema declares would be lost in a blind cut alone, and numbers with it."""
    from cgbm1_report import validate
    from cgbm1_report.derive import derive_adam, domains

    read: set[str] = set()
    for kind in ("_take_text", "_take_number"):
        take = getattr(domains, kind)
        monkeypatch.setattr(domains, kind, lambda source, name, take=take: (read.add(name), take(source, name))[1])
    column = Source.column
    monkeypatch.setattr(Source, "column", lambda self, dataset, name: (read.add(name), column(self, dataset, name))[1])
    derive_adam(blind_cut.sdtm, TRIAL, blind_cut.cutoff, blind_cut.src_decisions)
    validate.validate_sdtm(blind_cut, TRIAL)
    of_subjects = [dataset for dataset in schema_datasets("sdtm") if "USUBJID" in schema_types(dataset)]
    seen = {name for dataset in of_subjects for name in seen_blind(dataset)}
    assert len(read) > 150
    assert read - seen == OF_TREATMENT & read


def test_no_variable_of_treatment_is_declared_free_of_it() -> None:
    """By name: what CDISC reserves for arms, treatments, doses, lots and randomisation numbers."""
    telling = r"TRT(\d\d)?[PA](N|G\d+N?|DO)?|(ACT)?ARM(CD|N|UD)?|EX(TRT|DOSE|DOSU|DOSFRM|LOT|TOTCEL|PLCEL)|RANDNO|CUMDOSE|COHORT"
    for standard in ("sdtm", "adam"):
        for dataset in schema_datasets(standard):
            columns = pd.Series(list(schema_types(dataset)), dtype="str")
            if "USUBJID" in set(columns):
                assert not set(columns[columns.str.fullmatch(telling)]) & seen_blind(dataset), dataset
                assert {"USUBJID"} <= seen_blind(dataset), dataset
                assert set(read_schema(dataset)["unique"]) <= seen_blind(dataset), dataset

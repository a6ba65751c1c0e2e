"""ADCM: what was taken before and alongside the study treatment, and which class it belongs to."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgbm1_report.derive.adcm import derive_adcm
from cgbm1_report.derive.adsl import derive_subjects
from cgbm1_report.derive.atc import derive_atc
from tests.drawn import our_trial
from tests.oracle import read_oracle
from tests.sdtm_cases import infusions, shown, subjects, table

TRIAL = our_trial()
FIRST = pd.Timestamp("2025-03-10")
EX = infusions("USUBJID  EXSTDTC           EXDOSE\nA        2025-03-10T10:00  1")
#: A is dosed on 2025-03-10; N never is.
ADSL = derive_subjects({"DM": subjects("USUBJID  ARMCD\nA  P1LOW\nN  P1LOW"), "EX": EX}, TRIAL, None)


def medications(text: str) -> pd.DataFrame:
    drawn = table(text)
    usual = {"CMSEQ": drawn.groupby("USUBJID").cumcount() + 1.0, "CMTRT": "drug", "CMDECOD": "DRUG"}
    return drawn.assign(**{name: value for name, value in usual.items() if name not in drawn})


def derive(text: str) -> pd.DataFrame:
    """ADCM in the order it is drawn."""
    return derive_adcm({"CM": medications(text)}, ADSL, TRIAL).sort_values(["USUBJID", "CMSEQ"], ignore_index=True)


def flags(found: pd.DataFrame) -> list[tuple[object, object]]:
    return [(shown(prior), shown(concomitant)) for prior, concomitant in zip(found["PREFL"], found["CONFL"], strict=True)]


def test_prior_and_concomitant_equal_the_worked_cases() -> None:
    """Start 30 days before and going on: both. 30 days before to the day before: prior. From day 181: neither."""
    cases = read_oracle("e19")["medication"]

    def day(rel: int | None) -> str | None:
        return None if rel is None else f"{FIRST + pd.Timedelta(days=rel):%Y-%m-%d}"

    cm = pd.DataFrame(
        {
            "USUBJID": "A",
            "CMSEQ": [float(number) for number in range(len(cases))],
            "CMTRT": "drug",
            "CMSTDTC": [day(case["start_rel"]) for case in cases],
            "CMENDTC": pd.Series([day(case["end_rel"]) for case in cases], dtype="str"),
            "CMENRTPT": pd.Series(["ONGOING" if case["ongoing"] else None for case in cases], dtype="str"),
        }
    )
    found = derive_adcm({"CM": cm}, ADSL, TRIAL).sort_values("CMSEQ")
    assert flags(found) == [(case["prefl"], case["confl"]) for case in cases]


def test_a_flag_is_lost_only_where_the_dates_exclude_it() -> None:
    """First dose 2025-03-10, follow-up to 2025-09-06 (180 days). The flags by hand."""
    found = derive(
        """
        USUBJID  CMSTDTC           CMENDTC           CMENRTPT
        A        2025-03-10        2025-03-10        -         # the day of the first dose: not prior
        A        2025-03-09        2025-03-10        -         # one day earlier, until the first dose: both
        A        2025-03           2025-04-01        -         # may have begun before or after: prior cannot be excluded
        A        2025-03           2025-03-09        -         # ended before the first dose
        A        2025-04           -                 -         # began after it for certain
        A        2025              2025              -         # anything is possible
        A        2024              2025-03           -         # the end may lie after the first dose
        A        2024              2025-02           -         # the end lies before it whatever its day
        A        -                 -                 -         # nothing known: both
        A        -                 2025-03-01        -         # ended before, so it began before
        A        2025-09-06        -                 ONGOING   # the last day of follow-up counts
        A        2025-09-07        -                 ONGOING   # one day later does not
        A        2025-09           -                 -         # may be the sixth: cannot be excluded
        A        2025-10           -                 -         # wholly after follow-up
        A        2025-02-30        2025-03-01        -         # no day of the calendar: as missing
        N        2025-03-01        -                 -         # never dosed: nothing is before or alongside
        """
    )
    both, prior, concomitant, neither = ("Y", "Y"), ("Y", None), (None, "Y"), (None, None)
    assert flags(found) == [
        *(concomitant, both, both, prior, concomitant, both, both, prior, both, prior),
        *(concomitant, neither, concomitant, neither, prior, neither),
    ]


def test_a_partial_start_is_its_first_day_and_never_the_first_dose_date() -> None:
    found = derive(
        """
        USUBJID  CMSTDTC     CMENDTC
        A        2025-03     2025-04       # month of the first dose: day 01 all the same
        A        2025        2025          # year of the first dose: 01-01, to the end of the year
        A        2025-03     2025-03-01    # never after a complete end
        A        -           -             # nothing is invented
        A        2025-03-05  2025-03-20
        """
    )
    dates = found[["ASTDT", "ASTDTF", "ASTDY", "AENDT", "AENDTF", "AENDY"]]
    assert [[shown(value) for value in row] for row in dates.to_numpy(dtype=object)] == [
        ["2025-03-01", "D", -9.0, "2025-04-30", "D", 52.0],
        ["2025-01-01", "M", -68.0, "2025-12-31", "M", 297.0],
        ["2025-03-01", "D", -9.0, "2025-03-01", None, -9.0],
        [None] * 6,
        ["2025-03-05", None, -5.0, "2025-03-20", None, 11.0],
    ]
    assert found["CMSTDTC"].tolist()[:2] == ["2025-03", "2025"]


def test_an_end_of_unknown_day_is_not_after_death() -> None:
    dm = subjects("USUBJID  ARMCD  DTHDTC      DTHFL\nA        P1LOW  2025-04-12  Y")
    adsl = derive_subjects({"DM": dm, "EX": EX}, TRIAL, None)
    cm = medications("USUBJID  CMSTDTC     CMENDTC\nA        2025-03-12  2025-04")
    assert shown(derive_adcm({"CM": cm}, adsl, TRIAL)["AENDT"].iloc[0]) == "2025-04-12"


def classes(text: str) -> pd.DataFrame:
    names = ["CMCLAS", "CMCLASCD", *(f"ATC{level}{suffix}" for level in range(1, 5) for suffix in ("", "CD"))]
    return derive_atc(table(text).reindex(columns=names).astype("str"), {"C": "Cardiovascular system", "A05": "Bile therapy"})


def test_classes_are_cut_from_the_code_as_far_as_it_reaches() -> None:
    """Lengths of the five levels of the ATC classification: A, A05, A05B, A05BA, A05BA02."""
    found = classes(
        """
        CMCLASCD   CMCLAS
        A05BA      Liver therapy                  # level 4: its name is the class collected
        B01A       Antithrombotics                # level 3
        J05        Antivirals                     # level 2
        C          -                              # level 1: named by the trial's dictionary
        A05BA02    silymarin                      # a substance: its name is no class, its class is that of record 1
        J05AF      NRTI                           # level 2 is named by record 3
        N02B       -                              # nobody names it
        """
    )
    expected = {
        "ATC1CD": ["A", "B", "J", "C", "A", "J", "N"],
        "ATC1": [None, None, None, "Cardiovascular system", None, None, None],
        "ATC2CD": ["A05", "B01", "J05", None, "A05", "J05", "N02"],
        "ATC2": ["Bile therapy", None, "Antivirals", None, "Bile therapy", "Antivirals", None],
        "ATC3CD": ["A05B", "B01A", None, None, "A05B", "J05A", "N02B"],
        "ATC3": [None, "Antithrombotics", None, None, None, None, None],
        "ATC4CD": ["A05BA", None, None, None, "A05BA", "J05AF", None],
        "ATC4": ["Liver therapy", None, None, None, "Liver therapy", "NRTI", None],
    }
    assert {name: [shown(value) for value in found[name]] for name in expected} == expected


def test_two_names_of_one_class_name_no_other_record() -> None:
    found = classes("CMCLASCD  CMCLAS\nA05BA     Liver therapy\nA05BA     LIVER\nA05BA01   -")
    assert [shown(value) for value in found["ATC4"]] == ["Liver therapy", "LIVER", None]


@pytest.mark.parametrize("code", ["MULTIPLE", "A5BA", "<script>", "A05B A", "AA", "A05BA2", "a\nA05BA"])
def test_what_is_no_class_code_is_not_cut(code: str) -> None:
    medication = pd.DataFrame({"CMCLASCD": [code], "CMCLAS": ["class"]}).reindex(
        columns=["CMCLAS", "CMCLASCD", *(f"ATC{level}{suffix}" for level in range(1, 5) for suffix in ("", "CD"))]
    )
    assert derive_atc(medication.astype("str"), {}).isna().all(axis=None)


def test_classes_the_coded_data_hold_stand() -> None:
    found = classes("CMCLASCD  CMCLAS         ATC2CD  ATC2\nA05BA     Liver therapy  A16     Others").iloc[0]
    assert (found["ATC2CD"], found["ATC2"], found["ATC4CD"]) == ("A16", "Others", "A05BA")


def test_no_medication_gives_an_empty_dataset_with_its_variables() -> None:
    found = derive_adcm({}, ADSL, TRIAL)
    assert not len(found)
    assert {"CMSEQ", "ATC2", "ASTDT", "PREFL", "CONFL", "SAFFL"} <= set(found.columns)


DATES = st.sampled_from([None, "2024", "2025", "2025-03", "2025-03-09", "2025-03-10", "2025-03-11T08:00", "2025-10-01"])


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(DATES, DATES), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_medications_decides_nothing(drawn: list[tuple], random) -> None:
    cm = pd.DataFrame(drawn, columns=["CMSTDTC", "CMENDTC"]).astype("str").assign(USUBJID="A", CMTRT="drug")
    cm["CMSEQ"] = [float(number) for number in range(len(cm))]
    rows = list(range(len(cm)))
    random.shuffle(rows)
    pd.testing.assert_frame_equal(derive_adcm({"CM": cm}, ADSL, TRIAL), derive_adcm({"CM": cm.iloc[rows]}, ADSL, TRIAL))

"""ADEX and the exposure summary against doses and compliances worked by hand."""

from __future__ import annotations

import math
from datetime import date

import pandas as pd
import pytest

from cgbm1_report.derive.adex import derive_adex, derive_exposure_summary
from cgbm1_report.derive.treatment import plan_infusions
from tests.drawn import our_trial
from tests.oracle import assert_close, read_oracle
from tests.test_windows import subjects

TRIAL = our_trial()
ORACLE = read_oracle("e19")


def subject(phase: int = 2, **dates: object) -> pd.DataFrame:
    """The subject of test_windows, first infusion 2025-03-10; TRTEDT, DTHDT and LTDT as given."""
    frame = subjects(PHASE=float(phase), **{"TRTEDT": "2025-03-31", "DTHDT": None, **dates})
    return frame.assign(**{name: pd.to_datetime(frame[name]).astype("datetime64[s]") for name in ("TRTEDT", "DTHDT")})


def ex(*rows: dict) -> pd.DataFrame:
    """EX of subject S-1: elapsed day and number of the infusion are enough; cells default to the plan."""
    made = []
    for number, row in enumerate(rows, start=1):
        infusion = row.get("infusion", number)
        start = pd.Timestamp("2025-03-10T10:00") + pd.Timedelta(days=row.get("rel", 7 * (infusion - 1)))
        made.append(
            {
                "USUBJID": "S-1",
                "EXSEQ": float(number),
                "EXTPT": f"INFUSION {infusion}",
                "EXSTDTC": f"{start:%Y-%m-%dT%H:%M}",
                "EXENDTC": f"{start + pd.Timedelta(minutes=row.get('minutes', 50)):%Y-%m-%dT%H:%M}",
                "EXADJ": row.get("adj"),
                "EXTOTCEL": row.get("cells", 125.0),
                "EXPLCEL": row.get("planned", 125.0),
                "EXPLVOL": row.get("plvol", 100.0),
                "EXACVOL": row.get("acvol", 100.0),
                "EXWT": row.get("weight", 62.5),
            }
        )
    return pd.DataFrame(made)


def adex(sdtm: dict[str, pd.DataFrame], adsl: pd.DataFrame) -> pd.DataFrame:
    return derive_adex(sdtm, adsl, derive_exposure_summary(sdtm, adsl, TRIAL, None), TRIAL)


def summary(rows: list[dict], cutoff: date | None = None, adsl: pd.DataFrame | None = None) -> pd.Series:
    found = derive_exposure_summary({"EX": ex(*rows)}, subject() if adsl is None else adsl, TRIAL, cutoff)
    return found.loc["S-1"]


def test_a_number_with_blanks_behind_it_is_the_number_of_the_infusion():
    rows = ex({}, {"infusion": 3})
    rows["EXTPT"] = rows["EXTPT"] + "  "
    found = adex({"EX": rows}, subject())
    assert found["INFNUM"].dropna().unique().tolist() == [1.0, 3.0]


def test_dose_and_compliance_of_an_infusion_equal_hand_calculation():
    # 62.5 kg x 2.0 = 125.0 planned, 118.8 given -> 95.04 %, 1.9008 x 10^6/kg
    dose = ORACLE["dose"]
    assert dose["weight"] * dose["level"] == dose["planned"]
    row = {"cells": dose["actual"], "planned": dose["planned"], "weight": dose["weight"], "minutes": 47, "adj": "interrupted"}
    found = adex({"EX": ex(row)}, subject(1)).set_index("PARAMCD")
    assert_close(found.loc["INFCOMP", "AVAL"], dose["compliance"])
    assert_close(found.loc["DOSE", "AVAL"], 1.9008)
    assert found.loc["CELLS", "AVAL"] == dose["actual"]
    assert found.loc["DURMIN", "AVAL"] == 47
    assert found.loc["ADJFL", "AVALC"] == "Y"
    assert_close(found.loc["DOSECOMP", "AVAL"], dose["compliance"])


@pytest.mark.parametrize("case", ORACLE["placebo_compliance"], ids=lambda c: str(c["dosecomp"]))
def test_placebo_is_complied_with_by_volume(case):
    rows = [
        {"infusion": n, "cells": 0.0, "planned": case["explcel"], "acvol": float(volume), "plvol": case["expl_vol"]}
        for n, volume in enumerate(case["exac_vol"], start=1)
        if volume is not None
    ]
    found = summary(rows)
    assert found["DOSECOMP"] == case["dosecomp"]
    assert found["CUMDOSE"] == 0.0
    per_infusion = adex({"EX": ex(*rows)}, subject()).query("PARAMCD == 'INFCOMP'")["AVAL"]
    assert per_infusion.tolist() == [value for value in case["per_infusion"] if value > 0]


@pytest.mark.parametrize(
    ("given", "stop", "cutoff", "expected"),
    [
        # planned on days 0, 7, 14, 21 = 03-10, 03-17, 03-24, 03-31; windows close on 03-19, 03-26, 04-02
        ([1, 2, 3, 4], {}, None, 100.0),
        ([1, 2], {}, None, 50.0),  # two missed
        ([1, 2], {"DTHDT": "2025-03-24"}, None, 100.0),  # died on the day of the third: not due
        ([1, 2], {"DTHDT": "2025-03-25"}, None, 200 / 3),  # died the day after
        ([1, 2], {"LTDT": "2025-03-20"}, None, 100.0),  # transplanted
        ([1, 2], {"LTDT": "2025-03-20", "DTHDT": "2025-04-20"}, None, 100.0),  # the first of the two
        ([1, 2, 3], {"LTDT": "2025-03-20"}, None, 100.0),  # given all the same: it counts
        ([1], {}, date(2025, 3, 18), 100.0),  # window of the second still open at the cut-off
        ([1], {}, date(2025, 3, 19), 50.0),  # closed
        ([1, 4], {}, None, 50.0),  # the second and third missed, not the last two
    ],
)
def test_overall_compliance_counts_infusions_that_were_due(given, stop, cutoff, expected):
    rows = [{"infusion": number} for number in given]
    assert_close(summary(rows, cutoff, subject(**stop))["DOSECOMP"], expected)


@pytest.mark.parametrize(
    ("stop", "cutoff", "due"),
    [
        # planned on days 0, 7, 14, 21 = 03-10, 03-17, 03-24, 03-31; windows close on 03-10, 03-19, 03-26, 04-02
        ({}, None, [True, True, True, True]),
        ({"DTHDT": "2025-03-10"}, None, [False, False, False, False]),
        ({"LTDT": "2025-03-17"}, None, [True, False, False, False]),  # transplanted on the day of the second infusion
        ({}, date(2025, 3, 18), [True, False, False, False]),
        ({}, date(2025, 3, 26), [True, True, True, False]),
        ({"DTHDT": "2025-03-18"}, date(2025, 3, 18), [True, False, False, False]),
    ],
)
def test_an_infusion_is_due_until_death_transplant_or_the_data_cutoff(stop, cutoff, due):
    found = plan_infusions(subject(**stop), TRIAL, cutoff)
    assert found["INFNUM"].tolist() == [1, 2, 3, 4]
    assert found["DUE"].tolist() == due
    never = subject(TRTSDT=None, TRTSDTM=None, TRTEDT=None)
    assert plan_infusions(never, TRIAL, cutoff).empty


def test_an_infusion_given_on_the_day_of_the_transplant_counts_and_a_missed_one_is_not_missed():
    transplant = subject(LTDT="2025-03-17")
    assert summary([{}], adsl=transplant)["DOSECOMP"] == 100.0
    assert summary([{}, {"acvol": 50.0}], adsl=transplant)["DOSECOMP"] == 75.0


def test_every_record_names_its_source():
    rows = [{}, {"cells": 0.0, "planned": 0.0, "adj": "interrupted"}]
    for phase, source in ((1, "EXTOTCEL"), (2, "EXACVOL")):  # of cells in the open phase, of volume in the blind one
        found = adex({"EX": ex(*rows[:phase])}, subject(phase))
        assert (found["SRCDOM"] == "EX").all()
        assert found["SRCVAR"].notna().all()
        compliance = found[found["PARAMCD"].isin(["INFCOMP", "DOSECOMP"])]
        assert set(compliance["PARAMCD"]) == {"INFCOMP", "DOSECOMP"}
        assert set(compliance["SRCVAR"]) == {source}
        assert (found["SRCSEQ"].isna() == found["EXSEQ"].isna()).all()


def test_cumulative_dose_is_summed_over_infusions():
    # 125/62.5 + 118.8/60 = 2.0 + 1.98
    found = summary([{}, {"cells": 118.8, "weight": 60.0}])
    assert_close(found["CUMDOSE"], 3.98)
    assert found["NINF"] == 2.0


def test_an_infusion_whose_cells_are_unknown_leaves_the_totals_missing():
    found = summary([{"cells": math.nan}], adsl=subject(1))
    assert math.isnan(found["CUMDOSE"])
    assert math.isnan(found["DOSECOMP"])
    assert found["NINF"] == 1.0


@pytest.mark.parametrize(
    ("rows", "dosecomp"),
    [
        # Twice the cells of the plan, as when the next higher dose was taken, in the volume planned: 4 x 100 / 4.
        ([{}, {"cells": 250.0}, {}, {}], 100.0),
        # Half of the volume, whatever cells the laboratory counted in it: (100 + 50 + 100 + 100) / 4.
        ([{}, {"cells": 70.0, "acvol": 50.0}, {}, {}], 87.5),
        ([{}, {"cells": math.nan}, {}, {}], 100.0),
        # The volume not known: cells do not stand in for it, they would be seen in the unblinded report alone.
        ([{}, {"acvol": math.nan}, {}, {}], math.nan),
    ],
)
def test_compliance_of_a_blind_phase_is_one_number_with_and_without_the_cells(rows, dosecomp):
    whole = ex(*rows)
    blind = whole.drop(columns=["EXTOTCEL", "EXPLCEL"])
    found = [derive_exposure_summary({"EX": one}, subject(), TRIAL, None).loc["S-1", "DOSECOMP"] for one in (whole, blind)]
    assert found == pytest.approx([dosecomp, dosecomp], nan_ok=True)
    one, other = (adex({"EX": one}, subject()).query("PARAMCD == 'INFCOMP'")["AVAL"].tolist() for one in (whole, blind))
    assert one == other


def test_never_dosed_subject_has_no_infusion_and_no_compliance():
    never = subject(TRTSDT=None, TRTSDTM=None, TRTEDT=None)
    found = derive_exposure_summary({}, never, TRIAL, None).loc["S-1"]
    assert found["NINF"] == 0.0
    assert found[["CUMDOSE", "DOSECOMP"]].isna().all()
    assert len(adex({}, never)) == 0


def test_blinded_infusions_have_duration_but_no_cells():
    blinded = ex({}, {}).drop(columns=["EXTOTCEL", "EXPLCEL", "EXPLVOL", "EXACVOL"])
    found = adex({"EX": blinded}, subject())
    assert sorted(found["PARAMCD"].unique()) == ["ADJFL", "DURMIN", "NINF"]


def test_records_per_infusion_come_before_those_per_subject():
    found = adex({"EX": ex({}, {}).iloc[::-1]}, subject())
    assert found["EXSEQ"].isna().tolist() == [False] * 10 + [True] * 3
    assert found["INFNUM"].dropna().tolist() == [1.0] * 5 + [2.0] * 5
    assert found["ASEQ"].tolist() == [float(number) for number in range(1, 14)]
    assert found.loc[found["PARAMCD"] == "NINF", "ADT"].tolist() == [pd.Timestamp("2025-03-31")]
    assert found.loc[found["EXSEQ"] == 2, "ADY"].unique().tolist() == [8.0]


def test_a_division_by_nothing_planned_is_missing_not_infinite():
    found = summary([{"planned": 0.0, "plvol": 0.0, "weight": 0.0}])
    assert found[["CUMDOSE", "DOSECOMP"]].isna().all()

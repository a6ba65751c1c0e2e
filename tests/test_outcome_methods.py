"""Outputs show of an outcome what trial.yaml asks for, and nothing that it does not ask for."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from cgbm1_report.derive.adlb import _find_on_logarithms
from cgbm1_report.errors import ReportError
from cgbm1_report.outputs.catalogue import catalogue, left_out, make
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.table import Figure, Table
from tests.drawn import stamp_of
from tests.test_outputs import phase_two
from tests.test_snapshots import derive_whole
from tests.test_trial_whole import outcome, read


def rows(number: str, data: dict[str, pd.DataFrame], change: Callable[[Any], object]) -> dict[str, dict[str, str]]:
    """Cells of every row of an output of a changed trial, by label; the first of a label counts."""
    table = made(number, data, read(change))
    found: dict[str, dict[str, str]] = {}
    for row in table.rows:
        found.setdefault(row.label, dict(row.cells))
    return found


def made(number: str, data: dict[str, pd.DataFrame], trial: Trial) -> Table:
    table = make(catalogue(trial)[number], trial, data, stamp_of(trial))
    assert isinstance(table, Table)
    return table


def laboratory() -> dict[str, pd.DataFrame]:
    """ALT of two subjects: 100 and 200 at baseline, 80 and 150 on day 28."""
    adsl = pd.DataFrame({"USUBJID": ["1-01", "1-02"], "PHASE": 1.0, "FASFL": "Y", "TRT01P": "Low"})
    adlb = pd.DataFrame(
        {
            "USUBJID": ["1-01", "1-02"] * 2, "PARAMCD": "ALT", "AVAL": [100.0, 200.0, 80.0, 150.0],
            "ABLFL": ["Y", "Y", None, None], "ANL02FL": [None, None, "Y", "Y"], "AVISITN": [0.0, 0.0, 28.0, 28.0],
            "CHG": [None, None, -20.0, -50.0], "PCHG": [None, None, -20.0, -25.0],
        }
    ).astype({"USUBJID": "str", "PARAMCD": "str", "ABLFL": "str", "ANL02FL": "str", "CHG": "float64", "PCHG": "float64"})  # fmt: skip
    return {"ADSL": adsl, "ADLB": adlb}


def ask(data: Any, code: str, *methods: str) -> None:
    """Let the first output of an outcome show these methods."""
    outcome(data, code)["outputs"][0]["methods"] = list(methods)


def nothing(data: Any) -> None:
    """The trial as it is."""


def test_without_adjustment_the_nominal_p_stands_in_the_cells_and_the_adjusted_in_the_note():
    found = rows("T14.2.1.2", phase_two(), nothing)
    assert found["Log-rank p, cut at day 90"] == {"Low": "0.8084", "Medium": "0.4795"}
    assert "Nominal p" not in found
    notes = made("T14.2.1.2", phase_two(), read(nothing)).footnotes
    assert "Holm-adjusted log-rank p, cut at day 90: Low 0.9590; Medium 0.9590." in notes
    assert any("unadjusted for multiplicity" in note for note in notes)


def test_with_holm_the_adjusted_p_stands_in_the_cells_and_the_nominal_below():
    def holm(data: Any) -> None:
        data["switches"]["multiplicity"] = "holm"

    found = rows("T14.2.1.2", phase_two(), holm)
    # By hand: the smaller p twice, 2 x 0.4795 = 0.9590; the larger, 0.8084, at least as much.
    assert found["Log-rank p, Holm-adjusted, cut at day 90"] == {"Low": "0.9590", "Medium": "0.9590"}
    assert found["Nominal p"] == {"Low": "0.8084", "Medium": "0.4795"}
    assert found["Log-rank p, cut at day 180"] == {"Low": "0.8084", "Medium": "0.4795"}, "the supportive one is not adjusted"
    notes = made("T14.2.1.2", phase_two(), read(holm)).footnotes
    assert not any(note.startswith("Holm-adjusted") or "unadjusted for multiplicity" in note for note in notes)
    assert any("adjusted for the comparisons (Holm) with the nominal p below" in note for note in notes)


@pytest.mark.parametrize(
    ("change", "there", "gone"),
    [
        (lambda d: ask(d, "P2-PRI-03", "landmark", "log_rank"), ["Log-rank p, cut at day 90"], ["HR vs Placebo, cut at day 90"]),
        (lambda d: ask(d, "P2-PRI-03", "landmark", "hazard_ratio"), ["HR vs Placebo, cut at day 90"], ["Log-rank p, cut at day 90"]),
        (lambda d: ask(d, "P2-SEC-19", "landmark"), ["KM estimate at day 180, %"], ["Median, days", "Log-rank p, cut at day 180"]),
        (lambda d: outcome(d, "P2-SEC-19").update(nominal_days=[28, 60]), ["HR vs Placebo, cut at day 60"], ["HR vs Placebo, cut at day 180"]),
        (
            lambda d: outcome(d, "P2-PRI-03").update(nominal_days=[60]),
            ["Log-rank p, cut at day 60", "KM estimate at day 60, %"], ["Log-rank p, cut at day 90", "KM estimate at day 90, %"],
        ),
        (lambda d: d["outcomes"].clear(), ["Median, days"], ["KM estimate at day 28, %", "Log-rank p, cut at day 90"]),
    ],
)  # fmt: skip
def test_the_survival_table_has_the_estimates_and_comparisons_that_are_asked_for(change, there, gone):
    found = rows("T14.2.1.2", phase_two(), change)
    assert [label for label in there if label not in found] == []
    assert [label for label in gone if label in found] == []


@pytest.mark.parametrize(
    ("methods", "interval", "percent"),
    [
        (("summary", "change"), False, False),
        (("change", "change_interval"), True, False),
        (("change", "percent_change"), False, True),
    ],
)
def test_a_change_table_has_the_interval_and_the_percent_change_that_are_asked_for(methods, interval, percent):
    table = made("T14.2.10.1", laboratory(), read(lambda data: ask(data, "P1-SEC-04", *methods)))
    assert any("95% CI" in column.label for column in table.columns) == interval
    assert any(row.label.startswith("Percent change") for row in table.rows) == percent


@pytest.mark.parametrize(
    ("code", "number", "measure"),
    [("P2-SEC-29", "T14.2.18.2", "change from baseline"), ("P2-SEC-32", "T14.2.21.2", "ratio to baseline")],
)
def test_a_model_is_headed_by_the_measure_it_is_of(code, number, measure):
    """A percent change stands last at its visit, and no model is of it."""
    asked = next(one for one in read(nothing).outcomes if one.id == code).outputs[0].methods
    table = made(number, derive_whole("full")[0], read(lambda data: ask(data, code, *asked, "percent_change")))
    labels = {row.label for row in table.rows}
    assert "Day 28, percent change" in labels
    assert {label.partition(", ")[2] for label in labels if "ANCOVA" in label} == {f"{measure}, ANCOVA"}
    assert {label.partition(", ")[2] for label in labels if "MMRM" in label} == {f"{measure}, MMRM"}


def test_a_change_table_says_which_way_is_favourable():
    assert "A decrease is favourable." in made("T14.2.10.1", laboratory(), read(nothing)).footnotes
    risen = read(lambda data: outcome(data, "P1-SEC-04").update(favourable="increase"))
    assert "An increase is favourable." in made("T14.2.10.1", laboratory(), risen).footnotes


def add_bleeding(data: Any, number: str, day: int, *methods: str, order: int = 99) -> None:
    """A time to an event of the trial's own, answered by a table of its own."""
    primary = outcome(data, "P2-PRI-03")
    data["parameters"]["BLEED"] = {**data["parameters"]["LTFS"], "label": "Time to Bleeding", "events": {}}
    own = {"id": f"P2-OWN-{order}", "type": "other", "registry_order": order, "paramcd": "BLEED", "nominal_days": [day]}
    data["outcomes"].append({**primary, **own, "outputs": [{"number": number, "methods": list(methods)}]})


def bled() -> dict[str, pd.DataFrame]:
    """Events of Low, Placebo, Low, Placebo, a day apart."""
    names = ["2-01", "2-02", "2-03", "2-04"]
    adsl = pd.DataFrame({"USUBJID": names, "PHASE": 2.0, "FASFL": "Y", "TRT01P": ["Low", "Placebo", "Low", "Placebo"]})
    return {"ADSL": adsl, "ADTTE": pd.DataFrame({"USUBJID": names, "PARAMCD": "BLEED", "AVAL": [1.0, 2.0, 3.0, 4.0], "CNSR": 0.0})}


def test_a_time_to_an_event_of_the_trials_own_is_compared_as_its_outcome_asks():
    trial = read(lambda data: add_bleeding(data, "T14.2.30.2", 90, "log_rank", "hazard_ratio"))
    assert not [told for told in left_out(trial) if "T14.2.30.2" in told]
    table = made("T14.2.30.2", bled(), trial)
    cells = {row.label: dict(row.cells) for row in table.rows}
    # Events of Low, Placebo, Low, Placebo. Log-rank by hand: observed less expected 2/3, variance 13/18, chi-square 8/13.
    assert cells["Log-rank p, cut at day 90"]["Low"] == "0.4328"
    # The likelihood h^2 / (2(h+1) (h+2) (h+1)) is highest where h^2 = h + 4.
    assert cells["HR vs Placebo, cut at day 90"]["Low"] == "2.56"
    assert any("Cox model" in note for note in table.footnotes)


def test_a_table_of_times_that_count_their_first_day_says_of_which_scale_its_median_is():
    """AVAL of Low 28 and 30, of Placebo 29 and 31, each one more than the days after the start: 27 and 29, 28 and 30."""

    def counted(data: Any) -> None:
        add_bleeding(data, "T14.2.30.2", 28, "landmark", "median")
        data["switches"]["tte_plus_one"] = True

    data = bled()
    data["ADTTE"]["AVAL"] += 27
    table = made("T14.2.30.2", data, read(counted))
    cells = {row.label: dict(row.cells) for row in table.rows}
    # 28 days after the start one of two has had the event in either arm, the one of Placebo on that day; two of four in both.
    assert cells["KM estimate at day 28, %"] == {"Placebo": "50.0", "Low": "50.0", "Medium": "NE", "Total": "50.0"}
    # Half are left from AVAL 28 to 30, from 29 to 31, of all four from 29 to 30: the middles, with one decimal more than days have.
    assert cells["Median, days"] == {"Placebo": "30.0", "Low": "29.0", "Medium": "NE", "Total": "29.5"}
    told = [note for note in table.footnotes if "an event on day N has the time N + 1" in note]
    assert len(told) == 1
    plain = made("T14.2.30.2", data, read(lambda data: add_bleeding(data, "T14.2.30.2", 28, "landmark", "median")))
    assert not [note for note in plain.footnotes if "N + 1" in note]


@pytest.mark.parametrize("adjustment", ["none", "holm"])
def test_under_a_test_that_is_not_adjusted_no_note_speaks_of_an_adjusted_p(adjustment):
    def asked(data: Any) -> None:
        add_bleeding(data, "T14.2.30.2", 90, "log_rank")
        data["switches"]["multiplicity"] = adjustment

    notes = made("T14.2.30.2", bled(), read(asked)).footnotes
    assert "Log-rank two-sided, pairwise vs Placebo, unadjusted for multiplicity." in notes
    assert not [note for note in notes if "Holm" in note]


def test_two_tables_of_one_time_to_an_event_each_print_what_their_own_outcome_asks():
    def twice(data: Any) -> None:
        add_bleeding(data, "T14.2.30.2", 28, "landmark", "log_rank", order=98)
        add_bleeding(data, "T14.2.31.2", 90, "median", "hazard_ratio", order=99)

    trial, told = read(twice), {}
    for number in ("T14.2.30.2", "T14.2.31.2"):
        told[number] = made(number, bled(), trial)
    first, second = ([row.label for row in table.rows if row.indent == 0] for table in told.values())
    counted = ["Subjects", "Events, n (%)", "Censored, n (%)"]
    assert first == [*counted, "KM estimate at day 28, %", "Log-rank p, cut at day 28"]
    assert second == [*counted, "Median, days", "HR vs Placebo, cut at day 90"]
    # What explains a Cox model stands where there is one.
    assert [any("Cox model" in note for note in table.footnotes) for table in told.values()] == [False, True]


def test_the_survival_table_prints_nothing_that_is_asked_of_another_table():
    def parted(data: Any) -> None:
        ask(data, "P2-PRI-03", "landmark", "log_rank")
        outcome(data, "P2-SEC-19")["outputs"] = [{"number": "T14.2.30.2", "methods": ["landmark", "median", "hazard_ratio"]}]

    found = rows("T14.2.1.2", phase_two(), parted)
    assert {"KM estimate at day 90, %", "Log-rank p, cut at day 90"} <= set(found)
    for label in ("KM estimate at day 28, %", "KM estimate at day 180, %", "Median, days", "HR vs Placebo, cut at day 180"):
        assert label not in found
    notes = made("T14.2.1.2", phase_two(), read(parted)).footnotes
    assert any("og-rank" in note for note in notes)
    assert not any("Cox model" in note for note in notes)


def test_a_survival_table_that_no_outcome_names_shows_what_they_ask_of_others():
    def elsewhere(data: Any) -> None:
        for code in ("P2-PRI-03", "P2-SEC-19"):
            outcome(data, code)["outputs"][0]["number"] = "T14.2.30.2"

    found = rows("T14.2.1.2", phase_two(), elsewhere)
    assert {"KM estimate at day 28, %", "KM estimate at day 90, %", "Median, days", "HR vs Placebo, cut at day 180"} <= set(found)


def test_the_curve_tells_the_days_of_the_outcomes_that_ask_for_it():
    def parted(data: Any) -> None:
        outcome(data, "P2-SEC-19")["outputs"].pop()

    figure = make(catalogue(trial := read(parted))["F14.2.1.2"], trial, phase_two(), stamp_of(trial))
    assert isinstance(figure, Figure)
    assert "at day 90" in figure.alt
    assert "at day 28" not in figure.alt


def test_curves_of_a_time_to_an_event_of_the_trials_own_are_a_figure_under_its_number():
    """Of four subjects Low has events on days 1 and 3, Placebo one on day 2 and a censoring on day 99; a fifth has no time."""

    def drawn(data: Any) -> None:
        add_bleeding(data, "F14.2.30.2", 90, "curve")
        data["outcomes"][-1]["outputs"].append({"number": "T14.2.30.2", "methods": ["landmark", "curve"]})

    data = bled()
    data["ADTTE"].loc[3, ["AVAL", "CNSR"]] = [199.0, 1.0]
    data["ADSL"] = pd.concat([data["ADSL"], data["ADSL"].iloc[[0]].assign(USUBJID="2-05")], ignore_index=True)
    trial = read(drawn)
    # A table has no curves, and a figure nothing else.
    assert [told for told in left_out(trial).items() if "14.2.30.2" in str(told)] == [
        ("in T14.2.30.2", "Kaplan–Meier curves (P2-OWN-99)"),
    ]
    figure = make(catalogue(trial)["F14.2.30.2"], trial, data, stamp_of(trial))
    assert isinstance(figure, Figure)
    assert figure.title == "Kaplan–Meier Plot of Time to Bleeding with Number at Risk"
    assert figure.alt == (
        "Kaplan–Meier curves of Time to Bleeding. "
        "Placebo: 2 subjects, 1 event; 50.0% free of the event at day 90 (1 at risk); 50.0% free of the event at day 180 (1 at risk); "
        "Low: 2 subjects, 2 events; 0.0% free of the event at day 90 (0 at risk); 0.0% free of the event at day 180 (0 at risk); "
        "Medium: no subject."
    )
    shown = figure.ard[figure.ard["stat_name"] == "estimate"]
    assert sorted(shown["stat"].astype("float64")) == [0.0, 0.5, 0.5, 0.5]  # Low at days 1 and 3, Placebo at 2 and 199
    told = [note for note in figure.footnotes if "subject" in note]
    assert "4 of 5 subjects have this time; the others are not drawn." in told
    assert "Times of 1 subject that end after day 180 are drawn to this day." in told
    assert ">Free of the event (%)<" in figure.svg


@pytest.mark.parametrize(
    ("last", "numbers"), [(180, {"0", "90", "180"}), (182, {"0", "90", "180"}), (240, {"0", "90", "180", "240"})]
)
def test_the_end_of_an_axis_has_no_number_on_that_of_a_day_that_an_outcome_names(last, numbers):
    def drawn(data: Any) -> None:
        add_bleeding(data, "F14.2.30.2", 90, "curve")
        data["outcomes"][-1]["nominal_days"] = [90, 180]

    trial = read(drawn)
    trial = trial.model_copy(update={"study": trial.study.model_copy(update={"followup_days": last})})
    figure = make(catalogue(trial)["F14.2.30.2"], trial, bled(), stamp_of(trial))
    assert isinstance(figure, Figure)
    ticks = set(re.findall(r">(\d+)</text>", figure.svg))
    assert numbers <= ticks
    assert str(last) not in ticks - numbers


def test_two_tables_of_one_laboratory_outcome_each_print_what_their_own_outcome_asks():
    def twice(data: Any) -> None:
        first = outcome(data, "P1-SEC-04")
        first["nominal_days"] = [28]
        ask(data, "P1-SEC-04", "change")
        other = {"id": "P1-OWN-01", "type": "other", "registry_order": 99, "nominal_days": [14, 28], "favourable": "increase"}
        asked = [{"number": "T14.2.30.1", "methods": ["change", "change_interval", "percent_change"]}]
        data["outcomes"].append({**first, **other, "outputs": asked})

    trial = read(twice)
    own, other = (made(number, laboratory(), trial) for number in ("T14.2.10.1", "T14.2.30.1"))
    visits = [[row.label for row in table.rows if row.indent == 0] for table in (own, other)]
    assert visits == [["Baseline", "Day 28"], ["Baseline", "Day 14", "Day 28"]]
    assert [any("95% CI" in column.label for column in table.columns) for table in (own, other)] == [False, True]
    assert [any(row.label.startswith("Percent") for row in table.rows) for table in (own, other)] == [False, True]
    # By hand: 80 - 100 and 150 - 200, mean -35, each 15 from it: the standard deviation is the root of 450.
    assert "-35.0 (21.21)" in [cell for row in own.rows for cell in row.cells.values()]
    assert ["A decrease is favourable." in table.footnotes for table in (own, other)] == [True, False]
    assert ["An increase is favourable." in table.footnotes for table in (own, other)] == [False, True]


def test_a_table_of_values_beside_one_of_changes_has_no_change():
    def both(data: Any) -> None:
        first = outcome(data, "P1-SEC-04")
        other = {"id": "P1-OWN-01", "type": "other", "registry_order": 99, "nominal_days": [28], "baseline_needed": False}
        asked = [{"number": "T14.2.30.1", "methods": ["summary"]}]
        data["outcomes"].append({**first, **other, "outputs": asked})

    values = made("T14.2.30.1", laboratory(), read(both))
    assert [row.label for row in values.rows if row.indent == 0] == ["Day 28"]
    assert {column.spanner for column in values.columns} == {"Value"}


def test_antibodies_and_complications_are_compared_as_the_outcome_that_their_table_answers_asks():
    def elsewhere(code: str, number: str) -> Callable[[Any], None]:
        def change(data: Any) -> None:
            first = outcome(data, code)
            other = {**first, "id": "P2-OWN-01", "type": "other", "registry_order": 99, "outputs": [dict(first["outputs"][0])]}
            ask(data, code, "rate")
            other["outputs"][0]["number"] = number
            data["outcomes"].append(other)

        return change

    data = derive_whole("full")[0]
    for code, number in (("P2-SEC-31", "T14.2.20.2"), ("P2-SEC-22", "T14.2.5.2")):
        shown = [row.label for row in made(number, data, read(nothing)).rows]
        kept = [row.label for row in made(number, data, read(elsewhere(code, "T14.2.30.2"))).rows]
        assert any("ifference" in label for label in shown), number
        assert not any("ifference" in label for label in kept), number
        assert "95% CI" in kept


@pytest.mark.parametrize(
    ("paramcd", "dataset", "title"),
    [
        ("CREAT", "ADLB", "Creatinine: Value and Change from Baseline by Visit"),
        ("HGB", "ADLB", "Haemoglobin: Value and Change from Baseline by Visit"),
        ("HR", "ADVS", "Heart rate: Value and Change from Baseline by Visit"),
    ],
)
def test_an_outcome_of_any_laboratory_category_or_vital_sign_has_a_table_by_visit(paramcd, dataset, title):
    def ask_for(data: Any) -> None:
        own = {"id": "P1-OWN-01", "type": "other", "registry_order": 99, "paramcd": paramcd, "dataset": dataset}
        asked = [{"number": "T14.2.30.1", "methods": ["summary", "change", "percent_change"]}]
        data["outcomes"].append({**outcome(data, "P1-SEC-04"), **own, "nominal_days": [28], "outputs": asked})

    drawn, trial = laboratory(), read(ask_for)
    records = drawn.pop("ADLB").assign(PARAMCD=paramcd)
    assert not [told for told in left_out(trial) if "T14.2.30.1" in told]
    table = made("T14.2.30.1", {**drawn, dataset: records}, trial)
    assert table.title.casefold() == title.casefold()
    assert [row.label for row in table.rows if row.indent == 0] == ["Baseline", "Day 28"]
    # By hand: 100 and 200 at baseline, 80 and 150 on day 28: changes of -20 and -50, or -20% and -25%.
    means = table.ard[
        (table.ard["variable"].isin(["CHG", "PCHG"])) & (table.ard["stat_name"] == "mean") & (table.ard["column"] == "Total")
    ]
    assert dict(zip(means["variable"], means["stat"], strict=True)) == {"CHG": -35.0, "PCHG": -22.5}


@pytest.mark.parametrize(("of", "told"), [("BASE", False), ("ABS(BASE)", True)])
def test_a_table_says_that_its_percent_change_is_of_the_absolute_value_of_the_baseline(of: str, told: bool) -> None:
    def ask_for(data: Any) -> None:
        data["conventions"] = {"percent_change_of": of}

    notes = made("T14.2.10.1", laboratory(), read(ask_for)).footnotes
    assert ("Percent change: 100 × change / absolute value of the baseline" in notes) is told


def test_a_subject_with_two_records_of_a_visit_is_refused_by_the_table_of_the_outcome():
    drawn = laboratory()
    drawn["ADLB"] = pd.concat([drawn["ADLB"], drawn["ADLB"].tail(1)], ignore_index=True)
    with pytest.raises(ReportError, match="the subject has two records of a visit"):
        made("T14.2.10.1", drawn, read(nothing))


def test_a_subject_with_two_baselines_is_refused_by_the_table_of_the_outcome():
    """As blood pressure lying and standing: three records of each subject would be n = 6 of N = 2 at baseline."""
    drawn = laboratory()
    standing = drawn["ADLB"].head(2).assign(AVAL=[90.0, 180.0])
    drawn["ADLB"] = pd.concat([drawn["ADLB"], standing], ignore_index=True)
    with pytest.raises(ReportError, match="the subject has two baseline records"):
        made("T14.2.10.1", drawn, read(nothing))
    # One without a value is no second baseline.
    drawn["ADLB"].loc[drawn["ADLB"].index[-2:], "AVAL"] = float("nan")
    assert made("T14.2.10.1", drawn, read(nothing)).rows


def test_a_time_that_not_all_subjects_have_says_of_whom_its_percentages_are():
    """As the duration of a response: two of four have one."""
    trial, data = read(lambda data: add_bleeding(data, "T14.2.30.2", 90, "median")), bled()
    told = "Percentages are of all subjects of the column (N), of whom 2 of 4 have this time."
    assert told not in made("T14.2.30.2", data, trial).footnotes
    data["ADTTE"] = data["ADTTE"].head(2)
    table = made("T14.2.30.2", data, trial)
    assert told in table.footnotes
    cells = {row.label: dict(row.cells) for row in table.rows}
    assert (cells["Subjects"]["Total"], cells["Events, n (%)"]["Total"]) == ("2", "2 (50.0)")


def test_what_an_outcome_analyses_on_logarithms_has_its_ratio_to_baseline_derived_whatever_its_category():
    def logarithms(data: Any) -> None:
        outcome(data, "P1-SEC-04")["outputs"][0]["methods"] += ["geometric"]

    plain, asked = (_find_on_logarithms(read(change)) for change in (nothing, logarithms))
    assert plain == {"IL6", "TNFA", "HGF"}
    assert asked == {"IL6", "TNFA", "HGF", "ALT"}

"""How laboratory values and the state of the patient run over time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgbm1_report.simulate import design, design_findings
from cgbm1_report.simulate.streams import Floats, stream
from cgbm1_report.simulate.survival import arm_effect

#: Tests that only recover in those who last; in the others they stay where they are.
_RECOVER_WITH_PATIENT = ("CRP", "PCT", "IL6", "TNFA", "HGF", "AMMONIA", "LACT")


def starting_values(people: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Where each subject's tests start, in standard units. Grain: one row per subject, one column per test."""
    rng = stream(seed, "LB start")
    n = len(people)
    start = pd.DataFrame(
        {test: lab.start[0] * np.exp(lab.start[1] * rng.standard_normal(n)) for test, lab in design_findings.LABS.items()},
        index=people.index,
    )
    for test in ("BILI", "INR", "CREAT"):
        start[test] = people[f"{test}_0"]
    start["AST"] = 1.1 * start["ALT"] ** 0.9
    start["BILDIR"] = 0.66 * start["BILI"]
    start["PTA"] = 74.0 / start["INR"]
    start["PT"] = 11.8 * start["INR"] ** 0.95
    start["UREAN"] *= (start["CREAT"] / design.CREAT[0]) ** design_findings.FOLLOWS["UREAN"][1]
    start["NEUT"] = 0.68 * start["WBC"]
    low = people["prevalent_HYPONAT"].to_numpy()
    start["SODIUM"] = np.where(low, 126.8, start["SODIUM"].clip(lower=131))
    start["K"] = start["K"].clip(3.3, 5.2)
    start["ICGR15"] = start["ICGR15"].clip(*design_findings.ICGR15_START)
    return start


def collect_shifts(events: pd.DataFrame) -> pd.DataFrame:
    """What events do to tests: pid, lab, first and last day (``day``, ``over``), and the factor or highest value (``shift``)."""
    shifts = events.loc[events["lab"].notna(), ["pid", "lab", "onset", "over", "shift"]]
    brain = events.loc[events["AEDECOD"].isin(["Hepatic encephalopathy"]), ["pid", "onset", "over", "grade"]]
    brain = brain.assign(lab="HE", shift=brain["grade"].clip(upper=4).astype(float)).drop(columns="grade")
    fever = events.loc[events["AEDECOD"].eq("Pyrexia"), ["pid", "onset", "over"]].assign(lab="TEMP", shift=38.4)
    return pd.concat([shifts, brain, fever], ignore_index=True).rename(columns={"onset": "day"})


def call_for_blood(events: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Days (pid, day) that ask for blood: when an event shows, while creatinine rises, and in the last weeks of who fails."""
    shown = events[events["lab"].isin(["SODIUM", "K", "HGB", "PLAT", "ALT"])]
    kidney = events[events["lab"].eq("CREAT")]
    days = [shown[["pid", "onset"]], *(kidney.assign(onset=kidney["onset"] + step)[["pid", "onset"]] for step in (-2, 0, 2))]
    for turn, end in (("turn_day", "event_day"), ("graft_turn_day", "death_day")):
        failing = people[people[turn].notna() & people[end].notna()]
        for step in design_findings.CALLED_BEFORE_END:
            called = failing[failing[end] - step > failing[turn]]
            days.append(pd.DataFrame({"pid": called.index, "onset": (called[end] - step).to_numpy()}))
    return pd.concat(days, ignore_index=True).rename(columns={"onset": "day"})


def _spent(own: pd.DataFrame, day: Floats, turn: str, end: str) -> Floats:
    """How much of the way from the turn to the end is gone, 0 to 1; 0 in those whose course does not turn."""
    begin, over = own[turn].to_numpy(), own[end].to_numpy()
    return np.asarray(np.nan_to_num(np.clip((day - begin) / np.maximum(over - begin, 1), 0, 1)))


class Course:
    """Values of a test at given times for given subjects; holds what they depend on."""

    def __init__(self, people: pd.DataFrame, start: pd.DataFrame, shifts: pd.DataFrame, albumin: pd.DataFrame) -> None:
        self._people = people
        self._start = start
        self._shifts = shifts
        self._albumin = albumin
        self._rank = arm_effect(people)

    def start(self, test: str, pid: np.ndarray) -> Floats:
        """Where a test of each subject starts, in the standard unit."""
        return np.asarray(self._start[test].to_numpy()[pid])

    def value(self, test: str, pid: np.ndarray, day: Floats) -> Floats:
        """Expected value of a test, before the scatter of the sample, in the standard unit."""
        lab = design_findings.LABS[test]
        own = self._people.loc[pid]
        start = self.start(test, pid)
        after = np.maximum(day, 0.0)
        if test in design_findings.GRAFT_TESTS:
            # The own liver's course ends with its transplantation.
            after = np.fmin(after, own["transplant_day"].to_numpy())
        lasting = own["lasting"].to_numpy()
        value = self._recovering(test, lab, pid, start, after)
        if test in design_findings.WORSENING:
            ill = np.minimum(after, own["event_day"].fillna(0.0).to_numpy())
            value = np.where(lasting, value, start * design_findings.WORSENING[test] ** ill)
        elif test in _RECOVER_WITH_PATIENT:
            value = np.where(lasting, value, start)
        value = value + np.where(lasting | (test == "ALB"), design_findings.SLOPE.get(test, 0.0) * after, 0.0)
        if test == "ALB":
            value = value + self._albumin_rise(pid, day)
        if test == "IL6":
            value = value * np.where((day > 0) & (self._rank[pid] > 0), design_findings.CELLS_IL6, 1.0)
        value = self._led(test, value, start, own, after, "turn_day", "event_day")
        value = self._grafted(test, lab, own, value, day)
        value = self._led(test, value, start, own, day, "graft_turn_day", "death_day")
        value = self._shifted(test, pid, day, value)
        return np.asarray(np.clip(value, *lab.bounds))

    def _recovering(self, test: str, lab: design_findings.Lab, pid: np.ndarray, start: Floats, after: Floats) -> Floats:
        if lab.half_life is None:
            return start
        by_rank = np.asarray(design_findings.HALF_LIFE_BY_RANK.get(test, (lab.half_life,) * 3))
        half_life = by_rank[self._rank[pid]] * np.asarray(self._people["speed"])[pid]
        flat = design_findings.FLAT_DAYS if test == "BILI" else 0
        floor = np.minimum(start, lab.floor) if test != "SODIUM" else np.full(len(start), lab.floor)
        return np.asarray(floor + (start - floor) * 0.5 ** (np.maximum(after - flat, 0) / half_life))

    def _grafted(self, test: str, lab: design_findings.Lab, own: pd.DataFrame, value: Floats, day: Floats) -> Floats:
        """After transplantation the graft works: what the liver makes or clears goes to its floor."""
        if test not in design_findings.GRAFT_TESTS:
            return value
        since = np.nan_to_num(day - own["transplant_day"].to_numpy(), nan=-1.0)
        left = 0.5 ** (np.maximum(since, 0) / design_findings.GRAFT_HALF_LIFE)
        return np.where(since >= 0, lab.floor + (value - lab.floor) * left, value)

    def _led(self, test: str, value: Floats, start: Floats, own: pd.DataFrame, day: Floats, turn: str, end: str) -> Floats:
        """From the turn on the course leads, evenly on the logarithmic scale, to what it is at the end."""
        spent = _spent(own, day, turn, end)
        if test in design_findings.TURNED:
            # Whoever worsens from the start goes on as before.
            leads = own["lasting"].to_numpy() | (end == "death_day")
            goal = np.where(leads, design_findings.TURNED[test], np.nan)
        else:
            by_cause = {cause: goals[test] for cause, goals in design_findings.FAILING.items() if test in goals}
            dies = own["death_day"].to_numpy() == own[end].to_numpy()
            goal = np.where(dies, own["cause"].map(by_cause).to_numpy(dtype=float), np.nan)
        return np.where(np.isnan(goal), value, value ** (1 - spent) * (start * goal) ** spent)

    def _albumin_rise(self, pid: np.ndarray, day: Floats) -> Floats:
        rise, length = design_findings.ALBUMIN_RISE
        covered = self._covered(self._albumin.assign(over=self._albumin["day"] + length), pid, day)
        return np.where(covered.notna(), rise, 0.0)

    def _shifted(self, test: str, pid: np.ndarray, day: Floats, value: Floats) -> Floats:
        spans = self._shifts[self._shifts["lab"] == test]
        if spans.empty:
            return value
        if test == "CREAT":
            return self._creatinine_rise(spans, pid, day, value)
        shift = self._covered(spans, pid, day, "shift").to_numpy()
        if test in ("SODIUM", "K"):
            return np.where(np.isnan(shift), value, np.minimum(value, shift))
        return np.asarray(value * np.where(np.isnan(shift), 1.0, shift))

    def _creatinine_rise(self, spans: pd.DataFrame, pid: np.ndarray, day: Floats, value: Floats) -> Floats:
        """Up over four days around the onset, then back by half every ten days, until the course turns to its end."""
        begin = self._covered(spans.assign(over=9999.0, day=spans["day"] - 2, since=spans["day"] - 2), pid, day, "since").to_numpy()
        peak = spans["shift"].iloc[0] - 1
        since = np.nan_to_num(day - begin, nan=-1.0)
        own = self._people.loc[pid]
        turn = own["turn_day"].where(own["death_day"].eq(own["event_day"])).to_numpy()
        back = np.maximum(np.fmin(day, turn) - np.nan_to_num(begin) - 8, 0)
        factor = np.where(since < 0, 0.0, np.minimum(since / 4, 1.0) * 0.5 ** (back / 10))
        return np.asarray(value * (1 + peak * factor))

    @staticmethod
    def _covered(spans: pd.DataFrame, pid: np.ndarray, day: Floats, what: str = "over") -> pd.Series:
        """For each time, the value of the latest span of the subject that covers it; missing where none does."""
        times = pd.DataFrame({"pid": pid, "time": day, "row": np.arange(len(pid))})
        met = times.merge(spans, on="pid")
        met = met[(met["day"] <= met["time"]) & (met["time"] <= met["over"])].sort_values(["row", "day"])
        return met.drop_duplicates("row", keep="last").set_index("row")[what].reindex(range(len(pid)))

    def encephalopathy(self, pid: np.ndarray, day: Floats) -> Floats:
        """West-Haven grade: that of day 0, a grade better each week in those who last, or that of an episode."""
        own = self._people.loc[pid]
        first = own["he"].to_numpy()
        cleared = own["lasting"].to_numpy() | (day >= np.nan_to_num(own["transplant_day"].to_numpy(), nan=9999))
        grade = np.where(cleared, np.maximum(first - np.floor(np.maximum(day, 0) / 7), 0), first)
        episode = self._covered(self._shifts[self._shifts["lab"] == "HE"], pid, day, "shift")
        return np.asarray(np.maximum(grade, episode.fillna(0.0)))

    def feverish(self, pid: np.ndarray, day: Floats) -> np.ndarray:
        """Whether a fever covers the time."""
        return self._covered(self._shifts[self._shifts["lab"] == "TEMP"], pid, day).notna().to_numpy()

"""Which days they come: infusions, planned visits, unplanned ones."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgbm1_report.protocol.sections import Visit
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.simulate import design
from cgbm1_report.simulate.accrual import find_parts
from cgbm1_report.simulate.streams import Floats, stream
from cgbm1_report.simulate.workdays import draw_offset

UNPLANNED_STEP = 0.01


def plan_infusions(people: pd.DataFrame, trial: Trial, seed: int) -> pd.DataFrame:
    """Every planned infusion of everybody with an arm, given or missed.

    Grain: one row per subject (``pid``, the row in people) and infusion. ``day`` is elapsed days,
    ``given`` and ``missed`` (due, and not given, for a reason that is a deviation), ``why``.
    Adds nothing to people but reads ``stop_after`` and ``skipped`` of ``choose_specials``.
    """
    rng = stream(seed, "infusions")
    frames = []
    for number, phase in trial.phases.items():
        pid = people.index[(people["phase"] == number) & (people["arm"] >= 0)].to_numpy()
        previous: Floats = np.full(len(pid), -np.inf)
        for infusion in phase.infusions:
            low, high = infusion.window
            possible = range(max(low, infusion.target_day - 2), min(high, infusion.target_day + 2) + 1)
            weights = [4.0 if offset == infusion.target_day else 1.0 for offset in possible]
            earliest = previous + (phase.min_days_between_infusions or 1)
            day = draw_offset(rng, people["anchor"][pid], possible, weights, earliest)
            # Where the window holds no working day the infusion is given at the weekend.
            day = np.where(np.isnan(day), np.maximum(infusion.target_day, earliest), day)
            previous = day
            frames.append(pd.DataFrame({"pid": pid, "infusion": infusion.infusion, "day": day, "target": infusion.target_day}))
    planned = pd.concat(frames, ignore_index=True).sort_values(["pid", "infusion"], ignore_index=True)
    own = people.loc[planned["pid"]].reset_index(drop=True)
    alive = ~(own["death_day"] <= planned["day"]) & ~(own["transplant_day"] <= planned["day"])
    stays = ~(own["drop_day"] <= planned["day"])
    wanted = own["dosed"] & (planned["infusion"] <= own["stop_after"])
    planned["given"] = alive & stays & wanted
    planned["missed"] = alive & ~planned["given"]
    planned["date"] = own["anchor"] + pd.to_timedelta(planned["day"], unit="D")
    planned["start"] = planned["date"] + pd.to_timedelta(own["dose_minute"], unit="m")
    return planned


def choose_specials(people: pd.DataFrame, trial: Trial, seed: int) -> pd.DataFrame:
    """Add the planned oddities: the mix-up, two missed infusions, a prohibited therapy, treatment stopped for an event.

    Adds ``mixed_up``, ``skips``, ``prohibited``, ``stopped`` (flags) and ``stop_after`` (last infusion
    the subject is to get), ``partial_death`` (known to the month only).
    """
    people = people.copy()
    rng = stream(seed, "specials")
    parts = find_parts(trial)
    infusions = len(trial.phases[parts.randomised].infusions)
    lasting = people["randomised"] & people["dosed"] & (people["end_day"] > 45) & people["transplant_day"].isna()
    lowest = people.index[lasting & (people["rank"] == 1)]
    chosen = [rng.choice(lowest.to_numpy())]
    for _ in range(2):
        chosen.append(rng.choice(people.index[lasting].difference(pd.Index(chosen)).to_numpy()))
    for name, pid in zip(("mixed_up", "skips", "prohibited"), chosen, strict=True):
        people[name] = people.index == pid
    others = lasting & ~people.index.isin(chosen)
    died_late = people["randomised"] & (people["death_day"] > 35) & (people["end_date"].dt.day > 4)
    people["partial_death"] = people.index.isin(people.index[died_late][:1])
    people["stopped"] = others & (rng.random(len(people)) < design.TREATMENT_STOPPED_SHARE)
    last = np.where(people["stopped"], rng.integers(1, max(infusions, 2), len(people)), 99)
    people["stop_after"] = np.where(people["skips"], infusions - 2, last)
    return people


def plan_visits(people: pd.DataFrame, infusions: pd.DataFrame, trial: Trial, seed: int) -> pd.DataFrame:
    """Every planned visit that falls within a subject's follow-up, attended or missed.

    Grain: one row per subject and visit: ``pid``, ``VISITNUM``, ``VISIT``, ``day``, ``date``, ``target``,
    ``attended``, ``outside`` (of the protocol window).
    """
    rng = stream(seed, "visits")
    frames = [
        _planned(people, phase_number, visit, infusions, trial.study.followup_days, rng)
        for phase_number, phase in trial.phases.items()
        for visit in phase.visits
        if visit.visitnum is not None and visit.protocol_window is not None
    ]
    frames.append(_early_ends(people, trial))
    visits = pd.concat(frames, ignore_index=True)
    own = people.loc[visits["pid"]].reset_index(drop=True)
    ending = own["end_day"].where(own["completed"], own["end_day"] - 1)
    visits["day"] = visits["day"].where(~own["completed"] | (visits["day"] < ending), ending)
    visits = visits[(visits["day"] <= ending) | visits["target"].isna()]
    visits = visits.assign(date=people["anchor"].reindex(visits["pid"]).to_numpy() + pd.to_timedelta(visits["day"], unit="D"))
    screened = visits["day"].isna()
    visits["date"] = visits["date"].mask(screened, people["consent"].reindex(visits["pid"]).set_axis(visits.index))
    return visits.sort_values(["pid", "date", "VISITNUM"], ignore_index=True)


def _planned(
    people: pd.DataFrame, number: int, visit: Visit, infusions: pd.DataFrame, followed: int, rng: np.random.Generator
) -> pd.DataFrame:
    target, window = visit.target_day, visit.protocol_window
    everyone = people["phase"] == number
    chosen = everyone if target is None else everyone & (people["arm"] >= 0)
    post_dose = target == 0 and visit.avisitn is None
    pid = people.index[chosen & (people["dosed"] | (not post_dose))].to_numpy()
    frame = pd.DataFrame({"pid": pid, "VISITNUM": float(visit.visitnum or 0), "VISIT": visit.visit, "target": target})
    frame["target"] = frame["target"].astype("float64")
    frame["day"], frame["attended"], frame["outside"] = np.nan, True, False
    if target is None or window is None:
        own = people.loc[pid]
        frame["day"] = (own["consent"] - own["anchor"]).dt.days.to_numpy().astype(float)
        return frame
    if target == 0:
        frame["day"] = 0.0
        return frame
    low, high = window
    outer = visit.analysis_window or window
    anchor = people["anchor"][pid]
    # Most come on the day itself; those outside the window come late, or early where late is too late.
    inside = range(low, high + 1)
    on_day = draw_offset(rng, anchor, inside, [float(len(inside)) if day == target else 1.0 for day in inside])
    late = min(outer[1], high + 6) if outer[1] > high and target < followed else 0
    beyond = draw_offset(rng, anchor, range(high + 1, late + 1) if late else range(max(outer[0], low - 8), low))
    outside = (rng.random(len(pid)) < design.VISIT_OUTSIDE) & ~np.isnan(beyond)
    missed = rng.random(len(pid)) < design.VISIT_MISSED
    frame["day"] = np.where(outside, beyond, np.where(np.isnan(on_day), target, on_day))
    infused = infusions.loc[(infusions["target"] == target)].set_index("pid")["day"].reindex(pid).to_numpy()
    bound = ~np.isnan(infused)
    frame["day"] = np.where(bound, infused, frame["day"])
    frame["outside"] = outside & ~bound
    # The last visit is the contact that completes the study; an infusion needs its visit.
    frame["attended"] = ~missed | bound | (target >= followed)
    return frame


def _early_ends(people: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """The early termination visit of those who withdraw."""
    last = max(
        (v for phase in trial.phases.values() for v in phase.visits if v.visitnum is not None and v.protocol_window is None),
        key=lambda visit: visit.visitnum or 0,
    )
    leaving = people.index[people["drop_reason"] == "WITHDRAWAL BY SUBJECT"]
    frame = pd.DataFrame({"pid": leaving.to_numpy(), "VISITNUM": float(last.visitnum or 0), "VISIT": last.visit, "target": np.nan})
    frame["day"] = people.loc[leaving, "drop_day"].to_numpy()
    frame["attended"], frame["outside"] = True, False
    return frame


def add_unplanned(visits: pd.DataFrame, people: pd.DataFrame, called: pd.DataFrame, followed: int, seed: int) -> pd.DataFrame:
    """Add unscheduled visits: at random, and on the days an event called for blood (``called``: pid, day).

    An unscheduled visit takes the number of the attended visit before it + 0.01, + 0.02 …, one number
    per calendar day, and VISIT ``UNSCHEDULED n.nn``.
    """
    rng = stream(seed, "unscheduled")
    present = people.index[people["arm"] >= 0].to_numpy()
    weeks = np.arange((followed - 5) // 7)
    hit = rng.random((len(present), len(weeks))) < design.UNSCHEDULED_PER_WEEK
    day = 7 * weeks + rng.integers(1, 8, hit.shape)
    drawn = pd.DataFrame({"pid": np.repeat(present, hit.sum(axis=1)), "day": day[hit].astype(float)})
    extra = pd.concat([drawn, called[["pid", "day"]]], ignore_index=True).drop_duplicates(ignore_index=True)
    own = people.loc[extra["pid"]].reset_index(drop=True)
    # Whoever is lost was seen for the last time on the day the follow-up ends.
    last_seen = (own["drop_reason"] == "LOST TO FOLLOW-UP") & (extra["day"] == own["end_day"])
    extra = extra[(extra["day"] > 0) & ((extra["day"] < own["end_day"]) | last_seen)]
    taken = pd.MultiIndex.from_frame(visits.loc[visits["day"].notna(), ["pid", "day"]])
    extra = extra[~pd.MultiIndex.from_frame(extra).isin(taken)].sort_values(["day", "pid"], ignore_index=True)
    before = visits.loc[visits["attended"] & visits["day"].notna(), ["pid", "day", "VISITNUM"]].sort_values(["day", "VISITNUM"])
    extra = pd.merge_asof(extra, before, on="day", by="pid", direction="backward")
    step = extra.sort_values(["pid", "day"]).groupby(["pid", "VISITNUM"]).cumcount() + 1
    extra["VISITNUM"] = (extra["VISITNUM"] + UNPLANNED_STEP * step).round(2)
    extra["VISIT"] = pd.Series(np.char.mod("UNSCHEDULED %.2f", extra["VISITNUM"].to_numpy()), dtype="str", index=extra.index)
    extra["attended"], extra["outside"], extra["target"] = True, False, np.nan
    extra["date"] = people["anchor"].reindex(extra["pid"]).to_numpy() + pd.to_timedelta(extra["day"], unit="D")
    both = pd.concat([visits.assign(planned=True), extra.assign(planned=False)], ignore_index=True)
    return both.sort_values(["pid", "date", "VISITNUM"], ignore_index=True)

"""DV: what did not go by the protocol."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cgbm1_report.simulate import design
from cgbm1_report.simulate.events import DATE
from cgbm1_report.simulate.streams import stream, text_where

_OTHER = ("Consent form signed in an outdated version", "Sample stored above its temperature", "Diary not returned")


def plan_deviations(
    people: pd.DataFrame, visits: pd.DataFrame, infusions: pd.DataFrame, exposure: pd.DataFrame, seed: int
) -> pd.DataFrame:
    """Protocol deviations: every visit outside its window or missed, every missed infusion, the oddities, and some more.

    Grain: one row per deviation, dated on the day it happened. Those of visits come on top of the shares
    of the design, which every other deviation counts in.
    """
    of_visits = _of_visits(visits)
    known = pd.concat([_of_infusions(people, infusions, exposure), _of_oddities(people)], ignore_index=True)
    others = _of_other_kinds(stream(seed, "DV"), people, known)
    table = pd.concat([of_visits, known, others], ignore_index=True)
    return table.sort_values(["pid", "start", "DVTERM"], ignore_index=True)


def _deviation(
    pid: pd.Series, day: object, term: object, decod: str, important: ArrayLike = False, excludes: ArrayLike = False
) -> pd.DataFrame:
    frame = pd.DataFrame({"pid": pid.to_numpy(), "start": np.asarray(day)})
    frame["DVTERM"] = term if isinstance(term, str) else np.asarray(term)
    frame["DVTERM"] = frame["DVTERM"].astype("str")
    frame["DVDECOD"] = decod
    frame["DVCAT"] = text_where(np.broadcast_to(important, len(frame)), "IMPORTANT", "MINOR")
    frame["DVPPSFL"] = text_where(np.broadcast_to(excludes, len(frame)), "Y")
    frame["start_form"] = DATE
    return frame


def _of_visits(visits: pd.DataFrame) -> pd.DataFrame:
    planned = visits[visits["planned"]]
    outside, away = planned[planned["attended"] & planned["outside"]], planned[~planned["attended"]]
    late = _deviation(outside["pid"], outside["date"], "Visit " + outside["VISIT"] + " outside its window", "VISIT WINDOW")
    missed = _deviation(away["pid"], away["date"], "Visit " + away["VISIT"] + " missed", "PROCEDURE MISSED")
    return pd.concat([late, missed], ignore_index=True)


def _of_infusions(people: pd.DataFrame, infusions: pd.DataFrame, exposure: pd.DataFrame) -> pd.DataFrame:
    """Infusions missed, which in one subject break the protocol for the per-protocol set, or cut short."""
    due = infusions[infusions["missed"]]
    # An infusion that fell due after somebody left is a deviation of the day they left.
    day = np.minimum(due["date"], people["end_date"].reindex(due["pid"]).to_numpy())
    skipper = people["skips"].reindex(due["pid"]).to_numpy()
    missed = _deviation(due["pid"], day, "Infusion " + due["infusion"].astype("str") + " missed", "DOSING", skipper, skipper)
    short = exposure[exposure["EXADJ"].notna()]
    cut = _deviation(short["pid"], short["start"].dt.normalize(), "Infusion interrupted, volume not complete", "DOSING")
    return pd.concat([missed, cut], ignore_index=True)


def _of_oddities(people: pd.DataFrame) -> pd.DataFrame:
    """The mix-up of dose levels and the prohibited therapy, both important."""
    mixed, prohibited = people[people["mixed_up"]], people[people["prohibited"]]
    level = _deviation(
        mixed.index.to_series(), mixed["anchor"], "Dose level of another arm given at infusion 1", "DOSING", important=True
    )
    day = prohibited["anchor"] + pd.to_timedelta(design.PROHIBITED_DAY, unit="D")
    term = "Artificial liver support after first infusion"
    therapy = _deviation(prohibited.index.to_series(), day, term, "PROHIBITED MEDICATION", important=True, excludes=True)
    return pd.concat([level, therapy], ignore_index=True)


def _of_other_kinds(rng: np.random.Generator, people: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """So many more that the shares of subjects with any, and with an important one, are those of the design."""
    treated = people[people["arm"] >= 0]
    any_now = treated.index.isin(known["pid"]).mean()
    important_now = treated.index.isin(known.loc[known["DVCAT"] == "IMPORTANT", "pid"]).mean()
    more = max(design.DEVIATION_SHARE - any_now, 0.0) / (1 - any_now)
    weighty = max(design.IMPORTANT_SHARE - important_now, 0.0) / max(more, design.IMPORTANT_SHARE)
    own = people[people["dosed"] & (rng.random(len(people)) < more)]
    date = own["anchor"] + pd.to_timedelta(np.floor(rng.random(len(own)) * own["end_day"]), unit="D")
    term = np.asarray(_OTHER, dtype=object)[rng.integers(0, len(_OTHER), len(own))]
    return _deviation(own.index.to_series(), date, term, "OTHER", important=rng.random(len(own)) < weighty)

"""What was infused: one record per infusion given."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgbm1_report.protocol.trial import Trial
from cgbm1_report.simulate import design
from cgbm1_report.simulate.accrual import find_parts
from cgbm1_report.simulate.streams import stream, text_where

DOSE_UNIT = "10^6 cells/kg"
PLACEBO = "PLACEBO"


def infuse(people: pd.DataFrame, infusions: pd.DataFrame, trial: Trial, seed: int) -> pd.DataFrame:
    """EX: level actually given, cells and volume planned and given, weight used.

    Grain: one row per infusion given. The subject mixed up gets the next higher level at the first
    infusion; the cells planned for it stay those of its own arm.
    """
    rng = stream(seed, "EX")
    table = infusions[infusions["given"]].reset_index(drop=True)
    own = people.loc[table["pid"]].reset_index(drop=True)
    n = len(table)
    levels = np.asarray([arm.dose_per_infusion_e6_cells_per_kg or 0.0 for arm in trial.arms])
    planned = levels[own["arm"].to_numpy()]
    given = np.where(own["mixed_up"] & (table["infusion"] == 1), next_level(trial), planned)
    lots = rng.integers(1, 9, n)
    minutes = rng.integers(35, 75, n)
    short = (rng.random(n) < design.INFUSION_INTERRUPTED) & own["randomised"].to_numpy() & ~own["mixed_up"].to_numpy()
    share = np.where(short, rng.uniform(0.55, 0.88, n), rng.uniform(0.985, 1.0, n))
    weight = np.round(own["weight"] + rng.normal(0, 0.6, n), 1)
    table["EXTRT"] = text_where(given > 0, trial.study.product, PLACEBO)
    table["EXDOSE"], table["EXDOSU"], table["EXDOSFRM"], table["EXROUTE"] = given, DOSE_UNIT, "INJECTION", "INTRAVENOUS"
    product = np.where(given > 0, "C", "S")
    table["EXLOT"] = pd.Series(np.char.add(product.astype("U1"), np.char.mod("%03d", 240 + lots)), dtype="str")
    table["EXTPT"] = "INFUSION " + table["infusion"].astype("str")
    table["EXADJ"] = text_where(short, "INTERRUPTED: ADVERSE EVENT")
    table["EXWT"] = weight
    table["EXPLVOL"] = np.round(weight * design.ML_PER_KG, 1)
    table["EXACVOL"] = np.round(table["EXPLVOL"] * share, 1)
    table["EXPLCEL"] = np.round(planned * weight, 1)
    table["EXTOTCEL"] = np.round(given * weight * share, 1)
    table["stop"] = table["start"] + pd.to_timedelta(minutes, unit="m")
    return table


def next_level(trial: Trial) -> float:
    """Level given by mistake: the one above the lowest of the randomised phase."""
    arms = find_parts(trial).arms
    return arms[min(2, len(arms) - 1)].dose_per_infusion_e6_cells_per_kg or 0.0

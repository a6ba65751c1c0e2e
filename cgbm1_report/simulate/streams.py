"""Random streams, one per matter, so that a change in one moves no other; and text out of masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


def stream(seed: int, matter: str) -> np.random.Generator:
    """The random stream of one matter (a domain, a model) of a simulated cut.

    The child of the seed whose spawn key is the matter's name: what ``SeedSequence.spawn`` gives,
    keyed by a name instead of a counter.
    """
    return np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=tuple(matter.encode())))


def pick(rng: np.random.Generator, values: Sequence[str], shares: Sequence[float], size: int) -> NDArray[np.object_]:
    """Draw texts with given shares; the shares need not add to one."""
    weights = np.asarray(shares, dtype=float)
    return np.asarray(values, dtype=object)[rng.choice(len(values), size=size, p=weights / weights.sum())]


def draw_within(draw: Callable[[int], Floats], low: float, high: float | Floats, size: int) -> Floats:
    """Draw until every value lies in [low, high]: a truncated distribution by rejection. ``high`` may be one per value."""
    values = draw(size)
    while (outside := (values < low) | (values > high)).any():
        values[outside] = draw(int(outside.sum()))
    return values


def skewed(rng: np.random.Generator, median: float, log_sd: float, size: int) -> Floats:
    """Log-normal values with a given median."""
    return median * np.exp(log_sd * rng.standard_normal(size))


def text_where(mask: ArrayLike, yes: object, no: object = None) -> pd.Series:
    """Text chosen row by row, missing where ``None`` is chosen. Grain: one row per element of ``mask``."""
    chosen = np.where(np.asarray(mask, dtype=bool), np.asarray(yes, dtype=object), np.asarray(no, dtype=object))
    return pd.Series(chosen, dtype="str")

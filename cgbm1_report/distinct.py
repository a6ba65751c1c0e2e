"""Looks up what values stand for, once for each distinct value: a column of a million results repeats a hundred texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd


def map_text(keys: pd.Series, texts: Mapping[Any, str]) -> pd.Series:
    """The text each key stands for, as ``str``; missing for a missing key and for one without a text."""
    codes, distinct = pd.factorize(keys)
    found = pd.array([texts.get(key) for key in distinct], dtype="str")
    return pd.Series(pd.api.extensions.take(found, codes, allow_fill=True), index=keys.index, name=keys.name)


def map_numbers(keys: pd.Series, numbers: Mapping[Any, float]) -> pd.Series:
    """The number each key stands for, as ``float64``; missing for a missing key and for one without a number."""
    codes, distinct = pd.factorize(keys)
    # A missing key has the code -1: the last of the numbers, which is none.
    found = np.array([*(numbers.get(key, np.nan) for key in distinct), np.nan], dtype="float64")
    return pd.Series(found[codes], index=keys.index, name=keys.name)

"""Tests that compare all columns at once: categories and measured values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def chi_square(table: np.ndarray) -> float:
    """Pearson's chi-squared p-value of a table of counts, without continuity correction (R ``chisq.test(correct = FALSE)``).

    A row or column without a subject says nothing and is left out. Missing where fewer than two of either remain.
    Computed by ``scipy.stats.chi2_contingency``. Reference: Pearson, Philosophical Magazine 1900;50:157-175.

    Parameters
    ----------
    table
        Subjects: a row per category, a column per group.
    """
    counts = np.asarray(table, dtype="float64")
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    if min(counts.shape) < 2:
        return float("nan")
    from scipy.stats import chi2_contingency

    return float(chi2_contingency(counts, correction=False).pvalue)


def analysis_of_variance(groups: Sequence[np.ndarray]) -> float:
    """One-way analysis of variance: the F test's p-value (R ``oneway.test(var.equal = TRUE)``).

    Missing values are left out, and so are groups without a value. Missing where fewer than two groups remain or
    no group has two values. Computed by ``scipy.stats.f_oneway``. Reference: Fisher, Statistical Methods for
    Research Workers, 1925, chapter 7.
    """
    known = [values[~np.isnan(values)] for values in (np.asarray(group, dtype="float64") for group in groups)]
    known = [values for values in known if len(values)]
    if len(known) < 2 or sum(map(len, known)) == len(known):
        return float("nan")
    from scipy.stats import f_oneway

    return float(f_oneway(*known).pvalue)

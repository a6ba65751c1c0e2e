"""Who was treated otherwise than planned, or not at all: why a column has another N by actual than by planned treatment."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from cgbm1_report.tabulate.files import ALL_GROUPS
from cgbm1_report.tabulate.view import View

#: Numbers that begin a sentence.
_WORDS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
#: By what who was given several doses is counted, as TRT01A is derived.
_RULE = "Who was given several dose levels is counted by the highest of them."
_PLANNED, _ACTUAL = "TRT01P", "TRT01A"


def tell_treated_otherwise(view: View) -> tuple[str, ...]:
    """Say for each planned and other actual treatment how many: ``One subject randomised to Low received Medium.``.

    Whoever received none is missing from an arm too: ``Two subjects randomised to Low were not treated.`` For an output
    whose columns are actual treatments; those by planned treatment have the N of the randomisation. Of subjects who were chosen
    by what they received those tables have columns besides that of the one treatment: then it is said of these.

    Returns
    -------
    tuple
        In the order of the columns, planned first. Nothing while the phase is blind, and where the data do not
        say both treatments.
    """
    if view.pooled or (view.treatment != _ACTUAL and not view.shown):
        return ()
    # A dose group lacks who was planned for it and treated in another.
    subjects = (view if view.dose_group == ALL_GROUPS else replace(view, dose_group=ALL_GROUPS)).subjects
    if _PLANNED not in subjects:
        return ()
    both = subjects[[_PLANNED, _ACTUAL]].dropna()
    both = both[both[_PLANNED] != both[_ACTUAL]]
    pairs = Counter(zip(both[_PLANNED].astype("object"), both[_ACTUAL].astype("object"), strict=True))
    everybody = view.everybodys(_PLANNED, _ACTUAL)
    left = Counter(everybody.loc[everybody[_ACTUAL].isna(), _PLANNED].dropna().astype("object"))
    place = {column: at for at, column in enumerate(view.trial.phases[view.phase].columns)}
    verb = "randomised" if view.trial.phases[view.phase].reference else "assigned"
    shown = [pair for pair in pairs if set(pair) & set(view.column_keys)]
    if view.treatment != _ACTUAL:
        shown, left = [pair for pair in pairs if set(pair) <= set(view.column_keys)], Counter()
    ordered = sorted(shown, key=lambda pair: [(place.get(column, len(place)), column) for column in pair])
    told = [f"{_begin(pairs[planned, actual])} {verb} to {planned} received {actual}." for planned, actual in ordered]
    told += [
        f"{_begin(left[planned])} {verb} to {planned} {'was' if left[planned] == 1 else 'were'} not treated."
        for planned in sorted(set(left) & set(view.column_keys), key=lambda column: place.get(column, len(place)))
    ]
    # How supplied data chose the one treatment of who was given several, they do not say.
    if ordered and view.treatment == _ACTUAL and not view.stamp.supplied:
        told.append(_RULE)
    return tuple(told)


def _begin(count: int) -> str:
    number = _WORDS[count] if count < len(_WORDS) else str(count)
    return f"{number} subject" if count == 1 else f"{number} subjects"

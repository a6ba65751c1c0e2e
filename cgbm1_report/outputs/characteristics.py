"""Lines of tables that tell subjects by a variable of ADSL, as trial.yaml declares them: who they were, how much they had."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cgbm1_report.errors import DataError
from cgbm1_report.protocol.baseline import Characteristic
from cgbm1_report.tabulate.builders import Rows, category_rows, measure_rows
from cgbm1_report.tabulate.view import View, tell_withheld


def _refuse_text(view: View, item: Characteristic) -> None:
    """Refuse a text where trial.yaml says a number: of what schemas/ do not describe nobody else has asked."""
    if len(view.subjects) and not pd.api.types.is_numeric_dtype(view.subjects[item.variable]):
        raise DataError(
            f"{item.variable} is a text, and trial.yaml gives it decimals", file="ADSL", rule="demographics and baseline_disease",
            remedy="give it categories, or deliver it as a number",
        )  # fmt: skip


def characteristic_rows(view: View, item: Characteristic) -> Rows:
    """What trial.yaml declares of subjects in a line: a measured variable of ADSL, or one with categories."""
    if item.of is not None:
        parameter = view.parameter(item.of)
        told = f"{parameter.name} ({parameter.unit})" if parameter.unit else parameter.name
        return measure_rows(view, view.subjects, item.variable, told, parameter.dp)
    if item.categories is None:
        _refuse_text(view, item)
        return measure_rows(view, view.subjects, item.variable, item.label or "", item.dp or 0)
    subjects = view.subjects
    if pd.api.types.is_numeric_dtype(subjects[item.variable]):
        subjects = subjects.assign(**{item.variable: subjects[item.variable].map("{:g}".format, na_action="ignore").astype("str")})
    # A year-2 cut may hold a category that trial.yaml does not know: it is refused.
    return category_rows(view, subjects, item.variable, item.label or "", item.categories)


def lines_of(view: View, lines: Sequence[Characteristic]) -> tuple[list[Rows], tuple[str, ...]]:
    """The rows of what trial.yaml declares of subjects, in its order, and a note that names what a blind phase does not show."""
    left = [one for one in lines if view.is_unseen("ADSL", one.variable)]
    heads = [one.label or view.parameter(one.of or "").name for one in left]
    return [characteristic_rows(view, one) for one in lines if one not in left], tell_withheld(heads)

"""14.1.9 How much of the study treatment the subjects received."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from cgbm1_report.outputs.characteristics import lines_of
from cgbm1_report.protocol.derived import TOGETHER
from cgbm1_report.protocol.trial import TOTAL, Trial
from cgbm1_report.tabulate.builders import Rows, Selection, category_rows, count_rows, join_rows, measure_rows
from cgbm1_report.tabulate.declare import Declaration, Summary, family
from cgbm1_report.tabulate.derivation import derived
from cgbm1_report.tabulate.table import NO_VALUE
from cgbm1_report.tabulate.view import View, tell_withheld

#: Of what compliance is the mean.
OF_DUE = derived(
    "Overall dose compliance of a subject",
    "mean over the planned infusions that were due before death, liver transplantation or data cut-off, an infusion missed "
    "counting 0%", "DOSECOMP",
)  # fmt: skip
_OF_INFUSIONS, _GROUPED = "Overall dose compliance of infusions due", "Overall dose compliance group"
#: How a dose prints of who was to receive no cells, in tables and listings.
_NO_CELLS = "{} holds no cells: its doses are " + NO_VALUE + "."
_OVER_INFUSIONS = "{} summarised over infusions (n is the number of infusions), all else over subjects."


def undosed_columns(trial: Trial, phase: int) -> tuple[str, ...]:
    """The columns of a phase whose subjects are to receive none of the product, and so have no dose."""
    return tuple(dict.fromkeys(arm.column for arm in trial.arms_of(phase) if not arm.is_dosed))


def tell_undosed(view: View) -> tuple[str, ...]:
    """A note on the columns of a page that have no dose."""
    shown = [column for column in undosed_columns(view.trial, view.phase) if column in view.column_keys]
    return tuple(_NO_CELLS.format(column) for column in shown)


def _measured(view: View, paramcd: str, label: str) -> Rows:
    records = view.records("ADEX", "PARAMCD", "AVAL")
    parameter = view.parameter(paramcd)
    told = f"{label} ({parameter.unit})" if parameter.unit else label
    own = records[records["PARAMCD"] == paramcd]
    return measure_rows(view, own, "AVAL", told, parameter.dp, prefix=(("PARAMCD", paramcd),))


def _doses(view: View, paramcd: str, label: str) -> Rows:
    """A measure of the dose: a column that is to receive none has none, and no total is taken over it and dosed ones."""
    undosed = [column for column in undosed_columns(view.trial, view.phase) if column in view.column_keys]
    rows = _measured(view, paramcd, label)
    if not undosed:
        return rows
    kept = tuple(column for column in view.column_keys if column not in (*undosed, TOTAL))
    none = dict.fromkeys(undosed, NO_VALUE)
    lines = [replace(line, columns=kept, texts=none) if line.show else line for line in rows.lines]
    return Rows(rows.numbers[rows.numbers["column"].isin(kept)], lines)


def _overall(view: View, groups: Mapping[str, str]) -> tuple[list[Rows], tuple[str, ...]]:
    """Overall compliance, and what it is held against; of supplied data of a blind phase a note that it is not shown."""
    parts, left = [], []
    if view.is_unseen("ADEX", "DOSECOMP"):
        left.append(_OF_INFUSIONS)
    else:
        parts.append(_measured(view, "DOSECOMP", _OF_INFUSIONS))
    if view.is_unseen("ADSL", "DCOMPGR1"):
        left.append(_GROUPED)
    else:
        parts.append(category_rows(view, view.subjects, "DCOMPGR1", _GROUPED, groups))
    return parts, (*((OF_DUE, tell_basis(view)) if parts else ()), *tell_withheld(left))


@family("Exposure")
def exposure_tables(trial: Trial) -> Iterator[Declaration]:
    """The lines that trial.yaml declares; without them infusions with their dose and compliance."""
    if trial.exposure:
        variables = {"ADSL": tuple(item.variable for item in trial.exposure)}
        yield Declaration(
            "T14.1.9", "Exposure", "SAF", ("ADSL",), ("F1",), exposure_lines, variables=variables, listings=("L16.2.5.2",),
            leaves_out=True,
        )  # fmt: skip
        return
    codes = TOGETHER["exposure"]
    needs = {f"exposure, nor all of the parameters {', '.join(codes)}": lambda trial: set(codes) <= set(trial.parameters)}
    yield Declaration(
        "T14.1.9", "Exposure and Compliance", "SAF", ("ADEX", "ADSL"), ("F1",), exposure,
        variables={"ADEX": ("USUBJID", "PARAMCD", "AVAL", "AVALC"), "ADSL": ("NINF", "DCOMPGR1")},
        listings=("L16.2.5.1", "L16.2.5.2"), needs=needs, leaves_out=True,
    )  # fmt: skip


def exposure_lines(view: View) -> Summary:
    """How much treatment subjects had: what trial.yaml lists, in its order."""
    rows, notes = lines_of(view, view.trial.exposure)
    return Summary(*join_rows(rows), "Exposure", footnotes=notes)


def exposure(view: View) -> Summary:
    """Infusions, dose, duration, interruptions and compliance. Doses are not shown while blinded."""
    planned = len(view.trial.phases[view.phase].infusions)
    groups = {group: group.replace("-", "–") for group in view.parameter("INFCOMP").compliance_groups}
    received = view.subjects["NINF"].map("{:.0f}".format, na_action="ignore")
    highest = max(planned, int(view.subjects["NINF"].max()) if len(view.subjects) else planned)
    adjusted = view.coded("ADEX", "ADJFL")
    adjusted = adjusted[adjusted["AVALC"] == "Y"]
    doses = [("DOSE", "Dose per infusion"), ("CUMDOSE", "Cumulative dose")]
    interrupted = Selection(
        (("PARAMCD", "ADJFL"), ("AVALC", "Y")), "Subjects with an interrupted or reduced infusion, n (%)", adjusted
    )
    parts = [
        category_rows(
            view, view.subjects.assign(NINF=received), "NINF", "Infusions received", [str(n) for n in range(1, highest + 1)]
        ),
        *(_doses(view, paramcd, name) for paramcd, name in doses if not view.pooled),
        _measured(view, "DURMIN", "Infusion duration"),
        count_rows(view, [interrupted], block=True),
    ]
    overall, notes = _overall(view, groups)
    over = _OVER_INFUSIONS.format("Duration is" if view.pooled else "Dose and duration are")
    return Summary(*join_rows([*parts, *overall]), "Exposure", footnotes=(over, *tell_undosed(view), *notes))


def tell_basis(view: View) -> str:
    """What of an infusion is held against the plan: one thing in all columns, whether the phase is blind or not."""
    what = view.trial.phases[view.phase].compliance_of
    return derived("Compliance of an infusion", f"{what} given in per cent of the {what} planned", "INFCOMP")

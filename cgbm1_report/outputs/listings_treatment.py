"""16.2.5 What each subject received: every infusion, then the exposure of the subject as a whole."""

from __future__ import annotations

from dataclasses import replace

from cgbm1_report.outputs.exposure import OF_DUE, tell_basis, tell_undosed, undosed_columns
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.declare import Listing, output
from cgbm1_report.tabulate.records import DateItem, Item, Listed, TimeItem, list_records
from cgbm1_report.tabulate.table import NO_VALUE
from cgbm1_report.tabulate.view import View

#: The parameter that every infusion has a record of.
_EACH = "ADJFL"
#: What an infusion is known by, and what was collected of it.
INFUSION = ("EXSEQ", "ADT", "ADY", "EXSTDTC", "EXENDTC", "EXLOT", "EXWT", "EXPLCEL", "EXTOTCEL", "EXPLVOL", "EXACVOL", "EXADJ")


def _measure(trial: Trial, paramcd: str, label: str, width: float) -> Item:
    """A parameter of exposure with its unit and decimals."""
    parameter = trial.parameter(paramcd)
    head = f"{label}\n({parameter.unit})" if parameter.unit else label
    return Item(paramcd, head, "AVAL", width, dp=parameter.dp, of={"PARAMCD": paramcd})


def _as_dose(item: Item, trial: Trial, phase: int) -> Item:
    """A dose as tables print it: of who was to receive none, and did, it is none and not 0."""
    undosed = undosed_columns(trial, phase)
    return replace(item, missing=NO_VALUE, void={"TRT01A": undosed}) if undosed else item


def infusion_items(trial: Trial, phase: int) -> tuple[Item, ...]:
    """The columns of an infusion: what was collected, and beside it what was derived of it."""
    cells = trial.parameter("CELLS")
    counted = Item(
        "CELLS", f"Cells planned /\ngiven ({cells.unit})", ("EXPLCEL", "EXTOTCEL"), 1.6, dp=cells.dp, missing=NO_VALUE, join=" / "
    )
    return (
        Item("INFNUM", "Infusion\n(number)", "INFNUM", 0.9, dp=0, of={"PARAMCD": _EACH}),
        DateItem("DATE", "Date\n(study day)", ("EXSTDTC", "ADT", "ADY"), width=1.9),
        TimeItem("START", "Start\n(hh:mm)", "EXSTDTC", width=0.8),
        TimeItem("END", "End\n(hh:mm)", "EXENDTC", width=0.8),
        _measure(trial, "DURMIN", "Duration", 0.9),
        Item("EXLOT", "Lot", width=0.9),
        Item("EXWT", "Weight\n(kg)", width=0.8, dp=1),
        _as_dose(counted, trial, phase),
        Item("VOLUME", "Volume planned /\ngiven (mL)", ("EXPLVOL", "EXACVOL"), 1.6, dp=1, missing=NO_VALUE, join=" / "),
        _as_dose(_measure(trial, "DOSE", "Dose given", 1.2), trial, phase),
        _measure(trial, "INFCOMP", "Compliance", 1.2),
        Item("EXADJ", "Adjustment", width=1.4, align="left", sentence=True),
    )


def _infusions(trial: Trial, phase: int) -> Listed:
    """A row for each infusion."""
    return Listed(infusion_items(trial, phase), sort=("ADT", "EXSEQ"), key=("EXSEQ",), sample=INFUSION)


_NEEDS = {f"parameter {_EACH}": lambda trial: _EACH in trial.parameters}


@output(
    "L16.2.5.1", "Infusions", population="SAF", source=("ADEX",), footnotes=(), total=False, needs=_NEEDS, listed=_infusions,
    variables={"ADEX": ("USUBJID", "PARAMCD", "AVAL", "INFNUM", *INFUSION)},
)  # fmt: skip
def infusion_listing(view: View) -> Listing:
    """Every infusion: times, weight, lot, cells and volume planned and given, what was changed and why."""
    records = view.records("ADEX", "PARAMCD", "AVAL", "INFNUM", *INFUSION)
    notes = (*tell_undosed(view), tell_basis(view)) if len(records) and not view.pooled else ()
    return list_records(view, records, footnotes=notes, dataset="ADEX")


def _exposure(trial: Trial, phase: int) -> Listed:
    dose, compliance = trial.parameter("CUMDOSE"), trial.parameter("DOSECOMP")
    cumulative = Item("CUMDOSE", f"Cumulative dose\n({dose.unit})", width=1.4, dp=dose.dp)
    return Listed(
        (
            DateItem("TRTSDT", "First dose", ("", "TRTSDT", ""), width=1.2),
            DateItem("TRTEDT", "Last dose\n(study day)", ("", "TRTEDT", "TRTDURD"), width=1.5),
            Item("NINF", "Infusions\n(number)", width=1.0, dp=0),
            _as_dose(cumulative, trial, phase),
            Item("DOSECOMP", f"Compliance\n({compliance.unit})", width=1.2, dp=compliance.dp),
            Item("DCOMPGR1", "Compliance group", width=1.3),
            Item("FUPDAYS", "Follow-up\n(days)", width=1.0, dp=0),
        )
    )


@output(
    "L16.2.5.2", "Exposure Summary and Compliance", population="SAF", source=("ADSL",), footnotes=(), total=False, needs=_NEEDS,
    variables={"ADSL": ("TRTSDT", "TRTEDT", "TRTDURD", "NINF", "CUMDOSE", "DOSECOMP", "DCOMPGR1", "FUPDAYS")}, listed=_exposure,
)  # fmt: skip
def exposure_listing(view: View) -> Listing:
    """Of each subject how many infusions, over which time, how much in all, and in per cent of what was due."""
    notes = (*tell_undosed(view), OF_DUE, tell_basis(view)) if len(view.subjects) and not view.pooled else ()
    return list_records(view, view.subjects, footnotes=notes, dataset="ADSL")

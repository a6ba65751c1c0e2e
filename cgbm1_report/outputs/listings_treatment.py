"""16.2.5 What each subject received: every infusion, then the exposure of the subject as a whole."""

from __future__ import annotations

from cgbm1_report.outputs.exposure import OF_DUE, tell_basis
from cgbm1_report.tabulate.declare import Listing, output
from cgbm1_report.tabulate.records import DateItem, Item, TimeItem, list_records
from cgbm1_report.tabulate.view import View

#: The parameter that every infusion has a record of, and those that stand beside it, with the variables they come from.
_EACH, _BESIDE = "ADJFL", ("DOSE", "DURMIN", "INFCOMP")


def _measure(view: View, paramcd: str, label: str, width: float = 1.1) -> Item:
    """A parameter of exposure with its unit and decimals."""
    parameter = view.parameter(paramcd)
    return Item(paramcd, f"{label}\n({parameter.unit})" if parameter.unit else label, width=width, dp=parameter.dp)


@output(
    "L16.2.5.1", "Infusions", population="SAF", source=("ADEX",), footnotes=(), total=False,
    needs={"infusions": lambda trial: _EACH in trial.parameters},
    variables={"ADEX": ("USUBJID", "PARAMCD", "AVAL", "EXSEQ", "INFNUM", "ADT", "ADTM")},
)  # fmt: skip
def infusion_listing(view: View) -> Listing:
    """Every infusion: times, weight, lot, cells and volume planned and given, what was changed and why."""
    records = view.records("ADEX", "PARAMCD", "AVAL", "EXSEQ", "INFNUM")
    of_infusions = records[records["EXSEQ"].notna()]
    wide = of_infusions[of_infusions["PARAMCD"].isin(_BESIDE)].pivot(index=["USUBJID", "EXSEQ"], columns="PARAMCD", values="AVAL")
    infusions = of_infusions[of_infusions["PARAMCD"] == _EACH].join(wide.reindex(columns=_BESIDE), on=["USUBJID", "EXSEQ"])
    return list_records(view, infusions, _items(view), sort=("ADT", "EXSEQ"), key=("EXSEQ",), dataset="ADEX")


def _items(view: View) -> tuple[Item, ...]:
    cells = view.parameter("CELLS")
    return (
        Item("INFNUM", "Infusion\n(number)", width=0.9, dp=0),
        DateItem("DATE", "Date\n(study day)", ("EXSTDTC", "ADT", "ADY"), width=1.9),
        TimeItem("START", "Start\n(hh:mm)", "EXSTDTC", width=0.8),
        TimeItem("END", "End\n(hh:mm)", "EXENDTC", width=0.8),
        _measure(view, "DURMIN", "Duration", 0.9),
        Item("EXLOT", "Lot", width=0.9),
        Item("EXWT", "Weight\n(kg)", width=0.8, dp=1),
        Item("CELLS", f"Cells planned /\ngiven ({cells.unit})", ("EXPLCEL", "EXTOTCEL"), 1.6, dp=cells.dp, join=" / "),
        Item("VOLUME", "Volume planned /\ngiven (mL)", ("EXPLVOL", "EXACVOL"), 1.6, dp=1, join=" / "),
        _measure(view, "DOSE", "Dose given", 1.1),
        _measure(view, "INFCOMP", "Compliance", 1.1),
        Item("EXADJ", "Adjustment", width=1.4, align="left", sentence=True),
    )


@output(
    "L16.2.5.2", "Exposure Summary and Compliance", population="SAF", source=("ADSL",), footnotes=(), total=False,
    needs={"infusions": lambda trial: _EACH in trial.parameters},
    variables={"ADSL": ("TRTSDT", "TRTEDT", "TRTDURD", "NINF", "CUMDOSE", "DOSECOMP", "DCOMPGR1", "FUPDAYS")},
)  # fmt: skip
def exposure_listing(view: View) -> Listing:
    """Of each subject how many infusions, over which time, how much in all, and in per cent of what was due."""
    dose, compliance = view.parameter("CUMDOSE"), view.parameter("DOSECOMP")
    items = (
        DateItem("TRTSDT", "First dose", ("", "TRTSDT", ""), width=1.2),
        DateItem("TRTEDT", "Last dose\n(study day)", ("", "TRTEDT", "TRTDURD"), width=1.4),
        Item("NINF", "Infusions\n(number)", width=1.0, dp=0),
        Item("CUMDOSE", f"Cumulative dose\n({dose.unit})", width=1.3, dp=dose.dp),
        Item("DOSECOMP", f"Compliance\n({compliance.unit})", width=1.2, dp=compliance.dp),
        Item("DCOMPGR1", "Compliance group", width=1.2),
        Item("FUPDAYS", "Follow-up\n(days)", width=1.0, dp=0),
    )
    notes = (OF_DUE, tell_basis(view)) if len(view.subjects) and not view.pooled else ()
    return list_records(view, view.subjects, items, sort=(), key=(), footnotes=notes, dataset="ADSL")

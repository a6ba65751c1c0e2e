"""What 16.1.9 tells of how numbers are made: formulas, imputation, statistical methods, each from the values that decide them."""

from __future__ import annotations

from collections.abc import Iterator

from cgbm1_report.protocol.clinical import ClifCOf, Organ
from cgbm1_report.protocol.registry import Method
from cgbm1_report.protocol.schema import read_schema, schema_datasets
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.protocol.wording import print_unit
from cgbm1_report.tabulate.declare import Declaration, declarations
from cgbm1_report.tabulate.make import footnote_texts
from cgbm1_report.tabulate.view import View

#: Topic, item, what is laid down.
Laid = Iterator[tuple[str, str, str]]
#: Measurements and supports of the organ scores that are no parameters, in words.
_WORDS = {
    "HE": "Hepatic encephalopathy grade",
    "PF": "PaO2/FiO2",
    "SF": "SpO2/FiO2",
    "PO2": "Oxygen tension",
    "RRT": "renal replacement therapy",
    "AIRWAY": "an airway protected in encephalopathy",
    "VASOPRESSOR": "vasopressors",
    "VENTILATED": "mechanical ventilation",
}
_BOUNDS = {"at_least": "from", "above": "above", "at_most": "up to", "below": "below"}


def tell_formulas(view: View) -> Laid:
    """Formulas of the scores and conversions of units; of supplied data none: scores and units are as they came."""
    from cgbm1_report.validate.describe import say_derivation

    trial = view.trial
    if view.stamp.supplied:
        return
    for parameter in trial.parameters.values():
        if text := say_derivation(parameter, trial):
            yield "Formulas", parameter.name, text
    if trial.clif_c_of:
        yield from _organ_scores(trial, trial.clif_c_of)
    for one in trial.conversions:
        how = f"divided by {one.divide:g}" if one.divide else f"multiplied by {one.multiply:g}"
        name = _WORDS.get(one.param) or (trial.parameters[one.param].name if one.param in trial.parameters else one.param)
        yield "Formulas", f"{name} in {print_unit(one.to_unit)}", f"value in {print_unit(one.from_unit)} {how}"


def _organ_scores(trial: Trial, score: ClifCOf) -> Laid:
    for organ in score.organs:
        name = trial.parameters[organ.code].name if organ.code in trial.parameters else organ.code
        yield "Formulas", name, f"{_bands(trial, organ)}; failure from {organ.failure_from}"


def _bands(trial: Trial, organ: Organ) -> str:
    """What an organ scores, by the first of its measurements that is there, or by a support."""
    told = []
    for one in organ.inputs:
        measure = _WORDS.get(one.measure) or (
            trial.parameters[one.measure].name if one.measure in trial.parameters else one.measure
        )
        unit = f" {print_unit(one.unit)}" if one.unit else ""
        bands = ", ".join(f"{band.score} {_BOUNDS[band.side]} {band.value:g}{unit}" for band in one.bands)
        told.append(f"{measure}: {bands}")
    supports = [f"{points} with {_WORDS.get(support, support)}" for support, points in organ.support.items()]
    return "; ".join(["1 where nothing else holds", *told, *supports])


#: What a page that lays down derivations says of analysis data that came with the cut.
_SUPPLIED = (
    "The analysis data were supplied: what is said here of dates, days, windows, baselines, flags and scores in them is what the "
    "protocol asks for, and was not carried out by this program."
)


def tell_supplied(view: View) -> tuple[str, ...]:
    """The note that derivations are those of whoever supplied the data; none where they were derived."""
    return (_SUPPLIED,) if view.stamp.supplied else ()


def tell_imputation(view: View) -> Laid:
    """Dates that may be imputed, those with a flag of it that the data have, as the data definition derives them.

    Of supplied data none: who supplied them says how.
    """
    from cgbm1_report.validate.describe import find_method

    told: dict[str, list[str]] = {}
    for dataset in () if view.stamp.supplied else schema_datasets("adam"):
        columns = read_schema(dataset)["columns"]
        for name in columns:
            method = find_method(dataset, name, view.trial) if f"{name}F" in columns and name.endswith("DT") else None
            if method:
                told.setdefault(method.text, []).append(f"{dataset}.{name}")
    yield from (("Imputation", ", ".join(variables), text.rstrip(".")) for text, variables in told.items())


def declared_of(view: View) -> Iterator[Declaration]:
    """The outputs of the phase that the report has: those of trial.yaml's list, or all that can be made."""
    trial, wanted = view.trial, view.trial.outputs
    for declared in declarations(trial):
        in_report = declared.scope in ("phase", "dose group") and declared.in_phase(view.phase, trial)
        if in_report and (wanted is None or declared.full_number(view.phase) in wanted):
            yield declared


def methods_made(view: View) -> frozenset[Method]:
    """How the outputs of the phase analyse its outcomes."""
    numbers = {declared.full_number(view.phase) for declared in declared_of(view)}
    answers = (answer for outcome in view.trial.outcomes if outcome.phase == view.phase for answer in outcome.outputs)
    return frozenset(method for answer in answers if answer.number in numbers for method in answer.methods)


def tell_methods(view: View) -> Laid:
    """Statistical methods as the outputs of the phase print them below."""
    trial, used = view.trial, []
    for declared in declared_of(view):
        used += [code for code in declared.footnotes if trial.phases[view.phase].reference or code not in declared.comparisons]
    codes = [code for code in trial.footnotes if code in used]
    yield from (
        ("Methods", f"Note {code}", text.rstrip(".")) for code, text in zip(codes, footnote_texts(view, codes), strict=True)
    )

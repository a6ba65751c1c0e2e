"""14.2.7, 14.2.9 and 14.2.17: changes from baseline compared by models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from cgbm1_report.outputs.change_models import MODELS, model_changes, tell_models, variables_of_models
from cgbm1_report.outputs.laboratory import explain_left_out, listings_of, name_visits, tell_favourable
from cgbm1_report.protocol.outcomes import efficacy_flag
from cgbm1_report.protocol.registry import Outcome
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.adjusted import adjusted_by_visit
from cgbm1_report.tabulate.declare import Declaration, Summary, family
from cgbm1_report.tabulate.view import View

#: What several outcomes of a dataset are called in a title.
_TOGETHER = {"ADLB": "Laboratory Outcomes"}


def compare_changes(view: View, codes: Sequence[str], number: str) -> Summary:
    """Adjusted means of the change at the registry's days and their differences from the reference."""
    alone, full = len(codes) == 1, f"{number}.{view.phase}"
    asked = {code: view.asked(number, code) for code in codes}
    modelled = [
        model_changes(
            view, code, full, name_visits(view, one.days(*MODELS)), heading="" if alone else view.parameter(code).heading
        )
        for code, one in asked.items()
    ]  # fmt: skip
    summary = adjusted_by_visit(view, modelled, view.parameter(codes[0]).heading if alone else "Parameter")
    favourable = tell_favourable(asked[codes[0]]) if alone else ()
    return replace(summary, footnotes=[*favourable, *summary.footnotes])


def _body(codes: Sequence[str], number: str) -> Callable[[View], Summary]:
    def body(view: View) -> Summary:
        return compare_changes(view, codes, number)

    return body


def _needed(number: str, trial: Trial, phase: int) -> dict[str, tuple[str, ...]]:
    return variables_of_models(trial, f"{number}.{phase}")


_NOTES = ("F11", "F12", "F13")


@family("Changes of the outcomes compared by models", needs={"outcomes": lambda trial: bool(trial.outcomes)})
def model_tables(trial: Trial) -> Iterator[Declaration]:
    """One table per number that outcomes name for models alone: of one outcome, or of several, in the order of the parameters."""
    made: dict[str, list[Outcome]] = {}
    for outcome in trial.outcomes:
        for answer in outcome.outputs:
            if set(answer.methods) <= set(MODELS):
                made.setdefault(answer.number.rpartition(".")[0], []).append(outcome)
    for number, outcomes in made.items():
        asked, dataset = {outcome.paramcd for outcome in outcomes}, outcomes[0].dataset
        codes = tuple(code for code in trial.parameters if code in asked)
        what = _TOGETHER.get(dataset, "Outcomes")
        if len(codes) == 1:
            what = f"{trial.parameter(codes[0]).name}{' Change' * outcomes[0].baseline_needed}"
        phases = tuple(sorted({outcome.phase for outcome in outcomes}))
        compared, names = tell_models(trial, number, phases)
        yield Declaration(
            number, f"{what}: {names}", "FAS", (dataset,), (*_NOTES, *compared), _body(codes, number), phases,
            where={"PARAMCD": codes, efficacy_flag(trial, codes[0]): "Y"}, total=False, comparisons=compared,
            variables=partial(_needed, number),
            methods=MODELS, listings=listings_of(trial, codes, dataset), given=explain_left_out(dataset),
        )  # fmt: skip

"""Every output is shown by a notebook, and by one line only; and no notebook asks for one that there is not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from cgbm1_report.errors import PlanError, Problem, ReportError, join_errors
from cgbm1_report.notebook.run import NotebookJob, part_of
from cgbm1_report.notebook.source import refuse_shown_twice, refuse_unknown
from cgbm1_report.outputs.catalogue import Entry
from cgbm1_report.protocol.e3 import E3Section
from cgbm1_report.protocol.trial import Trial


def refuse_slips(jobs: Sequence[NotebookJob], trial: Trial, only: Collection[str] | None) -> None:
    """Refuse what notebooks would show wrongly, before they run: numbers of no output, and one output twice.

    Raises
    ------
    ReportError
        All of both kinds; see `refuse_unknown` and `refuse_shown_twice`.
    """
    shown = [(job.source, int(str(job.parameters["phase"])), part_of(job)) for job in jobs]
    asked: tuple[Callable[[], None], ...] = (lambda: refuse_unknown(shown, trial), lambda: refuse_shown_twice(shown, trial, only))
    errors: list[ReportError] = []
    for ask in asked:
        try:
            ask()
        except ReportError as error:
            errors.append(error)
    if errors:
        raise join_errors(errors)


def refuse_unshown(entries: Mapping[str, Entry], expected: Collection[str], shown: Collection[str]) -> None:
    """Refuse outputs that no notebook shows; a section that none shows anything of, once."""
    by_section: dict[E3Section, list[str]] = {}
    for number in entries:
        if number in expected:
            by_section.setdefault(entries[number].section, []).append(number)
    problems = []
    for section, numbers in by_section.items():
        absent = [number for number in numbers if number not in shown]
        if len(absent) == len(numbers) > 1:
            told = f"section {section.heading} holds {', '.join(absent)}, but no notebook shows it"
            remedy = f'add report.show_section("{section.number}") to a notebook'
            problems.append(Problem(told, rule="every output is shown", remedy=remedy))
        else:
            problems += [
                Problem(
                    f"output {number} is declared, but no notebook shows it",
                    rule="every output is shown",
                    remedy=f'add its show() line, or report.show_section("{section.number}")',
                )
                for number in absent
            ]
    if problems:
        raise PlanError.of(problems)

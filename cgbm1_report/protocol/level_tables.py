"""Tables of a study's own: where subjects stand by the levels of a variable, as trial.yaml declares them one by one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from cgbm1_report.protocol.agree import Contradiction, twice
from cgbm1_report.protocol.clinical import Frozen

if TYPE_CHECKING:
    from cgbm1_report.protocol.trial import Trial

_NUMBER = re.compile(r"T14(\.\d+){2,}")


class LevelTable(Frozen):
    """How many subjects have each of the ``levels`` of a variable of a dataset with parameters, of those who have any.

    ``levels`` are what the data say, or a number as text, with the words of a page. ``where`` chooses the records. Rows are by
    visit where ``visits`` says so, and by the level of a variable at ``baseline``, which has the same levels. Where the
    ``highest`` is told, a subject stands in the highest level of its records.
    """

    #: Without the digit of the phase.
    number: str
    title: str
    dataset: str
    variable: str
    levels: dict[str, str] = Field(min_length=2)
    parameters: tuple[str, ...] = Field(min_length=1)
    population: str = "SAF"
    where: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    visits: bool = False
    baseline: str | None = None
    highest: bool = False
    footnotes: tuple[str, ...] = ()

    @property
    def part(self) -> str:
        """The part of a row's key that is the level."""
        return f"highest {self.variable}" if self.highest else self.variable


def _tables(trial: Trial) -> Iterator[Contradiction]:
    for number in twice(one.number for one in trial.level_tables):
        yield "level_tables", f"{number} stands twice", "give each table a number of its own"
    for at, one in enumerate(trial.level_tables):
        place = f"level_tables.{at}"
        if not _NUMBER.fullmatch(one.number):
            yield (
                f"{place}.number",
                f"{one.number} is no number of a table of section 14",
                "write it as T14.3.4.21, without the phase",
            )
        for code in one.parameters:
            if code not in trial.parameters or trial.parameters[code].dataset != one.dataset:
                told = f"{code} is no parameter of {one.dataset}"
                yield f"{place}.parameters", told, "declare it under parameters, or correct code or dataset"
        if not any(trial.has_population(one.population, phase) for phase in trial.phases):
            yield f"{place}.population", f"{one.population} is no analysis set", "use one of populations"
        if one.highest and not all(_is_number(level) for level in one.levels):
            yield f"{place}.levels", f"the highest {one.variable} is asked for, and a level is no number", "write numbers as levels"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


LEVEL_TABLE_CHECKS: tuple[Callable[[Trial], Iterator[Contradiction]], ...] = (_tables,)

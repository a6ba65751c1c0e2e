"""One way to say what is wrong: file, rule, place and remedy, all problems at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong and what to do about it.

    ``file`` is the input it was found in, ``rule`` what was expected, ``place`` where inside the
    file (subject, record, key, line), ``message`` what was found, ``remedy`` what mends it.
    """

    message: str
    file: str = ""
    rule: str = ""
    place: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        head = ": ".join(part for part in (self.file, self.place) if part)
        body = f"{head}: {self.message}" if head else self.message
        if self.rule:
            body += f" [rule: {self.rule}]"
        if self.remedy:
            body += f" Remedy: {self.remedy}"
        return body


class ReportError(Exception):
    """Stops the run. Holds every problem found, so that nobody mends them one by one.

    ``ReportError("text", file=…, rule=…, place=…, remedy=…)`` for one problem,
    ``ReportError.of(problems)`` for many.
    """

    def __init__(
        self,
        message: str = "",
        *,
        file: object = "",
        rule: str = "",
        place: str = "",
        remedy: str = "",
        problems: Iterable[Problem] = (),
    ) -> None:
        found = tuple(problems)
        if message:
            found = (Problem(message, str(file), rule, place, remedy), *found)
        self.problems: tuple[Problem, ...] = found
        super().__init__("\n".join(str(problem) for problem in found))

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> ReportError:
        """Make one error of many problems."""
        return cls(problems=problems)

"""One way to say what is wrong: file, rule, place and remedy, all problems at once; and whose it is to mend.

A scheduled job tells the kinds apart by class, or by the exit code of the command (`system.endings`):

==============  ====  ===========================================================================================
DataError         1   the cut: a file that cannot be read, errors the gate found, values an output would lose
PlanError        78   what the run was told: trial.yaml, notebooks, Word template, folders, arguments (EX_CONFIG)
ArgumentError     2   of these, the command line: an option, a value, a number or a name that there is not
ToolError        69   a program or library the run needs is missing, fails or takes too long (EX_UNAVAILABLE)
ProofError       76   what was made does not say what the results say: the reading back failed (EX_PROTOCOL)
BusyError        75   another run is at work there: try later, nothing is to mend (EX_TEMPFAIL)
WritingError     74   the place something is written to does not take it: rights, a full disk (EX_IOERR)
==============  ====  ===========================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

#: The rule of what heads errors in the data, or ends a list of them: it is none of them.
GATE = "severity E closes the gate"
#: What the protocol file is called where nobody knows which it is; a path to one is that of a file.
_PROTOCOL = re.compile(r"(?<![\w./\\-])trial\.yaml(?! of the package)\b")


def name_protocol(text: str, file: Path | None) -> str:
    """A text that names the protocol file by the name it has in this run; of the package's own (None) as it is written."""
    if file is None:
        return text
    # Where the text has its path already, as in a command, it is named: a folder or name with a blank would be named twice.
    path = str(file.absolute())
    return path.join(_PROTOCOL.sub(lambda _: file.name, part) for part in text.split(path))


def number_of(count: int, noun: str) -> str:
    """A count beside what is counted, as a message says it: ``1 text``, ``2 texts``, ``1,191 records``."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong and what to do about it.

    ``file`` is the input it was found in, ``rule`` what was expected, ``place`` where inside the
    file (subject, record, key, line), ``message`` what was found, ``remedy`` what mends it. Where the
    message tells values, numbers or the order of records, ``closed`` stands for it in `withheld`.
    """

    message: str
    file: str = ""
    rule: str = ""
    place: str = ""
    remedy: str = ""
    closed: str = ""

    def withheld(self) -> Problem:
        """What of it may be told while nobody may know who got what: no value, no number, and not where in the file.

        One arm alone may have such records, and a file may be sorted by arm.
        """
        return Problem(self.closed or self.message, self.file, self.rule, "", self.remedy)

    def naming(self, protocol: Path | None) -> Problem:
        """The same of the protocol file of this run, which whoever mends it looks for: code says trial.yaml of any."""
        if protocol is None:
            return self
        file = str(protocol) if self.file == "trial.yaml" else name_protocol(self.file, protocol)
        texts = {name: name_protocol(getattr(self, name), protocol) for name in ("message", "rule", "place", "remedy", "closed")}
        return replace(self, file=file, **texts)

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

    Raised as one of its kinds: ``DataError("text", file=…, rule=…, place=…, remedy=…)`` for one problem,
    ``DataError.of(problems)`` for many. Of no kind are problems of several kinds that are told at once.
    """

    #: How a command ends by it.
    exit_code: ClassVar[int] = 1
    #: Of errors that the gate found how many findings the gate had, by severity; else empty.
    findings: Mapping[str, int] = MappingProxyType({})

    def __init__(
        self,
        message: str = "",
        *,
        file: object = "",
        rule: str = "",
        place: str = "",
        remedy: str = "",
        closed: str = "",
        problems: Iterable[Problem] = (),
    ) -> None:
        found = tuple(problems)
        if message:
            found = (Problem(message, str(file), rule, place, remedy, closed), *found)
        self.problems: tuple[Problem, ...] = found
        super().__init__("\n".join(str(problem) for problem in found))

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> Self:
        """Make one error of many problems."""
        return cls(problems=problems)

    def _render_traceback_(self) -> list[str]:
        """What IPython and Jupyter print of it: the problems, a line each; not where in our code it was raised."""
        return [f"{type(self).__name__}: {problem}" for problem in self.problems] or [type(self).__name__]

    def __reduce__(self) -> tuple[Any, ...]:
        # An error goes from a notebook's process to the one that builds, with its problems.
        return _unpickle, (type(self), self.problems, dict(self.findings))


def _unpickle(kind: type[ReportError], problems: tuple[Problem, ...], findings: dict[str, int]) -> ReportError:
    error = kind.of(problems)
    error.findings = findings
    return error


class DataError(ReportError):
    """The data are wrong: who delivers the cut mends them."""


class PlanError(ReportError):
    """What the run was told is wrong: trial.yaml, a notebook, a template, a folder, an argument."""

    exit_code = 78


class ArgumentError(PlanError):
    """The command line is wrong: an option, a value, a number or a name that there is not."""

    exit_code = 2


class ToolError(ReportError):
    """A program the run needs is missing, failed or took too long."""

    exit_code = 69


class ProofError(ReportError):
    """What was made is not what the results say, and is not handed out."""

    exit_code = 76


class WritingError(ReportError):
    """The place something is written to does not take it: no rights, no space left."""

    exit_code = 74


class RoomError(WritingError):
    """Room is missing where something is written: of a work as a whole it is told once (`system.room`)."""

    rule: ClassVar[str] = "room on the disk"


class BusyError(ReportError):
    """Another run is at work on the same place: nothing is wrong, and it goes when that one has ended."""

    exit_code = 75


#: The kinds by name: a notebook's kernel tells the name of what was raised, not the class. None is told by the command line.
KINDS: dict[str, type[ReportError]] = {
    kind.__name__: kind for kind in (DataError, PlanError, ToolError, ProofError, WritingError, RoomError, BusyError)
}


def join_errors(errors: Iterable[ReportError]) -> ReportError:
    """One error of many, of the narrowest kind that all of them are."""
    found = list(errors)
    kinds = type(found[0]).mro() if found else [ReportError]
    kind = next(one for one in kinds if issubclass(one, ReportError) and all(isinstance(error, one) for error in found))
    return kind.of(problem for error in found for problem in error.problems)


def find_near(given: str, known: Iterable[str], most: int, likeness: float = 0.6) -> list[str]:
    """The names that come nearest to one that there is not, the nearest first; letter case means nothing, nor a leading dash.

    Of those alike as `difflib.get_close_matches` says, that which fewest slips of the hand make of it: a letter left out, put in,
    taken for another, or two neighbours exchanged.
    """
    from difflib import SequenceMatcher, get_close_matches

    wanted = given.strip("-").casefold()
    bare = {name: name.strip("-").casefold() for name in known}
    alike = set(get_close_matches(wanted, set(bare.values()), max(len(bare), 1), likeness))
    found = [name for name, text in bare.items() if text in alike]

    def measure(one: str) -> tuple[float, ...]:
        # Of names that differ in letter case alone, that which is written as what was asked for.
        # Letters that changed their places are likelier than another letter, where both are one slip.
        moved = sorted(bare[one]) != sorted(wanted)
        return _count_slips(wanted, bare[one]), moved, -SequenceMatcher(None, bare[one], wanted).ratio(), _count_slips(given, one)

    return sorted(found, key=measure)[:most]


def _count_slips(one: str, other: str) -> int:
    """How many slips make one text of another (optimal string alignment)."""
    # difflib finds ADIE as like ADEA as ADAE is: it knows no letters that have changed places.
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, there in enumerate(other, 1):
            slips = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != there))
            if i > 1 and j > 1 and (letter, one[i - 2]) == (other[j - 2], there):
                slips = min(slips, before[j - 2] + 1)
            row.append(slips)
        before, last = last, row
    return last[-1]


def suggest(given: str, known: Iterable[str], otherwise: str = "") -> str:
    """A remedy for a name that there is not: what was probably meant; all there is, or ``otherwise`` what tells it."""
    names = list(dict.fromkeys(known))
    near = find_near(given, names, 1)
    meant = f"did you mean {near[0]}?" if near else ""
    return meant if meant and otherwise else " ".join(filter(None, [meant, otherwise or f"it is one of {', '.join(names)}"]))

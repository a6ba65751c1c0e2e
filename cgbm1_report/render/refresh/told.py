"""What a writer is told of a document that was refreshed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from cgbm1_report.errors import Problem, number_of
from cgbm1_report.paper import SIDE, TWIPS_PER_INCH

#: What became of an output that its page cut off, and of one whose cells it only made narrow.
FITTED = "was wider than the text of its page, and is made as wide as that"
SIZED = "was narrower on its page than it was made for, and its columns are sized for that page"
#: So many outputs are named in a line of many.
_NAMED = 8
#: What a page leaves at its sides where outputs have the room that they were made for.
_SIDES = f"{SIDE / TWIPS_PER_INCH * 2.54:.0f} cm"
_MARGINS = f" with margins of {_SIDES} at its sides"


#: Numbers of outputs by what they say of themselves, a data cut-off or a status.
States = Mapping[str, tuple[str, ...]]
#: What stands for a cut-off or a status that an output does not say.
UNSAID = "not said"


@dataclass(frozen=True)
class Refreshed:
    """Numbers of the outputs that were replaced, of those among them that changed, and of those the build lacks.

    ``outputs`` are all of the build's that the document holds, in its order: those that were not replaced are the same.

    ``told`` is what else a writer must know; ``backup`` the document as it was, where it was itself replaced; ``unmarked`` and
    ``pictures`` how many tables and pictures carry no mark of an output; ``left`` how many outputs stay as they were.

    ``cutoffs`` and ``statuses`` are the numbers of all outputs that the new document holds, by what they say of themselves.
    """

    replaced: tuple[str, ...]
    changed: tuple[str, ...]
    absent: tuple[str, ...]
    told: tuple[str, ...] = ()
    backup: Path | None = None
    unmarked: int = 0
    pictures: int = 0
    left: int = 0
    outputs: tuple[str, ...] = ()
    cutoffs: States = field(default_factory=dict)
    statuses: States = field(default_factory=dict)

    @property
    def is_mixed(self) -> bool:
        """Whether the document holds outputs of several cut-offs, or drafts beside final ones: it may not be filed so."""
        return len(self.cutoffs) > 1 or len(self.statuses) > 1

    def tell(self, document: Path) -> Iterator[str]:
        """The lines that tell a writer of it."""
        yield from (f"{number}  {'changed' if number in self.changed else 'the same as before'}" for number in self.outputs)
        yield from _tell_absent(self.absent)
        yield from self.told
        counted = [number_of(count, noun) for count, noun in self._unmarked() if count]
        if counted:
            one = self.unmarked + self.pictures == 1
            carry, left = ("carries", "was left as it is") if one else ("carry", "were left as they are")
            yield f"{' and '.join(counted)} of the document {carry} no mark of an output and {left}"
        if self.backup:
            yield f"{self.backup}: the document as it was"
        same = len(self.outputs) - len(self.replaced)
        ended = f"{len(self.changed)} changed, {f'{same} the same as before, ' if same else ''}{self.left} left"
        yield f"{document}: {number_of(len(self.replaced), 'output')} replaced, {ended}"

    def warn(self) -> Iterator[str]:
        """Lines that warn of a document that may not be filed as it is now."""
        yield from _warn_mixed("data cut-offs", self.cutoffs)
        yield from _warn_mixed("drafts and final outputs", self.statuses)

    def _unmarked(self) -> tuple[tuple[int, str], ...]:
        return (self.unmarked, "table"), (self.pictures, "picture")


def _tell_absent(numbers: tuple[str, ...]) -> Iterator[str]:
    """A line of each output that the build lacks; one of all where they are many."""
    if len(numbers) <= _NAMED:
        yield from (f"{number}  is not in this build: its output of an earlier one is left as it was" for number in numbers)
    else:
        yield f"{name_some(numbers)} are not in this build: their outputs of an earlier one are left as they were"


def _warn_mixed(what: str, states: States) -> Iterator[str]:
    """A line that warns of outputs that do not belong in one document; those of the most are counted, the others named too."""
    if len(states) < 2:
        return
    most, *others = sorted(states.items(), key=lambda told: -len(told[1]))
    said = [f"{most[0]}: {number_of(len(most[1]), 'output')}"]
    said += [f"{state}: {number_of(len(numbers), 'output')} ({name_some(numbers)})" for state, numbers in others]
    yield f"WARNING: the document mixes {what} now. {'; '.join(said)}. Do not file it so: refresh it from one build that holds all"


def or_force(problem: Problem) -> Problem:
    """The problem of an output whose bounds are not sure, while nothing is replaced: what else may be done than to mend it."""
    return replace(problem, remedy=f"{problem.remedy}; --force leaves this one as it is, and replaces the others")


def tell_stray(problem: Problem) -> str:
    """The line of an output that cannot be told from the writer's own words around it."""
    return f"{problem.message}, {problem.place}: left as it was; {problem.remedy}"


def tell_squeezed(outputs: Iterable[tuple[str, bool, bool]]) -> list[str]:
    """A line of the outputs that were made for a wider page than they stand on, and one of those that fit none.

    Of each its number, whether its columns are hard to read on that page however they are sized, and whether that is a
    landscape page already, of which only the margins are too wide.
    """
    kinds: dict[tuple[bool, bool], list[str]] = {}
    for number, poor, lying in dict.fromkeys(outputs):
        kinds.setdefault((lying, poor and not lying), []).append(number)
    return [_tell_narrow(kinds[kind], lying=kind[0], poor=kind[1]) for kind in sorted(kinds)]


def _tell_narrow(named: list[str], *, lying: bool, poor: bool) -> str:
    one = len(named) == 1
    stands, it, its, them = ("stands", "it was", "its", "it") if one else ("stand", "they were", "their", "them")
    narrow = f"{', '.join(named)}: {stands} on a page narrower than {it} made for, and words or numbers go over more lines"
    if poor:
        return f"{narrow}: put {them} on a landscape section{_MARGINS}; upright, --fit has little room for {its} columns"
    kept = f"margins of {_SIDES} at the sides of this landscape page keep" if lying else f"a landscape section{_MARGINS} keeps"
    return f"{narrow}: --fit sizes {its} columns, {kept} them as they are"


def tell_states(outputs: Iterable[tuple[str, tuple[str, str], tuple[str, str]]]) -> list[str]:
    """Lines that warn of a build that is earlier than the document's outputs, and of outputs that become final, or drafts again.

    Parameters
    ----------
    outputs
        Of each its number, its data cut-offs and its statuses: in the document and in the build, empty where it does not say.
    """
    back: dict[tuple[str, str], list[str]] = {}
    turned: dict[tuple[str, str], list[str]] = {}
    for number, cutoffs, statuses in outputs:
        if all(cutoffs) and cutoffs[1] < cutoffs[0]:
            back.setdefault(cutoffs, []).append(number)
        if all(statuses) and statuses[0] != statuses[1]:
            turned.setdefault(statuses, []).append(number)
    lines = [
        f"WARNING: this build is of an earlier data cut-off, {now}, than outputs of the document, which were of {was}: "
        f"{name_some(numbers)}; is it the build that you meant?"
        for (was, now), numbers in back.items()
    ]
    said = {
        "draft": ("this build is a draft, and outputs of the document were final", "is it the build that you meant?"),
        "final": ("this build is final, and outputs of the document were drafts", "does the document still call itself a draft?"),
    }
    return lines + [f"WARNING: {said[now][0]}: {name_some(numbers)}; {said[now][1]}" for (_, now), numbers in turned.items()]


def name_some(numbers: Iterable[str]) -> str:
    named = list(dict.fromkeys(numbers))
    more = len(named) - _NAMED
    return ", ".join(named[:_NAMED]) + (f" and {more} more" if more > 0 else "")

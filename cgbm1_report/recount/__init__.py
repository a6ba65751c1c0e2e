"""The second computation: what the results say, asked of the analysis data once more, in SQL, by what each row is.

Shares nothing with what counted first: it reads the files of a build and the declarations' own facts. A row's key is the
question; what no key asks is named, with the reason, and never passed over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cgbm1_report.errors import Problem, ProofError
from cgbm1_report.recount.asked import Asked
from cgbm1_report.recount.behind import Found, find_behind
from cgbm1_report.recount.database import Database
from cgbm1_report.recount.facts import Facts
from cgbm1_report.recount.heard import Names, of_named
from cgbm1_report.recount.listings import compare_listing, list_anew
from cgbm1_report.recount.questions import ANSWERED
from cgbm1_report.recount.told import is_told, tell_facts_anew
from cgbm1_report.rows import Key, read_key, tell_key

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Facts", "Recounted", "datasets_of", "raise_on_difference", "recount", "strip_key"]
RULE = "a second count, in SQL, gives the same"
_WORDS = "text"
#: What of a number is compared.
_TOLD = ("row", "column", "stat_name", "stat", "context")
_REMEDY = "report this to the maintainers; nothing of it may be filed"
_UNTOLD = "no variable tells it"
#: Numbers are equal to so many parts: sums are taken in another order.
_EXACT = 1e-9


@dataclass
class Recounted:
    """By output, how many numbers were computed a second time, and how many were not, by the reason; every difference.

    ``looks`` are what may be true and asks for a statistician's look; ``reads`` by output the variables of each dataset that were
    asked for.
    """

    compared: dict[str, int] = field(default_factory=dict)
    unasked: dict[str, dict[str, int]] = field(default_factory=dict)
    differences: list[Problem] = field(default_factory=list)
    looks: list[str] = field(default_factory=list)
    reads: dict[str, Names] = field(default_factory=dict)

    @classmethod
    def join(cls, parts: Iterable[Recounted]) -> Recounted:
        """What several parts say, as one."""
        whole = cls()
        for part in parts:
            whole.compared |= part.compared
            whole.unasked |= part.unasked
            whole.differences += part.differences
            whole.looks += part.looks
            whole.reads |= part.reads
        return whole

    def note(self, number: str, heard: Names) -> None:
        """Note what was asked for an output, besides what was before."""
        own = self.reads.setdefault(number, {})
        for dataset, variables in of_named(heard).items():
            own.setdefault(dataset, set()).update(variables)

    @property
    def counts(self) -> dict[str, int]:
        """How many numbers and cells of listings were computed a second time, how many of them unequal, and how many were not."""
        left = sum(self.reasons.values())
        return {"numbers": sum(self.compared.values()), "unequal": len(self.differences), "not_again": left}

    @property
    def reasons(self) -> dict[str, int]:
        """Why numbers were not computed again, and how many for each reason."""
        reasons: Counter[str] = Counter()
        for own in self.unasked.values():
            reasons.update(own)
        return dict(sorted(reasons.items()))

    @property
    def by_output(self) -> dict[str, str]:
        """Of each output how many of its numbers were computed a second time; words alone have none."""
        wholes = {number: count + sum(self.unasked[number].values()) for number, count in self.compared.items()}
        return {number: f"{self.compared[number]} of {whole}" for number, whole in wholes.items()}


def recount(
    folder: Path, ard: pd.DataFrame, facts: Iterable[Facts], on_found: Callable[[str, str, Found], None] | None = None
) -> Recounted:
    """Compute the numbers of outputs a second time.

    Parameters
    ----------
    folder
        The analysis datasets of a build, as parquet files.
    ard
        The results (docs/contracts.md). Words are no numbers.
    facts
        What the declarations of the outputs say. Results of other outputs are not computed again, and are counted as such.
    on_found
        Is told of each output, by context, the records behind its counts and summaries.
    """
    made, known = Recounted(), {one.number: one for one in facts}
    numbers = ard.loc[ard["context"] != _WORDS, ["output", *_TOLD]]
    with Database(folder, {"ADSL", *(name for one in known.values() for name in datasets_of(one))}) as database:
        for number, results in numbers.groupby("output", sort=False):
            if number in known:
                with database.hearing() as heard:
                    _recount_output(database, known[str(number)], results, made, on_found)
                made.note(str(number), heard)
            else:
                made.compared[str(number)], made.unasked[str(number)] = 0, {"nothing is declared of it": len(results)}
        _recount_listings(database, known.values(), ard, made)
        _recount_told(database, known.values(), ard, made)
    return made


def datasets_of(facts: Facts) -> Iterator[str]:
    """The datasets that an output is asked of: its sources, and of a listing those whose records it has."""
    yield from ("ADSL", *facts.sources)
    if facts.listed:
        yield from (one.dataset for one in (facts.listed, *facts.listed.also) if one.dataset)


def _recount_told(database: Database, facts: Iterable[Facts], ard: pd.DataFrame, made: Recounted) -> None:
    """Hold what sentences say against the records they name."""
    for one in facts:
        if is_told(one):
            with database.hearing() as heard:
                asked, wrong = tell_facts_anew(database, one, ard[ard["output"] == one.number])
            made.note(one.number, heard)
            made.compared[one.number], made.unasked[one.number] = asked, {}
            made.differences += [Problem(f"{one.number}: {said}", "ard.parquet", RULE, place, _REMEDY) for place, said in wrong]


def raise_on_difference(made: Recounted) -> None:
    """Stop where a number is not the same in both computations, or where the reviewer found numbers that cannot all be true.

    Raises
    ------
    ProofError
        All of them, with output, row, column and statistic.
    """
    if made.differences:
        raise ProofError.of(made.differences)


def _recount_output(
    database: Database, facts: Facts, results: pd.DataFrame, made: Recounted, on_found: Callable[[str, str, Found], None] | None
) -> None:
    keys = {text: strip_key(read_key(text)) for text in results["row"].unique()}
    unasked: Counter[str] = Counter()
    made.compared[facts.number] = 0
    for context, own in results.groupby("context", sort=False):
        # As Python's own texts and numbers: to go through Arrow's takes longer than to compare them.
        cells = zip(*(own[one].to_numpy(dtype=object) for one in _TOLD if one != "context"), strict=True)
        told = [(keys[row], column, name, value) for row, column, name, value in cells]
        first: dict[tuple[Key, str], dict[str, float]] = {}
        for row, column, name, value in told:
            first.setdefault((row, column), {})[name] = value
        asked = Asked(database, facts, list(dict.fromkeys(row for row, *_ in told)), first)
        second = ANSWERED[str(context)](asked) if context in ANSWERED else {}
        if on_found and (found_behind := find_behind(replace(asked, reasons={}), str(context))):
            on_found(facts.number, str(context), found_behind)
        for row, column, name, value in told:
            found = second.get((row, column), {})
            if name in found:
                made.compared[facts.number] += 1
                made.differences += _differs(facts.number, row, column, f"{context} {name}", value, found[name])
            else:
                why = asked.reasons.get(row) or f"{name}: {_UNTOLD if found else 'nothing computes it'}"
                unasked[f"{context}, {why}"] += 1
    made.unasked[facts.number] = dict(unasked)


def _recount_listings(database: Database, facts: Iterable[Facts], ard: pd.DataFrame, made: Recounted) -> None:
    """Hold the cells of listings against the records. An output of words alone that declares no columns is named."""
    words = {str(number): own for number, own in ard[ard["context"] == _WORDS].groupby("output", sort=False)}
    for one in facts:
        if one.listed is None:
            if one.number in words and one.number not in made.compared:
                made.compared[one.number] = 0
                made.unasked[one.number] = {"words, its columns are not declared": len(words[one.number])}
            continue
        texts = words.get(one.number, ard.iloc[:0])
        printed = {str(name): own.tolist() for name, own in texts.groupby("column", sort=False)["stat_fmt"]}
        rows = [read_key(row) for row in texts["row"].iloc[: len(texts) // max(len(printed), 1)]]
        # What tells treatment is not printed while it is blinded.
        left = {item.key for item in one.listed.items if item.optional or None in one.columns.values()} | {"GROUP"}
        with database.hearing() as heard:
            found = compare_listing(printed, rows, list_anew(database, one, one.listed), left)
        made.note(one.number, heard)
        made.compared[one.number], made.unasked[one.number] = found.cells, dict(found.unasked)
        for what, place in found.differences:
            made.differences.append(Problem(f"{one.number}: {what}", "ard.parquet", RULE, place, _REMEDY))


def _differs(number: str, row: Key, column: str, what: str, first: float, second: float) -> list[Problem]:
    if (first != first and second != second) or abs(first - second) <= _EXACT * max(1.0, abs(first)):
        return []
    place = f"row {tell_key(row)}, column {column}, {what}"
    said = f"{number}: first computed as {first:.10g}, then as {second:.10g}"
    return [Problem(said, "ard.parquet", RULE, place, _REMEDY)]


def strip_key(key: Key) -> Key:
    """A key without the part that tells lines of one row apart."""
    return tuple(part for part in key if part[0] != "statistic")

"""What changed between two cuts, or two builds: records, subjects, and every cell of every output with what stands behind it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import pandas as pd

from cgbm1_report.compare.behind import EVERYTHING, Behind
from cgbm1_report.compare.besides import Besides
from cgbm1_report.compare.named import Words, read_words
from cgbm1_report.compare.reads import Reads, find_reads
from cgbm1_report.compare.records import RECORD_COLUMNS, Difference, compare_datasets, keys_of
from cgbm1_report.compare.results import Moves, NoMoves, compare_results, find_crossed, rename_results
from cgbm1_report.compare.sides import NO_DATA, Side, find_unasked, refuse_sides, tell_unlike
from cgbm1_report.compare.subjects import SUBJECT_LEVEL, find_renamed, rename_subjects
from cgbm1_report.errors import number_of
from cgbm1_report.outputs.catalogue import catalogue, csr_order
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.files import split_group

#: What a variable of the subject's own record is to a reader who looks for what matters first.
ARM, POPULATION, OTHER = "Arm", "Population", "Other"
#: What a subject is that one side alone has.
NEW, GONE = "New", "Gone"
# Why somebody has no arm (ARMNRS) is none: while treatment is blind it is all that is seen of who was randomised.
_ARMS = frozenset({"ARM", "ARMCD", "ACTARM", "ACTARMCD", "COHORT"})


#: So many lines of each part of a comparison are shown where a cell of a notebook ends with it.
_SHOWN = 60


@dataclass(frozen=True, repr=False)
class Comparison:
    """Everything in which two cuts or two builds differ; ``print(…)`` tells it as the command line does.

    ``unasked`` are outputs that one side alone has because the other was not asked for them, by who lacks them (old, new).
    ``subjects`` are those who came, went, or have another arm or population, ``subject_records`` all that changed of subjects,
    ``moves.cells`` every result that changed; two cuts have none, and it says so.
    ``renamed`` are new numbers of subjects by old ones; ``unlike`` in what they differ besides their data, ``notes``
    what of them could not be compared, in words; ``words`` what the rows and columns of an output that changed are called;
    ``behind`` the records behind each cell of ``moves.cells``, in their order.
    """

    old: Side
    new: Side
    unlike: tuple[str, ...]
    renamed: Mapping[str, str]
    datasets: tuple[Difference, ...]
    moves: Moves | NoMoves
    behind: tuple[tuple[str, ...], ...]
    flags: frozenset[str]
    notes: tuple[str, ...] = ()
    unasked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    words: Mapping[str, Words] = field(default_factory=dict)

    @cached_property
    def beside(self) -> dict[str, str]:
        """The files beside the datasets of two cuts that are new, gone or changed, by name."""
        names = sorted({*self.old.beside, *self.new.beside})
        states = {name: (self.old.beside.get(name), self.new.beside.get(name)) for name in names}
        told = {name: "new" if old is None else "gone" if new is None else "changed" for name, (old, new) in states.items()}
        return {name: status for name, status in told.items() if states[name][0] != states[name][1]}

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """The numbers of both, in CSR order."""
        return tuple(_ordered({*self.old.outputs, *self.new.outputs}))

    @cached_property
    def crossed(self) -> pd.DataFrame:
        """Probabilities that crossed a limit."""
        return find_crossed(self.moves.cells) if isinstance(self.moves, Moves) else pd.DataFrame()

    @cached_property
    def subjects(self) -> pd.DataFrame:
        """Who came, went, or has another arm or population: ``kind, subject, variable, old, new``, in this order of kinds."""
        every = self.subject_records
        moved = every[(every["status"] != "changed") | (every["kind"] != OTHER)]
        kinds = moved["kind"].mask(moved["status"] != "changed", moved["status"].map({"new": NEW, "gone": GONE}))
        order = {kind: at for at, kind in enumerate((NEW, GONE, ARM, POPULATION))}
        told = moved.assign(kind=kinds)[["kind", "subject", "variable", "old", "new"]]
        return told.iloc[kinds.map(order).argsort(kind="stable")].reset_index(drop=True)

    @cached_property
    def subject_records(self) -> pd.DataFrame:
        """All that changed of subjects' own records: ``kind, status, subject, variable, old, new``, arms and populations first."""
        held = {one.dataset: one for one in self.datasets if one.dataset in SUBJECT_LEVEL}
        level = next((held[name].records for name in SUBJECT_LEVEL if name in held), pd.DataFrame(columns=list(RECORD_COLUMNS)))
        kinds = level["variable"].map(self._kind_of)
        order = {kind: at for at, kind in enumerate((ARM, POPULATION, OTHER))}
        return level.assign(kind=kinds).iloc[kinds.map(order).argsort(kind="stable")].reset_index(drop=True)

    def _kind_of(self, variable: str) -> str:
        if variable in _ARMS or (variable.startswith("TRT0") and variable[4:] and variable[-1] in "PAN"):
            return ARM
        return POPULATION if variable in self.flags else OTHER

    def __repr__(self) -> str:
        records = sum(one.differs for one in self.datasets)
        cells = f", {number_of(len(self.moves.cells), 'result')}" if isinstance(self.moves, Moves) else ""
        told = f"difference in {number_of(records, 'dataset')}{cells}"
        return f"<Comparison of {self.old.name} with {self.new.name}: {told}; print() tells what>"

    def __str__(self) -> str:
        from cgbm1_report.compare.files import write_comparison

        return write_comparison(self, "text").decode("utf-8")

    def _repr_html_(self) -> str:
        from cgbm1_report.compare.pages import make_tables
        from cgbm1_report.emit import emit_html

        told = "".join(map(emit_html, make_tables(self, _SHOWN)))
        return f"{told}<p>All of it: <code>subjects</code>, <code>datasets</code>, <code>moves</code>.</p>"

    @property
    def differs(self) -> bool:
        """Whether anything does."""
        moved = isinstance(self.moves, Moves) and self.moves.differ
        return bool(self.renamed or moved or self.beside or any(one.differs for one in self.datasets))


def limit_outputs(found: Comparison, numbers: Collection[str]) -> Comparison:
    """The comparison with these outputs alone; what differs of the data is the same."""
    if not isinstance(found.moves, Moves):
        return found
    moves = found.moves

    def of(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[frame["output"].isin(numbers)].reset_index(drop=True)

    here = moves.cells["output"].isin(numbers)
    unrounded = moves.unrounded[moves.unrounded.index.isin(numbers)]
    kept = Moves(of(moves.cells), of(moves.rows), of(moves.columns), of(moves.outputs), unrounded)
    behind = tuple(one for one, own in zip(found.behind, here, strict=True) if own)
    return replace(found, moves=kept, behind=behind)


def compare_sides(old: Side, new: Side, trial: Trial, *, unblind: bool = False) -> Comparison:
    """Compare two cuts or two builds.

    Parameters
    ----------
    trial
        The protocol of the newer one: its schemas tell records, its populations flags, its catalogue what outputs are made of.
    unblind
        Compare also where one is blinded and the other is not.

    Raises
    ------
    ArgumentError
        They are not alike (see `refuse_sides`).
    """
    refuse_sides(old, new, unblind=unblind)
    renamed = find_renamed(old.data, new.data)
    before = rename_subjects(old.data, renamed, new.data)
    cutoffs = (old.stamp.cutoff, new.stamp.cutoff)
    datasets = compare_datasets(before, new.data, keys_of(before, new.data), cutoffs)
    moves: Moves | NoMoves = NoMoves()
    behind: tuple[tuple[str, ...], ...] = ()
    words: Mapping[str, Words] = {}
    unasked = {which: tuple(_ordered({*numbers})) for which, numbers in find_unasked(old, new).items()}
    if old.results is not None and new.results is not None:
        entries = catalogue(trial, scope="every")
        sources = {number: entry.source for number, entry in entries.items()}
        reads = find_reads(entries, trial, (before, new.data))
        numbers = [one.renumbered.assign(dataset=one.dataset) for one in datasets]
        results = rename_results(old.results, renamed, pd.concat(numbers) if numbers else pd.DataFrame(), sources)
        moves = compare_results(results, new.results, (_compared(old, unasked["new"]), _compared(new, unasked["old"])))
        moves = _in_csr_order(moves, _ordered({*old.outputs, *new.outputs}))
        words = read_words(moves, old, new, {code: one.label for code, one in trial.parameters.items()})
        besides = Besides(old.findings, new.findings, tell_unlike(old, new, {}))
        behind = _find_behind(moves, Behind(datasets, before, new.data), besides, sources, reads)
    flags = frozenset(population.flag for population in trial.populations)
    unlike = tuple(tell_unlike(old, new, unasked))
    return Comparison(old, new, unlike, renamed, tuple(datasets), moves, behind, flags, unasked=unasked, words=words)


def _compared(side: Side, unasked: Collection[str]) -> list[str]:
    """The outputs of a side that the other was asked for too."""
    return _ordered({*side.outputs}.difference(unasked))


def _ordered(outputs: Sequence[str] | set[str]) -> list[str]:
    """Numbers in CSR order, each followed by those of dose groups."""
    return sorted(outputs, key=lambda number: (csr_order(split_group(number)[0]), number))


def _in_csr_order(moves: Moves, outputs: Sequence[str]) -> Moves:
    order = {number: at for at, number in enumerate(outputs)}

    def put(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.iloc[frame["output"].map(order).argsort(kind="stable")].reset_index(drop=True) if len(frame) else frame

    unrounded = moves.unrounded.sort_index(key=lambda index: index.map(order))
    return Moves(put(moves.cells), put(moves.rows), put(moves.columns), put(moves.outputs), unrounded)


#: Results that count subjects.
_COUNTS = frozenset({"tabulate", "hierarchical", "missing", "proportion_ci"})


def _find_behind(
    moves: Moves, behind: Behind, besides: Besides, sources: Mapping[str, Sequence[str]], reads: Mapping[str, Reads]
) -> tuple[tuple[str, ...], ...]:
    """The records behind each result; the results of one cell share its subjects."""
    cells = moves.cells
    named = list(zip(cells["output"], cells["row"], cells["column"], strict=True))
    whose: dict[tuple[str, str, str], tuple[str, ...]] = {}
    for cell, subjects in zip(named, cells["came"] + cells["went"], strict=True):
        known = whose.get(cell, ())
        whose[cell] = tuple(sorted({*known, *subjects})) if subjects else known
    # A number of events is another one though it is of the same subjects; a missing number is of a count out of nobody.
    other = (cells["stat_name"] == "n") & (cells["old_stat"] != cells["new_stat"]) & cells["old_stat"].notna()
    other &= cells["new_stat"].notna()
    uncounted = {cell for cell, yes in zip(named, other | ~cells["context"].isin(_COUNTS), strict=True) if yes}

    def find(cell: tuple[str, str, str]) -> tuple[str, ...]:
        output, row, column = cell
        number = split_group(output)[0]
        made_of = sources.get(number, ())
        if not set(made_of) - NO_DATA:
            return tuple(besides.find(row))
        alike = cell not in uncounted
        return tuple(behind.find(row, whose[cell], made_of, reads.get(number, EVERYTHING), column, counted_alike=alike))

    found = {cell: find(cell) for cell in dict.fromkeys(named)}
    return tuple(found[cell] for cell in named)

"""The second count of a build: what the declarations say, handed to whoever counts again."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cgbm1_report.build.interactive import Interactive
from cgbm1_report.build.interactive.outputs import tell_outputs
from cgbm1_report.build.results import ARD, read_results
from cgbm1_report.errors import Problem
from cgbm1_report.outputs.catalogue import Entry, catalogue
from cgbm1_report.protocol.trial import POOLED, TOTAL, Trial
from cgbm1_report.recount import Facts, Recounted, datasets_of, raise_on_difference, recount
from cgbm1_report.recount.behind import Found
from cgbm1_report.recount.reviewer import review_closely
from cgbm1_report.system.manifest import MAKING, RESULTS, read_manifest, sha256_of
from cgbm1_report.system.reads import KeptByReads
from cgbm1_report.system.store import open_store
from cgbm1_report.system.workers import Workers, gather
from cgbm1_report.tabulate.files import file_stem, split_group

#: How many results are one part of the work at least, and how many parts there are about: each reads the analysis data again.
_PART, _PARTS = 8_000, 12
#: What is kept of an output that was found equal: how many of its numbers were computed again, and how many not, and why.
_COUNTED = "counted.json"
#: Where it says which datasets an output is asked of, whichever of their variables it asks for.
_DATASETS = "datasets"


def recount_outputs(build: Path, outputs: Sequence[str], trial: Trial, pooled: Collection[int], hands: Workers) -> Recounted:
    """Compute the numbers of a build's outputs a second time, of the analysis data in its folder, and hold them against each other.

    Parameters
    ----------
    pooled
        Phases that are blind: their outputs have one column.
    hands
        Who count.

    Raises
    ------
    ProofError
        A number is not the same in both computations, or numbers of the outputs cannot all be true.
    """
    return begin_recount(build, outputs, trial, pooled, hands)()


def begin_recount(
    build: Path,
    outputs: Sequence[str],
    trial: Trial,
    pooled: Collection[int],
    hands: Workers,
    program: str = "",
    opened: Interactive | None = None,
) -> Callable[[], Recounted]:
    """Begin what `recount_outputs` does; the call that is returned waits for its end, and raises what is found.

    Where ``program`` has a number, an output is not computed again that it computed of the same, and found equal. ``opened`` takes
    the records that were found behind the numbers.
    """
    import pandas as pd

    counts = pd.read_parquet(build / ARD, columns=["output"])["output"].value_counts(sort=False)
    # An output without results may be a listing without records: it is asked too.
    results = {**{str(number): int(count) for number, count in counts.items()}, **{one: 0 for one in outputs if one not in counts}}
    known = frozenset(outputs)
    # What takes longest begins first: the rules look at all outputs together.
    reviewed = hands.call(review_outputs, build, outputs, trial, pooled)
    store = open_store("counts") if program else None
    told = _tell_made_of(build, outputs, trial, pooled, program, pages=opened is not None) if store else {}
    kept = KeptByReads(store, read_manifest(build)[MAKING]["variables"]) if store else None
    taken = {number: found for number, one in told.items() if kept and (found := kept.find(one))}
    left = {number: count for number, count in results.items() if number not in taken}
    parts = [
        hands.call(recount_some, build, part, known, trial, pooled, opened is not None) for part in share_results(left, _PARTS)
    ]

    def end() -> Recounted:
        done = gather(parts, "counting a second time")
        new = Recounted.join([one for one, _ in done])
        made = Recounted.join([*(_unpack(number, files[_COUNTED]) for number, files in taken.items()), new])
        (doubts, looks) = gather([reviewed], "reviewing the numbers")[0]
        made.differences += doubts
        made.looks += looks
        raise_on_difference(made)
        behind = {number: files for _, part in done for number, files in part.items()}
        if kept is not None:
            for number in new.compared.keys() & told.keys():
                read = {**dict.fromkeys(told[number][_DATASETS], ()), **new.reads.get(number, {})}
                kept.keep(told[number], read, {_COUNTED: _pack(number, new), **behind.get(number, {})})
        if opened is not None:
            opened.take({**taken, **behind})
        made.compared = {number: made.compared[number] for number in results if number in made.compared}
        return made

    return end


def _tell_made_of(
    build: Path, outputs: Sequence[str], trial: Trial, pooled: Collection[int], program: str, *, pages: bool
) -> dict[str, dict[str, Any]]:
    """All that the second count of each output follows from but the values it reads; of none whose results are nowhere alone.

    With ``pages`` the records behind its numbers too, which stand where the output prints these.
    """
    common = {"trial": sha256_of(build / "trial.yaml"), "pooled": sorted(pooled), "program": program}
    results = {number: build / RESULTS / f"{number}.parquet" for number in outputs}
    return {
        facts.number: {
            "number": facts.number,
            "results": sha256_of(results[facts.number]),
            _DATASETS: sorted({*datasets_of(facts)}),
            **({"page": sha256_of(build / "outputs" / f"{file_stem(facts.number)}.json")} if pages else {}),
            **common,
        }
        for facts in tell_facts_of([number for number in outputs if results[number].is_file()], trial, pooled)
    }


def _pack(number: str, made: Recounted) -> bytes:
    return json.dumps([made.compared[number], made.unasked[number]]).encode()


def _unpack(number: str, content: bytes) -> Recounted:
    compared, unasked = json.loads(content)
    return Recounted({number: compared}, {number: unasked})


def review_outputs(build: Path, outputs: Sequence[str], trial: Trial, pooled: Collection[int]) -> tuple[list[Problem], list[str]]:
    """What numbers of the outputs cannot all be true, and what of them asks for a look."""
    return review_closely(read_results(build), list(tell_facts_of(outputs, trial, pooled)))


def recount_some(
    build: Path, numbers: Sequence[str], known: Collection[str], trial: Trial, pooled: Collection[int], opened: bool = False
) -> tuple[Recounted, dict[str, dict[str, bytes]]]:
    """Compute the results under some numbers a second time; of ``known`` ones the declarations say what they are.

    Returns
    -------
    tuple
        What was computed; and of each output the files by which a page opens its numbers, where these are asked for.
    """
    ard, declared = read_results(build, numbers), [one for one in numbers if one in known]
    found: dict[str, dict[str, Found]] = {}

    def hear(number: str, context: str, behind: Found) -> None:
        found.setdefault(number, {})[context] = behind

    made = recount(build / "adam", ard, list(tell_facts_of(declared, trial, pooled)), hear if opened else None)
    return made, tell_outputs(build, declared, ard, found) if opened else {}


def share_results(results: Mapping[str, int], count: int) -> list[list[str]]:
    """Numbers of outputs in about so many parts of about as many results, in their order; small ones are fewer."""
    parts: list[list[str]] = []
    room, size = 0, max(_PART, sum(results.values()) // count)
    for number, count in results.items():
        if room <= 0:
            parts.append([])
            room = size
        parts[-1].append(number)
        room -= count
    return parts


def tell_facts_of(outputs: Sequence[str], trial: Trial, pooled: Collection[int]) -> Iterator[Facts]:
    """What the declarations of outputs say, of all that have data."""
    entries = catalogue(trial, scope="every")
    for number in outputs:
        base, group = split_group(number)
        if entries[base].source:
            yield tell_facts(number, entries[base], trial, group, pooled=entries[base].phase in pooled)


def tell_facts(
    number: str, entry: Entry, trial: Trial, group: str = "", *, pooled: bool = False, shown: Collection[str] = ()
) -> Facts:
    """What the declaration of an output says; ``group`` is the dose group in whose document it stands.

    ``shown`` are the only columns it is made with, where these are not all.
    """
    declared, phase, population = entry.declared, entry.phase, trial.population(entry.population)
    arm = trial.arm(group).column if group else None
    columns: dict[str, str | None] = {key: key for key in trial.phases[phase].columns if key != TOTAL}
    if TOTAL in trial.phases[phase].columns and declared.total:
        columns[TOTAL] = None
    if pooled:
        columns = {POOLED: None}
    elif arm:
        columns = {arm: arm}
    elif shown:
        columns = {key: columns[key] for key in columns if key in shown}
    reference = None if pooled or arm else trial.phases[phase].reference
    if shown and not {*columns} - {reference, TOTAL}:
        reference = None
    return Facts(
        number,
        phase if len(trial.phases) > 1 else None,
        tuple(dict.fromkeys((*declared.source, "ADSL"))),
        population.flag,
        population.treatment,
        columns,
        arm,
        declared.chosen_in(trial),
        declared.meanings_in(phase, trial),
        declared.counted_in(phase, trial),
        declared.highest,
        declared.shares,
        int(trial.switches.tte_plus_one),
        reference if reference in columns else None,
        declared.shifts,
        trial.switches.mmrm_df,
        day_zero=declared.day_zero,
        at_risk=declared.at_risk(trial) if declared.at_risk else None,
        listed=declared.listed_in(phase, trial),
        listings=tuple(f"{one}.{phase}{f'-{group}' if group else ''}" for one in declared.listings),
        abbreviations=tuple(trial.abbreviations),
        dtypes=trial.dtypes_of(entry.number),
        models={code: outcome.explain(answer) for code, (outcome, answer) in trial.models_of(entry.number).items()},
    )

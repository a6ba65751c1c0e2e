"""The second count of a build: what the declarations say, handed to whoever counts again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from cgbm1_report.outputs.catalogue import Entry, catalogue
from cgbm1_report.protocol.trial import POOLED, TOTAL, Trial
from cgbm1_report.recount import Facts, Recounted, raise_on_difference, recount
from cgbm1_report.recount.reviewer import look_closer, review
from cgbm1_report.system.workers import Workers, gather
from cgbm1_report.tabulate.files import split_group

#: Results that are counted in the time another process takes to begin; how many results are one part of the work at least, and
#: how many parts a process has: each part reads the analysis data again.
_WORTH, _PART, _PARTS = 20_000, 8_000, 6
#: What of the results is not read for it: the longest, and what people read.
_UNREAD = ("subjects", "stat_label")


def recount_outputs(build: Path, outputs: Sequence[str], trial: Trial, pooled: Collection[int], workers: int = 1) -> Recounted:
    """Compute the numbers of a build's outputs a second time, of the analysis data in its folder, and hold them against each other.

    Parameters
    ----------
    pooled
        Phases that are blind: their outputs have one column.
    workers
        How many processes may count at a time.

    Raises
    ------
    ProofError
        A number is not the same in both computations, or numbers of the outputs cannot all be true.
    """
    import pandas as pd

    ard = pd.read_parquet(build / "ard.parquet")
    # An output without results may be a listing without records: it is asked too.
    results = {str(number): len(own) for number, own in ard.groupby("output", sort=False)}
    results |= {number: 0 for number in outputs if number not in results}
    facts = list(_tell_facts(outputs, trial, pooled))
    hired = min(workers, 1 + len(ard) // _WORTH)
    with Workers(hired) as hands:
        known = frozenset(outputs)
        parts = [hands.call(recount_some, build, part, known, trial, pooled) for part in _share(results, hired * _PARTS)]
        doubts, looks = review(ard, facts), look_closer(ard, facts)
        made = Recounted.join(gather(parts, "counting a second time"))
    made.differences += doubts
    made.looks += looks
    raise_on_difference(made)
    return made


def recount_some(build: Path, numbers: Sequence[str], known: Collection[str], trial: Trial, pooled: Collection[int]) -> Recounted:
    """Compute the results under some numbers a second time; of ``known`` ones the declarations say what they are."""
    import pandas as pd
    from pyarrow.parquet import read_schema

    file = build / "ard.parquet"
    wanted = [name for name in read_schema(file).names if name not in _UNREAD]
    ard = pd.read_parquet(file, columns=wanted, filters=[("output", "in", list(numbers))])
    return recount(build / "adam", ard, list(_tell_facts([one for one in numbers if one in known], trial, pooled)))


def _share(results: Mapping[str, int], count: int) -> list[list[str]]:
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


def _tell_facts(outputs: Sequence[str], trial: Trial, pooled: Collection[int]) -> Iterator[Facts]:
    entries = catalogue(trial, scope="every")
    for number in outputs:
        base, group = split_group(number)
        if entries[base].source:
            yield tell_facts(number, entries[base], trial, group, pooled=entries[base].phase in pooled)


def tell_facts(number: str, entry: Entry, trial: Trial, group: str = "", *, pooled: bool = False) -> Facts:
    """What the declaration of an output says; ``group`` is the dose group in whose document it stands."""
    declared, phase, population = entry.declared, entry.phase, trial.population(entry.population)
    arm = trial.arm(group).column if group else None
    columns: dict[str, str | None] = {key: key for key in trial.phases[phase].columns if key != TOTAL}
    if TOTAL in trial.phases[phase].columns and declared.total:
        columns[TOTAL] = None
    if pooled:
        columns = {POOLED: None}
    elif arm:
        columns = {arm: arm}
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
        None if pooled or arm else trial.phases[phase].reference,
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

"""The reviewer: what the numbers of all outputs must say together, whatever they were computed with.

A rule finds numbers that cannot all be true. Each holds by arithmetic or by what the rows are, for every trial; none is a matter
of judgement, so that a finding stops a build.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import pandas as pd

from cgbm1_report.errors import Problem, number_of
from cgbm1_report.listed import Listed
from cgbm1_report.recount.doubts import CELL, Cells, Doubt
from cgbm1_report.recount.facts import Facts
from cgbm1_report.recount.reviewed_listings import listing_shows_what_its_tables_count
from cgbm1_report.recount.told import is_told
from cgbm1_report.rows import UNNAMED, Key, read_key, tell_key

_COUNTS = ("tabulate", "hierarchical")
#: The column of a listing that names the treatment.
_DOSE_GROUP = "GROUP"
_NEAR = 1e-9
#: Where a difference or ratio says nothing, by the contexts whose test and interval are of one distribution.
_NOTHING_BETWEEN = {"regression": 1.0, "survival_survfit_diff": 0.0}
_ALPHA = 0.05
#: A time that ends in one of several ways, and the time to the first of all of them.
_FIRST_OF_ALL = {"TTLT": "LTFS"}


def share_is_of_its_denominator(cells: Cells) -> Iterator[Doubt]:
    """A proportion is n of N, and n is no more than N."""
    found = cells.of(_COUNTS, "n", "N", "p")
    wrong = found[((found["p"] * found["N"] - found["n"]).abs() > _NEAR * found["N"].clip(lower=1)) | (found["n"] > found["N"])]
    yield from cells.doubt(wrong, lambda one: f"{one['n']:g} of {one['N']:g} is not {one['p']:.6g}")


def summary_is_in_order(cells: Cells) -> Iterator[Doubt]:
    """Minimum, quartiles and maximum ascend, the mean lies between, and no SD is negative."""
    order = ["min", "p25", "median", "p75", "max"]
    found = cells.of(["summary"], *order, "mean")
    falls = pd.Series(False, index=found.index)
    for low, high in [*pairwise(order), ("min", "mean"), ("mean", "max")]:
        falls |= found[low] > found[high] + _NEAR * found[high].abs().clip(lower=1)
    falls |= found["sd"] < 0
    yield from cells.doubt(found[falls], lambda one: ", ".join(f"{name} {one[name]:g}" for name in (*order, "mean", "sd")))


def interval_holds_its_estimate(cells: Cells) -> Iterator[Doubt]:
    """An estimate lies in its interval, and a share in its exact one."""
    found = cells.of([], "estimate", "conf.low", "conf.high")
    limits = cells.of(["proportion_ci"], "conf.low", "conf.high")[[*CELL[:3], "conf.low", "conf.high"]]
    counted = cells.of(_COUNTS, "p")[[*CELL[:3], "p"]].rename(columns={"p": "estimate"})
    both = pd.concat([found, limits.merge(counted, on=CELL[:3])], ignore_index=True)
    slack = _NEAR * both["estimate"].abs().clip(lower=1)
    wrong = both[(both["estimate"] < both["conf.low"] - slack) | (both["estimate"] > both["conf.high"] + slack)]
    yield from cells.doubt(wrong, lambda one: f"{one['estimate']:.6g} is not in {one['conf.low']:.6g}, {one['conf.high']:.6g}")


def p_and_interval_agree(cells: Cells) -> Iterator[Doubt]:
    """A p below 0.05 stands beside a 95% interval without the value that says nothing, any other beside one that holds it."""
    for context, nothing in _NOTHING_BETWEEN.items():
        found = cells.of([context], "p.value", "conf.low", "conf.high")
        outside = (found["conf.low"] > nothing) | (found["conf.high"] < nothing)
        near = (found["p.value"] - _ALPHA).abs() < _NEAR
        wrong = found[(outside != (found["p.value"] < _ALPHA)) & ~near]
        yield from cells.doubt(wrong, lambda one: f"p {one['p.value']:.6g} beside {one['conf.low']:.6g}, {one['conf.high']:.6g}")


def part_is_no_more_than_its_whole(cells: Cells) -> Iterator[Doubt]:
    """A row that says one condition more than another has no more subjects; nor has a level more than its variable."""
    found = cells.of(_COUNTS, "n")
    counts = dict(zip(zip(found["output"], cells.rows_of(found), found["column"], strict=True), found["n"], strict=True))
    for (output, row, column), own in counts.items():
        tops = cells.facts[output].highest
        ranked = any(name in tops for name, _ in row)
        for at, (name, level) in enumerate(row):
            if ranked and name not in tops:
                # A subject's highest grade of one term may be lower than that of its class.
                continue
            shorter = (*row[:at], *row[at + 1 :])
            for whole in (shorter, (*row[:at], (name, None), *row[at + 1 :])) if level is not None else (shorter,):
                all_of_them = counts.get((output, whole, column))
                if all_of_them is not None and own > all_of_them:
                    yield Doubt(
                        output, row, column, f"{number_of(int(own), 'subject')}, and {all_of_them:g} of {tell_key(whole) or 'all'}"
                    )


def total_is_its_columns(cells: Cells) -> Iterator[Doubt]:
    """A column that holds everybody has no fewer than any other; where the others are all its subjects, it has their sum."""
    found = cells.of(_COUNTS, "n", "N")
    whole = {(one.number, head) for one in cells.facts.values() for head, arm in one.columns.items() if arm is None}
    places = zip(found["output"], found["column"], strict=True)
    everybody = pd.Series([place in whole for place in places], index=found.index, dtype="bool")
    sums = found[~everybody].groupby(["output", "row", "context"])[["n", "N"]].agg(["sum", "max", "size"])
    sums.columns = ["_".join(name) for name in sums.columns]
    both = found[everybody].merge(sums.reset_index(), on=["output", "row", "context"])
    wrong = both[(both["n"] < both["n_max"]) | ((both["N"] == both["N_sum"]) & (both["n"] != both["n_sum"]))]
    yield from cells.doubt(
        wrong, lambda one: f"{one['n']:g} in all, {one['n_sum']:g} in its columns, {one['n_max']:g} in one of them"
    )


def _turns(cells: Cells, context: str, name: str, sign: int) -> Iterator[Doubt]:
    """Where a statistic of a curve rises with time (sign 1), or falls (sign -1)."""
    timed = cells.keep(cells.of([context], name), lambda row: row[-1][0] == "time")
    rows = cells.rows_of(timed)
    timed = timed.assign(curve=[repr(row[:-1]) for row in rows], day=[float(row[-1][1] or 0) for row in rows])
    timed = timed.sort_values("day", kind="stable")
    before = timed.groupby(["output", "curve", "column"])[name].shift()
    wrong = timed.assign(before=before)[sign * (timed[name] - before) > _NEAR]
    yield from cells.doubt(wrong, lambda one: f"{name} {one[name]:g} after {one['before']:g}")


def curve_falls(cells: Cells) -> Iterator[Doubt]:
    """A share without the event and a number at risk do not rise with time."""
    for context in ("survival_survfit", "tidycmprsk_cuminc"):
        yield from _turns(cells, context, "n.risk", 1)
    yield from _turns(cells, "survival_survfit", "estimate", 1)


def incidence_rises(cells: Cells) -> Iterator[Doubt]:
    """A share that has ended in one way does not fall with time."""
    yield from _turns(cells, "tidycmprsk_cuminc", "estimate", -1)


def ended_and_free_are_all(cells: Cells) -> Iterator[Doubt]:
    """By a day the shares that ended in each way and the share that is free of all of them are one."""
    sums: dict[tuple[object, ...], float] = {}
    ended = cells.of(["tidycmprsk_cuminc"], "estimate")
    for (_, one), row in zip(ended.iterrows(), cells.rows_of(ended), strict=True):
        place = (one["output"], row[0][1], row[-1], one["column"])
        sums[place] = sums.get(place, 0.0) + one["estimate"]
    together = {
        (*_asked_of(cells.facts[str(output)]), _FIRST_OF_ALL[str(paramcd)], day, column): whole
        for (output, paramcd, day, column), whole in sums.items()
        if paramcd in _FIRST_OF_ALL
    }
    free = cells.of(["survival_survfit"], "estimate")
    for (_, one), row in zip(free.iterrows(), cells.rows_of(free), strict=True):
        output, column, estimate = str(one["output"]), str(one["column"]), float(one["estimate"])
        whole = together.get((*_asked_of(cells.facts[output]), row[0][1], row[-1], column))
        if len(row) == 2 and whole is not None and abs(whole + estimate - 1) > _NEAR:
            yield Doubt(output, row, column, f"{whole:.6g} have ended, {estimate:.6g} have not")


def categories_are_all(cells: Cells) -> Iterator[Doubt]:
    """The categories of a variable are all the subjects with a value."""
    whole = cells.of(["missing"], "N_nonmiss")
    single = cells.of(["tabulate"], "n")
    single = cells.keep(single, lambda row: len(row) == 1 and row[0][1] is not None and row[0][1] not in UNNAMED)
    single = single.assign(row=[cells.place(((row[0][0], None),)) for row in cells.rows_of(single)])
    sums = single.groupby(["output", "row", "column"])["n"].sum().rename("together").reset_index()
    both = whole.merge(sums, on=["output", "row", "column"])
    wrong = both[both["together"] != both["N_nonmiss"]]
    yield from cells.doubt(wrong, lambda one: f"{one['N_nonmiss']:g} with a value, {one['together']:g} in its categories")


def events_and_censored_are_all(cells: Cells) -> Iterator[Doubt]:
    """Subjects with the event and censored ones are all whose time is analysed."""
    found = cells.of(["tabulate"], "n")
    parts = cells.keep(found, lambda row: len(row) == 2 and row[-1] in (("CNSR", "0"), ("CNSR", ">0")))
    sums = parts.assign(row=[cells.place(row[:1]) for row in cells.rows_of(parts)]).groupby(["output", "row", "column"])["n"].sum()
    both = found.merge(sums.rename("together").reset_index(), on=["output", "row", "column"])
    wrong = both[both["together"] != both["n"]]
    yield from cells.doubt(
        wrong, lambda one: f"{number_of(int(one['n']), 'subject')}, {one['together']:g} with an event or censored"
    )


def observed_and_missing_are_expected(cells: Cells) -> Iterator[Doubt]:
    """Subjects with a value and those without one are all of whom one was expected."""
    found = cells.of(["tabulate"], "n", "N")
    missing = cells.keep(found, lambda row: row[-1] == ("observed", "N"))
    partner = [cells.place((*row[:-1], ("observed", "Y"))) for row in cells.rows_of(missing)]
    both = missing.assign(partner=partner).merge(
        found[["output", "row", "column", "n"]].rename(columns={"row": "partner", "n": "seen"}), on=["output", "partner", "column"]
    )
    wrong = both[both["n"] + both["seen"] != both["N"]]
    yield from cells.doubt(wrong, lambda one: f"{one['seen']:g} observed and {one['n']:g} missing of {one['N']:g} expected")


def one_question_has_one_answer(cells: Cells) -> Iterator[Doubt]:
    """What is asked of the same subjects by the same conditions is the same in every output and in a dose group's document."""
    seen: dict[tuple[object, ...], dict[str, tuple[str, float]]] = {}
    names = ["n", "N", "n_events", "mean", "sd", "median", "p25", "p75", "min", "max", "estimate", "n.risk"]
    asked = [*_COUNTS, "summary", "survival_survfit", "tidycmprsk_cuminc"]
    found = cells.frame[cells.frame["context"].isin(asked)]
    places = zip(found["output"], cells.rows_of(found), found["column"], found["context"], strict=True)
    for (output, row, column, told_by), values in zip(places, found[names].to_numpy(dtype="float64").tolist(), strict=True):
        facts = cells.facts[output]
        context = "counts" if told_by in _COUNTS else told_by
        answers = seen.setdefault((*_asked_of(facts), column, context, _conditions(facts, row)), {})
        for name, value in zip(names, values, strict=True):
            if value != value:
                continue
            first, told = answers.setdefault(name, (output, value))
            if abs(told - value) > _NEAR * max(1.0, abs(value)):
                yield Doubt(output, row, column, f"{name} {value:.6g}, and {told:.6g} in {first}")


def _asked_of(facts: Facts) -> tuple[object, ...]:
    return facts.phase, facts.population, facts.treatment, facts.sources[0], facts.dtypes


def _conditions(facts: Facts, row: Key) -> frozenset[object]:
    """What chooses the records of a row: its parts, what stands for them, and what the declaration chooses by."""
    meant = [part for part in row if part in facts.meanings]
    counted = [("counted of", repr(facts.counted_of[part])) for part in row if part in facts.counted_of]
    counted += [("share of", name) for name, _ in row if name in facts.shares]
    where = [] if meant else [(name, value) for name, value in facts.where.items()]
    return frozenset([*row, *where, *counted])


def same_population_has_same_number(cells: Cells) -> Iterator[Doubt]:
    """The denominator of a population's rows is its number, wherever it stands."""
    found = cells.of(_COUNTS, "N")
    seen: dict[tuple[object, ...], tuple[str, float]] = {}
    for output, row, column, total in zip(found["output"], cells.rows_of(found), found["column"], found["N"], strict=True):
        facts = cells.facts[output]
        # Rows told in words may be of fewer: nothing says of whom.
        if any(part in facts.counted_of or (not part[0].isupper() and part not in facts.meanings) for part in row):
            continue
        if any(name in facts.shares for name, _ in row):
            continue
        place = (facts.phase, facts.population, facts.treatment, column)
        first, told = seen.setdefault(place, (output, total))
        if total != told:
            yield Doubt(output, row, column, f"N {total:g}, and {told:g} in {first}")


def landmark_has_somebody_at_risk(cells: Cells) -> Iterator[Doubt]:
    """A share without the event is known on a day while somebody is at risk or after all had it, and never else."""
    found = cells.of(["survival_survfit"], "n.risk")
    nobody = found[(found["n.risk"] == 0) & (found["estimate"] > 0)]
    # A figure says the number at risk alone on some days: what has no estimate is another thing than one that is missing.
    unknown = cells.unknown[cells.unknown["stat_name"] == "estimate"][CELL]
    somebody = found[found["n.risk"] > 0].merge(unknown, on=CELL)
    wrong = pd.concat([nobody, somebody])
    yield from cells.doubt(wrong, lambda one: f"{one['n.risk']:g} at risk, and the estimate is {one['estimate']:g}")


def record_says_the_same_everywhere(cells: Cells) -> Iterator[Doubt]:
    """A record of a dataset says one day, one grade and one word wherever it is listed: a column's name says what it tells.

    The dose group is planned or actual, as the population of the listing has it. A sentence says several values, each of a
    record of its own: those are asked of their records. Columns that are declared to say other things may say so: a value with its
    grade, and the value alone.
    """
    sentences = {number for number, one in cells.facts.items() if is_told(one)}
    texts = cells.texts[cells.texts["stat_fmt"].notna() & ~cells.texts["output"].isin(sentences)]
    # A hundred thousand texts: what is asked of a column is looked up once, and places are compared by their number.
    columns = texts.groupby(["output", "column"], sort=False).ngroup()
    pairs = texts[["output", "column"]].drop_duplicates()
    said_by = [_told_of(cells.facts[output], column) for output, column in pairs.itertuples(index=False, name=None)]
    numbered = pd.Series(pd.factorize(pd.Series(said_by, dtype="object"))[0])[columns.to_numpy()].to_numpy(dtype="int64")
    rows, known = pd.factorize(texts["row"])
    places, _ = pd.factorize(numbered * len(known) + rows)
    texts = texts.assign(place=places)
    first = texts.drop_duplicates("place").set_index("place")
    both = texts.assign(**{f"{name}_first": first[name].reindex(places).array for name in ("output", "stat_fmt")})
    for _, one in both[both["stat_fmt"] != both["stat_fmt_first"]].iterrows():
        said = f"says {one['stat_fmt']!r}, and {one['stat_fmt_first']!r} in {one['output_first']}"
        yield Doubt(str(one["output"]), read_key(one["row"]), str(one["column"]), said)


def _told_of(facts: Facts, column: str) -> str:
    """What a column tells of a record: of which dataset, by which name, by which treatment, and by which rule."""
    return repr((facts.sources[0], column, facts.treatment if column == _DOSE_GROUP else "", _rule_of(facts.listed, column)))


def _rule_of(listed: Listed | None, column: str) -> str:
    """What a column of a listing says of a record, however it looks."""
    item = next((one for one in listed.items if one.key == column), None) if listed else None
    if listed is None or item is None:
        return ""
    return repr((listed.key, listed.sample, replace(item, label="", width=1.0, align="left")))


def hazard_ratio_is_on_the_side_of_the_difference(cells: Cells) -> Iterator[Doubt]:
    """A hazard ratio below 1 stands beside more free of the event at the day its follow-up is cut, unless curves cross."""
    parts = []
    for context in ("regression", "survival_survfit_diff"):
        found = cells.of([context], "estimate")
        rows = cells.rows_of(found)
        parts.append(found.assign(parameter=[str(row[0]) for row in rows], day=[str(row[-1][1]) for row in rows]))
    cut, apart = parts
    both = cut.merge(apart, on=["output", "column", "parameter", "day"], suffixes=("", "_apart"))
    wrong = both[((both["estimate"] - 1) * both["estimate_apart"]) > 0]
    yield from cells.doubt(
        wrong, lambda one: f"hazard ratio {one['estimate']:.3g} beside a difference of {one['estimate_apart']:.3g}"
    )


def log_rank_is_on_the_side_of_the_hazard_ratio(cells: Cells) -> Iterator[Doubt]:
    """The log-rank test and Wald's test of the hazard ratio are on one side of 0.05, unless hazards are far from proportional."""
    test, model = cells.of(["survival_survdiff"], "p.value"), cells.of(["regression"], "p.value")
    both = test.merge(model, on=CELL[:3], suffixes=("", "_model"))
    wrong = both[(both["p.value"] < _ALPHA) != (both["p.value_model"] < _ALPHA)]
    yield from cells.doubt(
        wrong, lambda one: f"log-rank p {one['p.value']:.4f} beside {one['p.value_model']:.4f} of the hazard ratio"
    )


#: What can be true and seldom is: told, for a statistician to look at, and no reason to stop.
LOOKS: Mapping[str, Callable[[Cells], Iterator[Doubt]]] = {
    rule.__name__: rule for rule in (hazard_ratio_is_on_the_side_of_the_difference, log_rank_is_on_the_side_of_the_hazard_ratio)
}
RULES: Mapping[str, Callable[[Cells], Iterator[Doubt]]] = {
    rule.__name__: rule
    for rule in (
        share_is_of_its_denominator, summary_is_in_order, interval_holds_its_estimate, p_and_interval_agree,
        part_is_no_more_than_its_whole, total_is_its_columns, curve_falls, incidence_rises, ended_and_free_are_all,
        categories_are_all, events_and_censored_are_all, observed_and_missing_are_expected, one_question_has_one_answer,
        same_population_has_same_number, landmark_has_somebody_at_risk, record_says_the_same_everywhere,
        listing_shows_what_its_tables_count,
    )
}  # fmt: skip


def review(ard: pd.DataFrame, facts: Sequence[Facts]) -> list[Problem]:
    """Everything that the numbers of a build's outputs say and that cannot all be true.

    Parameters
    ----------
    ard
        The results (docs/contracts.md).
    facts
        What the declarations of the outputs say; results of other outputs are not looked at.
    """
    return _find(Cells(ard, facts))


def review_closely(ard: pd.DataFrame, facts: Sequence[Facts]) -> tuple[list[Problem], list[str]]:
    """What `review` finds; and what may be true of the numbers and asks for a statistician's look, a line each."""
    cells = Cells(ard, facts)
    looks = [
        f"{doubt.output}, {tell_key(doubt.row)}, {doubt.column}: {doubt.said}" for look in LOOKS.values() for doubt in look(cells)
    ]
    return _find(cells), looks


def _find(cells: Cells) -> list[Problem]:
    return [
        Problem(
            f"{doubt.output}: {doubt.said}",
            "ard.parquet",
            name.replace("_", " "),
            f"row {tell_key(doubt.row)}, column {doubt.column}",
            "report this to the maintainers; nothing of it may be filed",
        )
        for name, rule in RULES.items()
        for doubt in rule(cells)
    ]

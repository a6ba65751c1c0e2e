"""The rows of a question, those together that are asked of the same records of the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cgbm1_report.recount.asked import Asked
from cgbm1_report.recount.facts import Facts
from cgbm1_report.rows import Key, Meaning, Shift


@dataclass(frozen=True)
class Group:
    """Rows that are asked of the same records: each with what remains of its key."""

    dataset: str
    meaning: Meaning | None
    of: Meaning | None
    rows: Mapping[int, Key]
    whole: Mapping[int, Key]
    highest: str = ""
    shift: Shift | None = None


#: What stands for the choice of a declaration where all records are asked.
_ALL: Meaning = ({},)


def _shift_groups(asked: Asked) -> Iterator[Group]:
    """Rows of subjects by baseline and worst value, those of one shift together."""
    found: dict[str, list[Key]] = {}
    for row in asked.rows:
        for name in {name for name, _ in row[-2:]} & asked.facts.shifts.keys():
            found.setdefault(name, []).append(row)
    for name, members in found.items():
        shift = asked.facts.shifts[name]
        dataset = asked.database.holder(
            asked.facts, {shift.baseline, shift.variable, *(one for row in members for one, _ in row[:-2])}
        )
        if dataset:
            rows = dict(enumerate(members))
            yield Group(dataset, _ALL, None, rows, rows, shift=shift)
        else:
            asked.reasons |= dict.fromkeys(members, f"no dataset has {shift.baseline}, {shift.variable}")


def group_rows(asked: Asked) -> Iterator[Group]:
    """The rows of a question, those together that are asked of the same records; of what cannot be asked, why not."""
    facts = asked.facts
    found: dict[tuple[str, Key, Key, str], list[tuple[Key, Key]]] = {}
    yield from _shift_groups(asked)
    for row in asked.rows:
        if {name for name, _ in row[-2:]} & facts.shifts.keys():
            continue
        means = tuple(part for part in row if part in facts.meanings)
        rest = tuple(part for part in row if part not in means)
        tops = [name for name, _ in rest if name in facts.highest]
        needed = {facts.highest.get(name, name) for name, _ in rest}
        # What is chosen of the records must be theirs, or their subjects'.
        told = {name for part in means for way in facts.meanings[part] for name, one in way.items() if one.how != "has"}
        needed = needed or told
        dataset = asked.database.holder(facts, needed, dict(rest).get("PARAMCD"))
        words = sorted(name for name in needed if not name.isupper())
        if words:
            asked.reasons[row] = f"rows are told in words ({words[0]})"
        elif len(means) > 1 or not dataset:
            asked.reasons[row] = f"no dataset has {', '.join(sorted(needed))}"
        else:
            of = tuple(part for part in row if part in facts.counted_of)
            found.setdefault((dataset, means, of, tops[0] if tops else ""), []).append((row, rest))
    for (dataset, means, of, top), members in found.items():
        rows, whole = ({at: pair[side] for at, pair in enumerate(members)} for side in (1, 0))
        yield Group(
            dataset,
            facts.meanings[means[0]] if means else None,
            facts.counted_of[of[0]] if of else None,
            rows,
            whole,
            facts.highest.get(top, ""),
        )


def is_share(row: Key, facts: Facts) -> bool:
    """Whether a row is of those who have any value of its last variable; how many these are is of the population."""
    return bool(row) and row[-1][0] in facts.shares and row[-1][1] is not None

"""How records are chosen, as SQL says it: what a declaration chooses by, and what parts of keys mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cgbm1_report.rows import Is, Meaning

#: The variables of each dataset with their kinds.
Columns = Mapping[str, Mapping[str, str]]

#: How a condition is asked; a question mark is a value.
_ASKED = {
    "=": "{} = ?", "not": "{} IS DISTINCT FROM ?", "known": "{} IS NOT NULL", "missing": "{} IS NULL",
    "among": "list_contains(string_split(replace({}, ' ', ''), ';'), ?)", "within": "{} BETWEEN ? AND ?",
    **{how: f"{{}} {how} ?" for how in (">=", "<=", ">", "<")},
}  # fmt: skip


def quote(name: str) -> str:
    """A name of a dataset or a variable, as a name and nothing else."""
    return '"' + name.replace('"', '""') + '"'


def declare(where: Mapping[str, str | tuple[str, ...]], own: Mapping[str, str]) -> tuple[str, list[object]]:
    """The condition by which a declaration chooses records, where they have its variables: of several ways one is enough."""
    told: list[str] = ["true"]
    values: list[object] = []
    for names, chosen in where.items():
        several, given = names.split("|"), (chosen,) if isinstance(chosen, str) else chosen
        if own.keys().isdisjoint(several):
            continue
        ways = [(several[0], one) for one in given] if len(several) == 1 else list(zip(several, given, strict=True))
        told.append(f"({' OR '.join(f'd.{quote(name)} = ?' for name, _ in ways)})")
        values += [value for _, value in ways]
    return " AND ".join(told), values


def choose(ways: Meaning, columns: Columns, dataset: str = "") -> tuple[str, list[object]]:
    """The condition of a meaning: on the records ``d`` of a dataset where they have the variable, else on their subjects ``s``.

    What neither has is missing in all of them.
    """
    values: list[object] = []
    places = {"d": columns.get(dataset, {}), "s": columns["ADSL"]}
    told = [" AND ".join(_conditions(way, places, columns, values)) or "true" for way in ways]
    return f"({' OR '.join(f'({one})' for one in told) or 'false'})", values


def _conditions(
    way: Mapping[str, Is], places: Mapping[str, Mapping[str, str]], columns: Columns, values: list[object]
) -> Iterator[str]:
    """The conditions of a way, where ``places`` are who has variables, the first of them first; their values join ``values``."""
    outwards = dict(reversed([*places.items()]))
    for variable, one in way.items():
        if isinstance(one.value, Mapping) and variable not in columns:
            # Of a dataset that is not there nobody has a record.
            yield "true" if one.how == "lacks" else "false"
            continue
        if isinstance(one.value, Mapping):
            # Dates are told since those of the subject, or of the record that asks.
            inner = " AND ".join(_conditions(one.value, {"e": columns.get(variable, {}), **places}, columns, values))
            found = f"EXISTS (SELECT 1 FROM {quote(variable)} e WHERE e.USUBJID = s.USUBJID AND {inner or 'true'})"
            yield f"NOT {found}" if one.how == "lacks" else found
            continue
        term = _find(variable, places)
        if not term:
            yield "true" if one.how in ("missing", "not") else "false"
            continue
        if one.since:
            since = [found for name in one.since.split("|") if (found := _find(name, outwards))]
            term = f"date_diff('day', COALESCE({', '.join(since)}), {term})" if since else "NULL"
        yield _ASKED[one.how].format(term)
        if "?" in _ASKED[one.how]:
            values += one.value if isinstance(one.value, tuple) else [one.value]


def _find(variable: str, places: Mapping[str, Mapping[str, str]]) -> str:
    return next((f"{place}.{quote(variable)}" for place, own in places.items() if variable in own), "")

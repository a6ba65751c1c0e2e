"""Opens the numbers of the pages as a reader would: of the records that a page shows behind a number it is counted once more.

Reads what a page reads, and shares nothing with who wrote it: the data are unpacked and held against the analysis data, the numbers
against the results, and each count, mean or quantile is computed of the very records that its cell opens to.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.parquet import read_schema, read_table

from cgbm1_report.readback.printed import Finding, address_of, limited
from cgbm1_report.rows import Key, as_key, read_key
from cgbm1_report.system.manifest import INTERACTIVE
from cgbm1_report.tabulate.files import file_stem

OPENED = "a number opens to the records it is counted of"
_CALL = re.compile(r'cgData\("([^"]+)",(.*)\);\n', re.S)
_SUBJECT, _SUBJECTS = "USUBJID", "ADSL"
_LETTERS = [chr(code) for code in range(35, 127) if chr(code) not in "\\<&'`"]
_PLACES = np.full(128, -1)
_PLACES[[ord(letter) for letter in _LETTERS]] = range(len(_LETTERS))
#: Numbers are equal to so many parts: sums are taken in another order.
_EXACT = 1e-9
_NAN = float("nan")


#: What a file raises that is something else than it should be.
_DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, pa.ArrowException)


class _UnreadableError(Exception):
    """A file of the folder is not what a page can read."""


@dataclass
class Opened:
    """How many cells can be opened, how many of their numbers were counted again, and what is not as it should be."""

    cells: int = 0
    numbers: int = 0
    findings: list[Finding] = field(default_factory=list)


def check_opened(folder: Path, outputs: Sequence[str]) -> Opened:
    """Open every number of a build."""
    made = Opened()
    try:
        data = _Data(folder)
        contents = _read(folder, "contents")["outputs"]
        stems = sorted(one["stem"] for one in contents.values())
    except _UnreadableError as error:
        return Opened(findings=[Finding(f"{INTERACTIVE}/{error}", "cannot be read by a page", OPENED)])
    except _DAMAGE:
        return Opened(findings=[Finding(f"{INTERACTIVE}/contents.js", "cannot be read by a page", OPENED)])
    made.findings += data.compare()
    if stems != sorted(map(file_stem, outputs)):
        made.findings.append(Finding(f"{INTERACTIVE}/contents.js", "does not name the outputs of the build", OPENED))
    with suppress(*_DAMAGE):
        # Results that cannot be read are told of their file.
        printed = _Printed(folder)
        for number in outputs:
            try:
                _open(folder, number, data, printed, made)
            except (_UnreadableError, *_DAMAGE):
                said = "cannot be read by a page"
                made.findings.append(Finding(f"{INTERACTIVE}/outputs/{file_stem(number)}.js", said, OPENED, number))
    return made


def _read(folder: Path, name: str) -> Any:
    """What a page is given under a name."""
    file = (
        "/".join([*name.split("/")[:-1], name.split("/")[-1].lower() if name.startswith("data/") else name.split("/")[-1]]) + ".js"
    )
    try:
        told = _CALL.fullmatch((folder / INTERACTIVE / file).read_text(encoding="ascii"))
        if told is None or told[1] != name:
            raise _UnreadableError(file)
        return json.loads(told[2])
    except (OSError, ValueError, RecursionError) as error:
        raise _UnreadableError(file) from error


class _Data:
    """The data that pages open, as they unpack them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.names = sorted(_read(folder, "contents")["datasets"])
        self._told = {name: _read(folder, f"data/{name}") for name in self.names}
        self._values: dict[tuple[str, str], np.ndarray] = {}
        self._who: dict[str, np.ndarray] = {}

    def values(self, name: str, variable: str) -> np.ndarray:
        """The values of a variable, missing as None; of a record that has none its subject's."""
        place = (name, variable)
        if place not in self._values:
            told = self._told[name]
            if variable in told["variables"]:
                self._values[place] = _unpack(told["variables"][variable], told["rows"])
            else:
                own = dict(zip(self.values(_SUBJECTS, _SUBJECT), self.values(_SUBJECTS, variable), strict=True))
                self._values[place] = np.array([own.get(who) for who in self.values(name, _SUBJECT)], dtype=object)
        return self._values[place]

    def who(self, name: str) -> np.ndarray:
        """A number for the subject of each record."""
        if name not in self._who:
            self._who[name] = pd.factorize(self.values(name, _SUBJECT))[0]
        return self._who[name]

    def compare(self) -> Iterator[Finding]:
        """Findings where the data are not those of the build, variable by variable."""
        there = {path.stem.upper(): path for path in sorted((self._folder / "adam").glob("*.parquet"))}
        try:
            wanted = [name for name, path in there.items() if _SUBJECT in read_schema(path).names]
        except _DAMAGE as error:
            yield Finding("adam", f"holds a dataset that cannot be read: {error}", OPENED)
            return
        if wanted != self.names:
            yield Finding(f"{INTERACTIVE}/contents.js", f"names the datasets {', '.join(self.names)}", OPENED)
            return
        subjects = read_table(there[_SUBJECTS])
        for name in self.names:
            table = read_table(there[name])
            for variable in table.column_names:
                if not self._has(name, variable, table, subjects):
                    yield Finding(f"{INTERACTIVE}/data/{name.lower()}.js", f"says other values of {variable}", OPENED)

    def _has(self, name: str, variable: str, table: pa.Table, subjects: pa.Table) -> bool:
        """Whether the values of a variable are those of the build; what is not there is asked of the subject."""
        known = table[variable].combine_chunks()
        try:
            told = self._told[name]
            if variable in told["variables"]:
                return bool(told["rows"] == len(known)) and _says(told["variables"][variable], known)
        except _DAMAGE:
            return False
        if variable not in subjects.column_names:
            return False
        places = pc.index_in(table[_SUBJECT], value_set=subjects[_SUBJECT].combine_chunks())
        return bool(subjects[variable].take(places).combine_chunks().equals(known))


def _places(told: Mapping[str, Any]) -> np.ndarray:
    """Where the values of records stand among the distinct ones."""
    letters = _PLACES[np.frombuffer(told["codes"].encode("ascii"), dtype=np.uint8)].reshape(-1, told["wide"])
    places: np.ndarray = letters @ (len(_LETTERS) ** np.arange(told["wide"])[::-1])
    return places


def _unpack(told: Mapping[str, Any], rows: int) -> np.ndarray:
    if "same" in told:
        return np.full(rows, told["same"], dtype=object)
    if "list" in told:
        return np.array(told["list"], dtype=object)
    known = told["of"]
    return np.array([known[place] for place in _places(told).tolist()], dtype=object)


def _says(told: Mapping[str, Any], known: pa.Array) -> bool:
    """Whether packed values are these."""
    try:
        if "same" in told:
            values = _as(known.type, [told["same"]] * len(known))
        elif "list" in told:
            values = _as(known.type, told["list"])
        else:
            values = _as(known.type, told["of"]).take(pa.array(_places(told)))
    except (pa.ArrowException, ValueError, TypeError):
        return False
    return bool(values.equals(known))


def _as(kind: pa.DataType, values: Sequence[Any]) -> pa.Array:
    """Plain values as the data have them: dates are told as texts."""
    return pa.array(values, type=pa.string()).cast(kind) if pa.types.is_timestamp(kind) else pa.array(values, type=kind)


class _Printed:
    """The printed statistics of each cell, as the results have them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        columns = ["output", "row", "column", "context", "stat_name", "stat", "stat_fmt"]
        ard = pd.read_parquet((folder / "ard.parquet").open("rb"), columns=columns)
        shown = ard[ard["stat_fmt"].notna()]
        self._keys = {row: read_key(row) for row in shown["row"].unique()}
        self._results: dict[str, list[tuple[Any, ...]]] = {}
        for number, *told in zip(*(shown[name].to_numpy(dtype=object) for name in columns), strict=True):
            self._results.setdefault(number, []).append(tuple(told))

    def cells(self, number: str) -> dict[tuple[int, int], Counter[tuple[str, str, float, str]]]:
        """By row and column of the page: context, statistic, value and text."""
        content = json.loads((self._folder / "outputs" / f"{file_stem(number)}.json").read_bytes())
        results: dict[tuple[Key, str], list[tuple[str, str, float, str]]] = {}
        for row, column, *told in self._results.get(number, ()):
            results.setdefault((self._keys[row], column), []).append((told[0], told[1], float(told[2]), told[3]))
        first = int(content.get("stub") is not None)
        return {
            (at, place): Counter(results.get(address_of(as_key(row["key"]), row, column), ()))
            for at, row in enumerate(content.get("rows", ()))
            for place, column in enumerate(content["columns"], first)
        }


def _open(folder: Path, number: str, data: _Data, printed: _Printed, made: Opened) -> None:
    name = f"outputs/{file_stem(number)}"
    output = _read(folder, name)
    sets = [(one, np.cumsum(np.array(steps, dtype=np.int64))) for one, steps in output["sets"]]
    try:
        known = printed.cells(number) if output["cells"] else {}
    except _DAMAGE:
        # An output whose JSON cannot be read is told of that file.
        return
    counted: dict[tuple[str, int, int | None, str], dict[str, float]] = {}
    findings = []
    for row, column, _, analyses in output["cells"]:
        made.cells += 1
        told: Counter[tuple[str, str, float, str]] = Counter()
        place = f"row {row + 1}, column {column + 1}"
        for context, behind, of, variable, stats in analyses:
            again: Mapping[str, float] = {}
            if behind is not None:
                asked = (context, behind, of, variable)
                if asked not in counted:
                    counted[asked] = _AGAIN[context](data, *sets[behind], None if of is None else sets[of][1], variable)
                again = counted[asked]
            for stat, value, _, text in stats:
                told[context, stat, _NAN if value is None else value, text] += 1
                if stat in again:
                    made.numbers += 1
                    if not _equal(value, again[stat]):
                        said = f"{stat} is {value}, and {again[stat]} of the records that the page opens"
                        findings.append(Finding(f"{INTERACTIVE}/{name}.js", said, OPENED, number, place))
        if _plain(told) != _plain(known.get((row, column), Counter())):
            findings.append(Finding(f"{INTERACTIVE}/{name}.js", "has other results than the cell", OPENED, number, place))
    made.findings += limited(findings)


def _plain(told: Counter[tuple[str, str, float, str]]) -> list[tuple[str, str, str, str]]:
    return sorted((context, name, repr(value), text) for (context, name, value, text), count in told.items() for _ in range(count))


def _equal(value: float | None, again: float) -> bool:
    if value is None or math.isnan(again):
        return value is None and math.isnan(again)
    return abs(value - again) <= _EXACT * max(1.0, abs(value))


def _count(data: _Data, name: str, records: np.ndarray, of: np.ndarray | None, _: str) -> dict[str, float]:
    persons = len(set(data.who(name)[records].tolist()))
    told = {"n": float(persons), "N_nonmiss": float(persons), "n_events": float(len(records))}
    if of is not None:
        told |= {"N": float(len(of)), "p": persons / len(of) if len(of) else _NAN}
    return told


def _values(data: _Data, name: str, records: np.ndarray, variable: str) -> np.ndarray:
    found = data.values(name, variable)[records]
    return np.sort(np.array([value for value in found if value is not None], dtype=float))


def _quantile(values: np.ndarray, share: float) -> float:
    """As SAS prints them: where n times the share is whole the mean of two neighbours, else the next value."""
    if not len(values):
        return _NAN
    exact = len(values) * share
    whole = round(exact)
    return float((values[whole - 1] + values[whole]) / 2 if abs(exact - whole) < _EXACT else values[math.ceil(exact) - 1])


def _summarise(data: _Data, name: str, records: np.ndarray, _: np.ndarray | None, variable: str) -> dict[str, float]:
    values = _values(data, name, records, variable)
    count = len(values)
    return {
        "N": float(count),
        "sum": float(values.sum()),
        "mean": float(values.mean()) if count else _NAN,
        "sd": float(values.std(ddof=1)) if count > 1 else _NAN,
        **{stat: _quantile(values, share) for stat, share in (("p25", 0.25), ("median", 0.5), ("p75", 0.75))},
        "min": float(values[0]) if count else _NAN,
        "max": float(values[-1]) if count else _NAN,
    }


def _summarise_logarithms(data: _Data, name: str, records: np.ndarray, _: np.ndarray | None, variable: str) -> dict[str, float]:
    values = _values(data, name, records, variable)
    if not len(values) or values[0] <= 0:
        return {"N": float(len(values)), "geom_mean": _NAN, "geom_cv": _NAN}
    logs = np.log(values)
    spread = 0.0 if values[0] == values[-1] else float(logs.std(ddof=1))
    varied = len(values) > 1
    return {
        "N": float(len(values)),
        "geom_mean": math.exp(float(logs.mean())),
        "geom_cv": math.sqrt(math.expm1(spread**2)) if varied else _NAN,
    }


#: What a page counts again, by the context of the results.
_AGAIN: Mapping[str, Callable[..., dict[str, float]]] = {
    **dict.fromkeys(("tabulate", "hierarchical", "missing"), _count),
    "summary": _summarise,
    "geometric": _summarise_logarithms,
}

"""What a row of an output is: variables with their levels. Labels are made from it by the layout and never read back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

#: A variable and its level; without a level where a row is about the variable itself. What is no variable of the data has
#: a name in lower case.
Part = tuple[str, str | None]
#: What a row is about, from the outermost part inwards: ``(("AEBODSYS", "Cardiac disorders"), ("AEDECOD", "Palpitations"))``.
Key = tuple[Part, ...]


class Is(NamedTuple):
    """What a variable must be: a value, another value or none, among values that ``;`` parts, within a bound, known, missing.

    With ``since`` a date is told in days after another one, that of several names (``TRTEDT|TRTSDT``) which there is first;
    ``within`` has the first and the last of such numbers. ``has`` is said of a dataset: the subject has a record there that is so;
    ``lacks``: the subject has none.
    """

    how: Literal["=", "not", "among", ">=", "<=", ">", "<", "within", "known", "missing", "has", "lacks"]
    value: str | float | tuple[float, float] | Mapping[str, Is] | None = None
    since: str = ""


#: What a part of a key means where it is more than that a variable has a level: records with all of the conditions of one of
#: these ways. Variables that the records do not have are those of their subjects. Of no way: no variable tells it.
Meaning = tuple[Mapping[str, Is], ...]


class Shift(NamedTuple):
    """Where subjects stand by a variable at baseline and by the worst they had after it, as a declaration chooses records.

    ``baseline`` is the variable that all records of a series have in common, ``levels`` are those of ``variable`` from the
    best to the worst. Every subject of a column stands in one row of a series: without a value as ``Missing``.
    """

    baseline: str
    variable: str
    levels: tuple[str, ...]


class AtRisk(NamedTuple):
    """How long subjects are observed: from the day ``begin`` to ``end``, both counted, for at most ``longest`` days after it.

    Whoever has an event is at risk up to its ``onset``.
    """

    begin: str
    end: str
    onset: str
    longest: int | None = None


class Explained(NamedTuple):
    """What a model is of: a variable of a record, and what explains it besides treatment.

    ``covariate`` is a variable of the record (none: empty), ``factors`` are of its subject, and their levels count in means
    alike (``equal``) or as often as records have them (``observed``). ``dose`` is the subject's dose as a number.
    """

    response: str
    covariate: str = ""
    factors: tuple[str, ...] = ()
    weights: str = "equal"
    dose: str = ""


#: Why a narrative is told: its level is the reason, what it means is asked of events, and of subjects without such an event.
REASON, REASON_OF_SUBJECTS = "reason", "reason of subjects"
#: Levels of rows that stand for no value: of a category, a term, a reason, a criterion.
MISSING_LEVEL, NO_TERM, NO_REASON, NO_CRITERION = "Missing", "Uncoded", "REASON MISSING", "CRITERION NOT RECORDED"
UNNAMED = frozenset({MISSING_LEVEL, NO_TERM, NO_REASON, NO_CRITERION})

_WRITER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def write_key(key: Key) -> str:
    """A row's key as text: a JSON list of ``[variable, level]`` pairs, without blanks; no level is ``null``."""
    return _WRITER.encode(key)


def as_key(pairs: Iterable[Iterable[str | None]]) -> Key:
    """A row's key from the pairs of a file."""
    return tuple((str(variable), level) for variable, level in pairs)


def read_key(text: str) -> Key:
    """The key that `write_key` has written."""
    return as_key(json.loads(text))


def number_repeats(keys: Sequence[Key]) -> list[Key]:
    """Keys of records, each once: what a second record shares with a first has the last part ``("record", "2")``."""
    if len(set(keys)) == len(keys):
        return list(keys)
    met: dict[Key, int] = {}
    told = []
    for key in keys:
        met[key] = met.get(key, 0) + 1
        told.append((*key, ("record", str(met[key]))) if met[key] > 1 else key)
    return told


def tell_key(key: Iterable[Sequence[str | None]]) -> str:
    """A row's key in words, for a reader: its variables with their levels."""
    return ", ".join(" ".join(text for text in part if text is not None) for part in key)


@lru_cache(maxsize=1024)
def number_pattern(number: str) -> re.Pattern[str]:
    """Finds a subject's number in a text, and not where it is the beginning or the end of another's."""
    return re.compile(rf"(?<![\w-]){re.escape(number)}(?![\w-])")

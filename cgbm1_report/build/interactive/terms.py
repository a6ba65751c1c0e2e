"""The terms that a reader may search for: levels of rows that are words of the data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: A level that is a number, a bound, a code of one letter: nobody searches for it.
_NO_WORD = re.compile(r"[<>=]*\s*[-\d.,/:]+|.{0,2}")


def tell_terms(content: Mapping[str, Any]) -> dict[str, int]:
    """Each term of a table, as its row says it, with the first row that does. A listing's rows are its records: it has none."""
    if content["kind"] != "table":
        return {}
    found: dict[str, int] = {}
    for at, row in enumerate(content["rows"]):
        named = [(name, level) for name, level in row["key"] if name.isupper() and level is not None]
        if named and not _NO_WORD.fullmatch(named[-1][1]) and row["label"]:
            found.setdefault(row["label"].strip(), at)
    return found

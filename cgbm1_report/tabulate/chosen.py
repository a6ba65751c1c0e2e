"""What records an output counts, as data: variables with the values they have."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import pandas as pd

from cgbm1_report.rows import Is, Meaning

#: Variables with the value they have, or with several of which one is enough. Of ``EOSSTT|DCSFL`` one variable is enough,
#: with the value in its place: ``("DISCONTINUED", "Y")``.
Chosen = Mapping[str, str | tuple[str, ...]]


def find_alternatives(names: str, values: str | tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    """Variables of which one is enough, each with its values of which one is enough."""
    several = names.split("|")
    told = (values,) if isinstance(values, str) else values
    return [(names, told)] if len(several) == 1 else [(name, (value,)) for name, value in zip(several, told, strict=True)]


def chosen_variables(chosen: Chosen) -> tuple[str, ...]:
    """Every variable that records are chosen by, each once."""
    return tuple(dict.fromkeys(name for names in chosen for name in names.split("|")))


def choose(records: pd.DataFrame, chosen: Chosen) -> pd.DataFrame:
    """The records that have these values; one whose variable is missing has none of them."""
    kept = pd.Series(True, index=records.index)
    for names, values in chosen.items():
        ways = [records[name].isin(told) for name, told in find_alternatives(names, values)]
        kept &= pd.concat(ways, axis="columns").any(axis="columns")
    return records[kept]


def ways_of(chosen: Chosen) -> Meaning:
    """The same as ways, each of which is enough."""
    told = [[(name, one) for name, values in find_alternatives(*each) for one in values] for each in chosen.items()]
    return tuple({name: Is("=", value) for name, value in way} for way in product(*told))


def tell_chosen(chosen: Chosen) -> str:
    """The choice in words, as the source line says it: ``ATOXGR = 3 or 4, EOSSTT = DISCONTINUED or DCSFL = Y``."""
    return ", ".join(
        " or ".join(f"{name} = {' or '.join(told)}" for name, told in find_alternatives(names, values))
        for names, values in chosen.items()
    )

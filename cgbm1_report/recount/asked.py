"""The rows that a second count is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cgbm1_report.recount.database import Database
from cgbm1_report.recount.facts import Facts
from cgbm1_report.rows import Key


@dataclass
class Asked:
    """The rows of one context of an output, and what was told of them: what stays open says why."""

    database: Database
    facts: Facts
    rows: Sequence[Key]
    told: Mapping[tuple[Key, str], Mapping[str, float]]
    reasons: dict[Key, str] = field(default_factory=dict)

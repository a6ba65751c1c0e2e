"""What stands behind the cells of an output that is made of no dataset: what the gate found, and what the builds were made with."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cgbm1_report.rows import read_key

_RULE = "RULE"


class Besides:
    """How two sides differ besides their data, asked by rows."""

    def __init__(self, old: pd.DataFrame, new: pd.DataFrame, unlike: Sequence[str]) -> None:
        self._found = _count_findings(old, new)
        self._unlike = list(unlike)

    def find(self, row: str) -> list[str]:
        """What of the findings changed whose rule the row names; of another row all that differs besides the data."""
        levels = {level.partition(": ")[0] for _, level in read_key(row) if level is not None}
        return [text for rule, text in self._found if rule in levels] or list(self._unlike)


def _count_findings(old: pd.DataFrame, new: pd.DataFrame) -> list[tuple[str, str]]:
    """Rules whose findings are other ones now: how many, of which severity, in which datasets."""
    told = [_tell_findings(side) for side in (old, new)]
    return [
        (rule, f"findings of validate, rule {rule}: {before} → {now}")
        for rule in dict.fromkeys([*told[0], *told[1]])
        if (before := told[0].get(rule, "none")) != (now := told[1].get(rule, "none"))
    ]


def _tell_findings(findings: pd.DataFrame) -> dict[str, str]:
    told: dict[str, list[str]] = {}
    for one in findings.to_dict("records"):
        told.setdefault(str(one[_RULE]), []).append(f"{one['COUNT']:.0f} {one['SEVERITY']} in {one['DATASETS']}")
    return {rule: ", ".join(parts) for rule, parts in told.items()}

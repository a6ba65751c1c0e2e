"""What is said of data that blinding took out although no schema declares that they tell treatment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import pandas as pd

from cgbm1_report.validate.findings import collect_findings
from cgbm1_report.validate.schemas import frame_finding


class Withheld(Protocol):
    """A dataset, a variable of it (or none: the whole), and why it is not shown."""

    @property
    def dataset(self) -> str: ...
    @property
    def variable(self) -> str: ...
    @property
    def why(self) -> str: ...


def say_withheld(withheld: Iterable[Withheld]) -> pd.DataFrame:
    """One finding (I) per dataset and reason; no subject is named, and no number."""
    places: dict[tuple[str, str], list[str]] = {}
    for one in withheld:
        places.setdefault((one.dataset, one.why), []).append(one.variable)
    parts = []
    for (dataset, why), variables in places.items():
        names = ", ".join(sorted(name for name in variables if name))
        what = f"withheld of subjects of a blind phase: {names or 'every record'}; {why}"
        parts.append(frame_finding(dataset, "", what, severity="I", rule="V33").assign(remedy="none, unless it is to be reported"))
    return collect_findings(parts)

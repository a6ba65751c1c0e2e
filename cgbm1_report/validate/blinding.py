"""What is said of blinding: what it took out without being told to, who was unblinded alone, which day the data end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Protocol

import pandas as pd

from cgbm1_report.errors import number_of
from cgbm1_report.validate.findings import collect_findings
from cgbm1_report.validate.schemas import frame_finding

_REMEDY = (
    "none, unless it is to be reported: a variable of supplied ADaM that tells no treatment is named in trial.yaml (seen_blind)"
)


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
        parts.append(frame_finding(dataset, "", what, severity="I", rule="V33").assign(remedy=_REMEDY))
    return collect_findings(parts)


def say_unblinded(subjects: Mapping[int, int]) -> pd.DataFrame:
    """One finding (I) per phase in which subjects were unblinded one by one; whom, the record says."""
    parts = [
        frame_finding(
            "UNBLINDING",
            "",
            f"{number_of(count, 'subject')} of phase {phase} unblinded one by one: that opens no phase",
            "V33",
            "I",
        )
        for phase, count in subjects.items()
    ]
    return collect_findings(part.assign(remedy="none") for part in parts)


def say_cutoff(cutoff: date | None, *, about: bool) -> pd.DataFrame:
    """One finding (I) where the cut does not name the day the data end; ``about`` says whether it has a cut.json."""
    told = f"{cutoff}, of TS or of trial.yaml" if cutoff else "unknown: nothing is held against it"
    found = frame_finding("CUT", "", f"the cut does not name its data cut-off: it is {told}", "V32", "I")
    remedy = 'write "cutoff": "YYYY-MM-DD" into cut.json' if about else 'put cut.json {"cutoff": "YYYY-MM-DD"} into the cut'
    return found.assign(remedy=remedy)

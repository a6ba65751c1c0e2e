"""The record that opens a blind phase, as a protocol declares it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from cgbm1_report.protocol.clinical import Frozen

if TYPE_CHECKING:
    from cgbm1_report.protocol.trial import Trial

#: Scope of a record of one subject, as of an emergency.
OF_ONE = "SUBJECT"
#: The record lies in the cut itself, beside its other files.
_CSV = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\.csv")
_OTHER_FILES = frozenset({"src_decisions.csv", "narratives.csv"})
_REASONS: dict[str, tuple[str, ...]] = {"PHASE": ("FINAL ANALYSIS",), "SUBJECT": ("EMERGENCY",)}


class Unblinding(Frozen):
    """The record that opens a blind phase: its file, its columns, its scopes with their reasons.

    ``opens`` is the scope that opens a phase; a record of any other scope opens nothing.
    """

    file: str = "unblinding.csv"
    columns: tuple[str, ...] = ("PHASE", "SCOPE", "USUBJID", "UNBLDTC", "REASON", "NAME")
    opens: str = "PHASE"
    reasons: dict[str, tuple[str, ...]] = Field(default_factory=lambda: dict(_REASONS))

    @model_validator(mode="after")
    def _is_whole(self) -> Unblinding:
        lacking = {"PHASE", "SCOPE", "USUBJID", "UNBLDTC", "REASON", "NAME"} - set(self.columns)
        if lacking or self.opens not in self.reasons:
            raise ValueError(
                f"columns lack {', '.join(sorted(lacking))}" if lacking else f"opens {self.opens!r} is no scope of reasons"
            )
        if self.opens == OF_ONE:
            raise ValueError(f"a record of scope {OF_ONE} is of one subject: it cannot open a whole phase")
        if not self.reasons[self.opens]:
            raise ValueError(f"scope {self.opens} has no reason, so that no record could open a phase")
        if not _CSV.fullmatch(self.file) or self.file.lower() in _OTHER_FILES:
            raise ValueError(f"{self.file!r} is no name of a file of its own in the cut: write it as unblinding.csv")
        return self


def declared(trial: Trial | None) -> Unblinding:
    """The record as the trial declares it; the usual one where it says nothing."""
    return (trial.unblinding if trial else None) or Unblinding()

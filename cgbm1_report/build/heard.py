"""What physicians wrote of events: with which event of the cut each text stands, which has none, and whose event changed since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cgbm1_report.errors import number_of

if TYPE_CHECKING:
    import pandas as pd

    from cgbm1_report.build.gate import Data, Sight
    from cgbm1_report.build.request import Request
    from cgbm1_report.protocol.trial import Trial

#: What becomes of a text that is told of.
_UNHEARD = ("printed nowhere", "written before their event changed")


@dataclass(frozen=True)
class Heard:
    """Texts with their events, by name of the frame; the findings on the others, and how many these are, in words."""

    frames: dict[str, pd.DataFrame] = field(default_factory=dict)
    findings: tuple[pd.DataFrame, ...] = ()

    @property
    def told(self) -> tuple[str, ...]:
        """How many texts are printed nowhere, and how many were written before their event changed."""
        return tuple(
            f"{what}: {number_of(len(found), 'text')}; findings on NARRATIVES say which and why"
            for found, what in zip(self.findings, _UNHEARD, strict=False)
            if len(found)
        )


def hear_texts(sight: Sight, adam: dict[str, pd.DataFrame]) -> Heard:
    """Physicians' texts with their events; the findings of those that no event has, and of those whose event changed."""
    from cgbm1_report.outputs.narrative_texts import give_events, print_texts
    from cgbm1_report.validate.reading import say_changed, say_unheard

    heard = give_events(sight.cut, adam, sight.trial, sight.pooled, sight.subjects)
    if heard is None:
        return Heard()
    return Heard({"NARRATIVES": print_texts(heard)}, (say_unheard(heard.lost), say_changed(heard.changed)))


def warn_texts(request: Request, trial: Trial, data: Data, numbers: Iterable[str]) -> list[str]:
    """What build.log says of texts: which are printed nowhere or are of an event that changed, and how many are not written.

    Nothing in a package, which is of other pages. ``numbers`` are the outputs that are made.
    """
    from cgbm1_report.build.unfinished import phases_of, tell_unwritten

    if request.package:
        return []
    unwritten = tell_unwritten(data.adam, trial, phases_of(request, trial), numbers)
    return [*data.texts, *([unwritten] if unwritten else [])]

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


@dataclass(frozen=True)
class Heard:
    """Texts with their events, by name of the frame; the findings on the others, and how many these are, in words."""

    frames: dict[str, pd.DataFrame] = field(default_factory=dict)
    findings: tuple[pd.DataFrame, ...] = ()
    told: tuple[str, ...] = ()


def _tell_heard(lost: dict[str, int], changed: int) -> tuple[str, ...]:
    """How many texts are printed nowhere, by what became of their events, and how many were written before their event changed."""
    counts = {"printed nowhere": ", ".join(f"{number_of(count, 'text')} {what}" for what, count in lost.items())}
    counts["written before their event changed"] = number_of(changed, "text") if changed else ""
    return tuple(f"{what}: {said}; findings on NARRATIVES say which and why" for what, said in counts.items() if said)


def hear_texts(sight: Sight, adam: dict[str, pd.DataFrame]) -> Heard:
    """Physicians' texts with their events; the findings of those that no event has, and of those whose event changed."""
    from cgbm1_report.derive.narratives import count_lost
    from cgbm1_report.outputs.narrative_texts import give_events, print_texts
    from cgbm1_report.validate.reading import say_changed, say_unheard

    heard = give_events(sight.cut, adam, sight.trial, sight.pooled, sight.subjects)
    if heard is None:
        return Heard()
    told = _tell_heard(count_lost(heard.lost), len(heard.changed))
    return Heard({"NARRATIVES": print_texts(heard)}, (say_unheard(heard.lost), say_changed(heard.changed)), told)


def warn_texts(request: Request, trial: Trial, data: Data, numbers: Iterable[str]) -> list[str]:
    """What build.log says of texts: which are printed nowhere or are of an event that changed, and how many are not written.

    Nothing in a package, which is of other pages. ``numbers`` are the outputs that are made.
    """
    from cgbm1_report.build.unfinished import phases_of, tell_unwritten

    if request.package:
        return []
    unwritten = tell_unwritten(data.adam, trial, phases_of(request, trial), numbers)
    return [*data.texts, *([unwritten] if unwritten else [])]

"""Analysis datasets of a study, as an analyst gets them: copies, whatever is done to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from cgbm1_report.errors import PlanError, suggest


class NoFrameError(PlanError, KeyError):
    """A dataset that a study does not have: a KeyError too, as of any mapping."""

    __str__ = Exception.__str__


class Frames(Mapping[str, pd.DataFrame]):
    """Datasets by their names, in any case of letters; every frame handed out is a copy (on write)."""

    def __init__(self, frames: Mapping[str, pd.DataFrame]) -> None:
        self._frames = frames

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self:
            remedy = suggest(str(name), list(self._frames))
            raise NoFrameError(f"{name!r} is no dataset of this study", rule="study.data", remedy=remedy)
        return self._frames[self._find(name)].copy(deep=False)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._find(name) in self._frames

    def _find(self, name: str) -> str:
        """The name as the study has it; letter case means nothing."""
        return name if name in self._frames else name.upper()

    def __iter__(self) -> Iterator[str]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)

    def __repr__(self) -> str:
        return f"<Datasets: {', '.join(self._frames)}>"

"""Analysis datasets that many outputs are made from: what they choose alike is chosen once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from functools import partial

import pandas as pd

from cgbm1_report.tabulate.noted import note_frame

#: Values that chosen frames may hold together. Of a trial ten times the size each output chooses for itself.
_ROOM = 6_000_000


class Shared(Mapping[str, pd.DataFrame]):
    """The datasets of one protocol, which nobody changes, with the frames that outputs have chosen of them.

    To choose the subjects of a population takes longer than to count them. Every frame is handed out as a copy on write:
    what one output does to it, no other sees. What was not asked for longest makes room.

    Where it is ``noted``, it knows which variables of which datasets an output has read (:mod:`.noted`).
    """

    def __init__(self, adam: Mapping[str, pd.DataFrame], *, noted: bool = False) -> None:
        self._adam, self._noted = adam, noted
        self._chosen: dict[Hashable, pd.DataFrame] = {}
        self._asked: dict[str, set[str]] = {}
        self._asked_by: dict[Hashable, dict[str, set[str]]] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        self._note(name, ())
        frame = self._adam[name]
        return note_frame(frame, {str(one): str(one) for one in frame}, partial(self._note, name)) if self._noted else frame

    def __contains__(self, name: object) -> bool:
        self._note(str(name), ())
        return name in self._adam

    def __iter__(self) -> Iterator[str]:
        for name in self._adam:
            self._note(name, ())
        return iter(self._adam)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _note(self, name: str, variables: Iterable[str]) -> None:
        self._asked.setdefault(name, set()).update(variables)

    def begin(self) -> None:
        """An output begins to ask."""
        self._asked = {}

    @property
    def asked(self) -> dict[str, set[str]]:
        """The variables that were read since an output began, by dataset, there or not, also of what was chosen of them before."""
        return {name: set(variables) for name, variables in self._asked.items()}

    def choose(self, asked: Hashable, choose: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """What was chosen when this was asked before; else it is chosen now. An error is kept by nobody."""
        found = self._chosen.pop(asked, None)
        if found is None:
            before, self._asked = self._asked, {}
            try:
                found = choose()
            finally:
                by, self._asked = self._asked, before
            self._asked_by[asked] = by
        for name, variables in self._asked_by[asked].items():
            self._note(name, variables)
        self._chosen[asked] = found
        while sum(frame.size for frame in self._chosen.values()) > _ROOM:
            del self._chosen[next(iter(self._chosen))]
        return found.copy(deep=False)

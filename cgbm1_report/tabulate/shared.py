"""Analysis datasets that many outputs are made from: what they choose alike is chosen once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping

import pandas as pd

#: Values that chosen frames may hold together. Of a trial ten times the size each output chooses for itself.
_ROOM = 6_000_000


class Shared(Mapping[str, pd.DataFrame]):
    """The datasets of one protocol, which nobody changes, with the frames that outputs have chosen of them.

    To choose the subjects of a population takes longer than to count them. Every frame is handed out as a copy on write:
    what one output does to it, no other sees. What was not asked for longest makes room.
    """

    def __init__(self, adam: Mapping[str, pd.DataFrame]) -> None:
        self._adam = adam
        self._chosen: dict[Hashable, pd.DataFrame] = {}
        self._asked: set[str] = set()
        self._asked_by: dict[Hashable, frozenset[str]] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        self._asked.add(name)
        return self._adam[name]

    def __contains__(self, name: object) -> bool:
        self._asked.add(str(name))
        return name in self._adam

    def __iter__(self) -> Iterator[str]:
        self._asked.update(self._adam)
        return iter(self._adam)

    def __len__(self) -> int:
        self._asked.update(self._adam)
        return len(self._adam)

    def begin(self) -> None:
        """An output begins to ask."""
        self._asked = set()

    @property
    def asked(self) -> frozenset[str]:
        """The datasets that were asked for since an output began, there or not, also by what was chosen of them before."""
        return frozenset(self._asked)

    def choose(self, asked: Hashable, choose: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """What was chosen when this was asked before; else it is chosen now. An error is kept by nobody."""
        found = self._chosen.pop(asked, None)
        if found is None:
            before, self._asked = self._asked, set()
            found = choose()
            self._asked_by[asked] = frozenset(self._asked)
            self._asked |= before
        self._asked |= self._asked_by[asked]
        self._chosen[asked] = found
        while sum(frame.size for frame in self._chosen.values()) > _ROOM:
            del self._chosen[next(iter(self._chosen))]
        return found.copy(deep=False)

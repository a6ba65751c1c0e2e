"""Frames that note which variables were read of them: an output is made again where one of those has changed, not where any has.

Whatever an output does to such a frame counts as reading all of it, but for the few ways that are known to read less: a
variable by its name, some variables, a choice of records. Nothing is reached without being noted, as pandas itself asks for
the values in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

#: Says that variables were read.
Note = Callable[[Iterable[str]], None]


class NotedFrame(pd.DataFrame):
    """A frame whose variables are noted when they are read; in all else it is the frame.

    Its columns may have other names than the variables of the dataset, and some may be none of it (`note_frame`).
    """

    @property
    def _constructor(self) -> Any:
        # What is made in a way nobody knows has been noted whole, and is a plain frame.
        return pd.DataFrame

    @property
    def _mgr(self) -> Any:
        """Where pandas keeps the values: whoever comes here by himself may read all of them."""
        self._note_columns(self.__dict__["_own"])
        return self.__dict__["_plain"]._mgr

    @_mgr.setter
    def _mgr(self, manager: Any) -> None:
        self.__dict__["_plain"] = pd.DataFrame._from_mgr(manager, manager.axes)  # type: ignore[attr-defined]
        self.__dict__.setdefault("_own", {})

    def _note_columns(self, columns: Iterable[object]) -> None:
        own = self.__dict__["_own"]
        if own:
            self.__dict__["_note"]([own[name] for name in columns if name in own])

    def _like(self, plain: pd.DataFrame, own: Mapping[str, str] | None = None) -> NotedFrame:
        return note_frame(plain, self.__dict__["_own"] if own is None else own, self.__dict__["_note"])

    # ---- what tells names and sizes alone

    @property
    def columns(self) -> Any:
        """The names of the columns."""
        return self.__dict__["_plain"].columns

    @columns.setter
    def columns(self, names: Any) -> None:
        self._note_columns(self.__dict__["_own"])
        self.__dict__["_plain"].columns = names

    @property
    def index(self) -> Any:
        """The places of the records."""
        return self.__dict__["_plain"].index

    @index.setter
    def index(self, index: Any) -> None:
        self.__dict__["_plain"].index = index

    @property
    def attrs(self) -> Any:
        """What is said of the dataset and its variables."""
        return self.__dict__["_plain"].attrs

    @attrs.setter
    def attrs(self, told: Any) -> None:
        self.__dict__["_plain"].attrs = told

    @property
    def axes(self) -> list[Any]:
        """Both."""
        axes: list[Any] = self.__dict__["_plain"].axes
        return axes

    @property
    def shape(self) -> tuple[int, int]:
        """How many records and columns."""
        shape: tuple[int, int] = self.__dict__["_plain"].shape
        return shape

    @property
    def size(self) -> int:
        """How many values."""
        return int(self.__dict__["_plain"].size)

    @property
    def empty(self) -> bool:
        """Whether there is no value."""
        return bool(self.__dict__["_plain"].empty)

    @property
    def dtypes(self) -> Any:
        """Of what kind the columns are."""
        return self.__dict__["_plain"].dtypes

    def __len__(self) -> int:
        return len(self.__dict__["_plain"])

    def __contains__(self, name: object) -> bool:  # type: ignore[misc] # pandas asks the values, whose names alone are wanted
        return name in self.__dict__["_plain"]

    def __iter__(self) -> Any:
        return iter(self.__dict__["_plain"])

    # ---- what reads some variables, or none

    def __getitem__(self, key: Any) -> Any:
        plain = self.__dict__["_plain"]
        if isinstance(key, str):
            self._note_columns([key])
        elif isinstance(key, list) and all(isinstance(one, str) for one in key):
            self._note_columns(key)
        elif _is_mask(key):
            return self._like(plain[key])
        else:
            self._note_columns(self.__dict__["_own"])
        return plain[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        if not isinstance(key, str):
            self._note_columns(self.__dict__["_own"])
        self.__dict__["_plain"][key] = value
        if isinstance(key, str):
            self.__dict__["_own"] = {name: variable for name, variable in self.__dict__["_own"].items() if name != key}

    @property
    def loc(self) -> Any:
        """Records and columns by their names."""
        return _Places(self, "loc")

    @property
    def iloc(self) -> Any:
        """Records by their place."""
        return _Places(self, "iloc")

    def copy(self, deep: bool = True) -> Any:  # type: ignore[misc] # what is copied stays noted
        """The same, to be changed."""
        return self._like(self.__dict__["_plain"].copy(deep=deep))

    def assign(self, **values: Any) -> Any:
        """The same with columns that are none of the dataset's."""
        made = self.copy(deep=False)
        for name, value in values.items():
            made[name] = value(made) if callable(value) else value
        return made

    def reset_index(self, *given: Any, **told: Any) -> Any:
        """The same records, counted anew; whose index becomes a column is read whole."""
        if given or told != {"drop": True}:
            return super().reset_index(*given, **told)
        return self._like(self.__dict__["_plain"].reset_index(drop=True))

    def drop(self, *given: Any, **told: Any) -> Any:
        """The same without some columns; without some records it is read whole."""
        if given or not set(told) <= {"columns", "errors"}:
            return super().drop(*given, **told)
        return self._like(self.__dict__["_plain"].drop(**told))

    def rename(self, *given: Any, **told: Any) -> Any:
        """The same with columns under other names."""
        names = told.get("columns")
        if given or set(told) != {"columns"} or not isinstance(names, dict):
            return super().rename(*given, **told)
        own = {names.get(name, name): variable for name, variable in self.__dict__["_own"].items()}
        return self._like(self.__dict__["_plain"].rename(columns=names), own)

    def sort_values(self, by: Any, **told: Any) -> Any:
        """The records in the order of some variables."""
        if not set(told) <= {"kind", "ascending", "na_position", "ignore_index"}:
            return super().sort_values(by, **told)
        self._note_columns([by] if isinstance(by, str) else by)
        return self._like(self.__dict__["_plain"].sort_values(by, **told))

    def drop_duplicates(self, subset: Any = None, **told: Any) -> Any:
        """The first record of each combination of some variables."""
        if subset is None or not set(told) <= {"keep", "ignore_index"}:
            return super().drop_duplicates(subset, **told)
        self._note_columns([subset] if isinstance(subset, str) else subset)
        return self._like(self.__dict__["_plain"].drop_duplicates(subset, **told))

    def dropna(self, *given: Any, **told: Any) -> Any:
        """The records in which some variables are known."""
        if given or set(told) != {"subset"}:
            return super().dropna(*given, **told)
        subset = told["subset"]
        self._note_columns([subset] if isinstance(subset, str) else subset)
        return self._like(self.__dict__["_plain"].dropna(subset=subset))


class _Places:
    """Records of a noted frame, by what is known of them; a place that is written to is no variable any more."""

    def __init__(self, frame: NotedFrame, kind: str) -> None:
        self._frame, self._kind = frame, kind

    def __getitem__(self, key: Any) -> Any:
        frame, plain = self._frame, self._frame.__dict__["_plain"]
        records, columns = key if isinstance(key, tuple) and len(key) == 2 else (key, None)
        known = isinstance(records, (pd.Series, pd.Index, slice)) or _is_mask(records)
        if columns is None and known:
            found = getattr(plain, self._kind)[records]
            return frame._like(found)
        named = [columns] if isinstance(columns, str) else columns
        if self._kind == "loc" and isinstance(named, list) and all(isinstance(one, str) for one in named):
            frame._note_columns(named)
        else:
            frame._note_columns(frame.__dict__["_own"])
        return getattr(plain, self._kind)[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._frame._note_columns(self._frame.__dict__["_own"])
        getattr(self._frame.__dict__["_plain"], self._kind)[key] = value


def _is_mask(key: object) -> bool:
    return isinstance(key, (pd.Series, pd.api.extensions.ExtensionArray)) and pd.api.types.is_bool_dtype(key.dtype)


def note_frame(plain: pd.DataFrame, own: Mapping[str, str], note: Note) -> NotedFrame:
    """A frame of which is noted what is read: ``own`` are its columns that are a dataset's, each with its variable there."""
    held = plain.copy(deep=False)
    made: NotedFrame = NotedFrame._from_mgr(held._mgr, held.axes)  # type: ignore[attr-defined]
    made.__dict__["_plain"] = held
    made.__dict__["_own"] = {name: variable for name, variable in own.items() if name in held}
    made.__dict__["_note"] = note
    return made

"""How pandas holds the texts of a cut: as Python does while they are few, as Arrow does where they are many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

#: Bytes of a cut's files from which Arrow is quicker: rules and derivations ask thousands of small questions, each of which
#: costs more in Arrow, and of some hundred thousand records less. Measured: 30 % more at 0.3 MB, as much at some 40 MB.
_MANY = 40_000_000
#: What of a parquet file stands in it packed.
_PACKED = {".parquet": 10}
PLAIN, ARROW = "python", "pyarrow"


def choose_storage(files: Iterable[Path]) -> str:
    """Which storage of pandas' ``str`` a cut's datasets are read into; the values are the same.

    Parameters
    ----------
    files
        The files of its datasets. One that is gone counts for nothing: who reads it says so.
    """
    return PLAIN if sum(_weigh(file) for file in files) < _MANY else ARROW


def _weigh(file: Path) -> int:
    try:
        return file.stat().st_size * _PACKED.get(file.suffix.lower(), 1)
    except OSError:
        return 0


@contextmanager
def hold_texts(storage: str) -> Iterator[None]:
    """Let the frames that are made in a block hold their texts so; what pandas does afterwards stays as its user set it."""
    import pandas as pd

    with pd.option_context("mode.string_storage", storage):
        yield


def hold_as_arrow(frame: pd.DataFrame) -> pd.DataFrame:
    """The same with its texts in Arrow, as frames are that are read from a build's files; labels stay in ``attrs``."""
    with hold_texts(ARROW):
        other = {name: "str" for name, kind in frame.dtypes.items() if _is_other(kind)}
        held = frame.astype(other) if other else frame
        return held.set_axis(frame.columns.astype("str"), axis=1) if _is_other(frame.columns.dtype) else held


def _is_other(kind: object) -> bool:
    return getattr(kind, "storage", ARROW) != ARROW

"""What is told of a place that takes no more: one problem that names what was being made, whatever met it first."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cgbm1_report.errors import ReportError, RoomError, WritingError, join_errors

#: What a place says that takes no more: no space, no quota, too large, a fault, not to be written to.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})
#: Of these, where it is room that is missing.
_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_REMEDY = "make room on the disk it lies on, or have the quota or the limit of file sizes raised (ulimit -f)"
_OTHERWISE = "check the folder, its permissions and the space left"


def tell_unwritten(
    error: OSError, file: Path, did: str = "cannot be written", *, rule: str = "", remedy: str = _OTHERWISE
) -> WritingError:
    """The error of a file or folder that cannot be written; where room is missing, of the kind, rule and remedy that say so."""
    said = f"{did}: {os.strerror(error.errno) if error.errno in _ROOM else error.strerror or error}"
    if error.errno in _ROOM:
        return RoomError(said, file=file, rule=RoomError.rule, remedy=_REMEDY)
    return WritingError(said, file=file, rule=rule, remedy=remedy)


def tell_undone(error: OSError, target: Path) -> str:
    """What could not be done: of a folder that is there and takes none (/proc) the system says that something is not there."""
    if error.errno != errno.ENOENT:
        return "cannot be written"
    return f"{target.name} cannot be made in it" if target.parent.is_dir() else "cannot be made"


@contextmanager
def telling_room(target: Path, root: Path) -> Iterator[None]:
    """Tell once, and of the target, that room was missing in the folder of the work.

    A notebook, a renderer and the copy of a font meet a full disk each in its own words, and of files that are gone with the
    work. What else went wrong meanwhile is told beside it.

    Raises
    ------
    ReportError
        In place of what told it.
    """
    try:
        yield
    except OSError as error:
        # What is copied is named first, then where it goes to; what writes into an open file knows no path.
        named = [Path(os.fsdecode(name)) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
        if error.errno in _ROOM and (not named or any(root in path.parents for path in named)):
            raise _lacking(target, root, f"cannot be written: {os.strerror(error.errno)}") from error
        raise
    except ReportError as error:
        short = [problem for problem in error.problems if problem.rule == RoomError.rule]
        if not short:
            raise
        # What a cell raised is a text of its own, in which the system's words stand somewhere.
        said = next((problem.message for problem in short if not problem.place), "cannot be written: no room is left")
        told = _lacking(target, root, said)
        others = [problem for problem in error.problems if problem not in short]
        raise (join_errors([told, type(error).of(others)]) if others else told) from error


def _lacking(target: Path, root: Path, said: str) -> WritingError:
    told = f"{said}, after {_written(root) / 1e6:.1f} MB of it were written"
    return WritingError(told, file=target, rule=RoomError.rule, remedy=_REMEDY)


def _written(root: Path) -> int:
    """Bytes of all files below a folder."""
    total = 0
    for place, _, names in os.walk(root):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total

"""What is written appears whole or not at all, and outlives a crash: workrooms, and the move into place.

A run works in a hidden folder beside its target, ``.NAME.cgbm1-xxxxxxxx``, that only its owner may enter.
In it lie ``lock`` (held with flock as long as the process lives), ``made`` (what becomes the target),
``scratch`` (temporary files of the run and of its children) and, for a moment, ``old`` (the target on its
way out). What a killed run leaves there is swept by the next one that starts beside it, and an ``old``
whose place is empty is put back first.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from cgbm1_report.errors import BusyError, PlanError
from cgbm1_report.system.room import FULL, tell_undone, tell_unwritten, telling_room
from cgbm1_report.system.temporary import temporary_files_in

try:
    import fcntl
except ImportError:  # without it nothing is known of other runs, and nothing of theirs is swept
    fcntl = None  # type: ignore[assignment]

_ROOM = re.compile(r"\..+\.cgbm1-[a-z0-9_]{8}")
_PROGRAM = "cgbm1-report"
_LOCK, _MADE, _OLD, _SCRATCH = "lock", "made", "old", "scratch"
#: Seconds to wait for another run that is just starting or sweeping in the same folder.
_PATIENCE = 10.0
#: Of linux/fs.h and fcntl.h: rename that replaces nothing, rename that swaps two names, the current folder.
_NOREPLACE, _EXCHANGE, _HERE = 1, 2, -100

#: Refuses a folder that may not be replaced; given where the folder lies now, and what it is called.
Check = Callable[[Path, Path], None]


# Rooms -------------------------------------------------------------------------------------------


@contextmanager
def workroom(target: Path, *, alone: bool = True) -> Iterator[Path]:
    """A folder beside the target for the work on it; it is gone afterwards, however the work ended.

    Parameters
    ----------
    target
        What is worked on; it need not be there.
    alone
        Refuse where another run works on the same target.

    Raises
    ------
    ReportError
        The folder cannot be made, or another run works on the same target.
    """
    parent = target.parent
    made = [folder for folder in (parent, *parent.parents) if not folder.exists()]
    try:
        try:
            parent.mkdir(parents=True, exist_ok=True)
            with _locked(parent) as held:
                if held:
                    _sweep(parent)
                if alone:
                    _refuse_company(parent, target)
                root, lock = _make_room(parent, target.name)
        except OSError as error:
            did = tell_undone(error, target)
            raise tell_unwritten(error, parent, did, rule="output folder", remedy="choose a folder you may write to") from error
        try:
            yield root
        except OSError as error:
            _name(error, target)
            raise
        finally:
            _remove(root)
            os.close(lock)
    except BaseException:
        for folder in made:
            with suppress(OSError):
                folder.rmdir()
        raise


def _name(error: OSError, target: Path) -> None:
    """Say of a full disk where it is: what writes into an open file knows no path."""
    if error.filename is None and error.errno in FULL:
        error.filename = str(target)


@contextmanager
def _locked(parent: Path) -> Iterator[bool]:
    """Hold the folder while rooms in it are made or swept, so that no room is seen half made; whether it is held."""
    if fcntl is None:
        yield False
        return
    handle = os.open(parent, os.O_RDONLY)
    try:
        ends = time.monotonic() + _PATIENCE
        while (held := _flock(handle)) is False and time.monotonic() < ends:
            time.sleep(0.05)
        yield bool(held)
    finally:
        os.close(handle)


def _flock(handle: int) -> bool | None:
    """Whether the lock is ours now; None where the file system has no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def lock_file(handle: int) -> bool | None:
    """Take the lock of an open file, which ends with it: whether it is ours now; None where there are no locks."""
    return None if fcntl is None else _flock(handle)


def _make_room(parent: Path, name: str) -> tuple[Path, int]:
    root = Path(tempfile.mkdtemp(prefix=f".{name[:40]}.cgbm1-", dir=parent))
    lock = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    lock_file(lock)
    os.write(lock, json.dumps({"program": _PROGRAM, "target": name, "process": os.getpid()}).encode())
    (root / _SCRATCH).mkdir()
    return root, lock


def _rooms(parent: Path) -> Iterator[tuple[Path, bool, dict[str, object]]]:
    """Rooms of this user in a folder: where, whether their run is over, and what their lock says.

    A room that was killed while it was made has no lock, or an empty one, and nothing else.
    """
    for entry in os.scandir(parent):
        if fcntl is None or not _ROOM.fullmatch(entry.name) or not entry.is_dir(follow_symlinks=False):
            continue
        if entry.stat(follow_symlinks=False).st_uid != os.geteuid():
            continue
        root = Path(entry.path)
        try:
            handle = os.open(root / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            if not os.listdir(root):
                yield root, True, {}
            continue
        try:
            over = _flock(handle)
            told = _told(os.read(handle, 10_000))
            if over is not None and told is not None and (told or os.listdir(root) == [_LOCK]):
                yield root, over, told
        finally:
            os.close(handle)


def _told(content: bytes) -> dict[str, object] | None:
    """What a lock says; None where it is none of ours."""
    if not content:
        return {}
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return None
    ours = isinstance(told, dict) and told.get("program") == _PROGRAM and isinstance(told.get("target"), str)
    return told if ours and Path(told["target"]).name == told["target"] else None


def _sweep(parent: Path) -> None:
    """Put back what a killed run had moved out of its place, and remove what it left."""
    with suppress(OSError):
        for root, over, told in list(_rooms(parent)):
            if not over:
                continue
            place = parent / str(told.get("target", ""))
            if told and (root / _OLD).exists() and not os.path.lexists(place):
                (root / _OLD).rename(place)
            _remove(root)


def sweep(target: Path) -> None:
    """Heal and tidy up what killed runs left beside a target; see the module."""
    if target.parent.is_dir():
        with suppress(OSError), _locked(target.parent) as held:
            if held:
                _sweep(target.parent)


def _refuse_company(parent: Path, target: Path) -> None:
    for _, over, told in _rooms(parent):
        if not over and told.get("target") == target.name:
            raise BusyError(
                f"is being written by another run (process {told.get('process')})",
                file=target,
                rule="one run at a time",
                remedy="wait for it, end it, or choose another folder",
            )


def _remove(root: Path) -> None:
    """Remove a room, also what lies in folders that were made read-only; its lock last: what is left without it is nobody's."""

    def allow(_: object, path: str, __: object) -> None:
        with suppress(OSError):
            os.chmod(Path(path).parent, stat.S_IRWXU)
            os.chmod(path, stat.S_IRWXU)
            if Path(path).is_dir() and not Path(path).is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.unlink(path)

    for place in [*(one for one in root.glob("*") if one.name != _LOCK), root]:
        shutil.rmtree(place, onerror=allow)


def find_place(out: Path) -> Path:
    """The folder itself: where a link leads to, whether or not something is there.

    Raises
    ------
    ReportError
        Links that lead round in a circle.
    """
    place = Path(os.path.realpath(out))
    if place.is_symlink():
        raise PlanError("is a link that leads nowhere but to itself", file=out, rule="output folder", remedy="choose another place")
    return place


def find_whole(path: Path) -> Path:
    """A path from the root of the disk, as it is told to a reader: by the links it was named by, but never up and down again."""
    # What is above a link is not what is above its name, so that no step up may be left out by the letters alone.
    return Path(os.path.realpath(path)) if ".." in path.parts else path.absolute()


# Folders -----------------------------------------------------------------------------------------


@contextmanager
def whole_folder(target: Path, check: Check) -> Iterator[Path]:
    """A folder that takes the target's place when the work went well; otherwise all stays as it was.

    Temporary files of this process and of its children go to the room of the work meanwhile. What is made
    is on the disk before it is seen, and there is no moment without the one or the other.

    Parameters
    ----------
    check
        Asked whether what is at the target may be replaced: before the work, right before the move, and of
        what was moved away before it is removed.

    Raises
    ------
    ReportError
        What ``check`` raises; the folder cannot be written; another run makes the same folder.
    """
    sweep(target)
    if os.path.lexists(target):
        check(target, target)
    with workroom(target) as root, telling_room(target, root), temporary_files_in(root / _SCRATCH):
        made = root / _MADE
        made.mkdir()
        yield made
        flush(made)
        try:
            put_in_place(made, target, root / _OLD, check)
        except OSError as error:
            elsewhere = "choose another folder with --out"
            raise tell_unwritten(error, target, "cannot be put in place", rule="output folder", remedy=elsewhere) from error
        flush_folder(target.parent)


def put_in_place(made: Path, target: Path, old: Path, check: Check) -> None:
    """Give a finished folder its name; what had the name is in ``made`` or ``old`` afterwards."""
    if not os.path.lexists(target):
        if not _rename_at(made, target, _NOREPLACE):
            made.rename(target)
        return
    check(target, target)
    if _rename_at(made, target, _EXCHANGE):
        try:
            # Somebody may have saved a file between the question and the move.
            check(made, target)
        except BaseException:
            _rename_at(made, target, _EXCHANGE)
            raise
        return
    target.rename(old)
    try:
        check(old, target)
        made.rename(target)
    except BaseException:
        if not os.path.lexists(target):
            old.rename(target)
        raise


@cache
def _renameat2() -> Callable[..., int] | None:
    """Linux's rename with flags, which Python does not have."""
    with suppress(OSError, AttributeError):
        found: Callable[..., int] = ctypes.CDLL(None, use_errno=True).renameat2
        return found
    return None


def _rename_at(source: Path, target: Path, flags: int) -> bool:
    """Rename in one step; False where this system or file system cannot, and nothing has happened."""
    rename = _renameat2()
    return rename is not None and rename(_HERE, os.fsencode(source), _HERE, os.fsencode(target), flags) == 0


def flush(folder: Path) -> None:
    """Wait until every file and folder below a folder is on the disk."""
    for place, _, names in os.walk(folder):
        for name in names:
            _fsync(os.path.join(place, name))
        flush_folder(Path(place))


def flush_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    # Some file systems cannot; the rename itself is not less whole for that.
    with suppress(OSError):
        _fsync(folder)


def _fsync(path: Path | str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# Files -------------------------------------------------------------------------------------------


def write_whole(target: Path, content: bytes, check: Callable[[], None] | None = None) -> None:
    """Write one file: it appears whole, keeps the rights and, where it may, the owner it had, and a link stays a link.

    Parameters
    ----------
    check
        Asked right before the move: whether the file may still be replaced.

    Raises
    ------
    OSError
        It cannot be written.
    """
    place = Path(os.path.realpath(target))
    with workroom(place) as root:
        made = root / _MADE
        # The rights of a new file are the umask's.
        made.write_bytes(content)
        with suppress(FileNotFoundError):
            _keep_rights(place, made)
        _fsync(made)
        if check:
            check()
        os.replace(made, place)
        flush_folder(place.parent)


def write_together(folder: Path, contents: Sequence[tuple[str, bytes]]) -> None:
    """Write files into a folder, in this order; none takes its place before all are on the disk. Raises as `write_whole` does."""
    with workroom(folder / contents[0][0]) as root:
        for number, (name, content) in enumerate(contents):
            (made := root / f"{number}").write_bytes(content)
            with suppress(FileNotFoundError):
                _keep_rights(folder / name, made)
            _fsync(made)
        for number, (name, _) in enumerate(contents):
            os.replace(root / f"{number}", folder / name)
        flush_folder(folder)


def _keep_rights(old: Path, new: Path) -> None:
    """Owner first: giving a file away may take rights from it. Lists of rights lie in extended attributes."""
    told = old.stat()
    if hasattr(os, "chown") and (told.st_uid, told.st_gid) != (new.stat().st_uid, new.stat().st_gid):
        with suppress(PermissionError):
            os.chown(new, told.st_uid, told.st_gid)
    new.chmod(stat.S_IMODE(told.st_mode))
    if hasattr(os, "listxattr"):
        with suppress(OSError):
            for name in os.listxattr(old):
                with suppress(OSError):
                    os.setxattr(new, name, os.getxattr(old, name))

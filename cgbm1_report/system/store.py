"""What was made once, kept in the user's cache under all that it follows from: what follows from the same is not made again.

A store holds entries of one kind, in ``cgbm1-report/KIND`` of the cache. An entry is found by its key, the SHA-256 of all that its
files follow from (`key_of`): the maker says what that is, and nothing else finds it. An entry is one file, whole or not there; it
holds its own key and the SHA-256 of everything in it, and one that is not as it was written, or that lies under another's name, is
not found: it is made anew, and written over. What was not used for longest makes room.

Only its owner may enter the folder: treatment may be in it. Where a folder that is the user's alone cannot be had there is no
store, and whatever fails in one is nobody's fault who wanted a report: it is made. With ``CGBM1_REPORT_STORE=none`` the user
has no cache at all: nothing is taken from it and nothing is left there.

Nothing of it holds against its owner, who can write entries whose sums are right: what is taken is proved as what is made is.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cgbm1_report.system.program import was_replaced

#: The environment variable that says ``none`` where nothing is to be kept or taken.
STORE = "CGBM1_REPORT_STORE"
#: The one that says where the user's cache is.
CACHE = "XDG_CACHE_HOME"
#: Bytes that the entries of one kind may have together.
ROOM = 1 << 30
_KEY = re.compile(r"[0-9a-f]{64}")
#: How the name of an entry begins that is being written, and the seconds after which nobody writes it any more.
_BEGUN, _FORGOTTEN = ".begun-", 3600.0


def own_folder(kind: str) -> Path | None:
    """A folder of the user's cache, made where it is not there; None where none is wanted or none is the user's alone."""
    if os.environ.get(STORE) == "none":
        return None
    base = os.environ.get(CACHE, "")
    try:
        folder = (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "cgbm1-report" / kind
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = folder.lstat()
    except (OSError, RuntimeError):  # the latter: nobody knows where the user is at home
        return None
    alone = stat.S_ISDIR(about.st_mode) and about.st_uid == os.geteuid() and not about.st_mode & 0o077
    return folder if alone else None


def key_of(told: Mapping[str, object]) -> str:
    """The key of what follows from all that is told: plain values that JSON can hold, each under a name."""
    return hashlib.sha256(json.dumps(told, sort_keys=True, allow_nan=False).encode()).hexdigest()


@dataclass(frozen=True)
class Store:
    """The entries in a folder that is the user's alone (`open_store`)."""

    folder: Path

    def find(self, key: str) -> dict[str, bytes] | None:
        """The files of an entry by their names; None where there is none, or not as it was written."""
        place = self.folder / _checked(key)
        try:
            content = place.read_bytes()
        except OSError:
            return None
        files = _unpack(key, content)
        if files is not None:
            # Used now: others make room first.
            with suppress(OSError):
                os.utime(place)
        return files

    def keep(self, key: str, files: Mapping[str, bytes]) -> None:
        """Keep files under a key, in the place of what was there, whole or not at all."""
        content = _pack(_checked(key), files)
        with suppress(OSError):
            handle, begun = tempfile.mkstemp(prefix=_BEGUN, dir=self.folder)
            try:
                with open(handle, "wb") as file:
                    file.write(content)
                os.replace(begun, self.folder / key)
            except BaseException:
                with suppress(OSError):
                    os.unlink(begun)
                raise

    def make_room(self, room: int = ROOM) -> None:
        """Remove what was not used for longest, until the others have no more than so many bytes; and what was left unfinished."""
        with suppress(OSError), os.scandir(self.folder) as entries:
            kept = []
            for entry in entries:
                about = entry.stat(follow_symlinks=False)
                if entry.name.startswith(_BEGUN):
                    if about.st_mtime < time.time() - _FORGOTTEN:
                        os.unlink(entry)
                elif _KEY.fullmatch(entry.name):
                    kept.append((about.st_mtime, about.st_size, entry.path))
            total = sum(size for _, size, _ in kept)
            for _, size, path in sorted(kept):
                if total <= room:
                    break
                os.unlink(path)
                total -= size


def open_store(kind: str, *, room: int = ROOM) -> Store | None:
    """The store of a kind, with no more than so many bytes in it; None where none can be had, or none is wanted.

    A process that has loaded another program than the one that is installed has none: what it makes has no key.
    """
    folder = None if was_replaced() else own_folder(kind)
    if folder is None:
        return None
    store = Store(folder)
    store.make_room(room)
    return store


@dataclass(frozen=True)
class Kept:
    """What a program made of a kind, by all that it was made of; nothing where there is no store."""

    kind: str
    program: str
    store: Store | None

    def find(self, told: Mapping[str, object]) -> dict[str, bytes] | None:
        """The files that were made of what is told, by their names; None where they are to be made."""
        return self.store.find(self._key(told)) if self.store else None

    def keep(self, told: Mapping[str, object], files: Mapping[str, bytes]) -> None:
        """Keep what was made of what is told."""
        if self.store:
            self.store.keep(self._key(told), files)

    def _key(self, told: Mapping[str, object]) -> str:
        return key_of({**told, "is": self.kind, "program": self.program})


def open_kept(kind: str, program: str) -> Kept:
    """What the program of this number (`system.program.hash_program`) made of a kind; nothing where it has no number."""
    return Kept(kind, program, open_store(kind) if program else None)


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is no key of a store")
    return key


def _pack(key: str, files: Mapping[str, bytes]) -> bytes:
    """An entry: the SHA-256 of all that follows, a line that says the key and each file's name and size, the files."""
    head = json.dumps({"key": key, "files": [[name, len(content)] for name, content in files.items()]})
    body = b"".join((head.encode(), b"\n", *files.values()))
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def _unpack(key: str, content: bytes) -> dict[str, bytes] | None:
    """The files of an entry; None where it is not as it was written, or another's."""
    sealed, _, body = content.partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != sealed:
        return None
    line, _, rest = body.partition(b"\n")
    told = json.loads(line)
    if told["key"] != key:
        return None
    files, at = {}, 0
    for name, size in told["files"]:
        files[name] = rest[at : at + size]
        at += size
    return files

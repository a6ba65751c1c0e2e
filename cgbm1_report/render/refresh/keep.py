"""A document that is replaced: kept beside the new one, its owner asked for before, its other names told."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path

from cgbm1_report.errors import PlanError, WritingError
from cgbm1_report.system.room import tell_unwritten
from cgbm1_report.system.whole import write_whole


def keep_backup(document: Path) -> Path:
    """The document as it is under a name of its own beside it, ``csr.before-refresh-1.docx``; an older one is never overwritten.

    Raises
    ------
    OSError
        It cannot be written.
    """
    place = Path(os.path.realpath(document))
    shared = place.stat().st_nlink > 1
    for at in count(1):
        backup = place.with_name(f"{place.stem}.before-refresh-{at}{place.suffix}")
        if os.path.lexists(backup):
            continue
        try:
            _name(place, backup, shared=shared)
        except FileExistsError:
            continue
        return backup
    raise AssertionError


def _name(place: Path, backup: Path, *, shared: bool) -> None:
    """Give the document a second name, so that nothing of it can get lost; a copy where it has others or none can be given."""
    if not shared:
        try:
            os.link(place, backup)
        except FileExistsError:
            raise
        except OSError:
            pass
        else:
            return
    with backup.open("xb"):
        pass
    try:
        shutil.copy2(place, backup)
    except BaseException:
        backup.unlink(missing_ok=True)
        raise


def refuse_owner(document: Path) -> None:
    """A document that would belong to somebody else afterwards is not replaced.

    Raises
    ------
    ReportError
        It is read-only, belongs to another user, or to a group this user is not in.
    """
    if not hasattr(os, "geteuid") or os.geteuid() == 0:
        return
    told = document.stat()
    if not os.access(document, os.W_OK):
        raise WritingError("is read-only", file=document, remedy="let it be written, or name a new file with --out")
    if told.st_uid != os.geteuid() or told.st_gid not in {os.getegid(), *os.getgroups()}:
        remedy = "let its owner run the command, or name a new file with --out"
        raise WritingError("belongs to another user or group, and would no longer", file=document, rule="owner", remedy=remedy)


def tell_links(document: Path) -> list[str]:
    """What to know of a document that has other names."""
    others = document.stat().st_nlink - 1
    if others < 1:
        return []
    names = "another name" if others == 1 else f"{others} other names"
    return [f"{document.name} has {names} (hard links): there the old document stays"]


def refuse_target(document: Path, target: Path) -> None:
    """A writer's own document may be replaced by itself refreshed; another file that is there may not."""
    if target.is_dir():
        raise PlanError("is a folder", file=target, rule="--out", remedy="name the file of the new document")
    if os.path.lexists(target) and not (target.exists() and os.path.samefile(document, target)):
        remedy = "name a file that is not there yet, or the document itself"
        raise PlanError("exists, and is not the document that is refreshed", file=target, rule="--out", remedy=remedy)
    if target.exists():
        refuse_owner(target)


def write_document(content: bytes, target: Path, unchanged: Callable[[], None]) -> Path | None:
    """Put the new document in its place; the path under which the old one is kept."""
    kept: list[Path] = []

    def ready() -> None:
        unchanged()
        kept.extend([keep_backup(target)] if target.exists() else [])

    try:
        write_whole(target, content, ready)
    except OSError as error:
        for backup in kept:
            backup.unlink(missing_ok=True)
        raise tell_unwritten(error, target, remedy="close it in Word, or choose another file with --out") from error
    return kept[0] if kept else None

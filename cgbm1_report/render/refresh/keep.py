"""A document that is replaced: kept beside the new one, its owner asked for before, its other names told."""

from __future__ import annotations

import os
import shutil
from itertools import count
from pathlib import Path

from cgbm1_report.errors import WritingError


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

"""Which builds stay: those begun last; of the others what is a build of ours as it was made makes room, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from cgbm1_report.build.target import check_replaceable, find_strange
from cgbm1_report.errors import ReportError
from cgbm1_report.system.whole import flush_folder, workroom
from cgbm1_report.watch.record import Entry


def find_surplus(entries: Iterable[Entry], out: Path, keep: int | None) -> list[Entry]:
    """Cuts whose builds are there and are not among the ``keep`` that were begun last.

    One that was tried again, after it was killed or on a later night, keeps the turn that it had first: it is finished after
    later cuts, and would take their room.
    """
    if keep is None:
        return []
    there = [entry for entry in entries if entry.state == "done" and (out / entry.build).is_dir()]
    return sorted(there, key=lambda entry: (entry.started or entry.finished, entry.order), reverse=True)[max(keep, 1) :][::-1]


def remove_build(folder: Path) -> str:
    """Remove a build that is as it was made; why it stays, where it does: a sentence about a file of it, or about it.

    It leaves its place in one step: a run that is killed meanwhile leaves it whole or gone.
    """
    try:
        if strange := find_strange(folder, folder):
            name, what = strange[0]
            more = f", and {len(strange) - 1} more are not as the build made them" if len(strange) > 1 else ""
            return f"{name} {what}{more}"
        with workroom(folder) as root:
            gone = root / "made"
            os.rename(folder, gone)
            try:
                # Somebody may have saved a file between the question and the move.
                check_replaceable(gone, folder)
            except BaseException:
                os.rename(gone, folder)
                raise
            flush_folder(folder.parent)
    except ReportError as error:
        return f"it {error.problems[0].message}"
    except OSError as error:
        return f"it cannot be removed: {error.strerror}"
    return ""

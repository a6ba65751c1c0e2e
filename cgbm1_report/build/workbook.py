"""One output of a cut or of a build as a workbook: ``show --format xlsx``."""

from __future__ import annotations

import os
from pathlib import Path

from cgbm1_report.build.request import Request
from cgbm1_report.build.target import refuse_within
from cgbm1_report.errors import ArgumentError, PlanError
from cgbm1_report.system.file_names import require_ending
from cgbm1_report.system.room import tell_unwritten
from cgbm1_report.system.whole import find_place
from cgbm1_report.tabulate.files import ALL_GROUPS
from cgbm1_report.tabulate.table import Output

_RULE = "show --format xlsx"


def write_workbook(request: Request, form: str, out: Path | None, *, keep: bool = True) -> Path:
    """Write the one output that the request names, of a cut or of a build, as a workbook; the file.

    A file that is there is somebody's: it is not overwritten.

    Raises
    ------
    ReportError
        No file is named, one is named for another form, or it is there already, lies in a cut or a build, or cannot be
        written; the output cannot be shown.
    """
    if form != "xlsx":
        told, remedy = f"{form} is printed, and goes into no file", "add --format xlsx, or let the shell write it (> FILE)"
        raise ArgumentError(told, rule="--out", remedy=remedy)
    if out is None:
        raise ArgumentError("a workbook goes into a file", rule=_RULE, remedy="name it with --out FILE.xlsx")
    require_ending(out, ".xlsx", _RULE)
    refuse_within(find_place(out))
    _refuse_existing(out)
    from cgbm1_report.emit.xlsx import emit_xlsx
    from cgbm1_report.system.whole import write_whole

    content = emit_xlsx(_find_output(request, keep))
    try:
        write_whole(out, content, lambda: _refuse_existing(out))
    except OSError as error:
        raise tell_unwritten(error, out, rule=_RULE, remedy="name another file") from error
    return out


def _refuse_existing(out: Path) -> None:
    if os.path.lexists(out):
        raise PlanError("exists: it is not overwritten", file=out, rule=_RULE, remedy="name another file, or move this one")


def _find_output(request: Request, keep: bool) -> Output:
    from cgbm1_report.build.stored import read_stored
    from cgbm1_report.system.manifest import says_built

    (number,) = request.only or ("",)
    if says_built(request.cut):
        group = "" if request.dose_group in (None, ALL_GROUPS) else str(request.dose_group)
        return read_stored(number, request.cut, "xlsx", phase=request.phase, group=group)
    from cgbm1_report.build.show import make_shown

    return make_shown(request, "xlsx", keep=keep)[0]

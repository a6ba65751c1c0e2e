"""The whole run: from a data cut to a build, whole or absent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from cgbm1_report.build.asked import settle
from cgbm1_report.build.gate import OnProgress, report_quietly
from cgbm1_report.build.log import read_log
from cgbm1_report.build.recipe import is_made
from cgbm1_report.build.request import Request
from cgbm1_report.build.unfinished import warn_again
from cgbm1_report.notebook.begin import load_libraries
from cgbm1_report.system.chain import extend_chain

#: Hears of each output that was taken the name of the build it was made for.
OnTaken = Callable[[Mapping[str, str]], None]


def _tell_nobody(_taken: Mapping[str, str]) -> None:
    """Where nobody asks what was taken."""


def build_report(request: Request, on_progress: OnProgress = report_quietly, on_taken: OnTaken = _tell_nobody) -> Path:
    """Build the report of a cut and return its folder.

    The folder appears as the last act; when anything fails it does not appear, and an earlier build
    in its place stays as it was. Where nothing has changed since that was built, it is kept (:mod:`.recipe`).
    ``on_taken`` is told of each output that was not made again from which build it was taken: the build itself, which is the
    same either way, cannot say so.

    Raises
    ------
    ReportError
        With every problem found, at whichever step.
    """
    asked = settle(request, on_progress)
    target = asked.request.target
    if is_made(target, asked.recipe, asked.request):
        extend_chain(target, begin=request.chain)
        _tell_again(asked.request, on_progress)
        on_progress("kept", f"{target}: nothing has changed since it was built")
        return target
    if not request.executor:
        load_libraries()
    # Not before: what reads, counts and prints takes a second to load, and a build that is kept needs none of it.
    from cgbm1_report.build.make import make_build

    make_build(asked, on_progress, on_taken)
    extend_chain(target, begin=request.chain)
    on_progress("done", str(target))
    return target


def _tell_again(request: Request, on_progress: OnProgress) -> None:
    """What was said of a build that is kept when it was made."""
    for fact in read_log(request.target):
        if fact["what"] == "lacking":
            on_progress("lacking", fact["told"])
    warn_again(request)

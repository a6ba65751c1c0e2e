"""What an analyst sees while a cut is checked and derived: the steps of a build, in one line of the notebook and in the log."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cgbm1_report.build.gate import OnProgress, report_quietly
from cgbm1_report.notebook.asked import Bundle


@contextmanager
def follow_steps(ended: str) -> Iterator[OnProgress]:
    """What tells each step: the log (INFO) and, where a notebook runs, one line, which says ``ended`` when all are done.

    Where nothing is told, as of a cut that is kept derived, there is no line.
    """
    line: list[Any] = []

    def tell(step: str, detail: str) -> None:
        report_quietly(step, detail)
        if line:
            _write(line[0], f"{step}: {detail}")
        elif _runs_notebook():
            from IPython.display import display

            shown = Bundle({"text/plain": f"{step}: {detail}"})
            line.append(display(shown, raw=True, display_id=True))  # type: ignore[no-untyped-call]

    yield tell
    if line:
        _write(line[0], ended)


def _write(handle: Any, text: str) -> None:
    handle.update(Bundle({"text/plain": text}), raw=True)


def _runs_notebook() -> bool:
    """Whether a kernel shows what is displayed: a program has the log, and in a terminal a line cannot be written over."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None  # type: ignore[no-untyped-call]

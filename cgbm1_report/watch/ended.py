"""What is told of a watch that an error ended: whoever is told of the end alone needs its reason and its remedy there."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from cgbm1_report.errors import BusyError
from cgbm1_report.system.endings import explain
from cgbm1_report.watch.events import sum_up_problems, tell_first


def tell_end(error: BaseException | None, protocol: Path | None, *, begun: bool, code: int = 0) -> tuple[str, dict[str, Any]]:
    """The words of the end, and its ``exit_code`` and ``error``; ``begun`` says whether the watch had looked at its cuts.

    A signal is no error of the watch: its code says all, as ``code`` does where nothing ended it.
    """
    problems, code = explain(error, protocol) if error else ([], code)
    if not isinstance(error, Exception):
        return f"exit code {code}", {"exit_code": code}
    kind, told = type(error).__name__, [asdict(one) for one in problems]
    # That another watch is at work is no problem to be counted.
    why = problems[0].message if code == BusyError.exit_code else tell_first(kind, told)
    what = "could not go on" if begun else "did not begin"
    return f"exit code {code}: the watch {what}: {why}", {
        "exit_code": code,
        "error": {"class": kind, "problems": sum_up_problems(told)},
    }

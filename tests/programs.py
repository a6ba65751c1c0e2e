"""Programs that only tests use: who has none proves less, and is told so.

A test names what it runs, ``@pytest.mark.runs("soffice", "pdftotext")``; it is skipped where one of them
is missing, and the last lines of a run say what was not tried and how to get it.
``--skips-allowed quarto`` makes every other skip a failure of the whole run.
"""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

#: What a program is, the commands it goes by, the Debian package that brings it (none: not in Debian).
PROGRAMS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "chromium": ("a browser", ("chromium", "chromium-browser", "google-chrome"), "chromium"),
    "soffice": ("LibreOffice Writer", ("soffice",), "libreoffice-writer"),
    "pdftotext": ("poppler's PDF reader", ("pdftotext",), "poppler-utils"),
    "setpriv": ("a user's limits for root", ("setpriv",), "util-linux"),
    "openssl": ("another hand that signs and checks", ("openssl",), "openssl"),
    "quarto": ("the real Quarto", ("quarto",), ""),
}


def find_program(name: str) -> str | None:
    """Path of a program, None where it is missing."""
    return next((path for command in PROGRAMS[name][1] if (path := shutil.which(command))), None)


def absent_packages() -> list[str]:
    """Debian packages of the programs that are missing here."""
    return sorted({package for name, (_, _, package) in PROGRAMS.items() if package and not find_program(name)})


def skip_without_programs(item: pytest.Item) -> None:
    """Skip a test whose programs are missing, and leave their names with its report."""
    absent = [name for mark in item.iter_markers("runs") for name in mark.args if not find_program(name)]
    if absent:
        # Which programs are missing is asked before there is an environment.
        import pytest

        item.user_properties.append(("absent", tuple(absent)))
        pytest.skip(f"{', '.join(absent)} not on PATH")


def is_allowed(report: pytest.TestReport | pytest.CollectReport, allowed: Iterable[str]) -> bool:
    """Whether a skip is for nothing but programs that may be missing."""
    absent = [name for key, names in getattr(report, "user_properties", ()) if key == "absent" for name in names]
    return bool(absent) and set(absent) <= set(allowed)


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    told = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return told.removeprefix("Skipped: ")


def tell_skips(reports: Iterable[pytest.TestReport | pytest.CollectReport], allowed: Iterable[str] | None) -> list[str]:
    """Lines that say every skip with its reason, what could not be tried and how to get it.

    Parameters
    ----------
    allowed
        Programs that may be missing; None: any skip is allowed.
    """
    found = list(reports)
    lines = [f"skipped  {report.nodeid}: {_reason(report)}" for report in found]
    absent = Counter(name for report in found for key, names in getattr(report, "user_properties", ()) if key == "absent" for name in names)  # fmt: skip
    for name, count in sorted(absent.items()):
        what, _, package = PROGRAMS[name]
        remedy = f"apt-get install {package}" if package else f"install {name} and put it on PATH"
        lines.append(f"not tried for want of {name} ({what}): {count} test{'s' * (count != 1)}; {remedy}")
    if allowed is not None and (refused := [report for report in found if not is_allowed(report, allowed)]):
        lines.append(f"FAILED: {len(refused)} skips, where only these may be missing: {', '.join(allowed) or 'none'}")
    return lines


if __name__ == "__main__":
    sys.stdout.write(" ".join(absent_packages()) + "\n")

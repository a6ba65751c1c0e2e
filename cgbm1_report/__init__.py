"""Turns a clinical-trial data cut into the appendix of a clinical study report.

In a notebook::

    import cgbm1_report as cg

    report = cg.open_report("build/cut", phase=1)
    report.show("T14.1.1")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cgbm1_report.assets import __version__

if TYPE_CHECKING:
    from cgbm1_report.notebook.session import Report, open_report

__all__ = ["Report", "__version__", "open_report"]


def __getattr__(name: str) -> Any:
    # The command line must start fast: pandas is only loaded by who needs it.
    if name in ("Report", "open_report"):
        from cgbm1_report.notebook import session

        return getattr(session, name)
    raise AttributeError(f"module 'cgbm1_report' has no attribute {name!r}")

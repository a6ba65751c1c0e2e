"""Turns a clinical-trial data cut into the appendix of a clinical study report.

In a notebook::

    import cgbm1_report as cg

    report = cg.open_report("build/cut", phase=1)
    report.show("T14.1.1")
"""

import sys

if sys.argv[:1] == ["-m"]:
    # Python runs a module of this package as a command and has put the current folder before all libraries: what lies
    # there is data. Who imports the package keeps the search path that is theirs.
    from cgbm1_report.system.search_path import leave_current_folder

    leave_current_folder()

# As typing has it, which is not imported before it is known from where.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from cgbm1_report.assets import __version__
    from cgbm1_report.notebook.session import Report, open_report

__all__ = ["Report", "__version__", "open_report"]


def __getattr__(name: str) -> object:
    # The command line must start fast: pandas is only loaded by who needs it.
    if name in ("Report", "open_report"):
        from cgbm1_report.notebook import session

        return getattr(session, name)
    if name == "__version__":
        from cgbm1_report.assets import __version__

        return __version__
    raise AttributeError(f"module 'cgbm1_report' has no attribute {name!r}")

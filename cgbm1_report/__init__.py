"""Turns a clinical-trial data cut into the appendix of a clinical study report.

In a notebook::

    import cgbm1_report as cg

    report = cg.open_report("build/cut", phase=1)
    report.show("T14.1.1")

A cut of which nothing was built: ``cg.open_cut("cuts/2026-03", phase=2)``.
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
    from pathlib import Path

    from cgbm1_report.assets import __version__
    from cgbm1_report.explore import Study, open_cut
    from cgbm1_report.notebook.session import Report

__all__ = ["Report", "Study", "__version__", "open_cut", "open_report"]


def open_report(
    folder: "str | Path", phase: "int | str" = 1, dose_group: str = "all", *, package: str = "", review: str = ""
) -> "Report":
    """Open a build, or the folder of a build being made, for one phase and dose group, or for a package.

    Who explores a build gets a `Study`; the notebooks of a build that is being made a `Report`. Of a package that is made for a
    review, ``dose_group`` is the one under review, and ``review`` which one it is. A phase may be written as a text; without one
    it is phase 1. In a notebook an output that a cell ends with is shown as the report prints it.

    Raises
    ------
    ReportError
        The folder is no build; its protocol or, while it is made, its manifest was changed; the phase or the dose group is not the
        trial's; the dose group is asked for while its phase is blinded.
    """
    from cgbm1_report.notebook import session

    report = session.open_report(folder, phase, dose_group, package=package, review=review)
    if report.building:
        # What analysts ask is not loaded into the processes of a build.
        return report
    from cgbm1_report.explore import as_study

    return as_study(report)


def __getattr__(name: str) -> object:
    # The command line must start fast: pandas is only loaded by who needs it.
    if name == "Report":
        from cgbm1_report.notebook.session import Report

        return Report
    if name in ("Study", "open_cut"):
        from cgbm1_report import explore

        return getattr(explore, name)
    if name == "__version__":
        from cgbm1_report.assets import __version__

        return __version__
    raise AttributeError(f"module 'cgbm1_report' has no attribute {name!r}")

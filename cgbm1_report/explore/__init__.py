"""The analyst's study: a build, or a cut that nothing was built of, to be looked at, narrowed, varied and asked.

Everything that a build makes is made here by the same functions of the same data, so that a number of a notebook is the report's.
What is narrowed or varied says so in the title of each output that is made of it.
"""

from __future__ import annotations

from cgbm1_report.explore.opened import as_study, open_cut
from cgbm1_report.explore.study import Study

__all__ = ["Study", "as_study", "open_cut"]

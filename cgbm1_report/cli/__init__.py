"""The command line: thin; every verb calls the function of the same name."""

from __future__ import annotations

from cgbm1_report.cli.application import NAME, app
from cgbm1_report.system.endings import run_command
from cgbm1_report.system.usage import call_app

# In the order of the way: --help tells the verbs in the order their modules are read.
from cgbm1_report.cli import cuts, seal, builds, compare, watch, explore, contents, audit, qualify  # isort: skip

__all__ = ["app", "audit", "builds", "compare", "contents", "cuts", "explore", "main", "qualify", "seal", "watch"]


def main() -> None:
    """Run the command; see :mod:`cgbm1_report.system.endings`."""
    run_command(lambda: call_app(app, NAME))

"""Compares two builds once and tells it twice: ``python -m cgbm1_report.watch.compared BEFORE AFTER PAGE --json``.

The whole goes into a page, how much of it there is to standard output: the cells of a whole report are too much for a watch,
which only counts them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cgbm1_report.build.compared import compare_places
from cgbm1_report.compare.files import write_comparison
from cgbm1_report.compare.pages import count_all
from cgbm1_report.system.endings import run_command
from cgbm1_report.system.terminal import say_json


def main() -> None:
    """Compare the builds of the command line."""
    before, after, page = map(Path, sys.argv[1:4])
    found = compare_places(before, after)
    page.write_bytes(write_comparison(found, "html"))
    say_json({"counts": count_all(found)})


if __name__ == "__main__":
    run_command(main)

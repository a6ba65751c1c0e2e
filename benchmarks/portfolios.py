"""Portfolios of small studies: `portfolio FILE` on 1, 10 and 100 of them, each with one table of its own cut."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.lines import Line
from benchmarks.measure import NotDoneError, run

SIZES = (1, 10, 100)
#: Of the study of six subjects that the tests have: one notebook, one table.
NOTEBOOK, TABLE = "01_subjects.ipynb", "T14.1.4"
#: Two builds at a time; a hundred of them take a quarter of an hour on two idle cores.
AT_A_TIME, LONGEST = 2, 3600.0


def write_portfolio(folder: Path, size: int) -> Path:
    """A portfolio of so many studies, each with a cut of its own, which are equal but for their places."""
    from tests.small_cut import write_cut, write_trial

    place = folder / f"portfolio-{size}"
    write_trial(place, NOTEBOOK)
    one = write_cut(place / "cut")
    names = [f"study-{at:03d}" for at in range(size)]
    for name in names:
        shutil.copytree(one, place / "cuts" / name)
    each = {"trial": "trial.yaml", "only": [TABLE], "phase": 1, "dose_group": "all", "formats": ["html"]}
    told = {"out": "builds", "each": each, "builds": [{"name": name, "cut": f"cuts/{name}"} for name in names]}
    # JSON is YAML.
    (place / "portfolio.yaml").write_text(json.dumps(told), encoding="utf-8")
    return place / "portfolio.yaml"


def measure_portfolios(folder: Path, sizes: tuple[int, ...] = SIZES) -> Iterator[Line]:
    for size in sizes:
        file = write_portfolio(folder, size)
        cost = run("-m", "cgbm1_report.cli", "portfolio", file, "--jobs", AT_A_TIME, "--quiet", timeout=LONGEST)
        built = json.loads((file.parent / "builds" / "portfolio.json").read_text(encoding="utf-8"))["builds"]
        if [one["state"] for one in built] != ["done"] * size:
            raise NotDoneError(f"a portfolio of {size}: not every study was built")
        studies = f"{size} studies" if size > 1 else "1 study"
        yield Line(f"portfolio of {studies}, one table each, {AT_A_TIME} at a time", cost)
        shutil.rmtree(file.parent)

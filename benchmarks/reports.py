"""Notebooks to a report, ours or stock, in a process of its own: `python -m benchmarks.reports ours|stock BUILD TARGET`.

Both run the same notebooks on the same finished build (so nothing is read, derived or filed again) and
write one report as HTML, DOCX and PDF. Stock is papermill with a Jupyter kernel per notebook and pandoc on
the notebooks' HTML; what pandoc cannot place (figures) is left out there, in the peer's favour.
"""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.data import PILOT
from benchmarks.peers import convert, typeset
from cgbm1_report.build.plan import plan_notebooks
from cgbm1_report.build.request import Request
from cgbm1_report.notebook.run import NotebookJob, run_notebooks
from cgbm1_report.protocol.trial import read_trial
from cgbm1_report.render import ReportAbout, render_report
from cgbm1_report.system.manifest import read_manifest

_FIGURE = re.compile(r"<svg.*?</svg>|<img[^>]*>", re.S)
#: As Quarto runs a notebook: a document has all rows of a listing, where an analyst's notebook shows a page.
_WHOLE = {"QUARTO_FIG_WIDTH": "7"}
#: Notebooks of which a cell would display more than a cell may: in a build their listings are printed beside them.
_TOO_LONG = ("05_listings",)


def plan(build: Path, target: Path) -> list[NotebookJob]:
    """The notebooks of a finished build, but for those of long listings, to be run again into another folder."""
    file = build / "trial.yaml"
    trial = read_trial(file)
    pooled = frozenset(read_manifest(build)["report"]["pooled_phases"])
    # A protocol that names notebooks of its own has them beside it.
    jobs = plan_notebooks(Request(build), trial, PILOT if trial.notebooks else file, pooled)
    folder = target / "notebooks"
    jobs = [job for job in jobs if job.source.stem not in _TOO_LONG]
    return [replace(job, target=folder / job.target, parameters={**job.parameters, "folder": str(build)}) for job in jobs]


def about(build: Path) -> ReportAbout:
    study, stamp = read_trial(build / "trial.yaml").study, read_manifest(build)["report"]["stamp"]
    return ReportAbout(title=study.title, protocol=study.studyid, mark=stamp["mark"], cutoff=stamp["cutoff"])


def make_ours(build: Path, target: Path) -> None:
    jobs = plan(build, target)
    run_notebooks(jobs)
    render_report([job.target for job in jobs], target, about=about(build), engine="embedded")


def make_stock(build: Path, target: Path) -> None:
    import papermill

    jobs = plan(build, target)
    for job in jobs:
        job.target.parent.mkdir(parents=True, exist_ok=True)
        papermill.execute_notebook(
            job.source, job.target, job.parameters, cwd=str(job.target.parent), progress_bar=False, kernel_name="python3"
        )
    html = "\n".join(read_html(job.target) for job in jobs)
    (target / "report.html").write_text(html, encoding="utf-8")
    convert(html, "docx", target / "report.docx")
    typeset(html, target / "report.pdf")


def read_html(notebook: Path) -> str:
    """Narrative and displayed HTML of an executed notebook, without pictures."""
    pieces = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            pieces.append(f"<p>{''.join(cell['source'])}</p>")
        pieces += ["".join(shown.get("data", {}).get("text/html", "")) for shown in cell.get("outputs", [])]
    return _FIGURE.sub("", "\n".join(pieces))


if __name__ == "__main__":
    made = Path(sys.argv[3]).resolve()
    made.mkdir(parents=True, exist_ok=True)
    os.environ.update(_WHOLE)
    {"ours": make_ours, "stock": make_stock}[sys.argv[1]](Path(sys.argv[2]).resolve(), made)

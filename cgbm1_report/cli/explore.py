"""The verb for analysts: the notebook on a build or a cut."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from cgbm1_report.cli.application import app
from cgbm1_report.system.terminal import say
from cgbm1_report.system.usage import a_number


@app.command()
def explore(
    place: Annotated[Path, typer.Argument(metavar="BUILD|CUT", help="Folder of a build, or of a data cut.")],
    phase: Annotated[int, a_number("--phase", help="Open this phase first.")] = 1,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE.ipynb", help="Default: explore-<name>.ipynb, here.")] = None,
    write_only: Annotated[bool, typer.Option("--write-only", help="Write the notebook and open nothing.")] = False,
) -> None:
    """Write the analyst's notebook for a build or a cut, and open it in JupyterLab where that is installed."""
    from cgbm1_report.explore.notebook import write_notebook

    made = write_notebook(place, out, phase)
    say(str(made))
    if write_only:
        return
    if importlib.util.find_spec("jupyterlab") is None:
        say("JupyterLab is not installed here: pip install 'cgbm1-report[explore]', or open the notebook where it is.")
        return
    # It ends when whoever looks at it ends it.
    raise typer.Exit(subprocess.call([sys.executable, "-m", "jupyterlab", str(made)]))

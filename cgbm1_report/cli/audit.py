"""The verbs of who answers for builds: keys to sign them with, many of them at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cgbm1_report.cli.application import JsonOption, QuietOption, app
from cgbm1_report.system.terminal import fold, progress, say, say_json
from cgbm1_report.system.usage import a_number


@app.command()
def key(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key goes; the public one goes to FILE.pub.")],
) -> None:
    """Make a pair of keys: `build --sign FILE` signs a build, `verify --key FILE.pub` checks it.

    The passphrase is taken from CGBM1_REPORT_PASSPHRASE, or asked for on a terminal; without one the private key is not encrypted.
    """
    from cgbm1_report.system.signature import write_keys

    for file in write_keys(out):
        say(str(file))


@app.command()
def portfolio(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="portfolio.yaml: out:, and builds: of a name: and a cut: each. Its paths begin in its folder."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where the builds go, instead of the file's out:.")
    ] = None,
    jobs: Annotated[int, a_number("--jobs", least=1, help="Builds at a time, each in one process.")] = 2,
    executor: Annotated[
        str, typer.Option(metavar="dask://HOST:PORT", help="Send whole builds to this Dask cluster, not to processes here.")
    ] = "",
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Build many cuts of many trials: all are checked first, one that fails stops no other; exit with the gravest code."""
    from cgbm1_report.build.portfolio import build_portfolio, read_plan
    from cgbm1_report.build.portfolio.run import PAGE, summarise, worst

    plan = read_plan(file, out)
    with progress(quiet) as on_progress:
        built = build_portfolio(plan, jobs=jobs, executor=executor, on_progress=on_progress)
    if as_json:
        say_json(summarise(plan, built))
    for name, problem in ((one.name, problem) for one in built for problem in one.problems):
        if as_json:
            # Who reads the log of a job sees what ended it, as of every verb; standard output is the machine's.
            typer.echo(fold(f"error: {name}: {problem}", sys.stderr), err=True)
        else:
            say(fold(f"{name}: {problem}", sys.stdout))
    if not as_json:
        say(str(plan.out / PAGE))
    raise typer.Exit(worst(built))

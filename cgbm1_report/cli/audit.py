"""The verbs of who answers for builds: keys to sign them with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cgbm1_report.cli.application import app
from cgbm1_report.system.terminal import say


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

"""The verb that seals a cut: whoever reads it later sees that it is complete and as it was delivered."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from cgbm1_report.cli.application import CutArgument, JsonOption, app
from cgbm1_report.system.terminal import say, say_json


@app.command()
def seal(
    cut: CutArgument,
    again: Annotated[bool, typer.Option("--again", help="Seal anew a cut that is not as it was sealed.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the checksums of all files of a cut into it: from then on nothing reads it when it is not as it was sealed."""
    from cgbm1_report.read.seal import seal_cut

    done = seal_cut(cut.absolute(), again=again)
    if as_json:
        say_json(asdict(done))
    else:
        say(done.tell())

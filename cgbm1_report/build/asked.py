"""What a build is asked for, settled before anything is read of the data: its protocol, its names, its place, its recipe.

Nothing here loads what reads, counts or prints: a build that is kept needs none of it, and whoever asks again waits for this alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cgbm1_report.build.earlier import Earlier, read_earlier
from cgbm1_report.build.gate import OnProgress, find_trial
from cgbm1_report.build.look import read_template
from cgbm1_report.build.manifest import name_trial
from cgbm1_report.build.recipe import Recipe, write_recipe
from cgbm1_report.build.request import DOCUMENTS, Request, settle_request
from cgbm1_report.build.target import refuse_place
from cgbm1_report.protocol.trial import Trial, read_trial
from cgbm1_report.system.chain import require_chain
from cgbm1_report.system.clock import read_epoch
from cgbm1_report.system.signature import Signer, read_signer

if TYPE_CHECKING:
    from cgbm1_report.render.engines import Engine


@dataclass(frozen=True)
class Asked:
    """A request in the trial's own names, with all that it names read: nothing of the cut but the SHA-256 of its files."""

    request: Request
    trial: Trial
    trial_file: Path
    #: How the build names the protocol.
    used: Mapping[str, str]
    engine: Engine
    #: The sponsor's Word template, and its SHA-256.
    template: bytes | None
    look: str | None
    earlier: Earlier | None
    signer: Signer | None
    recipe: Recipe


def settle(request: Request, on_progress: OnProgress) -> Asked:
    """Settle what is asked for.

    Raises
    ------
    ReportError
        What is asked for is not declared, cannot be read, or would take a place that is not a build's.
    """
    trial_file = find_trial(request.cut, request.trial)
    trial = read_trial(trial_file)
    used = name_trial(trial_file)
    request = settle_request(request, trial)
    read_epoch()
    engine = _choose_engine(request, on_progress)
    template, look = read_template(request.reference_doc)
    earlier = read_earlier(request.since)
    signer = read_signer(request.sign) if request.sign else None
    read = {"the protocol file": trial_file, "the Word template": request.reference_doc, "the signing key": request.sign}
    refuse_place(request.target, folders={"the cut": request.cut}, files=read)
    require_chain(request.target.parent)
    recipe = write_recipe(request, trial, used, trial_file, engine, look)
    return Asked(request, trial, trial_file, used, engine, template, look, earlier, signer, recipe)


def _choose_engine(request: Request, on_progress: OnProgress) -> Engine:
    """What renders the documents; said first, because it may not be what the reader expects."""
    from cgbm1_report.render.engines import Engine, choose_engine

    if not set(DOCUMENTS) & set(request.formats):
        return Engine("embedded")
    engine = choose_engine(request.engine)
    on_progress("engine", str(engine))
    return engine

"""From what notebooks left to what is filed: results joined and counted a second time, documents printed, all of it read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cgbm1_report.build.ars import write_ars
from cgbm1_report.build.documents import Documents, Showing, count_hands
from cgbm1_report.build.earlier import Earlier
from cgbm1_report.build.interactive import Interactive
from cgbm1_report.build.recounted import begin_recount
from cgbm1_report.build.results import join_results, weigh_results
from cgbm1_report.build.since import write_changes
from cgbm1_report.errors import number_of
from cgbm1_report.protocol.wording import words_of
from cgbm1_report.system.manifest import read_manifest
from cgbm1_report.system.workers import Workers, gather

if TYPE_CHECKING:
    from cgbm1_report.build.gate import OnProgress
    from cgbm1_report.build.request import Request
    from cgbm1_report.readback import ReadBack
    from cgbm1_report.recount import Recounted

#: Bytes of results that are counted in the time another process takes to begin.
_WORTH = 400_000


def print_results(
    showing: Showing, earlier: Earlier | None, on_progress: OnProgress
) -> tuple[Recounted, dict[str, str], dict[str, dict[str, object]]]:
    """Join the results of the outputs, write them as CDISC has them, compute them a second time, and print them.

    Who prints and who counts share the processes, so that none waits for what another does alone.

    Returns
    -------
    tuple
        What the second count says, and as of `Documents.finish`.

    Raises
    ------
    ReportError
        Numbers that are unequal or cannot all be true, an output that cannot be printed.
    """
    work, request, trial, outputs = showing.work, showing.request, showing.trial, showing.outputs
    worth = max(1 + weigh_results(work, outputs) // _WORTH, count_hands(outputs))
    with Workers(min(request.jobs, worth)) as hands:
        documents = Documents(showing, hands)
        on_progress("render", f"{', '.join(request.formats)}; {number_of(len(outputs), 'output')}")
        documents.begin_outputs()
        # In a process of its own: the results of a whole report take much room, and nobody needs them here.
        gather([hands.call(join_results, work, outputs, showing.witness)], "joining the results")
        written = hands.call(write_ars, work, outputs, trial, request.formats, showing.program)
        documents.begin(write_changes(work, earlier, request.target.name, showing.stamp, trial, outputs))
        documents.begin_joined()
        on_progress("count again", number_of(len(outputs), "output"))
        opened = Interactive(work, outputs, showing.stamp, words_of(trial), hands) if "html" in request.formats else None
        again = begin_recount(work, outputs, trial, showing.pooled, hands, showing.program, opened)()
        gather([written], "writing the results as CDISC has them")
        return again, *documents.finish()


def prove(
    work: Path,
    request: Request,
    outputs: Sequence[str],
    engine: Mapping[str, str],
    documents: Mapping[str, Mapping[str, object]],
    on_progress: OnProgress,
    program: str = "",
) -> ReadBack:
    """Read the files back; the counts, when every one of them says what the results say.

    Raises
    ------
    ReportError
        Every place where a file says something else.
    """
    from cgbm1_report.readback import raise_on_findings, read_back

    on_progress("read back", number_of(len(outputs), "output"))
    done = read_back(
        work,
        outputs,
        formats=request.formats,
        stamp=read_manifest(work)["report"]["stamp"],
        engine=engine["name"],
        documents=documents,
        free_edges=request.reference_doc is not None,
        log=engine["notes"],
        every_tag=False,
        workers=request.jobs,
        program=program,
    )
    raise_on_findings(done.findings)
    return done

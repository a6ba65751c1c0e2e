"""The verb that watches a folder of cuts and builds each once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cgbm1_report.cli.application import NumbersOption, TrialOption, app
from cgbm1_report.system.endings import IN_LINES
from cgbm1_report.system.terminal import say_exit
from cgbm1_report.system.usage import a_number, one_of

if TYPE_CHECKING:
    from cgbm1_report.watch.asked import Asked
    from cgbm1_report.watch.events import Event, Hear

IN_LINES.add("watch")


@app.command()
def watch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder whose folders are data cuts.")],
    out: Annotated[Path, typer.Option("--out", metavar="BUILDS", help="Where a build of each cut goes, and status.html.")],
    once: Annotated[bool, typer.Option("--once", help="Build what is there and end, as for cron.")] = False,
    every: Annotated[float, a_number("--every", least=1, whole=False, metavar="SECONDS", help="Between two looks.")] = 60,
    rested: Annotated[
        float,
        a_number("--rested", least=0, whole=False, metavar="SECONDS", help="How long a cut without a seal must lie unchanged."),
    ] = 600,
    longest: Annotated[
        float, a_number("--longest", least=1, whole=False, metavar="SECONDS", help="What one build may take.")
    ] = 21600,
    stalled: Annotated[
        float, a_number("--stalled", least=1, whole=False, metavar="SECONDS", help="How long a build may tell of no step.")
    ] = 3600,
    keep: Annotated[int | None, a_number("--keep", least=1, help="So many builds stay, those begun last. Default: all.")] = None,
    retries: Annotated[
        int,
        a_number("--retries", least=0, help="How often a build is tried again that failed for want of disk, memory or a process."),
    ] = 2,
    notify: Annotated[
        str | None, typer.Option("--notify", metavar="COMMAND", help="Told of each event, as JSON on its standard input; no shell.")
    ] = None,
    since_last: Annotated[
        bool, typer.Option("--since-last", help="Mark in each build what changed since the one before, and list it.")
    ] = False,
    trial: TrialOption = None,
    phase: Annotated[int | None, a_number("--phase", help="Only this phase.")] = None,
    only: NumbersOption = None,
    formats: Annotated[list[str], typer.Option(metavar="LIST", help="As of build.")] = ["html,docx,pdf,rtf"],  # noqa: B006
    notebook_timeout: Annotated[
        float, a_number("--notebook-timeout", least=1, whole=False, metavar="SECONDS", help="What one notebook may take.")
    ] = 1800,
    jobs: Annotated[int, a_number("--jobs", least=1, help="Processes at a time of one build.")] = 2,
    use_adam: Annotated[
        bool, typer.Option("--use-adam", help="Analyse the ADaM that cuts supply instead of deriving it, as build does.")
    ] = False,
    paper: Annotated[str, one_of("--paper", "a4", "letter", help="Sheet of the printed report.")] = "a4",
    chain: Annotated[bool, typer.Option("--chain", help="Begin chain.jsonl beside the builds, as build does.")] = False,
    sign: Annotated[Path | None, typer.Option("--sign", metavar="KEY", help="Sign each build with this private key.")] = None,
    executor: Annotated[str, typer.Option(metavar="dask://HOST:PORT", help="Send the work of each build to this cluster.")] = "",
    quiet: Annotated[bool, typer.Option("--quiet", help="Print what failed only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each event.")] = False,
) -> None:
    """Build each complete cut of a folder once, in order; a status page says what came of it."""
    from cgbm1_report.watch.asked import Asked
    from cgbm1_report.watch.events import print_events, split_command
    from cgbm1_report.watch.night import watch_cuts

    command = [] if notify is None else split_command(notify)
    asked = Asked(
        folder, out, once=once, every=every, rested=rested, longest=longest, stalled=stalled, keep=keep, retries=retries,
        since_last=since_last, trial=trial, phase=phase, only=tuple(only) if only else None, formats=tuple(formats),
        notebook_timeout=notebook_timeout, jobs=jobs, use_adam=use_adam, paper=paper, chain=chain, sign=sign, executor=executor,
    )  # fmt: skip
    ended: list[Event] = []
    hear = _tell_both(print_events(as_json=as_json, quiet=quiet), command, asked, ended)
    try:
        code = watch_cuts(asked, hear)
    except BaseException as error:
        if not ended:
            _tell_unbegun(error, command, asked)
        raise
    if as_json:
        say_exit(code)
    raise typer.Exit(code)


def _tell_unbegun(error: BaseException, command: list[str], asked: Asked) -> None:
    """Tell the command of a watch that could not begin, as where another has been at work all night: the log has its error."""
    from cgbm1_report.watch.ended import tell_end
    from cgbm1_report.watch.events import Event

    words, facts = tell_end(error, asked.trial, begun=False)
    _tell_both(lambda _: None, command, asked, [])(Event("ended", "", words, 0.0, 0, {**facts, "counts": {}}))


def _tell_both(printed: Hear, command: list[str], asked: Asked, ended: list[Event]) -> Hear:
    """Who hears of an event: the log, and of those that matter the command; ``ended`` holds the last."""
    from cgbm1_report.system.processes import ending
    from cgbm1_report.system.whole import find_whole
    from cgbm1_report.watch.events import TOLD, Notifier
    from cgbm1_report.watch.record import PAGE

    notifier = Notifier(command, find_whole(asked.out) / PAGE)

    def hear(event: Event) -> None:
        printed(event)
        if event.kind == "ended":
            ended.append(event)
        # Whoever ends the watch knows that it has ended, and starts nothing more.
        if command and event.kind in TOLD and not ending():
            notifier.tell(event)

    return hear

"""The verb for those who qualify an installation: IQ, OQ, PQ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cgbm1_report.cli.application import NumbersOption, TrialOption, app
from cgbm1_report.errors import ArgumentError, PlanError, number_of
from cgbm1_report.system.terminal import say

if TYPE_CHECKING:
    from cgbm1_report.qualify import Record

_KINDS = ("iq", "oq", "pq")


@app.command()
def qualify(
    kind: Annotated[str, typer.Argument(metavar="iq|oq|pq", help="Of the installation, the operation, or the performance.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the record goes.")] = Path("qualification"),
    checkout: Annotated[Path, typer.Option("--checkout", metavar="DIR", help="OQ: the program's source, with its tests.")] = Path(),
    tests: Annotated[list[str] | None, typer.Option("--tests", metavar="FILE", help="OQ: these files alone.")] = None,
    cut: Annotated[Path | None, typer.Option("--cut", metavar="CUT", help="PQ: the data cut that is reported twice.")] = None,
    trial: TrialOption = None,
    only: NumbersOption = None,
) -> None:
    """Carry out an installation, operational or performance qualification, and write its record, to be signed.

    Exit code 1 where a check failed; the record says which.
    """
    if kind.lower() not in _KINDS:
        raise ArgumentError(f"{kind} is no qualification", rule="qualify", remedy=f"name one of {', '.join(_KINDS)}")
    from cgbm1_report.build.target import refuse_within
    from cgbm1_report.system.whole import find_place

    # Before hours of tests, not after them.
    refuse_within(find_place(out))
    record = _carry_out(kind.lower(), checkout, tests or [], cut, trial, only)
    from cgbm1_report.qualify import write_record

    place = write_record(record, out)
    for one in record.failed:
        say(f"FAILED  {one.what}: expected {one.expected}; observed {one.observed}")
    say(f"{record.title}: {number_of(len(record.checks), 'check')}, {len(record.failed)} failed: {place}")
    raise typer.Exit(1 if record.failed else 0)


def _carry_out(kind: str, checkout: Path, tests: list[str], cut: Path | None, trial: Path | None, only: list[str] | None) -> Record:
    from cgbm1_report.qualify import qualify_installation, qualify_operation, qualify_performance

    if kind == "iq":
        return qualify_installation()
    if kind == "oq":
        return qualify_operation(checkout.resolve(), tests)
    if cut is None:
        raise PlanError("a performance qualification reports a data cut", rule="qualify", remedy="name one with --cut")
    from cgbm1_report.build.request import Request

    return qualify_performance(Request(cut=cut, trial=trial, only=tuple(only) if only else None))

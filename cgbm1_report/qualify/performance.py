"""Performance qualification: of a cut the same report is made twice in every byte, and its numbers are those of a second count."""

from __future__ import annotations

import filecmp
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request
from cgbm1_report.errors import number_of
from cgbm1_report.qualify.record import Check, Record, make_record, tell_moment
from cgbm1_report.readback import verify_build
from cgbm1_report.system.manifest import read_manifest


def qualify_performance(request: Request) -> Record:
    """Build what is asked for twice, in places of its own, and look at both; ``request.out`` is not used.

    Raises
    ------
    ReportError
        The cut cannot be reported: what `build_report` says.
    """
    begun = tell_moment()
    with tempfile.TemporaryDirectory() as folder:
        builds = [build_report(replace(request, out=Path(folder) / name, anew=True)) for name in ("one", "two")]
        checks = [*_check_proofs(builds[0]), _check_verified(builds[0]), _check_same(*builds)]
    return make_record("pq", f"Performance qualification: {request.cut.name}", checks, begun)


def _told(build: Path) -> dict[str, dict[str, Any]]:
    lines = (build / "build.log").read_text(encoding="utf-8").splitlines()
    return {str(said.get("what")): said for line in lines if (said := json.loads(line))}


def _check_proofs(build: Path) -> list[Check]:
    told = _told(build)
    again, proved = told["counted again"], told["proved"]
    return [
        Check(
            "Numbers computed a second time, in SQL",
            "more than none, and none unequal",
            f"{again['numbers']} equal, {again['unequal']} unequal, {again['not_again']} not computed again",
            again["numbers"] > 0 and not again["unequal"],
        ),
        Check(
            "Printed cells read back from every file",
            "no finding",
            f"{number_of(proved['cells'], 'cell')} of {number_of(proved['outputs'], 'output')}"
            f" in {number_of(proved['files'], 'file')}, {number_of(proved['findings'], 'finding')}",
            proved["cells"] > 0 and not proved["findings"],
        ),
    ]


def _check_verified(build: Path) -> Check:
    found = verify_build(build, read_manifest(build)).findings
    told = number_of(len(found), "finding") + (f": {found[0]}" if found else "")
    return Check("The finished build, read back once more (cgbm1-report verify)", "0 findings", told, not found)


def _check_same(one: Path, other: Path) -> Check:
    """That every byte of both builds is the same."""
    files = [{str(path.relative_to(build)) for path in build.rglob("*") if path.is_file()} for build in (one, other)]
    both = sorted(files[0] & files[1])
    _, differing, unread = filecmp.cmpfiles(one, other, both, shallow=False)
    apart = [*differing, *unread, *sorted(files[0] ^ files[1])]
    told = f"{number_of(len(both), 'file')}, {len(apart)} differ" + (f": {', '.join(apart[:5])}" if apart else "")
    return Check("Two builds of the same cut", "the same in every byte", told, bool(both) and not apart)

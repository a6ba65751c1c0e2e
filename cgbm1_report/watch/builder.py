"""Makes one build in a process of its own: what kills it, or takes all its memory, does not end the watch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from cgbm1_report.errors import Problem, ToolError, WritingError
from cgbm1_report.system.endings import NO_MEMORY, UNEXPECTED
from cgbm1_report.system.importing import deaf_environment
from cgbm1_report.system.processes import run_program
from cgbm1_report.watch.asked import Asked

#: Exit codes of faults that may be gone the next time: a lost process, no memory, no room on the disk.
PASSING: Final = frozenset({ToolError.exit_code, NO_MEMORY, WritingError.exit_code})


@dataclass(frozen=True)
class Outcome:
    """How a build ended: its exit code, what it says of itself where it was made, and of what ended it."""

    code: int
    told: Mapping[str, Any]
    error: Mapping[str, Any]


#: Makes the build of a cut in a folder; the third is the build before it, where changes since it are to be marked.
Builder = Callable[[Path, Path, Path | None], Outcome]


#: Writes all findings of a cut into a folder; their counts by severity, nothing where they could not be written.
Check = Callable[[Path, Path], dict[str, int]]


def make_builder(asked: Asked) -> Builder:
    """What makes each build as it is asked for."""

    def build(cut: Path, out: Path, since: Path | None) -> Outcome:
        words = [str(cut.absolute()), "--out", str(out.absolute()), *asked.words]
        words += [] if since is None else ["--since", str(since.absolute())]
        return run_verb(["build", *words, "--quiet", "--json"], asked.longest)

    return build


def make_check(asked: Asked) -> Check:
    """What lists the findings of each cut by the protocol that builds are made by."""

    def check(cut: Path, folder: Path) -> dict[str, int]:
        words = ["validate", str(cut.absolute()), "--out", str(folder.absolute()), "--json"]
        words += [] if asked.trial is None else ["--trial", str(asked.trial.absolute())]
        counts = run_verb(words, asked.longest).told.get("counts")
        return {str(name): int(count) for name, count in counts.items()} if isinstance(counts, dict) else {}

    return check


def run_verb(words: list[str], longest: float) -> Outcome:
    """Carry out a verb of this program in a process of its own, and read what it says in JSON."""
    command = [sys.executable, "-m", "cgbm1_report.cli", *words]
    try:
        done = run_program(command, timeout=longest, environment={**os.environ, **deaf_environment()})
    except subprocess.TimeoutExpired:
        return _lost(f"took longer than {longest:g} s and was ended", "give it more time with --longest")
    said: dict[str, Any] = {}
    with suppress(ValueError, RecursionError):
        loaded = json.loads(done.stdout)
        said = loaded if isinstance(loaded, dict) else {}
    code = done.returncode
    if code >= 128:
        name = signal.Signals(code - 128).name if code - 128 in set(signal.Signals) else f"exit code {code}"
        return _lost(f"the process that built it was ended from outside ({name})", "see that the machine has enough memory")
    if code == 0 and said:
        return Outcome(0, said, {})
    error = said.get("error")
    if code and isinstance(error, dict) and isinstance(error.get("problems"), list):
        return Outcome(code, {}, {"class": str(error.get("class", "")), "problems": error["problems"]})
    if code and said:
        # Findings are no error of the program: what it found it has said.
        return Outcome(code, said, {})
    last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
    problem = Problem(
        f"the build said nothing that can be read (exit code {code}): {''.join(last)[:500]}", remedy="build it by hand"
    )
    return Outcome(code or UNEXPECTED, {}, {"class": "Exception", "problems": [asdict(problem)]})


def _lost(told: str, remedy: str) -> Outcome:
    return Outcome(ToolError.exit_code, {}, {"class": ToolError.__name__, "problems": [asdict(Problem(told, remedy=remedy))]})

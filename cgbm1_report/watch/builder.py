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

from cgbm1_report.errors import BusyError, Problem, ReportError, ToolError, WritingError
from cgbm1_report.system.endings import NO_MEMORY, UNEXPECTED
from cgbm1_report.system.importing import deaf_environment
from cgbm1_report.system.processes import run_program
from cgbm1_report.watch.asked import Asked

#: Exit codes of faults that may be gone the next time: a lost process, no memory, no room on the disk, another run there.
PASSING: Final = frozenset({BusyError.exit_code, ToolError.exit_code, NO_MEMORY, WritingError.exit_code})


@dataclass(frozen=True)
class Outcome:
    """How a build ended: its exit code, what it says of itself where it was made, and of what ended it."""

    code: int
    told: Mapping[str, Any]
    error: Mapping[str, Any]

    @classmethod
    def of(cls, error: ReportError) -> Outcome:
        """How a build ended that an error of this process ended."""
        problems = [asdict(problem) for problem in error.problems]
        return cls(error.exit_code, {}, {"class": type(error).__name__, "problems": problems})

    @property
    def findings(self) -> dict[str, int]:
        """Findings by severity, as it says them itself; one that was there already says nothing."""
        return {str(name): int(count) for name, count in self.told.get("findings", {}).items()}


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
        words = ["validate", str(cut.absolute()), "--out", str(folder.absolute())]
        words += [] if asked.trial is None else ["--trial", str(asked.trial.absolute())]
        with suppress(OSError):
            (folder / "findings.json").unlink(missing_ok=True)
        run_verb(words, asked.longest)
        return read_findings(folder)

    return check


def read_findings(folder: Path) -> dict[str, int]:
    """Findings by severity, as findings.json of a folder counts them; nothing where it is not there."""
    try:
        counts = json.loads((folder / "findings.json").read_text(encoding="utf-8"))["counts"]
        return {str(name): int(count) for name, count in counts.items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {}


def run_verb(words: list[str], longest: float, module: str = "cgbm1_report.cli") -> Outcome:
    """Carry out a verb of this program in a process of its own, and read what it says in JSON."""
    command = [sys.executable, "-m", module, *words]
    try:
        done = run_program(command, timeout=longest, environment={**os.environ, **deaf_environment()})
    except subprocess.TimeoutExpired:
        return _lost(f"took longer than {longest:g} s and was ended", "give it more time with --longest")
    except OSError as error:
        return _lost(f"no process could be started for it: {error.strerror}", "see that the machine has enough memory")
    code, said = done.returncode, _read_json(done.stdout)
    if code >= 128:
        name = signal.Signals(code - 128).name if code - 128 in set(signal.Signals) else f"exit code {code}"
        return _lost(f"its process was ended from outside ({name})", "see that the machine has enough memory")
    if code == 0 and said:
        return Outcome(0, said, {})
    ended = said.get("error")
    if code and isinstance(ended, dict) and isinstance(ended.get("problems"), list):
        return Outcome(code, {}, {"class": str(ended.get("class", "")), "problems": ended["problems"]})
    last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
    told = f"it said nothing that can be read (exit code {code})"
    problem = Problem(f"{told}: {''.join(last)[:500]}", remedy="run it by hand", closed=told)
    return Outcome(code or UNEXPECTED, {}, {"class": "Exception", "problems": [asdict(problem)]})


def _read_json(printed: bytes) -> dict[str, Any]:
    try:
        loaded = json.loads(printed)
    except (ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _lost(told: str, remedy: str) -> Outcome:
    # It says nothing of the data: the log may tell it.
    return Outcome.of(ToolError(told, remedy=remedy, closed=told))

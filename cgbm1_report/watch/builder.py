"""Makes one build in a process of its own: what kills it, or takes all its memory, does not end the watch."""

from __future__ import annotations

import json
import os
import re
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
from cgbm1_report.system.processes import Ear, StalledError, run_program
from cgbm1_report.watch.asked import Asked

#: Exit codes of faults that may be gone the next time: a lost process, no memory, no room on the disk, another run there.
PASSING: Final = frozenset({BusyError.exit_code, ToolError.exit_code, NO_MEMORY, WritingError.exit_code})
#: The rule of what took too long.
OVERLONG: Final = "--longest"
#: The rule of what told of no step for too long.
STALLED: Final = "--stalled"
_OUT_OF_TIME: Final = frozenset({OVERLONG, STALLED})
#: Seconds beyond the limit of a notebook: one that does not end is ended by that limit, which names its cell.
_BEYOND: Final = 60.0
#: Steps whose words hold counts and names of notebooks, formats and folders; of any other the log of a watch tells the name alone.
_TOLD: Final = ("engine", "read back", "read", "validate", "derive", "taken", "notebook", "count again", "render", "done", "kept")
#: A line of a build's log: when, since its begin, and what it is at.
_STEP: Final = re.compile(r"\S+Z +[\d.]+ s  (?P<at>\S.*)")
_NOTEBOOK: Final = re.compile(r"notebook +(?P<name>.+): (?P<event>started|done|failed)\b.*")


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
    def may_pass(self) -> bool:
        """Whether the same build may come to its end a minute later; one that took too long would take as long again."""
        return self.code in PASSING and not any(told.get("rule") in _OUT_OF_TIME for told in self.error.get("problems", ()))

    @property
    def findings(self) -> dict[str, int]:
        """Findings by severity, as it says them itself; one that was there already says nothing."""
        return {str(name): int(count) for name, count in self.told.get("findings", {}).items()}


#: Makes the build of a cut in a folder; the third is the build before it, where changes since it are to be marked.
Builder = Callable[[Path, Path, Path | None], Outcome]


#: Writes all findings of a cut into a folder; their counts by severity, nothing where they could not be written.
Check = Callable[[Path, Path], dict[str, int]]


def make_builder(asked: Asked, hear: Callable[[str], None]) -> Builder:
    """What makes each build as it is asked for; ``hear`` is told of each step of it."""

    def hear_line(line: bytes) -> bool:
        step = read_step(line.decode("utf-8", "replace"))
        if step:
            hear(step)
        return bool(step)

    ear = Ear(hear_line, max(asked.stalled, asked.notebook_timeout + _BEYOND))

    def build(cut: Path, out: Path, since: Path | None) -> Outcome:
        words = [str(cut.absolute()), "--out", str(out.absolute()), *asked.words]
        words += [] if since is None else ["--since", str(since.absolute())]
        return run_verb(["build", *words, "--json"], asked.longest, about=str(cut), ear=ear)

    return build


def make_check(asked: Asked) -> Check:
    """What lists the findings of each cut by the protocol that builds are made by."""

    def check(cut: Path, folder: Path) -> dict[str, int]:
        words = ["validate", str(cut.absolute()), "--out", str(folder.absolute())]
        words += [] if asked.trial is None else ["--trial", str(asked.trial.absolute())]
        with suppress(OSError):
            (folder / "findings.json").unlink(missing_ok=True)
        run_verb(words, asked.longest, about=str(cut))
        return read_findings(folder)

    return check


def read_findings(folder: Path) -> dict[str, int]:
    """Findings by severity, as findings.json of a folder counts them; nothing where it is not there."""
    try:
        counts = json.loads((folder / "findings.json").read_text(encoding="utf-8"))["counts"]
        return {str(name): int(count) for name, count in counts.items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {}


def read_errors(folder: Path, cut: Path) -> list[dict[str, str]]:
    """The errors that findings.json of a folder lists: file of the cut, rule and remedy of each; nothing where it is not there."""
    try:
        listed = json.loads((folder / "findings.json").read_text(encoding="utf-8"))["findings"]
        errors = [told for told in listed if told["severity"] == "E"]
        return [
            {"file": _name_file(told, cut), "rule": str(told["rule"]), "remedy": str(told.get("remedy") or "")} for told in errors
        ]
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return []


def _name_file(told: Mapping[str, Any], cut: Path) -> str:
    """The file of a finding, by its whole path; of data that are derived the dataset."""
    files = str(told.get("file") or "")
    return ", ".join(str(cut / name) for name in files.split(", ")) if files else str(told["dataset"])


def run_verb(
    words: list[str], longest: float, module: str = "cgbm1_report.cli", about: str = "", ear: Ear | None = None
) -> Outcome:
    """Carry out a verb of this program in a process of its own, and read what it says in JSON; ``about`` is what it works on."""
    command = [sys.executable, "-m", module, *words]
    try:
        done = run_program(command, timeout=longest, environment={**os.environ, **deaf_environment()}, ear=ear)
    except StalledError as late:
        told = f"told of no step for {ear.patience if ear else 0:g} s and was ended{_tell_step(late.stderr or b'')}"
        remedy = "see what it waits for; where its data need so long for one step, give it more time with --stalled"
        return Outcome.of(ToolError(told, file=about, rule=STALLED, remedy=remedy, closed=told))
    except subprocess.TimeoutExpired as late:
        told = f"took longer than {longest:g} s and was ended{_tell_step(late.stderr or b'')}"
        remedy = "give it more time with --longest; of a cell that does not end --notebook-timeout tells which it is"
        return Outcome.of(ToolError(told, file=about, rule=OVERLONG, remedy=remedy, closed=told))
    except OSError as error:
        return _lost(f"no process could be started for it: {error.strerror}", "see that the machine has enough memory", about)
    code, said = done.returncode, _read_json(done.stdout)
    if code >= 128:
        name = signal.Signals(code - 128).name if code - 128 in set(signal.Signals) else f"exit code {code}"
        remedy = "find out who ended it: somebody, the service or scheduler that began the watch, or the machine for want of memory"
        return _lost(f"its process was ended from outside ({name})", remedy, about)
    if code == 0 and said:
        return Outcome(0, said, {})
    ended = said.get("error")
    if code and isinstance(ended, dict) and isinstance(ended.get("problems"), list):
        return Outcome(code, {}, {"class": str(ended.get("class", "")), "problems": ended["problems"]})
    last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
    told = f"it said nothing that can be read (exit code {code})"
    problem = Problem(f"{told}: {''.join(last)[:500]}", remedy="run it by hand", closed=told)
    return Outcome(code or UNEXPECTED, {}, {"class": "Exception", "problems": [asdict(problem)]})


def read_step(line: str) -> str:
    """The step that a line of a build's log tells, in words that hold no value of the data; nothing of another line."""
    found = _STEP.fullmatch(line)
    at = " ".join(found["at"].split()) if found else ""
    known = any(at == name or at.startswith(f"{name} ") for name in _TOLD)
    return at if known else at.partition(" ")[0]


def _tell_step(said: bytes) -> str:
    """What a build was at when it was ended, as its log says: the notebooks that were under way, else its last step."""
    steps = [step for line in said.decode("utf-8", "replace").splitlines() if (step := read_step(line))]
    events = [found for step in steps if (found := _NOTEBOOK.fullmatch(step))]
    last = {found["name"]: found["event"] for found in events}
    at_work = [f"notebook {name}" for name, event in last.items() if event == "started"]
    at = ", ".join(at_work) or "".join(steps[-1:])
    return f"; it was at: {at}" if at else ""


def _read_json(printed: bytes) -> dict[str, Any]:
    try:
        loaded = json.loads(printed)
    except (ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _lost(told: str, remedy: str, about: str) -> Outcome:
    # It says nothing of the data: the log may tell it.
    return Outcome.of(ToolError(told, file=about, remedy=remedy, closed=told))

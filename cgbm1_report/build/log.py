"""build.log: what a build did, in JSON lines, one fact a line, in the order in which it happened.

Each line begins with ``what`` it tells; numbers are numbers, and words that a person reads stand under ``told``. A machine asks

    jq 'select(.what == "proved") | .findings' build.log

and a reader takes in a line at a time. There is no clock time: two builds of one cut are equal in every file.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cgbm1_report.assets import __version__

if TYPE_CHECKING:
    from cgbm1_report.readback import ReadBack
    from cgbm1_report.recount import Recounted

LOG = "build.log"


def write_log(
    folder: Path, engine: Mapping[str, str], outputs: Sequence[str], proved: ReadBack, counted: Recounted, trial: Mapping[str, str],
    unused: Sequence[str], left_out: Mapping[str, str] | None = None, *,
    lacking: Sequence[str] = (), part: bool = False, blind: str = "", unfinished: Sequence[str] = (),
    texts: Sequence[str] = (),
) -> None:  # fmt: skip
    """Write build.log.

    Parameters
    ----------
    proved
        What was read back.
    counted
        What was computed a second time, and what was not.
    trial
        The protocol file that was used (see `name_trial`).
    unused
        Protocol files that lie in the cut and were not used.
    left_out
        Outputs that the trial declares too little for, with the reason.
    lacking
        What a final report may not lack, and this one does.
    part
        Whether some outputs were built alone, of which no section is expected.
    blind
        What is blinded, as every page says it.
    unfinished
        What a report that is called final is of and is not finished (see `warn_unfinished`).
    texts
        What of physicians' texts is missing, printed nowhere, or of an event that changed (see `warn_texts`).
    """
    facts: list[Mapping[str, Any]] = [
        {"what": "code", "program": "cgbm1-report", "version": __version__, "python": platform.python_version()},
        {"what": "trial", "file": trial["file"], "sha256": trial["sha256"]},
        *({"what": "trial not used", "file": name, "told": f"lies in the cut: name it with --trial {name}"} for name in unused),
        {"what": "engine", "name": engine["name"], "version": engine["version"]},
        *([{"what": "blinded", "told": blind}] if blind else []),
        *({"what": "unfinished", "told": line} for line in unfinished),
        *({"what": "narratives", "told": line} for line in texts),
        {"what": "outputs", "count": len(outputs)},
        *({"what": "not made", "output": output, "told": why} for output, why in (left_out or {}).items()),
        *({"what": "lacking", "told": line} for line in lacking),
        *([{"what": "part", "told": "some outputs alone: the sections that ICH E3 expects are not asked for"}] if part else []),
        *_tell_count(counted),
        {"what": "proved", **proved.counts},
        *({"what": "note", "told": note} for note in engine["notes"].split("; ") if note),
    ]
    (folder / LOG).write_text(to_lines(facts), encoding="utf-8")


def _tell_count(counted: Recounted) -> Iterator[dict[str, Any]]:
    """The counts, then what was not computed again, by the reason, then what is to be looked at."""
    yield {"what": "counted again", **counted.counts}
    for reason, count in counted.reasons.items():
        yield {"what": "not counted again", "numbers": count, "told": reason}
    for one in counted.looks:
        yield {"what": "look at", "told": one}


def to_lines(facts: Iterable[Mapping[str, Any]]) -> str:
    """Facts as JSON lines; characters as they are, because people read them."""
    return "".join(json.dumps(fact, ensure_ascii=False) + "\n" for fact in facts)


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The facts of a build's log, in their order."""
    return [json.loads(line) for line in (folder / LOG).read_text(encoding="utf-8").splitlines()]

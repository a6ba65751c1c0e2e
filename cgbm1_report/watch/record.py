"""What a watch knows of each cut: its state, kept in ``status.json`` of the folder of builds, so that a crash forgets nothing."""

from __future__ import annotations

import hmac
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from cgbm1_report.assets import __version__
from cgbm1_report.errors import PlanError
from cgbm1_report.read.seal import hash_files
from cgbm1_report.system.whole import find_whole, write_whole

STATUS: Final = "status.json"
PAGE: Final = "status.html"
#: A key that only the owner of the watch can read.
_KEY: Final = ".watch.key"
_KEY_BYTES: Final = 32
#: Where findings of cuts lie whose data are wrong.
FINDINGS: Final = "findings"
#: Where pages lie that say what changed from one build to the next.
CHANGES: Final = "changes"
_FORM: Final = "cgbm1-report watch 1"
#: What a status says that wrote it.
PROGRAM: Final = f"cgbm1-report {__version__}"

#: What a cut may be, and what that means.
STATES: Final = {
    "building": "its build is being made",
    "waiting": "not complete yet, or its turn has not come",
    "failed": "no build could be made of it",
    "refused": "it cannot be read as it is, or is not as it was sealed",
    "gone": "its folder was taken away before a build was made of it as it was",
    "done": "its build is there",
    "repeated": "another cut has the same files",
    "removed": "its build was there, and made room for those begun later",
    "ignored": "it is no cut",
}


@dataclass
class Entry:
    """One cut: how far it is, and what came of it."""

    name: str
    state: str = "waiting"
    #: Why it is in this state, where the state alone does not say it.
    why: str = ""
    #: Whether its folder is still there.
    there: bool = True
    sealed: bool = False
    cutoff: str = ""
    #: Of the paths, sizes and times of its files, and since when (seconds since 1970) they are so.
    signature: str = ""
    seen: float = 0.0
    #: Of the contents of its files (`name_content`), and whether they are those of ``signature``.
    content: str = ""
    settled: bool = False
    #: What a build that failed was asked for; see `asked.tell_apart`.
    asked: str = ""
    attempts: int = 0
    not_before: float = 0.0
    #: When its build was begun, of these files for the first time, and when it last ended.
    started: str = ""
    finished: str = ""
    seconds: float = 0.0
    #: Folder of its build, in the folder of builds.
    build: str = ""
    same_as: str = ""
    outputs: int = 0
    mark: str = ""
    #: Findings by severity; what changed since the build before, and whether a page says it; nothing where it is not known.
    findings: dict[str, int] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    before: str = ""
    compared: bool = False
    #: Whether all findings of a cut whose data are wrong lie in the folder of `FINDINGS`.
    findings_written: bool = False
    exit_code: int = 0
    #: Class and problems of what ended its last build.
    error: dict[str, Any] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """Its state as it is counted and shown: one that was taken away and has no build is gone, whatever was wrong with it."""
        return self.state if self.there or self.state in ("done", "removed") else "gone"

    @property
    def order(self) -> tuple[str, str]:
        """Cuts are built by their cut-off, and by their name where they state none."""
        return self.cutoff or self.name, self.name

    def wait_again(self, why: str) -> None:
        """Let its turn come once more."""
        self.state, self.why, self.not_before = "waiting", why, 0.0


def sort_entries(entries: Iterable[Entry]) -> list[Entry]:
    """The cuts in the order in which they are built."""
    return sorted(entries, key=lambda entry: entry.order)


def count_states(entries: Iterable[Entry]) -> dict[str, int]:
    """How many cuts are shown in each state."""
    found = Counter(entry.shown for entry in entries)
    return {state: found[state] for state in STATES if found[state]}


def name_content(out: Path, files: Mapping[str, Mapping[str, Any]]) -> str:
    """A name of the contents of a cut, which tells those apart that differ and nothing of what they are.

    Files of a blind cut hold treatment, and a checksum of them would prove a guess of it to whoever may read the status. So it
    is made with a key that only the owner of the watch can read; one that is lost is made anew, and every cut looked at again.

    Raises
    ------
    OSError
        The key cannot be read or written.
    """
    place = out / _KEY
    try:
        key = place.read_bytes()
    except FileNotFoundError:
        key = b""
    if len(key) != _KEY_BYTES:
        # None is there, or a watch was killed as it made one: a checksum with half a key can be guessed.
        key = os.urandom(_KEY_BYTES)
        place.unlink(missing_ok=True)
        with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key)
    return hmac.new(key, hash_files(files).encode("ascii"), "sha256").hexdigest()


def read_record(out: Path) -> dict[str, Entry]:
    """What an earlier watch of this folder of builds knew of each cut, by its name; nothing where there was none.

    Raises
    ------
    ReportError
        The file is not as a watch writes it.
    """
    path = out / STATUS
    try:
        content = json.loads(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError):
        content = None
    cuts = content.get("cuts") if isinstance(content, dict) and content.get("watch") == _FORM else None
    by = content.get("program", PROGRAM) if isinstance(content, dict) else PROGRAM
    if by != PROGRAM and (strange := _find_strange(content)):
        told = f"was written by {by}, and this is {PROGRAM}, which does not know {', '.join(strange)}"
        remedy = f"watch with {by}, or move it away: builds that are there are known again by their manifests"
        raise PlanError(told, file=path, rule="status of the cuts", remedy=remedy)
    if not isinstance(cuts, list) or not all(_is_entry(told, whole=by == PROGRAM) for told in cuts):
        remedy = "move it away: builds that are there are known again by their manifests"
        raise PlanError("is not as a watch wrote it", file=path, rule="status of the cuts", remedy=remedy)
    return {told["name"]: Entry(**told) for told in cuts}


def refuse_other_folder(out: Path, folder: Path) -> None:
    """Refuse builds that another folder of cuts has: a cut of one name would replace the build of another's.

    A folder of cuts that is no longer where the status says was moved; the cuts are known by what they hold.

    Raises
    ------
    PlanError
        The status was written by a watch of another folder, which is there.
    """
    try:
        known = Path(json.loads((out / STATUS).read_text(encoding="ascii"))["folder"])
        other = known.is_dir() and not known.samefile(folder)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return
    if other:
        told = f"holds the builds of the cuts in {find_whole(known)}, and this watch is of {folder}"
        remedy = "name another --out for these cuts, or the folder of cuts that these builds are of"
        raise PlanError(told, file=out, rule="one folder of cuts for a folder of builds", remedy=remedy, closed=told)


def tell_written(out: Path) -> str:
    """When the status of a folder of builds was written last, as it says; nothing where it does not."""
    try:
        return str(json.loads((out / STATUS).read_text(encoding="ascii"))["written"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""


def _find_strange(content: Mapping[str, Any]) -> list[str]:
    """What a later version writes of its cuts and this one does not know: another form, keys, or states."""
    form, cuts = content.get("watch"), content.get("cuts")
    if isinstance(form, str) and form != _FORM and form.startswith(_FORM.rpartition(" ")[0]):
        return [repr(form)]
    told = [one for one in cuts if isinstance(one, dict)] if isinstance(cuts, list) else []
    keys = {name for one in told for name in one} - {one.name for one in fields(Entry)}
    states = {state for one in told if isinstance(state := one.get("state"), str)} - set(STATES)
    return sorted(keys) + [f"the state {state}" for state in sorted(states)]


def _is_entry(told: object, *, whole: bool) -> bool:
    """Whether a JSON value has the keys of an entry, each of its kind; one of another version need not be ``whole``."""
    model = asdict(Entry(""))
    if not isinstance(told, dict) or set(told) - set(model) or told.get("state", "waiting") not in STATES:
        return False
    if set(model if whole else ("name",)) - set(told):
        return False
    kinds = {name: (int, float) if type(kind) is float else (type(kind),) for name, kind in model.items()}
    return all(type(value) in kinds[name] for name, value in told.items())


def write_record(out: Path, entries: Iterable[Entry], about: dict[str, Any]) -> None:
    """Write what is known of each cut; ``about`` is what is told of the watch itself.

    Raises
    ------
    OSError, ReportError
        It cannot be written.
    """
    told = [{one.name: getattr(entry, one.name) for one in fields(entry)} for entry in sort_entries(entries)]
    content = {"watch": _FORM, **about, "counts": count_states(entries), "cuts": told}
    write_whole(out / STATUS, (json.dumps(content, indent=1) + "\n").encode("ascii"))

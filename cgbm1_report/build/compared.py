"""Two cuts, or two builds, read and compared: ``compare A B``."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from cgbm1_report.build.gate import find_trial, look_at
from cgbm1_report.build.kept import read_ready
from cgbm1_report.build.stamp import make_stamp
from cgbm1_report.build.target import refuse_inside
from cgbm1_report.compare import Comparison, compare_sides, limit_outputs
from cgbm1_report.compare.files import FORMS, Form, write_comparison
from cgbm1_report.compare.sides import Side, read_build, refuse_sides
from cgbm1_report.errors import ArgumentError, DataError, PlanError, Problem, number_of
from cgbm1_report.protocol.trial import Trial, read_trial
from cgbm1_report.system.file_names import require_ending
from cgbm1_report.system.manifest import says_built
from cgbm1_report.system.room import tell_unwritten
from cgbm1_report.system.whole import find_place, write_whole

_RULE = "compare A B"
#: Forms that are files, and are printed nowhere.
_FILES = frozenset({"docx", "xlsx"})


def compare_places(old: Path, new: Path, trial: Path | None = None, *, unblind: bool = False) -> Comparison:
    """Compare two folders, each a cut or a build.

    Parameters
    ----------
    trial
        The protocol file of two cuts; builds bring their own.

    Raises
    ------
    ReportError
        One of them is neither, or cannot be read; they are not alike (`compare.sides.refuse_sides`).
    """
    if lost := [place for place in (old, new) if not place.exists()]:
        raise PlanError.of(
            Problem("is not there", str(place.absolute()), _RULE, remedy="name two cuts, or two builds") for place in lost
        )
    built = says_built(old), says_built(new)
    if all(built):
        return compare_sides(read_build(old), read_build(new), read_trial(new / "trial.yaml"), unblind=unblind)
    if any(built):
        told = f"{old} is a {_kind(built[0])} and {new} a {_kind(built[1])}"
        raise ArgumentError(told, rule=_RULE, remedy="name two cuts, or two builds")
    file = find_trial(new, trial)
    protocol = read_trial(file)
    before, now = (_read_cut(place, protocol) for place in (old, new))
    # Before anything is derived: a refusal comes at once.
    refuse_sides(before, now, unblind=unblind)
    whole = [_with_subjects(side, place, protocol, file) for side, place in ((before, old), (now, new))]
    # What one of them lacks is no difference between them: a cut with errors is like itself.
    lacking = tuple(f"Subjects are compared as collected: {why}" for _, why in whole if why)
    before, now = (side for side, _ in (((before, ""), (now, "")) if lacking else whole))
    found = compare_sides(before, now, protocol, unblind=unblind)
    return replace(found, notes=lacking)


def _kind(built: bool) -> str:
    return "build" if built else "cut"


def _read_cut(folder: Path, trial: Trial) -> Side:
    """A cut as it may be seen; of the files beside its datasets whether they are others, and nothing that they say."""
    from cgbm1_report.read.cut import read_cut
    from cgbm1_report.read.find import ABOUT
    from cgbm1_report.read.folder import companion_names

    cut = read_cut(folder, trial)
    sight = look_at(cut, trial)
    called = {name.casefold(): name for name in companion_names(trial) if name != ABOUT}
    stamp = make_stamp(trial, cut, pooled=sight.pooled)
    beside = {called[name.casefold()]: digest for name, digest in cut.files.items() if name.casefold() in called}
    return Side(folder.resolve().name, "cut", {**sight.sdtm, **sight.adam}, stamp, sight.pooled, beside=beside)


def _with_subjects(side: Side, folder: Path, trial: Trial, file: Path) -> tuple[Side, str]:
    """A cut with its subjects' analysis data, which say who is in which population; or why they cannot be derived."""
    if "ADSL" in side.data:
        return side, ""
    try:
        subjects = read_ready(folder, trial, file).adam["ADSL"]
    except DataError as error:
        return side, f"nothing is derived of {side.name}, in which validate finds {number_of(len(error.problems), 'error')}"
    return replace(side, data={**side.data, "ADSL": subjects}), ""


def tell_comparison(found: Comparison, form: Form, out: Path | None, places: dict[str, Path], room: int | None = None) -> str:
    """What is printed of a comparison: itself, or the file that it was written into.

    Raises
    ------
    ReportError
        A document or workbook has no file to go into; the file is there already, lies in what is compared, or cannot be written.
    """
    content = write_comparison(found, form, room)
    if out is None:
        return content.decode("utf-8").rstrip("\n")
    place = find_place(out)
    refuse_inside(place, places)
    _write_new(place, out, content, _RULE)
    return str(out)


def _write_new(place: Path, called: Path, content: bytes, rule: str) -> None:
    try:
        write_whole(place, content, lambda: _refuse_existing(called))
    except OSError as error:
        raise tell_unwritten(error, called, rule=rule, remedy="name another file") from error


def compare_builds(old: Path, new: Path) -> Comparison:
    """Compare two builds, before a document of the older one becomes the newer one's.

    Raises
    ------
    ReportError
        One of the two is no build, or they are not alike.
    """
    for place in (old, new):
        if not says_built(place):
            raise ArgumentError("is no build", file=place, rule="refresh --since", remedy="name the build that the document is of")
    return compare_places(old, new)


def write_refreshed(found: Comparison, document: Path, numbers: Collection[str]) -> Path:
    """Write the list of changes of a writer's document beside it, of the outputs that it holds; where it went.

    A list that is there already and says the same stays.

    Raises
    ------
    ReportError
        Another file has the list's place, or it cannot be written.
    """
    place = document.with_name(f"{document.stem}-changes-since-{found.old.stamp.cutoff}.docx")
    content = write_comparison(limit_outputs(found, numbers), "docx", records=False)
    if not (place.is_file() and place.read_bytes() == content):
        _write_new(place, place, content, "refresh --since")
    return place


def settle_form(form: Form, out: Path | None) -> None:
    """Refuse, before anything is read, a form that needs a file and has none, and a file that is there or is named as another.

    Raises
    ------
    ReportError
        As said.
    """
    if form in _FILES and out is None:
        raise ArgumentError(f"{form} goes into a file", rule=_RULE, remedy=f"name it with --out FILE.{form}")
    if out is not None:
        named = out.suffix.lower().removeprefix(".")
        if form == "text" and named in FORMS[1:]:
            raise ArgumentError(
                "a text is written, whatever its name is", file=out, rule=_RULE, remedy=f"add --format {named}, or name it .txt"
            )
        if form != "text":
            require_ending(out, f".{form}", _RULE)
        _refuse_existing(out)


def _refuse_existing(out: Path) -> None:
    if os.path.lexists(out):
        raise PlanError("exists: it is not overwritten", file=out, rule=_RULE, remedy="name another file, or move this one")

"""An output as a finished build holds it: shown from its own files, without the cut, the gate or a derivation."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

from cgbm1_report.errors import ArgumentError, PlanError, ProofError, number_of
from cgbm1_report.system.manifest import RESTORE, other_version, read_manifest
from cgbm1_report.tabulate.files import file_stem, split_group
from cgbm1_report.tabulate.numbers import match_number, nearest_numbers
from cgbm1_report.tabulate.stamped import read_stamp
from cgbm1_report.tabulate.table import Output

Form = Literal["text", "html", "json", "csv", "xlsx"]
#: So many outputs of a build are named where none is like the one that is asked for.
_FEW = 12


def show_stored(
    number: str, folder: Path, form: Form = "text", *, phase: int | None = None, group: str = "", room: int | None = None
) -> str:
    """What a build says under a number, each output that it names below the other.

    Parameters
    ----------
    phase
        Only the output of this phase.
    group
        The dose group whose outputs are meant; of all subjects, where none is named.
    room
        Columns a text may take; see `emit_text`.

    Raises
    ------
    ReportError
        The folder is no build; it holds no such output, or several where the form takes one; a file is not as the build wrote it.
    """
    manifest = read_manifest(folder)
    numbers = _find_shown(number, folder, manifest, form, phase, group)
    return "\n\n".join(_show(one, folder, manifest, form, room).rstrip("\n") for one in numbers)


def read_stored(number: str, folder: Path, form: Form, *, phase: int | None = None, group: str = "") -> Output:
    """The one output that a build says under a number.

    Raises
    ------
    ReportError
        As `show_stored` does.
    """
    manifest = read_manifest(folder)
    return _read_output(_find_shown(number, folder, manifest, form, phase, group)[0], folder, manifest)


def _find_shown(number: str, folder: Path, manifest: Mapping[str, Any], form: Form, phase: int | None, group: str) -> list[str]:
    """The full numbers of what is shown: only a text holds several."""
    numbers = _find(number, manifest["outputs"], phase, group, folder)
    if len(numbers) > 1 and form != "text":
        told = f"{number} is {' and '.join(numbers)} in this build, and {form} holds one output"
        raise ArgumentError(told, file=folder, rule="NUMBER", remedy="name one of them")
    return numbers


def _find(number: str, outputs: Mapping[str, str], phase: int | None, group: str, folder: Path) -> list[str]:
    """The full numbers, with their dose group, of what a number names in a build."""
    end = f"-{group}" if group else ""
    known = {full.removesuffix(end): full for full in outputs if (full.endswith(end) if group else not split_group(full)[1])}
    named = match_number(number, known)
    found = [one for one in named if phase is None or one.endswith(f".{phase}")]
    if named and not found:
        told = f"{' and '.join(named)} {'is' if len(named) == 1 else 'are'} not of phase {phase}"
        raise ArgumentError(told, file=folder, rule="--phase", remedy="leave out --phase, or name an output of that phase")
    if not found:
        raise _hold_no(number, known, phase, group, folder)
    return [known[one] for one in found]


def _hold_no(number: str, known: Collection[str], phase: int | None, group: str, folder: Path) -> ArgumentError:
    """That a build has no such output: what is nearly called so, or of which package it is; of many it has the first are named."""
    # Whoever asks for what is there waits for none of these.
    from cgbm1_report.protocol.packages import packed_numbers
    from cgbm1_report.tabulate.reviews import tell_packed

    packed = packed_numbers()
    if of_package := match_number(number, packed):
        told, remedy = tell_packed(of_package[0], packed[of_package[0]])
        return ArgumentError(f"{told}, and none of this build", file=folder, rule="NUMBER", remedy=remedy)
    near = nearest_numbers(number, known, phase) or list(known)
    more = f" and {number_of(len(near) - _FEW, 'other')}: index.html names all" if len(near) > _FEW else ""
    told = f"{number} is no output of this build" + (f" for dose group {group}" if group else "")
    held = f"it holds {', '.join(near[:_FEW])}{more}"
    return ArgumentError(told, file=folder, rule="NUMBER", remedy=held if near else "build it")


def _show(number: str, folder: Path, manifest: Mapping[str, Any], form: Form, room: int | None) -> str:
    from cgbm1_report.emit import emit_json, emit_text

    if form in ("html", "csv"):
        return _read(folder, f"outputs/{file_stem(number)}.{form}", manifest["files"])
    made = _read_output(number, folder, manifest)
    return emit_json(made) if form == "json" else emit_text(made, room)


def _read_output(number: str, folder: Path, manifest: Mapping[str, Any]) -> Output:
    from cgbm1_report.emit import read_printed

    name = f"outputs/{file_stem(number)}.json"
    text = _read(folder, name, manifest["files"])
    stamp = read_stamp(manifest, folder)
    try:
        return read_printed(text, stamp)
    except (KeyError, TypeError, ValueError) as error:
        raise other_version(manifest, folder / name, f"{type(error).__name__} {error}") from error


def _read(folder: Path, name: str, files: Mapping[str, str]) -> str:
    """A file of the build, if it is what the manifest says."""
    if name not in files:
        form = name.rpartition(".")[2]
        raise PlanError(f"holds no {form} of this output", file=folder, rule="--formats", remedy=f"build with --formats {form}")
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        told = f"cannot be read: {error.strerror}"
        raise ProofError(told, file=folder / name, rule="files of the manifest", remedy=RESTORE) from error
    if hashlib.sha256(content).hexdigest() != files[name]:
        raise ProofError("was changed since the build wrote it", file=folder / name, rule="files of the manifest", remedy=RESTORE)
    # A CSV's line ends, and the mark that it is UTF-8, are its own; here they are the terminal's.
    return content.decode("utf-8-sig").replace("\r\n", "\n")

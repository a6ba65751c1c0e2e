"""What was derived of a cut, kept in the user's cache: the next look at the same cut neither checks nor derives it anew.

An entry is found by its content: the SHA-256 of every file of the cut that is read (unblinding record and seal among them),
of the protocol, of this package's code and schemas, of the versions it stands on, and whether supplied ADaM was asked for.
Any other cut, blinded or unblinded, any other protocol or program has another entry. What a gate refused has none.
Only its owner may enter the folder; an entry that is not as it was written is not used, and written anew. A cut without
SDTM has none: nothing of it is derived, and it is read as fast as an entry.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cgbm1_report.assets import asset
from cgbm1_report.build.gate import OnProgress, read_data, report_quietly
from cgbm1_report.errors import ReportError
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.read.folder import hash_cut
from cgbm1_report.system.manifest import sha256_of
from cgbm1_report.system.store import key_of, own_folder
from cgbm1_report.system.whole import whole_folder

if TYPE_CHECKING:
    import pandas as pd

#: Cuts of which the derivation is kept; the oldest one makes room.
MOST = 4
_ABOUT = "kept.json"
#: What derivation stands on besides our own code.
_STANDS_ON = ("pandas", "numpy", "pyarrow", "pyreadstat")


@dataclass(frozen=True)
class Ready:
    """A cut made ready to be shown: its ADaM, what is blinded, and what its pages say of it."""

    adam: Mapping[str, pd.DataFrame]
    pooled: frozenset[int]
    cutoff: date | None
    synthetic: bool
    supplied: bool = False


def read_ready(
    folder: Path,
    trial: Trial,
    trial_file: Path,
    *,
    use_adam: bool = False,
    keep: bool = True,
    on_progress: OnProgress = report_quietly,
) -> Ready:
    """What the gate gives of a cut: what is kept of an earlier look at the same content, else derived, and kept.

    Parameters
    ----------
    keep
        Whether anything is taken from the cache or left there.

    Raises
    ------
    ReportError
        The cut cannot be read, or the gate found errors.
    """
    place = _place(folder, trial, trial_file, use_adam) if keep and (folder / "sdtm").is_dir() else None
    found = _take(place) if place else None
    if found:
        return found
    protocol = None if trial_file == asset("trial.yaml") else trial_file
    data = read_data(folder, trial, use_adam=use_adam, on_progress=on_progress, protocol=protocol)
    # In the order in which an entry gives them: whoever looks again sees the same.
    adam = {name: data.adam[name] for name in sorted(data.adam)}
    ready = Ready(adam, data.pooled, data.cut.cutoff, data.cut.synthetic, data.supplied)
    # What was read may be another cut than stood there before, and stands there again.
    if place and data.cut.files == hash_cut(folder, trial) and _place(folder, trial, trial_file, use_adam) == place:
        _leave(place, ready)
    return ready


def _place(folder: Path, trial: Trial, trial_file: Path, use_adam: bool) -> Path | None:
    """Where the entry of this content is; None where no place is the user's alone."""
    root = own_folder("cuts")
    if root is None:
        return None
    try:
        told = {
            "cut": hash_cut(folder, trial),
            "trial": sha256_of(trial_file),
            "code": {name: sha256_of(path) for name, path in _code()},
            "on": _versions(),
            "use_adam": use_adam,
        }
    except OSError:
        return None
    return root / key_of(told)


def _versions() -> list[str]:
    from importlib.metadata import version

    return [platform.python_version(), *(f"{name} {version(name)}" for name in _STANDS_ON)]


def _code() -> Iterator[tuple[str, Path]]:
    """Files that decide what is derived, by their name in the package."""
    for folder, ending in ((Path(__file__).parents[1], "*.py"), (asset("schemas"), "*.yaml")):
        yield from ((path.relative_to(folder).as_posix(), path) for path in sorted(folder.rglob(ending)))


def _take(place: Path) -> Ready | None:
    """An entry, if it is as it was written; each of its datasets is asked that again when it is read."""
    from cgbm1_report.notebook.datasets import Datasets

    try:
        about: dict[str, Any] = json.loads((place / _ABOUT).read_text(encoding="utf-8"))
        told, files = about["told"], about["told"]["files"]
        if about["sha256"] != key_of(told) or {f"adam/{path.name}" for path in (place / "adam").iterdir()} != set(files):
            return None
        if any(sha256_of(place / name) != digest for name, digest in files.items()):
            return None
        cutoff = date.fromisoformat(told["cutoff"]) if told["cutoff"] else None
        os.utime(place)
        return Ready(Datasets(place, files), frozenset(told["pooled"]), cutoff, told["synthetic"], told["supplied"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _leave(place: Path, ready: Ready) -> None:
    """Keep an entry, whole or not at all: that it cannot be kept is nobody's fault who wanted to see an output."""
    with suppress(ReportError, OSError), whole_folder(place, lambda _now, _called: None) as made:
        (made / "adam").mkdir()
        for name, frame in ready.adam.items():
            frame.to_parquet(made / "adam" / f"{name.lower()}.parquet", index=False)
        told = {
            "files": {f"adam/{path.name}": sha256_of(path) for path in sorted((made / "adam").iterdir())},
            "pooled": sorted(ready.pooled),
            "cutoff": ready.cutoff.isoformat() if ready.cutoff else "",
            "synthetic": ready.synthetic,
            "supplied": ready.supplied,
        }
        (made / _ABOUT).write_text(json.dumps({"told": told, "sha256": key_of(told)}), encoding="utf-8")
    with suppress(OSError):
        kept = sorted((path for path in place.parent.iterdir() if (path / _ABOUT).is_file()), key=lambda path: path.stat().st_mtime)
        for old in kept[:-MOST]:
            shutil.rmtree(old, ignore_errors=True)

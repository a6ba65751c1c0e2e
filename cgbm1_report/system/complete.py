"""What a shell completes a number to: the outputs of the trial, from a list that is kept until the package or trial.yaml changes.

To ask the catalogue loads pandas, which takes longer than a reader waits for a key.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cgbm1_report.system.store import own_folder

_NUMBER = re.compile(r"[A-Z]\d+(\.\d+)*")


def complete_from(incomplete: str, trial: Path, package: Path, ask: Callable[[], list[str]]) -> list[str]:
    """The numbers that what was typed may become, in its letters; in a list by comma its last number is completed.

    Parameters
    ----------
    trial, package
        The protocol file and the folder of what declares outputs: with their contents the numbers change.
    ask
        Gives the numbers where none are kept.
    """
    before, comma, last = incomplete.rpartition(",")
    numbers = _numbers(trial, package, ask)
    written = map(str.lower, numbers) if last.islower() else numbers
    return [f"{before}{comma}{number}" for number in written if number.startswith(last)]


def _numbers(trial: Path, package: Path, ask: Callable[[], list[str]]) -> list[str]:
    digest = hashlib.sha256(trial.read_bytes())
    for file in sorted(package.rglob("*.py")):
        about = file.stat()
        digest.update(f"{file}\0{about.st_mtime_ns}\0{about.st_size}\n".encode())
    folder = own_folder("numbers")
    if folder is None:
        return ask()
    kept = folder / digest.hexdigest()[:16]
    with suppress(OSError, UnicodeDecodeError):
        return [number for number in kept.read_text(encoding="ascii").split() if _NUMBER.fullmatch(number)]
    numbers = ask()
    # One that cannot be kept is asked for again.
    with suppress(OSError):
        for old in folder.iterdir():
            old.unlink()
        kept.write_text("\n".join(numbers), encoding="ascii")
    return numbers

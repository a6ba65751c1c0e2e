"""Outputs that were made before of all that they are made of: a build takes them, and makes the others.

What an output is made of is what it read when it was made (`system.reads`).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cgbm1_report.notebook.since import MOVED, SINCE
from cgbm1_report.system.manifest import REFERENCE, RESULTS, sha256_of
from cgbm1_report.system.reads import KeptByReads
from cgbm1_report.system.store import CACHE, STORE, open_store

#: The environment variable that tells a notebook's process the number of the program whose outputs it may take and keep.
PROGRAM = "CGBM1_REPORT_PROGRAM"
#: Among the files of an output, the name of the build that it was made for.
FROM = "build"


@dataclass(frozen=True)
class Taken:
    """The outputs that are ``kept`` and a notebook may take: ``told`` is all they are made of but the data.

    ``build`` is the name of the build being made.
    """

    kept: KeptByReads
    told: Mapping[str, object]
    build: str

    def find(self, number: str) -> dict[str, bytes] | None:
        """The files of an output that was made of the same, and under `FROM` for which build."""
        return self.kept.find({**self.told, "number": number})

    def keep(self, number: str, asked: Mapping[str, Collection[str]], files: Mapping[str, bytes]) -> None:
        """Keep the files of an output that read these variables of datasets, there or not."""
        self.kept.keep({**self.told, "number": number}, asked, {**files, FROM: self.build.encode()})


def tell_notebooks(program: str) -> dict[str, str]:
    """What a notebook's process hears of the store: the program's number, or none, and where this run has its store.

    The process that theirs are forked from may have begun before the run did, under other variables.
    """
    return {PROGRAM: program, **{name: os.environ.get(name, "") for name in (STORE, CACHE)}}


def open_taken(folder: Path, told: Mapping[str, object], trial: str, making: Mapping[str, Any]) -> Taken | None:
    """What a notebook of the build being made in a folder may take; nothing where the build said so, or marks what changed.

    ``trial`` is the SHA-256 of the protocol, ``making`` is what the manifest says while the build is made.
    """
    program = os.environ.get(PROGRAM)
    if not program or (folder / SINCE / MOVED).is_file():
        return None
    store = open_store("outputs")
    if store is None:
        return None
    template = folder / RESULTS / REFERENCE
    heard = os.environ.get("SOURCE_DATE_EPOCH")
    look = sha256_of(template) if template.is_file() else None
    all_told = {**told, "program": program, "look": look, "trial": trial, "heard": heard}
    return Taken(KeptByReads(store, making["variables"]), all_told, making["build"])

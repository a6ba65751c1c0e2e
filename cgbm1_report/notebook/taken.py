"""Outputs that were made before of all that they are made of: a build takes them, and makes the others.

What an output is made of is what it read when it was made: of each output the store holds the variables of the datasets that it
read, and under the content of these its files. What an output reads follows from what it has read before: where all of these are
as they were, making it again would read the same and give the same bytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cgbm1_report.notebook.digests import Digests, tell_read
from cgbm1_report.notebook.since import MOVED, SINCE
from cgbm1_report.system.manifest import REFERENCE, RESULTS, sha256_of
from cgbm1_report.system.store import CACHE, STORE, Store, key_of, open_store

#: The environment variable that tells a notebook's process the number of the program whose outputs it may take and keep.
PROGRAM = "CGBM1_REPORT_PROGRAM"
#: Among the files of an output, the name of the build that it was made for.
FROM = "build"
_READS, _MOST = "reads.json", 4


@dataclass(frozen=True)
class Taken:
    """The outputs of a store that a notebook may take: ``told`` is all they are made of but the data, ``digests`` these.

    ``build`` is the name of the build being made.
    """

    store: Store
    told: Mapping[str, object]
    digests: Digests
    build: str

    def find(self, number: str) -> dict[str, bytes] | None:
        """The files of an output that was made of the same, and under `FROM` for which build."""
        for asked in self._reads(number):
            found = self.store.find(self._key(number, asked))
            if found is not None:
                return found
        return None

    def keep(self, number: str, asked: Mapping[str, Collection[str]], files: Mapping[str, bytes]) -> None:
        """Keep the files of an output that read these variables of datasets, there or not."""
        read = {name: sorted(asked[name]) for name in sorted(asked)}
        others = [one for one in self._reads(number) if one != read]
        self.store.keep(self._place(number), {_READS: json.dumps([read, *others][:_MOST]).encode()})
        self.store.keep(self._key(number, read), {**files, FROM: self.build.encode()})

    def _reads(self, number: str) -> list[dict[str, list[str]]]:
        found = self.store.find(self._place(number))
        return json.loads(found[_READS]) if found else []

    def _place(self, number: str) -> str:
        return key_of({**self.told, "number": number, "is": "what it reads"})

    def _key(self, number: str, asked: Mapping[str, Collection[str]]) -> str:
        return key_of({**self.told, "number": number, "is": "its files", "data": tell_read(asked, self.digests)})


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
    return Taken(
        store, {**told, "program": program, "look": look, "trial": trial, "heard": heard}, making["variables"], making["build"]
    )

"""Files that were read back before, byte for byte, and said what they should: a build does not read them again.

A file is sound by what it says and by what it is held against. The digests of both are the key under which its proof is kept in
the user's store; whoever verifies a build takes none, and reads everything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from cgbm1_report.readback.docx import anchor_of
from cgbm1_report.readback.opened import Opened
from cgbm1_report.readback.parts import Build, Read
from cgbm1_report.readback.pdf import hear_log
from cgbm1_report.system.manifest import INTERACTIVE, sha256_of
from cgbm1_report.system.store import open_kept

_READ, _OPENED = "read.json", "opened.json"


class Proofs:
    """The proofs of a build's files as they were kept, and as they are kept for the next."""

    def __init__(self, build: Build, program: str) -> None:
        self._build, self._kept = build, open_kept("proofs", program)
        self._digests: dict[str, str | None] = {}
        common = {"outputs": list(build.outputs), "formats": list(build.formats), "engine": build.engine}
        self._common: dict[str, object] = {**common, "stamp": asdict(build.stamp), "links": sorted(build.links)}

    def find_outputs(self, numbers: Iterable[str]) -> dict[str, Read]:
        """What was read of the files of outputs, of those that are as they were then."""
        found = {number: self._kept.find(self._tell_output(number)) for number in numbers} if self._kept.store else {}
        return {number: _unpack([number], files[_READ]) for number, files in found.items() if files}

    def find_whole(self, parts: Iterable[tuple[str, str]], holds: Mapping[str, list[str]]) -> dict[tuple[str, str], Read]:
        """The same of whole documents, by path and format; ``holds`` are the outputs of each."""
        if not self._kept.store:
            return {}
        found = {(name, kind): self._kept.find(self._tell_whole(name, kind, holds[name])) for name, kind in parts}
        return {part: _unpack([], files[_READ]) for part, files in found.items() if files}

    def keep(self, outputs: Mapping[str, Read], wholes: Mapping[tuple[str, str], Read], holds: Mapping[str, list[str]]) -> None:
        """Keep what was read of the files of outputs, and of whole documents, that are sound."""
        for number, read in outputs.items():
            self._keep(self._tell_output(number), read)
        for (name, kind), read in wholes.items():
            self._keep(self._tell_whole(name, kind, holds[name]), read)

    def find_opened(self) -> Opened | None:
        """What was opened of a build whose pages open the same to the same."""
        found = self._kept.find(self._tell_opened()) if self._kept.store else None
        return Opened(*json.loads(found[_OPENED])) if found else None

    def keep_opened(self, opened: Opened) -> None:
        """Keep that all numbers open to what they are counted of."""
        if self._kept.store and not opened.findings:
            self._kept.keep(self._tell_opened(), {_OPENED: json.dumps([opened.cells, opened.numbers]).encode()})

    def _tell_opened(self) -> dict[str, object]:
        folder = self._build.folder
        read = [*(folder / INTERACTIVE).rglob("*.js"), *(folder / "adam").glob("*.parquet"), *(folder / "outputs").glob("*.json")]
        names = sorted(path.relative_to(folder).as_posix() for path in read)
        return {"opened": {name: self._digest(name) for name in [*names, "ard.parquet"]}, "outputs": list(self._build.outputs)}

    def _keep(self, told: Mapping[str, object], read: Read) -> None:
        if self._kept.store and not read.findings and not read.broken:
            self._kept.keep(told, {_READ: json.dumps([read.pages, read.cells]).encode()})

    def _digest(self, name: str) -> str | None:
        """The SHA-256 of a file of the build, by its path in it; none where it is not there."""
        if name not in self._digests:
            path = self._build.folder / name
            self._digests[name] = sha256_of(path) if path.is_file() else None
        return self._digests[name]

    def _file(self, number: str, suffix: str) -> str:
        return self._build.file(number, suffix).relative_to(self._build.folder).as_posix()

    def _tell_output(self, number: str) -> dict[str, object]:
        files = {suffix: self._digest(self._file(number, suffix)) for suffix in self._build.suffixes}
        shown = list(self._build.displayed.get(anchor_of(number), ()))
        heard = hear_log(self._file(number, "pdf"), self._build.log)
        own = {"number": number, "files": files, "displayed": shown, "every_tag": self._build.every_tag, "log": list(heard)}
        return {**self._common, **own}

    def _tell_whole(self, name: str, kind: str, numbers: list[str]) -> dict[str, object]:
        about = dict(self._build.documents.get(name) or {})
        singles = {number: [self._digest(self._file(number, one)) for one in ("json", kind)] for number in numbers}
        shown = {number: list(self._build.displayed.get(anchor_of(number), ())) for number in numbers}
        read = {str(one): self._digest(f"notebooks/{one}") for one in about.get("notebooks", ())}
        file, heard = f"{name}.{kind}", hear_log(f"{name}.pdf", self._build.log)
        own = {"document": name, "kind": kind, "file": self._digest(file), "about": about, "notebooks": read, "log": list(heard)}
        return {**self._common, **own, "singles": singles, "displayed": shown}


def _unpack(numbers: list[str], content: bytes) -> Read:
    pages, cells = json.loads(content)
    return Read([], pages, numbers, cells)

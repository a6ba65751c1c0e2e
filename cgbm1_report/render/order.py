"""What is to be typeset, and its typesetting by typst, in processes of their own.

What typst makes of a document follows from the document, from the files it reads and from this program: what was made of the same
before is taken from the user's store (:mod:`cgbm1_report.system.store`), where the build may take anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cgbm1_report.assets import asset
from cgbm1_report.render import seconds_left
from cgbm1_report.system.manifest import sha256_of
from cgbm1_report.system.processes import run_python, tell_end
from cgbm1_report.system.store import Kept, open_kept

#: What every document reads beside it, and what is kept of one.
ABOUT, _PAGES, _FINISHED = "about.json", "pages.pdf", "finished.pdf"


class TypesetError(Exception):
    """What typst found wrong."""

    def __init__(self, message: str, diagnostic: str, document: str = "") -> None:
        self.message, self.document = message, document
        # Before the errors stand the warnings, among them one per font that is only a fallback.
        at = diagnostic.find("error: ")
        self.diagnostic = diagnostic[max(at, 0) :].strip()
        super().__init__(message)


@dataclass(frozen=True)
class Document:
    """One document to compile: its name, its text below the page set-up, and how."""

    name: str
    body: str
    inputs: dict[str, str]
    standards: tuple[str, ...] = ("a-2a", "ua-1")
    tags: bool = True
    #: The file that is made of it, whose last step is taken where it is compiled, beside others; what its links lead to.
    finished: Path | None = None
    leads: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: The files beside it that it reads, but for what every document does.
    reads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Order:
    """How documents are compiled: where, dated when, and until when.

    ``program`` is the number of this program, where what it made before may be taken; else nothing is.
    """

    folder: Path
    seconds: int
    ends: float
    program: str = ""

    def compile(
        self, name: str, body: str, inputs: dict[str, str], standards: Sequence[str], tags: bool, reads: Iterable[str] = ()
    ) -> Path:
        """Compile one document in a process of its own."""
        return self.compile_all([Document(name, body, inputs, tuple(standards), tags, reads=tuple(reads))])[0]

    def number(self, name: str, lines: Sequence[tuple[int, int, str, int, int]]) -> Path:
        """Pages that say which page they are and nothing else: of how many, and of which output which of how many."""
        numbers = f"{name}.json"
        (self.folder / numbers).write_text(json.dumps(lines), encoding="utf-8")
        inputs = {"part": "numbers", "numbers": numbers, "pages": str(len(lines))}
        return self.compile(name, "", inputs, ("a-2b",), tags=False, reads=[numbers])

    def compile_all(self, documents: Sequence[Document]) -> list[Path]:
        """Compile documents one after the other in one process of its own, the fonts read once."""
        missing = self.lacking(documents)
        if missing:
            self._run(missing)
            self._keep(missing)
        return [self.made(document) for document in documents]

    def lacking(self, documents: Sequence[Document]) -> list[Document]:
        """The documents that are to be compiled; the files of the others are there now, as they were made before."""
        kept = open_kept("pages", self.program)
        return [document for document in documents if not self._take(kept, document)]

    def made(self, document: Document) -> Path:
        """Where the pages of a document are."""
        return self.folder / f"{document.name}.pdf"

    def _tell(self, document: Document) -> dict[str, object]:
        """All that the pages of a document follow from but the program."""
        read = {name: sha256_of(self.folder / name) for name in (ABOUT, *document.reads)}
        about = {"body": document.body, "inputs": document.inputs, "standards": document.standards, "tags": document.tags}
        finished = {"finished": document.finished is not None, "leads": {name: list(to) for name, to in document.leads.items()}}
        return {"seconds": self.seconds, "read": read, **about, **finished}

    def _files(self, document: Document) -> dict[str, Path]:
        finished = {_FINISHED: document.finished} if document.finished else {}
        return {_PAGES: self.made(document), **finished}

    def _take(self, kept: Kept, document: Document) -> bool:
        found = kept.find(self._tell(document)) if kept.store else None
        if found is None:
            return False
        for name, path in self._files(document).items():
            path.write_bytes(found[name])
        return True

    def _keep(self, documents: Sequence[Document]) -> None:
        kept = open_kept("pages", self.program)
        for document in documents if kept.store else ():
            kept.keep(self._tell(document), {name: path.read_bytes() for name, path in self._files(document).items()})

    def _run(self, documents: Sequence[Document]) -> None:
        page = asset("templates", "page.typ").read_text(encoding="utf-8")
        ordered = []
        for document in documents:
            source = self.folder / f"{document.name}.typ"
            source.write_text(page + "\n" + document.body, encoding="utf-8")
            about = {"inputs": document.inputs, "standards": document.standards, "tags": document.tags}
            finished = {"finished": str(document.finished or ""), "leads": dict(document.leads)}
            ordered.append({"input": str(source), "output": str(self.made(document)), **finished, **about})
        given: dict[str, Any] = {"root": str(self.folder), "documents": ordered, "seconds": self.seconds}
        given |= {"fonts": str(asset("templates", "fonts")), "finish": str(Path(__file__).with_name("finish.py"))}
        typeset = Path(__file__).with_name("typeset.py")
        done = run_python(typeset, given=json.dumps(given).encode(), timeout=seconds_left(self.ends))
        if done.returncode == 3:
            said = json.loads(done.stdout)
            raise TypesetError(said["message"], said["diagnostic"], documents[said["document"]].name)
        if done.returncode:
            raise TypesetError(f"typst {tell_end(done.returncode)}", done.stderr.decode("utf-8", "replace")[-2000:])

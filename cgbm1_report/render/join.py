"""Joins the volumes of a long PDF: page numbers, links of the contents, bookmarks, tags.

The front pages are the document the volumes are added to, so that what it says of itself (PDF/A, title,
language, colours) holds for the whole. The page numbers come as pages that hold nothing else; each is
laid over its page as one drawing, so that nothing of a volume has to be read or compiled again.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf

from cgbm1_report.errors import PlanError
from cgbm1_report.render.tags import Tags, put_tags, take_tags
from cgbm1_report.tabulate.table import OUTPUT_WORDS

#: What templates/page.typ lets an entry of the contents point to, in front of the page's number.
_PAGE_LINK = "https://page.invalid/"
#: What templates/output.typ lets a link of a volume point to, in front of the name of an output.
_OUTPUT_LINK = "https://output.invalid/"
#: Titles of the unprinted headings a volume begins with and an output ends with (templates/*.typ).
#: Bookmarks know their level only by what they stand under, and a volume may begin below a section of
#: the one before; only headings keep their place under a name.
VOLUME_START, OUTPUT_END = "start of a volume", "end of output"
_END = "-end"
_OUTPUT = re.compile(rf"(({'|'.join(OUTPUT_WORDS)}) \S*\d\S*) ")
#: What a header cell's name begins with in each volume, so that it is one in the whole.
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#: So many volumes can be joined with their tags.
MOST_TAGGED = len(_LETTERS)


@dataclass(frozen=True)
class Entry:
    """A line of the bookmarks; ``page`` counts from 1 over all volumes, without the front pages.

    One ``within`` an output is of a row of it, and stands in no contents.
    """

    level: int
    title: str
    page: int
    within: bool = False

    @property
    def output(self) -> tuple[str, str]:
        """Label and kind of the output it names (``Table 14.1.1``, ``Table``), or empty texts."""
        found = _OUTPUT.match(f"{self.title} ") if self.level > 1 and not self.within else None
        return (found[1], found[2]) if found else ("", "")


@dataclass(frozen=True)
class Body:
    """The volumes, what they hold and how many pages they have.

    ``ends`` are the pages outputs end on, ascending, ``places`` those on which names are, counted as those of the entries.
    """

    files: tuple[Path, ...]
    entries: tuple[Entry, ...]
    ends: tuple[int, ...]
    places: Mapping[str, int]
    pages: int

    def output_pages(self) -> list[tuple[str, int, int]]:
        """For each page of the volumes: which output it belongs to, which page of it, of how many; none is 0 of 0."""
        told = [("", 0, 0)] * self.pages
        starts = [entry for entry in self.entries if entry.output[0]]
        if len(starts) != len(self.ends):
            raise PlanError("an output has no end", rule="templates/output.typ", remedy="restore output-end")
        for entry, end in zip(starts, self.ends, strict=True):
            total = end - entry.page + 1
            told[entry.page - 1 : end] = [(entry.output[0], at + 1, total) for at in range(total)]
        return told


def count_pages(path: Path) -> int:
    """Pages of a PDF."""
    with Pdf.open(path) as pdf:
        return len(pdf.pages)


def read_volumes(paths: Sequence[Path]) -> Body:
    """Read the bookmarks of volumes and where their outputs end."""
    entries: list[Entry] = []
    ends: list[int] = []
    places: dict[str, int] = {}
    before = 0
    for path in paths:
        with Pdf.open(path) as pdf:
            page_of = {page.obj.objgen: before + at for at, page in enumerate(pdf.pages, start=1)}
            with pdf.open_outline() as outline:
                marks = list(_flat(outline.root, page_of))
            if not marks or marks[0].title != VOLUME_START:
                raise PlanError("a volume has no start", rule="templates/page.typ", remedy="restore volume-start")
            entries += [mark for mark in marks if mark.title != VOLUME_START]
            tree = pdf.Root.get(Name.Names, Dictionary()).get(Name.Dests)
            names = pikepdf.NameTree(tree) if tree is not None else {}
            named = {str(name): page_of[place[0].objgen] for name, place in names.items()}
            places |= named
            ends += sorted(page for name, page in named.items() if name.endswith(_END))
            before += len(pdf.pages)
    return Body(tuple(paths), tuple(_tell_rows(entries)), tuple(ends), places, before)


def _tell_rows(entries: Sequence[Entry]) -> Iterator[Entry]:
    """Entries of which those below an output are of its rows."""
    output = 0
    for entry in entries:
        within = 0 < output < entry.level
        if not within:
            output = entry.level if entry.output[0] else 0
        yield replace(entry, within=within)


def _flat(items: Sequence[Any], page_of: Mapping[Any, int], level: int = 1) -> Iterator[Entry]:
    for item in items:
        place = item.destination if item.destination is not None else item.action[Name.D]
        yield Entry(level, str(item.title), page_of[place[0].objgen])
        yield from _flat(item.children, page_of, level + 1)


def join_volumes(front: Path | None, body: Body, numbers: Callable[[], Path], *, tagged: bool) -> bytes:
    """Join front pages and volumes; ``numbers`` gives one page for each page of the volumes, once it is asked.

    Without front pages the volumes are those of one output, and the others are added to the first.
    ``tagged`` volumes are joined with their tags; there may be `MOST_TAGGED` of them.
    """
    contents = [path.read_bytes() for path in [*([front] if front else []), *body.files]]
    tags: list[Tags] = []
    if tagged:
        letters = [b""] * (front is not None) + [_LETTERS[at : at + 1] for at in range(len(body.files))]
        cut = [take_tags(content, at, letter) for at, (content, letter) in enumerate(zip(contents, letters, strict=True))]
        contents, tags = [content for content, _ in cut], [own for _, own in cut]
    with Pdf.open(io.BytesIO(contents[0])) as pdf:
        fronts = len(pdf.pages) if front else 0
        for at, content in enumerate(contents[1:], start=1):
            first = len(pdf.pages)
            with Pdf.open(io.BytesIO(content)) as volume:
                pdf.pages.extend(volume.pages)
            _shift_keys(list(pdf.pages)[first:], sum(own.next_key for own in tags[:at]))
        with Pdf.open(numbers()) as numbered:
            _number(pdf, fronts, numbered)
        _link(pdf, fronts, body.places)
        _bookmark(pdf, fronts, body.entries)
        _count_pages(pdf)
        target = io.BytesIO()
        streams = pikepdf.ObjectStreamMode.disable if tagged else pikepdf.ObjectStreamMode.generate
        pdf.save(target, object_stream_mode=streams, deterministic_id=True, fix_metadata_version=False)
    marks = [title.encode() for title in (VOLUME_START, OUTPUT_END)]
    return put_tags(target.getvalue(), tags, marks=marks, whole=front is not None) if tagged else target.getvalue()


def _shift_keys(pages: Sequence[Any], by: int) -> None:
    """Make the keys by which pages and links find their tags follow those of the volumes before."""
    for page in pages:
        for item, key in [
            (page.obj, Name.StructParents),
            *((link, Name.StructParent) for link in page.obj.get(Name.Annots, Array())),
        ]:
            if key in item:
                item[key] = int(item[key]) + by


def _number(pdf: Pdf, fronts: int, numbers: Pdf) -> None:
    """Lay each page's number over it, as something that is not read aloud with the text."""
    for page, number in zip(list(pdf.pages)[fronts:], numbers.pages, strict=True):
        resources: Any = Dictionary(dict(page.obj.Resources.items()))
        drawings = Dictionary(dict(resources.get("/XObject", {}).items()))
        drawings[Name.PageNumber] = pdf.copy_foreign(number.as_form_xobject())
        resources.XObject = drawings
        page.obj.Resources = resources
        page.contents_add(b"q\n", prepend=True)
        page.contents_add(b"\nQ /Artifact BMC q /PageNumber Do Q EMC\n")


def _link(pdf: Pdf, fronts: int, places: Mapping[str, int]) -> None:
    """Let the lines of the contents lead to their pages, and outputs to each other."""
    pages = [page.obj for page in pdf.pages]
    for page in pages:
        for link in page.get(Name.Annots, Array()):
            target = str(link.get(Name.A, Dictionary()).get(Name.URI, ""))
            if target.startswith(_PAGE_LINK):
                number = int(target.removeprefix(_PAGE_LINK))
            elif target.startswith(_OUTPUT_LINK):
                number = fronts + places[target.removeprefix(_OUTPUT_LINK)]
            else:
                continue
            del link[Name.A]
            link.Dest = Array([pages[number - 1], Name.XYZ, None, None, None])
            # Read aloud and shown by the pointer; typst wrote the address that stood for the page.
            link.Contents = pikepdf.String(f"Page {number}")


def _bookmark(pdf: Pdf, fronts: int, entries: Sequence[Entry]) -> None:
    above: list[tuple[int, Any]] = []
    with pdf.open_outline() as outline:
        outline.root.clear()
        for entry in entries:
            while above and above[-1][0] >= entry.level:
                above.pop()
            item = pikepdf.OutlineItem(entry.title, fronts + entry.page - 1, "XYZ")
            (above[-1][1].children if above else outline.root).append(item)
            above.append((entry.level, item))
    pdf.Root.PageMode = Name.UseOutlines
    # Typst says so of tagged files only.
    preferences = Dictionary(dict(pdf.Root.get(Name.ViewerPreferences, Dictionary()).items()))
    preferences.DisplayDocTitle = True
    pdf.Root.ViewerPreferences = preferences


def _count_pages(pdf: Pdf) -> None:
    """Correct what the front pages said of the number of pages."""
    said = pdf.Root.Metadata.read_bytes()
    told = re.sub(rb"(<xmpTPg:NPages>)\d+(<)", lambda found: b"%s%d%s" % (found[1], len(pdf.pages), found[2]), said)
    pdf.Root.Metadata.write(told)

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
from itertools import product
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf

from cgbm1_report.errors import PlanError
from cgbm1_report.render.finish import OUTPUT_LINK
from cgbm1_report.render.tags import Tags, put_tags, take_tags
from cgbm1_report.tabulate.named import OUTPUT_WORDS

#: What templates/page.typ lets an entry of the contents point to, in front of the page's number.
_PAGE_LINK = "https://page.invalid/"
#: Titles of the unprinted headings a volume begins with and an output ends with (templates/*.typ).
#: Bookmarks know their level only by what they stand under, and a volume may begin below a section of
#: the one before; only headings keep their place under a name.
VOLUME_START, OUTPUT_END = "start of a volume", "end of output"
_END = "-end"
_OUTPUT = re.compile(rf"(({'|'.join(OUTPUT_WORDS)}) \S*\d\S*) ")
#: What a header cell's name begins with in each volume, so that it is one in the whole: so many can be joined with their tags.
_LETTERS = tuple(map(bytes, product(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", repeat=2)))
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
class Volume:
    """A file of pages.

    ``levels`` is how much deeper its headings stand in the whole than in it. One that is ``complete`` is an output of which
    nothing else is to be said: it says which of its pages a page is.
    """

    path: Path
    levels: int = 0
    complete: bool = False


@dataclass(frozen=True)
class Typeset:
    """The pages of an output, typeset once for its own file and for the documents that hold it; its rows, and its cells."""

    files: tuple[Path, ...]
    rows: int
    cells: int

    def volumes(self, levels: int) -> list[Volume]:
        """Its files as those of a whole, in which its headings stand so much deeper."""
        return [Volume(path, levels, complete=len(self.files) == 1) for path in self.files]


@dataclass(frozen=True)
class Body:
    """The volumes, what they hold and how many pages they have.

    ``ends`` are the pages outputs end on, ascending, ``places`` those on which names are, counted as those of the entries;
    ``told`` are the pages that say themselves which page of their output they are.
    """

    volumes: tuple[Volume, ...]
    entries: tuple[Entry, ...]
    ends: tuple[int, ...]
    places: Mapping[str, int]
    pages: int
    told: frozenset[int] = frozenset()

    def output_pages(self) -> list[tuple[str, int, int]]:
        """For each page of the volumes: which output it belongs to, which page of it, of how many.

        None is 0 of 0, and so is one that says it itself.
        """
        found = [("", 0, 0)] * self.pages
        starts = [entry for entry in self.entries if entry.output[0]]
        if len(starts) != len(self.ends):
            raise PlanError("an output has no end", rule="templates/output.typ", remedy="restore output-end")
        for entry, end in zip(starts, self.ends, strict=True):
            label, total = entry.output[0], end - entry.page + 1
            for at in range(entry.page, end + 1):
                found[at - 1] = (label, 0, 0) if at in self.told else (label, at - entry.page + 1, total)
        return found


def count_pages(path: Path) -> int:
    """Pages of a PDF."""
    with Pdf.open(path) as pdf:
        return len(pdf.pages)


def read_volumes(volumes: Sequence[Volume]) -> Body:
    """Read the bookmarks of volumes and where their outputs end."""
    entries: list[Entry] = []
    ends: list[int] = []
    places: dict[str, int] = {}
    told: set[int] = set()
    before = 0
    for one in volumes:
        with Pdf.open(one.path) as pdf:
            page_of = {page.obj.objgen: before + at for at, page in enumerate(pdf.pages, start=1)}
            with pdf.open_outline() as outline:
                marks = list(_flat(outline.root, page_of))
            if not marks or (marks[0].title != VOLUME_START and not one.complete):
                raise PlanError("a volume has no start", rule="templates/page.typ", remedy="restore volume-start")
            entries += [replace(mark, level=mark.level + one.levels) for mark in marks if mark.title != VOLUME_START]
            tree = pdf.Root.get(Name.Names, Dictionary()).get(Name.Dests)
            names = pikepdf.NameTree(tree) if tree is not None else {}
            named = {str(name): page_of[place[0].objgen] for name, place in names.items()}
            places |= named
            own = range(before + 1, before + len(pdf.pages) + 1)
            ends += [own[-1]] if one.complete else sorted(page for name, page in named.items() if name.endswith(_END))
            told |= set(own if one.complete else ())
            before += len(pdf.pages)
    return Body(tuple(volumes), tuple(_tell_rows(entries)), tuple(ends), places, before, frozenset(told))


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
    contents = [path.read_bytes() for path in [*([front] if front else []), *(one.path for one in body.volumes)]]
    tags: list[Tags] = []
    if tagged:
        letters = [b""] * (front is not None) + list(_LETTERS[: len(body.volumes)])
        levels = [0] * (front is not None) + [one.levels for one in body.volumes]
        parts = enumerate(zip(contents, letters, levels, strict=True))
        cut = [take_tags(content, at, letter, deeper) for at, (content, letter, deeper) in parts]
        contents, tags = [content for content, _ in cut], [own for _, own in cut]
    with Pdf.open(io.BytesIO(contents[0])) as pdf:
        fronts = len(pdf.pages) if front else 0
        for at, content in enumerate(contents[1:], start=1):
            first = len(pdf.pages)
            with Pdf.open(io.BytesIO(content)) as volume:
                pdf.pages.extend(volume.pages)
            added = list(pdf.pages)[first:]
            _shift_keys(added, sum(own.next_key for own in tags[:at])) if tagged else _drop_keys(added)
        with Pdf.open(numbers()) as numbered:
            _number(pdf, fronts, numbered)
        _link(pdf, fronts, body.places)
        _bookmark(pdf, fronts, body.entries)
        _count_pages(pdf)
        target = io.BytesIO()
        streams = pikepdf.ObjectStreamMode.disable if tagged else pikepdf.ObjectStreamMode.generate
        pdf.save(target, object_stream_mode=streams, deterministic_id=True, fix_metadata_version=False)
    marks = [title.encode() for title in (VOLUME_START, OUTPUT_END)]
    return put_tags(target.getvalue(), tags, marks=marks) if tagged else target.getvalue()


def _keys(pages: Sequence[Any]) -> Iterator[tuple[Any, Name]]:
    """Pages and links with the keys by which they find their tags."""
    for page in pages:
        links = ((link, Name.StructParent) for link in page.obj.get(Name.Annots, Array()))
        yield from ((item, key) for item, key in [(page.obj, Name.StructParents), *links] if key in item)


def _shift_keys(pages: Sequence[Any], by: int) -> None:
    """Make the keys by which pages and links find their tags follow those of the volumes before."""
    for item, key in _keys(pages):
        item[key] = int(item[key]) + by


def _drop_keys(pages: Sequence[Any]) -> None:
    """Leave no key where the tags it leads to are not there: an output has them in its own file, a long report has none."""
    for item, key in list(_keys(pages)):
        del item[key]


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
            elif fronts and target.startswith(OUTPUT_LINK):
                number = fronts + places[target.removeprefix(OUTPUT_LINK)]
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

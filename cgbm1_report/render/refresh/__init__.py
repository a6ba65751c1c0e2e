"""Puts the outputs of a build into a writer's own Word document, in the place of those of an earlier cut.

Every output stands in a bookmark (see :mod:`cgbm1_report.emit.openxml`), which Word keeps when a writer
copies the output or edits around it. What is in the bookmark is replaced; every other byte of the
document's text, and every other part of the file, stays as it was. Of what is replaced the writer's widths,
cross-references and comments stay; whatever else of the writer's stands in it is told before, and goes only if asked to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from xml.parsers import expat

from cgbm1_report.emit.openxml import region_name
from cgbm1_report.emit.seal import cut_of, date_again, is_edited, is_moved, status_of, text_of
from cgbm1_report.errors import PlanError, Problem, ProofError
from cgbm1_report.render.refresh.apart import set_apart
from cgbm1_report.render.refresh.blinding import find_opened
from cgbm1_report.render.refresh.dates import between, find_old_dates
from cgbm1_report.render.refresh.fit import (
    Plan,
    as_made,
    fit_to,
    is_fitted,
    is_squeezed,
    is_wide,
    keep_type,
    lay_again,
    plan_fit,
    text_twips,
)
from cgbm1_report.render.refresh.fonts import find_font, measure_font, tell_unmeasured
from cgbm1_report.render.refresh.keep import refuse_target, tell_links, write_document
from cgbm1_report.render.refresh.look import (
    find_breaks,
    is_lying,
    keep_break,
    keep_level,
    keep_links,
    keep_page,
    keep_size,
    keep_style,
    keep_widths,
)
from cgbm1_report.render.refresh.marks import Mark, carry_marks, find_lost, find_marks, find_stale, find_title, take_marks_off
from cgbm1_report.render.refresh.package import (
    COMMENTS,
    DOCUMENT,
    complete_styles,
    exchange_picture,
    foreign_styles,
    name_styles,
    read_output,
    read_package,
    rename_styles,
    same_picture,
    style_points,
)
from cgbm1_report.render.refresh.package import pack as _pack
from cgbm1_report.render.refresh.places import find_places
from cgbm1_report.render.refresh.scan import RULE, Found, Place, Scan
from cgbm1_report.render.refresh.states import find_states
from cgbm1_report.render.refresh.told import FITTED, SIZED, Refreshed, or_force, tell_squeezed, tell_states, tell_stray
from cgbm1_report.render.refresh.writers import find_own, find_torn
from cgbm1_report.system.manifest import RESTORE, sha256_of
from cgbm1_report.tabulate.files import file_stem

_RULE_OWN = "what of the writer's stands in an output"
_TOO_WIDE = "is wider than the text of its page, which cuts it off: --fit makes it fit"
_NARROW = "is narrower on its page than it was made for, and words are broken inside its cells: --fit sizes its columns anew"
_ANEW = "was narrower on its page than it was made for, which broke words inside its cells, and has the build's own columns again"


@dataclass
class _Renewal:
    """An output of the document and what takes its place; what of the writer's goes with it, and what keeps it from going."""

    place: Place
    old: bytes
    new: bytes
    png: bytes
    words: list[str]
    changed: bool
    carried: list[str] = field(default_factory=list)
    #: Bookmarks on words that are replaced, which go with them.
    lost: list[Mark] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    #: The data cut-offs and whether draft or final, of it in the document and in the build.
    cutoffs: tuple[str, str] = ("", "")
    statuses: tuple[str, str] = ("", "")
    #: What becomes of it where it says the same: its width may change, and of which cut it is.
    kept: bytes = b""
    #: How it would be set best where its page is narrower than it was made for and breaks its cells.
    squeezed: Plan | None = None

    @property
    def is_left(self) -> bool:
        """Whether it is left in the document as it is, but for its width and for the cut it is of."""
        return self.stays and not self.own

    @property
    def stays(self) -> bool:
        """Whether the document says already what the build says."""
        return not self.changed and not self.place.twins


def find_documents(folder: Path, numbers: Iterable[str], files: Mapping[str, str] | None = None) -> dict[str, Path]:
    """The Word files of a build's outputs by number.

    ``files`` are the SHA-256 of the build's files by their paths, as its manifest has them.

    Raises
    ------
    ReportError
        The build has none, or one is another than its manifest says.
    """
    paths = {number: folder / "outputs" / f"{file_stem(number)}.docx" for number in numbers}
    found = {number: path for number, path in paths.items() if path.is_file()}
    if not found:
        remedy = "name a build made with the format docx"
        raise PlanError("holds no outputs in DOCX", file=folder / "outputs", remedy=remedy)
    if files is not None:
        wrong = [path for path in found.values() if sha256_of(path) != files.get(f"outputs/{path.name}")]
        remedy = f"{RESTORE}: what the build did not make does not go into a report"
        problems = [Problem("was changed after the build made it", str(path), "manifest.json", remedy=remedy) for path in wrong]
        if problems:
            raise ProofError.of(problems)
    return found


def refresh_docx(
    document: Path, outputs: Mapping[str, Path], target: Path, *, force: bool = False, fit: bool = False, unblind: bool = False
) -> Refreshed:
    """Replace every output of a Word document by that of a build.

    Outputs are known by their bookmarks, and copies of a table without one by the table's own caption. What is the same in
    the build stays as it is, untouched.

    Parameters
    ----------
    document
        The writer's document. It is only read, unless it is the target; then it is kept beside the new one.
    outputs
        The Word files of a build's outputs by number (see `find_documents`); each may take its place in the document.
    target
        Where the new document goes; it appears whole or not at all.
    force
        Replace an output also where tracked changes, comments, text or formatting of the writer's stand in it. Comments
        go onto the new title, the rest goes.
    fit
        Make outputs that are wider than the text of the page they stand on as wide as it.
    unblind
        Replace outputs that are blinded in the document also by open ones.

    Raises
    ------
    ReportError
        The document cannot be read, holds no output, or a bookmark stands twice, has no end or does not span whole
        paragraphs with its output; something of the writer's stands in an output; the target is another file that is
        there; somebody saved the document meanwhile; an output is blinded in the document and open in the build.
    """
    read, parts = _state(document), read_package(document)
    scan = _scan(document, parts[DOCUMENT])
    parts[DOCUMENT], apart = set_apart(scan, parts[DOCUMENT], outputs)
    scan = _scan(document, parts[DOCUMENT]) if apart else scan
    found = find_places(scan, parts[DOCUMENT], list(outputs), str(document))
    _refuse_all(document, found)
    styles = name_styles(parts)
    wide = measure_font(font := find_font(parts, styles, "TableText"))
    renewals = [_renew(parts, scan, place, outputs[place.number], styles, fit=fit, wide=wide or 1.0) for place in found.places]
    unsure, stray = ([] if force else [or_force(one) for one in problems] for problems in (found.unsure, found.stray))
    problems = [*unsure, *_refused(document, scan, renewals, force=force), *stray]
    if not unblind:
        problems += find_opened(document, ((one.place.number, one.old, one.new) for one in renewals))
    if problems:
        raise PlanError.of(problems)
    old_dates, text = _old_dates(parts, scan, found, renewals), parts[DOCUMENT]
    parts[DOCUMENT] = _renewed(parts, renewals)
    complete_styles(parts, styles)
    states = find_states(_prove(document, parts, renewals))
    new = _pack(parts)
    told = [
        *tell_states((renewal.place.number, renewal.cutoffs, renewal.statuses) for renewal in renewals),
        *dict.fromkeys(line for renewal in renewals for line in renewal.told),
        *apart,
        *map(tell_stray, (*found.unsure, *found.stray, *found.untold)),
        *tell_squeezed((one.place.number, one.squeezed.poor, is_lying(text, one.place.start)) for one in renewals if one.squeezed),
    ]
    told += [
        f"a cross-reference shows {shown!r} where the title says {now!r}: update the fields in Word (Ctrl+A, F9)"
        for shown, now in find_stale(parts[DOCUMENT], (name for renewal in renewals for name in renewal.carried), _aside(parts))
    ]
    for renewal in renewals:
        told += find_lost(parts[DOCUMENT], renewal.place.number, renewal.lost, _aside(parts))
    told += old_dates + [tell_unmeasured(font)] * (wide is None and any(FITTED in line or SIZED in line for line in told))
    backup = None
    # A job that runs again finds what it made.
    if not (target.is_file() and target.read_bytes() == new):
        refuse_target(document, target)
        told += tell_links(target) if target.exists() else []
        backup = write_document(new, target, lambda: _refuse_saved(document, read))
    return Refreshed(
        tuple(dict.fromkeys(renewal.place.number for renewal in renewals if not renewal.is_left)),
        tuple(dict.fromkeys(renewal.place.number for renewal in renewals if renewal.changed)),
        tuple(sorted(found.absent)),
        tuple(told),
        backup,
        found.unmarked,
        found.pictures,
        len(found.absent) + len(found.unsure) + len(found.stray) + len(found.untold),
        tuple(dict.fromkeys(place.number for place in found.places)),
        *states,
    )


def _scan(document: Path, content: bytes) -> Scan:
    scan = Scan()
    try:
        scan.read(content)
    except expat.ExpatError as error:
        raise PlanError(f"is damaged: {error}", file=document, remedy="save it again in Word") from None
    if not scan.prefix:
        remedy = "save it in Word as Word document (.docx), not as Strict Open XML"
        raise PlanError("is not the usual form of a Word document", file=document, remedy=remedy)
    return scan


def _state(document: Path) -> tuple[int, int] | None:
    """What tells whether somebody saved a document meanwhile."""
    try:
        told = document.stat()
    except OSError:
        return None
    return told.st_mtime_ns, told.st_size


def _refuse_saved(document: Path, read: tuple[int, int] | None) -> None:
    if _state(document) != read:
        raise PlanError("was saved while it was read", file=document, remedy="close it in Word and run the command again")


def _refuse_all(document: Path, found: Found) -> None:
    """A document is refused whole where outputs stand in each other, or none is sure."""
    if not found.problems and found.places:
        return
    if problems := [*found.unsure, *found.problems, *found.stray]:
        raise PlanError.of(problems)
    whole = "copy outputs whole, from the empty line above the title to that below the last note, and paste them with"
    remedy = f"{whole} their formatting kept: so their marks come along"
    raise PlanError("holds no output of this build", file=document, rule=RULE, remedy=remedy)


def _renew(
    parts: Mapping[str, bytes], scan: Scan, place: Place, output: Path, styles: Mapping[str, str], *, fit: bool, wide: float
) -> _Renewal:
    """What a place of the document becomes."""
    text, number = parts[DOCUMENT], place.number
    old = text[place.start : place.stop]
    new, png = read_output(output)
    cutoffs, statuses = (cut_of(old), cut_of(new)), (status_of(old), status_of(new))
    if not place.marked:
        new = take_marks_off(new, old, number)
    words = _words(new)
    same = words == _words(old) and same_picture(parts, old, new, png)
    renewal = _Renewal(place, old, new, png, words, changed=not same, cutoffs=cutoffs, statuses=statuses)
    room, size_of = text_twips(text, place.start), partial(style_points, parts, styles)
    cut_off, plan = is_wide(old, room), plan_fit(new, room, size_of, wide) if fit else None
    fits = not cut_off and (plan is None or is_fitted(old, plan))
    done = f"{FITTED if cut_off else SIZED}{plan.told if plan else ''}" if fit else _TOO_WIDE
    said = [] if fits else [f"{number}: {done}"]
    squeezed = partial(is_squeezed, made=new, room=room, size_of=size_of, wide=wide)
    marks = find_marks(text, place, scan.bookmarks)
    renewal.carried = [mark.name for mark in marks if mark.name]
    if renewal.stays and b":author=" not in old:
        renewal.told, renewal.squeezed = said, None if fit or cut_off else squeezed(old)
        kept = fit_to(old, room, plan or as_made(new, room)) if fit and not fits else old
        renewal.kept = date_again(kept, new)
        return renewal
    edited = is_edited(old)
    renewal.own = find_own(old, new, marks, parts.get(COMMENTS, b""), edited, styles=styles, title=find_title(old, number))
    renewal.torn = find_torn(old) + (["more than one section break"] if len(find_breaks(old)) > 1 else [])
    renewal.lost = [mark for mark in marks if mark.lay_on]
    marks = [mark for mark in marks if not mark.lay_on]
    renewal.carried = [mark.name for mark in marks if mark.name]
    if renewal.torn:
        return renewal
    new, moved = carry_marks(rename_styles(new, styles), number, text_of(old[find_title(old, number)]), marks)
    if fit and (cut_off or plan):
        new, widths, size = fit_to(new, room, plan), "", ""
    else:
        made = new
        new, widths = keep_widths(old, new) if is_moved(old) else (new, "")
        new, points = keep_type(old, new)
        new, broken = lay_again(new, room, size_of, points, kept=new != made, wide=wide)
        said += [f"{number}: {_ANEW if fit else _NARROW}"] * (broken and not cut_off)
        new, widths = (made, "") if broken and fit else (new, widths)
        renewal.squeezed = None if fit or cut_off or broken else squeezed(new)
        new, size = keep_size(old, new)
    new = keep_style(old, new, number, foreign_styles(parts, styles))
    # LibreOffice counts levels otherwise.
    new = new if place.twins else keep_level(old, new)
    new = keep_page(old, new)
    new = keep_links(old, new, {bookmark.name for bookmark in scan.bookmarks})
    for section in find_breaks(old):
        new = keep_break(new, section)
    renewal.new = new
    renewal.told = said + [f"{number}: {told}" for told in (widths, size) if told]
    renewal.told += moved
    renewal.told += [f"{number}: its bookmark stood twice without an end, as LibreOffice saves it: mended"] if place.twins else []
    renewal.told += [
        f"{number} stands more than once: its copy {scan.where(place.blocks.start)} was replaced as well"
    ] * place.again
    renewal.told += [f"{number}: cannot tell whether its text was edited since it was printed"] * (edited is None and place.marked)
    return renewal


def _refused(document: Path, scan: Scan, renewals: Iterable[_Renewal], *, force: bool) -> list[Problem]:
    """What keeps outputs from being replaced, all of it."""
    problems = []
    for renewal in renewals:
        name, where = region_name(renewal.place.number), scan.where(renewal.place.blocks.start)
        problems += [
            Problem(f"{torn} begins or ends in bookmark {name}", str(document), RULE, where, "move it out of the output")
            for torn in renewal.torn
        ]
        if renewal.own and not force:
            remedy = "take it out or accept it in Word, or replace the output all the same with --force"
            message = f"{renewal.place.number} holds {'; '.join(renewal.own)}"
            problems.append(Problem(message, str(document), _RULE_OWN, where, remedy))
        elif renewal.own:
            renewal.told += [f"{renewal.place.number}: replaced with {'; '.join(renewal.own)}"]
    return problems


def _old_dates(parts: Mapping[str, bytes], scan: Scan, found: Found, renewals: Sequence[_Renewal]) -> list[str]:
    """Where the writer's own words speak of the cut of the old outputs; an output that the build lacks is none of these."""
    text = parts[DOCUMENT]
    dates = {renewal.cutoffs[0] for renewal in renewals} - {"", *(renewal.cutoffs[1] for renewal in renewals)}
    outputs = [(renewal.place.start, renewal.place.stop) for renewal in renewals] + found.kept
    tables = {
        (one.start, after.start): scan.where(at)
        for at, (one, after) in enumerate(pairwise(scan.blocks))
        if one.kind == "tbl" and not any(start <= one.start < stop for start, stop in outputs)
    }
    own = between(text, sorted({*outputs, *tables}))
    return find_old_dates(parts, own, dates, ((where, text[start:stop]) for (start, stop), where in tables.items()))


def _aside(parts: Mapping[str, bytes]) -> list[bytes]:
    """Headers, footers and notes, which may refer to an output too."""
    return [content for name, content in parts.items() if re.fullmatch(r"word/(?:header|footer|footnotes|endnotes)\d*\.xml", name)]


def _renewed(parts: dict[str, bytes], renewals: Sequence[_Renewal]) -> bytes:
    """The main part with the new outputs, made from behind; and the pictures in the other parts."""
    text = parts[DOCUMENT]
    for renewal in reversed(renewals):
        place = renewal.place
        if renewal.kept:
            text = text[: place.start] + renewal.kept + text[place.stop :]
        if renewal.is_left:
            continue
        if place.foreign_end >= 0:
            # Where Word has moved the end into the writer's next paragraph, only the mark is taken out of it.
            text = text[: place.foreign_end] + _after_mark(text, place.foreign_end)
        new = exchange_picture(parts, renewal.old, renewal.new, region_name(place.number), renewal.png)
        text = text[: place.start] + new + text[place.stop :]
    return text


def _prove(document: Path, parts: Mapping[str, bytes], renewals: Sequence[_Renewal]) -> Scan:
    """Read the new document: each output stands in its place and says what the build's file says."""
    scan, text = _scan(document, parts[DOCUMENT]), parts[DOCUMENT]
    found = find_places(scan, text, list(dict.fromkeys(renewal.place.number for renewal in renewals)), str(document))
    told = [(place.number, _words(text[place.start : place.stop])) for place in found.places]
    if found.problems or found.unsure or told != [(renewal.place.number, renewal.words) for renewal in renewals]:
        numbers = ", ".join(sorted({renewal.place.number for renewal in renewals} - {number for number, _ in told}))
        message = f"would not say what the build says{f': {numbers}' if numbers else ''}"
        raise ProofError(message, file=document, rule="reading the refreshed document", remedy="report this to the maintainers")
    return scan


def _after_mark(text: bytes, mark: int) -> bytes:
    """What follows a bookmark's end."""
    end = text.index(b">", mark) + 1
    closing = b"</w:bookmarkEnd>"
    return text[end:].removeprefix(closing) if text[end - 2 : end] != b"/>" else text[end:]


def _words(text: bytes) -> list[str]:
    """The text of a piece of a document, paragraph by paragraph, however Word has cut it into runs."""
    parts = text_of(text.replace(b"</w:p>", b"<w:t>\x1f</w:t></w:p>")).split("\x1f")
    return [words for part in parts if (words := part.strip())]

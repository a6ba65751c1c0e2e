"""What a PDF says of itself as a whole: PDF/A, title, language, colours, and nothing that runs or is locked.

The rules are those of ISO 19005-2 (PDF/A-2) and ISO 14289-1 (PDF/UA-1) that a machine can check; the clause
stands in the rule's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pikepdf import Array, Dictionary, Name, Stream

from cgbm1_report.readback.printed import Finding
from cgbm1_report.readback.structure.opened import Drawing, Opened

FILE = "PDF/A-2 6.1: the file is whole, unlocked and can be read for ever"
METADATA = "PDF/A-2 6.6: its metadata say what it is"
INFO = "PDF/A-2 6.6.3: metadata and document information agree"
LANGUAGE = "PDF/UA-1 7.2: the language is one"
TITLE = "PDF/UA-1 7.1: the window shows the title"
CATALOG = "PDF/A-2 6.4, 6.5, 6.9: no forms, layers or requirements"
ACTIONS = "PDF/A-2 6.5: actions only lead somewhere"
COLOURS = "PDF/A-2 6.2.4: every colour is defined"
TRANSPARENCY = "PDF/A-2 6.2.5, 6.2.10: drawing is plain or has a standard blend"
PICTURES = "PDF/A-2 6.2.8, 6.2.9: drawings are in the file as they are shown"

#: What the build's log says of a PDF that is not held to PDF/UA.
UNSAID = "not PDF/UA-1"
#: BCP 47 with the subtags that a language of a document has; private use and grandfathered tags are none.
_BCP47 = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{3}){0,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|\d{3}))?(-([A-Za-z\d]{5,8}|\d[A-Za-z\d]{3}))*")
_DATE = re.compile(r"D:(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(Z|[+-]\d\d'?\d\d'?)?")
_AGREE = {"Title": "dc:title", "Author": "dc:creator", "Creator": "xmp:CreatorTool", "Producer": "pdf:Producer"}
_DATES = {"CreationDate": "xmp:CreateDate", "ModDate": "xmp:ModifyDate"}
_UNWANTED = {
    "/AcroForm": "a form",
    "/AA": "actions of its own",
    "/OCProperties": "layers that can be hidden",
    "/Requirements": "requirements",
    "/NeedsRendering": "pages that are made when it is opened",
    "/AF": "attached files",
    "/Collection": "a portfolio",
}
_UNWANTED_NAMES = ("/JavaScript", "/EmbeddedFiles", "/AlternatePresentations")
_KINDS = {1: (b"GRAY", "/DeviceGray"), 3: (b"RGB ", "/DeviceRGB"), 4: (b"CMYK", "/DeviceCMYK")}
_BLENDS = {
    *("/Normal", "/Compatible", "/Multiply", "/Screen", "/Overlay", "/Darken", "/Lighten", "/ColorDodge", "/ColorBurn"),
    *("/HardLight", "/SoftLight", "/Difference", "/Exclusion", "/Hue", "/Saturation", "/Color", "/Luminosity"),
}
_DEVICE = re.compile(rb"(?<![^\s\])>])(?:(g|G)|(rg|RG)|(k|K)|/(Device(?:Gray|RGB|CMYK))\s+(?:cs|CS))(?![^\s\[(</])")
_INKS = frozenset((b"g", b"G", b"rg", b"RG", b"k", b"K"))
#: Flags of an annotation: invisible, hidden, print, no view.
_INVISIBLE, _HIDDEN, _PRINT, _NO_VIEW = 1, 2, 4, 32


def is_language(text: str) -> bool:
    """Whether a text is a BCP 47 language tag of the usual form (``en``, ``zh-Hans-CN``)."""
    return _BCP47.fullmatch(text) is not None


def check_file(doc: Opened) -> Iterator[Finding]:
    """Header, identity and filters: what keeps another program from reading it."""
    head = doc.raw[:64].splitlines()
    if not head or not re.fullmatch(rb"%PDF-1\.[0-7]", head[0]):
        yield doc.say(FILE, "does not begin with %PDF-1.0 to %PDF-1.7")
    if len(head) < 2 or not head[1].startswith(b"%") or sum(byte > 127 for byte in head[1]) < 4:
        yield doc.say(FILE, "does not say below its first line that it is binary")
    if Name.Encrypt in doc.pdf.trailer:
        yield doc.say(FILE, "is encrypted")
    identity = doc.pdf.trailer.get(Name.ID)
    if not isinstance(identity, Array) or len(identity) != 2 or not all(bytes(part) for part in identity):
        yield doc.say(FILE, "has no identity in its trailer")
    # The dictionary of a stream is never inside another stream: its filter stands in the open.
    if b"/LZWDecode" in doc.raw:
        yield doc.say(FILE, "has a stream packed by LZW")
    if b"/Crypt" in doc.raw and re.search(rb"/Filter\s*\[?\s*/Crypt\b", doc.raw):
        yield doc.say(FILE, "has an encrypted stream")


def check_metadata(doc: Opened) -> Iterator[Finding]:
    """PDF/A-2a and PDF/UA-1 where it is tagged, PDF/A-2b where not, and a title."""
    said = doc.metadata
    if not said:
        yield doc.say(METADATA, "has no metadata that can be read")
        return
    if not said.get("dc:title"):
        yield doc.say(METADATA, "has no title (dc:title)")
    if said.get("pdfaid:part") != "2":
        yield doc.say(METADATA, f"says it is PDF/A part {said.get('pdfaid:part', 'none')}, not 2")
    level, wanted = said.get("pdfaid:conformance", "none"), "A" if doc.is_tagged else "B"
    if level != wanted:
        yield doc.say(METADATA, f"says PDF/A level {level}; it is {'' if doc.is_tagged else 'not '}tagged, which is level {wanted}")
    part = said.get("pdfuaid:part")
    if doc.is_tagged and part != "1" and not (part is None and UNSAID in doc.log):
        yield doc.say(METADATA, f"says it is PDF/UA part {part or 'none'}, not 1")
    if not doc.is_tagged and part is not None:
        yield doc.say(METADATA, "says it is PDF/UA and has no tags")


def check_info_agrees(doc: Opened) -> Iterator[Finding]:
    """Each entry of the document information is the same in the metadata."""
    info = doc.pdf.trailer.get(Name.Info, Dictionary())
    for key, told in _AGREE.items():
        text = str(info.get(f"/{key}", "")).strip()
        if text != doc.metadata.get(told, ""):
            yield doc.say(INFO, f"says {key} {text!r}, its metadata {doc.metadata.get(told, '')!r}")
    for key, told in _DATES.items():
        date = str(info.get(f"/{key}", ""))
        if _digits(date) != re.sub(r"\D", "", doc.metadata.get(told, "").replace("Z", "+00:00")):
            yield doc.say(INFO, f"says {key} {date!r}, its metadata {doc.metadata.get(told, '')!r}")


def _digits(date: str) -> str:
    """Digits of a PDF date as ISO 8601 has them with zone; empty for none."""
    found = _DATE.fullmatch(date)
    if found is None:
        return date and "no date"
    zone = re.sub(r"\D", "", found[7] or "") or ("0000" if found[7] else "")
    return "".join(part or "" for part in found.groups()[:6]) + zone


def check_language(doc: Opened) -> Iterator[Finding]:
    """The document's language is a valid tag."""
    language = doc.root.get(Name.Lang)
    if language is None or not is_language(str(language)):
        yield doc.say(LANGUAGE, f"says its language is {str(language or 'none')!r}")


def check_title_shown(doc: Opened) -> Iterator[Finding]:
    """A reader's window shows the title, not the file's name."""
    if doc.root.get(Name.ViewerPreferences, Dictionary()).get(Name.DisplayDocTitle) is not True:
        yield doc.say(TITLE, "lets the window show its file name")


def check_catalog(doc: Opened) -> Iterator[Finding]:
    """No forms, layers, attached files or scripts."""
    for key, what in _UNWANTED.items():
        if key in doc.root:
            yield doc.say(CATALOG, f"has {what} ({key})")
    for key in _UNWANTED_NAMES:
        if key in doc.root.get(Name.Names, Dictionary()):
            yield doc.say(CATALOG, f"has {key}")


def check_actions(doc: Opened) -> Iterator[Finding]:
    """Annotations are links that are seen and printed; actions go to a place, an address or the file of another output."""
    opening = doc.root.get(Name.OpenAction)
    if isinstance(opening, Dictionary):
        yield from _action(doc, opening, "the document")
    for number, page in enumerate(doc.pages, start=1):
        place = f"page {number}"
        if Name.AA in page:
            yield doc.say(ACTIONS, "has actions of its own", place)
        for note in page.get(Name.Annots, Array()):
            if note.get(Name.Subtype) != Name.Link:
                yield doc.say(ACTIONS, f"has an annotation {note.get(Name.Subtype)}", place)
            flags = int(note.get(Name.F, 0))
            if not flags & _PRINT or flags & (_INVISIBLE | _HIDDEN | _NO_VIEW):
                yield doc.say(ACTIONS, "has a link that is hidden or not printed", place)
            if Name.A in note:
                yield from _action(doc, note.A, place)
    for title, item in outline_items(doc):
        if Name.A in item:
            yield from _action(doc, item.A, f"bookmark {title!r}")


def _action(doc: Opened, action: Any, place: str) -> Iterator[Finding]:
    if doc.opens(action) is not None and Name.Next not in action:
        return
    if action.get(Name.S) not in (Name.GoTo, Name.URI) or Name.Next in action:
        yield doc.say(ACTIONS, f"has an action {action.get(Name.S)}", place)
    elif action.S == Name.URI and not re.match(r"(https?|mailto):", str(action.get(Name.URI, ""))):
        yield doc.say(ACTIONS, f"leads to {str(action.get(Name.URI, ''))!r}", place)


def outline_items(doc: Opened) -> Iterator[tuple[str, Any]]:
    """The bookmarks in their order, whatever they stand under."""
    for title, _, item in outline_levels(doc):
        yield title, item


def outline_levels(doc: Opened) -> Iterator[tuple[str, int, Any]]:
    """The bookmarks in their order: title, level from 1, and the bookmark."""
    seen: set[tuple[int, int]] = set()

    def below(item: Any, level: int) -> Iterator[tuple[str, int, Any]]:
        while item is not None and item.objgen not in seen:
            seen.add(item.objgen)
            yield str(item.get(Name.Title, "")), level, item
            yield from below(item.get(Name.First), level + 1)
            item = item.get(Name.Next)

    yield from below(doc.root.get(Name.Outlines, Dictionary()).get(Name.First), 1)


def check_colours(doc: Opened) -> Iterator[Finding]:
    """An output intent with a sound profile, which defines the colours no profile of their own defines."""
    intents = [item for item in doc.root.get(Name.OutputIntents, Array()) if item.get(Name.S) == Name.GTS_PDFA1]
    profiles = [item.get(Name.DestOutputProfile) for item in intents]
    if len(intents) != 1 or not isinstance(profiles[0], Stream):
        yield doc.say(COLOURS, "has no output intent with a profile")
        return
    seen: set[tuple[int, int]] = set()
    yield from _profile(doc, profiles[0], "the output intent")
    own = _KINDS.get(int(profiles[0].get(Name.N, 0)), (b"", ""))[1]
    for drawing in doc.drawings:
        spaces = [*drawing.resources.get(Name.ColorSpace, Dictionary()).values()]
        spaces += [item.get(Name.ColorSpace) for item in drawing.resources.get(Name.XObject, Dictionary()).values()]
        for space in spaces:
            if isinstance(space, Array) and space[0] == Name.ICCBased and space[1].objgen not in seen:
                seen.add(space[1].objgen)
                yield from _profile(doc, space[1], drawing.place)
        used = {str(space) for space in spaces if isinstance(space, Name)} | _devices(drawing)
        # Grey is defined by every intent; other colours by one of their kind.
        for space in sorted({name for name in used if name.startswith("/Device")} - {own, "/DeviceGray"}):
            yield doc.say(COLOURS, f"uses {space}, which its output intent does not define", drawing.place)


def may_name_devices(drawing: Drawing) -> bool:
    """Whether a pattern could find a colour of a device in a drawing."""
    return not drawing.words.isdisjoint(_INKS) or b"/Device" in drawing.operators


def _devices(drawing: Drawing) -> set[str]:
    names = ("/DeviceGray", "/DeviceRGB", "/DeviceCMYK")
    found: set[str] = set()
    if not may_name_devices(drawing):
        return found
    for match in _DEVICE.finditer(drawing.operators):
        found |= {name for at, name in enumerate(names, start=1) if match[at]} | ({f"/{match[4].decode()}"} if match[4] else set())
    return found


def _profile(doc: Opened, profile: Any, place: str) -> Iterator[Finding]:
    """Findings about an ICC profile: its mark, version and kind of colours."""
    content = profile.read_bytes()
    kind = _KINDS.get(int(profile.get(Name.N, 0)), (b"none", ""))[0]
    if len(content) < 128 or content[36:40] != b"acsp" or content[8] > 4 or content[16:20] != kind:
        yield doc.say(COLOURS, "has a colour profile that is none, or is not of its colours", place)


def check_transparency(doc: Opened) -> Iterator[Finding]:
    """Blend modes of the standard, no transfer curves; where something shines through, a space to blend in."""
    with_intent = bool(doc.root.get(Name.OutputIntents, Array()))
    for drawing in doc.drawings:
        shines = False
        for state in drawing.resources.get(Name.ExtGState, Dictionary()).values():
            blend = state.get(Name.BM, Name.Normal)
            modes = [str(mode) for mode in blend] if isinstance(blend, Array) else [str(blend)]
            if set(modes) - _BLENDS:
                yield doc.say(TRANSPARENCY, f"blends by {', '.join(modes)}", drawing.place)
            if Name.TR in state or state.get(Name.TR2, Name.Default) != Name.Default or Name.HTP in state:
                yield doc.say(TRANSPARENCY, "has a transfer curve", drawing.place)
            shines |= any(float(state.get(key, 1)) < 1 for key in (Name.ca, Name.CA)) or modes != ["/Normal"]
        if shines and not with_intent and Name.CS not in drawing.item.get(Name.Group, Dictionary()):
            yield doc.say(TRANSPARENCY, "lets things shine through without a colour space to blend in", drawing.place)


def check_pictures(doc: Opened) -> Iterator[Finding]:
    """Pictures are drawn as they are, with nothing from elsewhere."""
    for drawing in doc.drawings:
        for item in drawing.resources.get(Name.XObject, Dictionary()).values():
            kind = str(item.get(Name.Subtype))
            unwanted = {"/Alternates", "/OPI", "/PS", "/Ref", "/Subtype2"} & set(item.keys())
            if kind not in ("/Image", "/Form") or unwanted:
                yield doc.say(PICTURES, f"draws {kind} {' '.join(sorted(unwanted))}".strip(), drawing.place)
            if item.get(Name.Interpolate, False):
                yield doc.say(PICTURES, "smooths a picture, which readers do each in their way", drawing.place)


#: For every PDF, and for those that say they are PDF/A or must be.
ALWAYS = (check_language, check_catalog, check_actions)
CHECKS = (check_file, check_metadata, check_info_agrees, check_title_shown, check_colours, check_transparency, check_pictures)

"""What Word would refuse of a document that writers and other programs have had in their hands."""

from __future__ import annotations

import io
import zipfile
from xml.etree import ElementTree

from tests.emit_readers import ORDERS, W

_RELATIONS = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
#: Of runs LibreOffice writes the properties in an order of its own, which Word's transitional form allows.
_ORDERED = ("pPr", "numPr", "tblPr", "tcPr", "sectPr", "style")
#: What stands first in its parent, and what must stand in it at all.
FIRST = {"p": "pPr", "r": "rPr", "tc": "tcPr", "tr": "trPr", "tbl": "tblPr"}
_NAMES = {tag: {name: at for at, name in enumerate(ORDERS[tag].split())} for tag in _ORDERED}


def find_disorder(content: bytes) -> list[str]:
    """What Word would refuse of a document: parts that are no XML, children out of order or unknown, aims that are not there."""
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        names = set(package.namelist())
        assert len(names) == len(package.namelist())
        roots = {name: ElementTree.fromstring(package.read(name)) for name in names if name.endswith((".xml", ".rels"))}  # noqa: S314
    found = []
    for name, root in roots.items():
        for node in root.iter():
            found += [f"{name}: {said}" for said in _disorder(node)]
    relations = {one.get("Id"): one for one in roots["word/_rels/document.xml.rels"].iter(_RELATIONS)}
    for one in relations.values():
        if one.get("TargetMode") != "External" and f"word/{one.get('Target', '')}" not in names | {f"word{one.get('Target', '')}"}:
            found.append(f"relation {one.get('Id')} leads to no part")
    for node in roots["word/document.xml"].iter():
        for key, value in node.attrib.items():
            if key.startswith("{http://schemas.openxmlformats.org/officeDocument/2006/relationships}") and value not in relations:
                found.append(f"no relation {value}")
    types = {str(one.get("Extension", "")).lower() for one in roots["[Content_Types].xml"]}
    told = {one.get("PartName") for one in roots["[Content_Types].xml"]} - {None}
    found += [f"no type of {name}" for name in names if name.endswith(".png") and "png" not in types and f"/{name}" not in told]
    found += [f"a type of {name}, which is not there" for name in told if str(name).removeprefix("/") not in names]
    return found


def _disorder(node: ElementTree.Element) -> list[str]:
    tag = node.tag.removeprefix(W) if isinstance(node.tag, str) else ""
    children = [child.tag.removeprefix(W) for child in node if isinstance(child.tag, str) and child.tag.startswith(W)]
    found = []
    if tag in _NAMES:
        places = [_NAMES[tag].get(child, -1) for child in children]
        if -1 in places:
            found.append(f"{tag} holds {children[places.index(-1)]}")
        if places != sorted(places):
            found.append(f"{tag} is out of order: {' '.join(children)}")
        single = [child for child in children if child not in ("headerReference", "footerReference", "tblStylePr")]
        if len(set(single)) != len(single):
            found.append(f"{tag} holds a child twice: {' '.join(children)}")
    first = FIRST.get(tag)
    if first in children and children.index(first) not in (0, *((1,) if tag == "tr" and children[0] == "tblPrEx" else ())):
        # Bookmarks may stand before a table's properties.
        found += (
            []
            if tag == "tbl" and set(children[: children.index(first)]) <= {"bookmarkStart", "bookmarkEnd"}
            else [f"{first} is not first in {tag}"]
        )
    if tag == "tbl" and "tblGrid" in children:
        columns = len(node.findall(f"{W}tblGrid/{W}gridCol"))
        for row in node.findall(f"{W}tr"):
            spans = [cell.find(f"{W}tcPr/{W}gridSpan") for cell in row.findall(f"{W}tc")]
            wide = sum(1 if span is None else int(span.get(f"{W}val", "1")) for span in spans)
            found += [] if wide == columns else [f"a row has {wide} columns, the grid {columns}"]
    if tag == "tc" and (not children or children[-1] != "p"):
        found.append("a cell does not end with a paragraph")
    return found

"""Elements of Word's that hide a text, or say one that nobody reads, by what stands in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from xml.etree import ElementTree

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
#: Brightness from which a colour cannot be told from paper.
_BRIGHT = 0xD0


def local(tag: str) -> str:
    """An element or attribute without its schema."""
    return tag.rpartition("}")[2]


def _twips(node: ElementTree.Element, *names: str) -> list[int]:
    values = [node.get(f"{W}{name}", "0") for name in names]
    return [int(value) if value.lstrip("-").isdigit() else 10**6 for value in values]


def is_bright(colour: str) -> bool:
    """Whether a colour cannot be told from paper."""
    parts = re.fullmatch(r"([0-9A-Fa-f]{2})([0-9A-Fa-f]{2})([0-9A-Fa-f]{2})", colour)
    return parts is not None and min(int(part, 16) for part in parts.groups()) >= _BRIGHT


#: What an element of the body must say so that it hides nothing and says nothing that nobody reads.
_SOUND: Mapping[str, Callable[[ElementTree.Element], bool]] = {
    f"{W}color": lambda node: not is_bright(node.get(f"{W}val", "")),
    f"{W}spacing": lambda node: f"{W}line" not in node.attrib,
    f"{W}ind": lambda node: max(map(abs, _twips(node, "left", "right", "start", "end", "hanging", "firstLine"))) < 4000,
    f"{W}hyperlink": lambda node: set(node.attrib) <= {f"{W}anchor", f"{W}history", f"{R}id"},
    "{urn:schemas-microsoft-com:vml}rect": lambda node: "style" in node.attrib and not node.get("alt"),
}


def may_be_strange(tag: str) -> bool:
    """Whether an element of this kind can say what is strange; of all others `strange_value` says nothing."""
    return tag in _SOUND or tag == f"{W}vMerge" or tag.endswith("}docPr")


def strange_value(node: ElementTree.Element, *, inside: bool) -> str:
    """What an element says or hides that none of ours does; ``inside`` an output no cell hides behind another."""
    sound = _SOUND.get(node.tag)
    if (sound and not sound(node)) or (inside and node.tag == f"{W}vMerge"):
        return f"<{local(node.tag)}> {' '.join(f'{local(name)}={value}' for name, value in node.attrib.items())}".strip()
    return f"<docPr> {node.get('title')!r}" if node.tag.endswith("}docPr") and node.get("title") else ""

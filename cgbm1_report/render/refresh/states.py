"""Of which data cut-offs the outputs of a writer's document are, and which of them are drafts: none may be filed as all of one.

An output that the build lacks, or that cannot be replaced, stays what it was; and nothing else in the document says so, whose
headers and footers are the writer's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from cgbm1_report.emit.seal import SEAL, cut_of, status_of
from cgbm1_report.render.refresh.places import own_name, say_number
from cgbm1_report.render.refresh.scan import Scan
from cgbm1_report.render.refresh.told import UNSAID, States

#: What the title of an output is linked by; Word's own names begin with an underscore.
_TITLE = re.compile(r"[A-Za-z]\w*_\d\w*")


def find_states(scan: Scan) -> tuple[States, States]:
    """The outputs of a document by their data cut-offs, and by whether they are drafts or final; each in the document's order."""
    titles = {one.start.block: own_name(one.name) for one in reversed(scan.bookmarks) if _TITLE.fullmatch(one.name)}
    sealed = [(own_name(one.name), one.start.block) for one in scan.bookmarks if one.name.startswith(SEAL)]
    named = [(f'w:name="{name}"'.encode(), say_number(titles.get(at, scan.where(at)))) for name, at in sealed]
    return _by(cut_of, named), _by(status_of, named)


def _by(asked: Callable[[bytes], str], named: list[tuple[bytes, str]]) -> States:
    found: dict[str, dict[str, None]] = {}
    for seal, number in named:
        found.setdefault(asked(seal) or UNSAID, {})[number] = None
    return {state: tuple(found[state]) for state in sorted(found)}

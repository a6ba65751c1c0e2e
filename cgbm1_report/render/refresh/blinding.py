"""A document that is blinded stays so until somebody who may says that it is opened."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cgbm1_report.emit.seal import text_of
from cgbm1_report.errors import Problem
from cgbm1_report.tabulate.table import BLINDED_DATA, POOLED_GROUPS

_RULE = "blinding"


def find_opened(document: Path, outputs: Iterable[tuple[str, bytes, bytes]]) -> list[Problem]:
    """The outputs that are blinded in the document and would not be any more, each as a problem.

    An output says of itself that it is blinded, below its title and in its notes: either is enough, should a writer have
    taken out the other.

    Parameters
    ----------
    outputs
        Of each its number, as it stands in the document, and what would take its place.
    """
    opened = [number for number, old, new in outputs if _is_blinded(old) and not _is_blinded(new)]
    return [
        Problem(
            f"{number} is blinded in the document and open in the build: whoever reads the document would see who got what",
            str(document),
            _RULE,
            remedy="name a blinded build, or add --unblind if its readers may know who got what",
        )
        for number in dict.fromkeys(opened)
    ]


def _is_blinded(output: bytes) -> bool:
    said = " ".join(text_of(output).split())
    return POOLED_GROUPS in said or BLINDED_DATA in said

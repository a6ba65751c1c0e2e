"""How a build looks in Word: the sponsor's template, where one is named."""

from __future__ import annotations

from pathlib import Path

from cgbm1_report.errors import PlanError
from cgbm1_report.system.manifest import REFERENCE, RESULTS, sha256_of


def read_template(path: Path | None) -> tuple[bytes | None, str | None]:
    """The Word template of the request, checked and completed, before anything is built; and its SHA-256."""
    if path is None:
        return None, None
    from cgbm1_report.emit import read_reference

    look = sha256_of(path) if path.is_file() else None
    template = read_reference(path)
    if sha256_of(path) != look:
        raise PlanError("was changed while it was read", file=path, rule="--reference-doc", remedy="build again")
    return template, look


def write_template(work: Path, template: bytes | None) -> None:
    (work / RESULTS).mkdir()
    if template is not None:
        (work / RESULTS / REFERENCE).write_bytes(template)

"""The stamp of a build as its manifest has it: also of one that another version of this package wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from cgbm1_report.system.manifest import MANIFEST, other_version
from cgbm1_report.tabulate.table import Stamp


def read_stamp(manifest: Mapping[str, Any], folder: Path) -> Stamp:
    """What every page of a build says besides its output; what an earlier version did not write yet is as it was then.

    Raises
    ------
    PlanError
        Another version wrote what this one does not know, or did not write what this one must know.
    """
    told = manifest["report"]["stamp"]
    known = {one.name: one.default is MISSING for one in fields(Stamp)}
    unknown, lacking = sorted(told.keys() - known), [name for name, needed in known.items() if needed and name not in told]
    if unknown or lacking:
        wrong = [*(f"does not know its {name}" for name in unknown), *(f"needs its {name}" for name in lacking)]
        raise other_version(manifest, folder / MANIFEST, f"report.stamp: this version {', '.join(wrong)}")
    return Stamp(**told)

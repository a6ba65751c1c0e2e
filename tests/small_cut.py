"""The study of six subjects as a cut, and our protocol with few notebooks: builds that take seconds."""

from __future__ import annotations

import shutil
from pathlib import Path

from cgbm1_report.assets import asset
from tests.small_study import decisions, small_study


def write_cut(folder: Path) -> Path:
    """The study of six subjects as a cut."""
    (folder / "sdtm").mkdir(parents=True)
    for name, frame in small_study().items():
        frame.to_parquet(folder / "sdtm" / f"{name.lower()}.parquet", index=False)
    decisions().to_csv(folder / "src_decisions.csv", index=False)
    (folder / "cut.json").write_text('{"cutoff": "2025-12-31", "synthetic": true}', encoding="utf-8")
    return folder


def write_trial(folder: Path, *notebooks: str) -> Path:
    """Our protocol with only these of our notebooks: each takes a second, also where none of its outputs are asked for."""
    folder.mkdir(parents=True)
    for name in notebooks:
        shutil.copy(asset("notebooks", name), folder / name)
    (folder / "trial.yaml").write_text(f"{asset('trial.yaml').read_text()}\nnotebooks: [{', '.join(notebooks)}]\n")
    return folder / "trial.yaml"

"""A synthetic cut of the whole trial: plausible, clean, and the same bytes for the same seed."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from cgbm1_report.errors import PlanError, Problem
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.simulate import design
from cgbm1_report.simulate.accrual import find_parts
from cgbm1_report.simulate.course import live_through, record_domains
from cgbm1_report.simulate.freeze import freeze, last_record
from cgbm1_report.simulate.write import split_domain, write_dataset
from cgbm1_report.system.whole import find_place, whole_folder, workroom

__all__ = ["holds_cut", "simulate_cut"]


def simulate_cut(
    out: Path,
    *,
    trial: Trial,
    seed: int = design.DEFAULT_SEED,
    scale: int = 1,
    cutoff: date | None = None,
    format: Literal["xpt", "parquet"] = "xpt",  # noqa: A002 - the word of the command line
    adam: bool = False,
    defects: bool = False,
) -> Path:
    """Write a synthetic cut of the trial: SDTM, decisions of the safety review, the cut's own description.

    Parameters
    ----------
    out
        Folder to write; it must not exist or be empty. It is there whole or not at all.
    trial
        The protocol: arms, doses, visits, windows, terms.
    seed
        The same seed and version give the same bytes.
    scale
        Multiplies the randomised phase and its planned sizes (``out/trial.yaml``), not the escalation.
    cutoff
        What is known at the end of this day; default: the day after the last record, all followed.
    format
        SAS transport version 5 or parquet.
    adam
        Also write the analysis datasets, derived from this SDTM, to ``out/adam``.
    defects
        Plant the catalogue of deliberate defects in both, and list it in ``defects_manifest.json``;
        implies ``adam``.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    ReportError
        ``out`` holds something, ``seed`` is below zero, ``scale`` is below one, nobody has consented by
        ``cutoff``, the trial has no escalation and randomised phase, or a defect finds no subject.
    """
    out = Path(out)
    _refuse(out, seed, scale, cutoff)
    people, tables, reviews = live_through(trial, seed, scale)
    day = np.datetime64(cutoff, "D") if cutoff else last_record(tables) + np.timedelta64(1, "D")
    frames = record_domains(people, freeze(tables, people, day, reviews), trial, day)
    with whole_folder(find_place(out), _check_empty) as folder:
        (folder / "sdtm").mkdir()
        for name, table in sorted(frames.items()):
            write_dataset(folder / "sdtm", name, table, format, day)
        _write_beside(folder, people, reviews, trial, day, seed, scale)
        if adam or defects:
            _write_analysis(folder, trial, seed if defects else None, format, day)
    return out


def _refuse(out: Path, seed: int, scale: int, cutoff: date | None) -> None:
    """Everything that is wrong with what was asked for, at once."""
    problems = []
    if seed < 0:
        problems.append(Problem(f"seed {seed} is below zero", rule="--seed", remedy="give a whole number from 0"))
    if scale < 1:
        problems.append(Problem(f"scale {scale} is below one", rule="--scale", remedy="give a whole number from 1"))
    if cutoff and cutoff < design.FIRST_CONSENT:
        remedy = f"choose a day from {design.FIRST_CONSENT}"
        problems.append(Problem(f"nobody has consented by {cutoff}", rule="--cutoff", remedy=remedy))
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        remedy = "name a new folder, or empty this one"
        problems.append(Problem("is not an empty folder", file=str(out), rule="simulate", remedy=remedy))
    if problems:
        raise PlanError.of(problems)


def _check_empty(folder: Path, out: Path) -> None:
    """Only an empty folder gives its place to a cut."""
    if not folder.is_dir() or any(folder.iterdir()):
        raise PlanError("is not an empty folder", file=out, rule="simulate", remedy="name a new folder, or empty this one")


def holds_cut(folder: Path, *, trial: Trial, seed: int) -> bool:
    """Whether a folder holds exactly the cut, all followed, that this seed gives."""
    with workroom(folder, alone=False) as room:
        expected = _contents(simulate_cut(room / folder.name, trial=trial, seed=seed))
    return _contents(folder) == expected


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def _write_analysis(folder: Path, trial: Trial, seed: int | None, form: Literal["xpt", "parquet"], day: np.datetime64) -> None:
    """ADaM of the SDTM just written; with a seed the deliberate defects in both, and their list."""
    from cgbm1_report.derive import derive_adam
    from cgbm1_report.read.adamfiles import write_adam
    from cgbm1_report.read.cut import read_cut
    from cgbm1_report.simulate.defects import Scene, plant_defects, write_manifest

    cut = read_cut(folder, trial)
    analysis = derive_adam(cut.sdtm, trial, cut.cutoff, cut.src_decisions)
    if seed is not None:
        scene = Scene(cut.sdtm, analysis, trial, cut.cutoff)
        write_manifest(plant_defects(scene, seed), folder)
        for domain in sorted(scene.spoilt & cut.sdtm.keys()):
            for name, table in split_domain(domain, scene[domain], trial.study.studyid).items():
                write_dataset(folder / "sdtm", name, table, form, day)
        analysis = {name: scene.labelled(name) for name in analysis}
    write_adam(analysis, folder / "adam", form, day)


def _write_beside(
    folder: Path, people: pd.DataFrame, reviews: pd.DataFrame, trial: Trial, day: np.datetime64, seed: int, scale: int
) -> None:
    """What stands beside SDTM: decisions, the unblinding of a final cut, the cut's description, a scaled protocol."""
    known = reviews[reviews["REVDTC"] <= day]
    known.assign(REVDTC=known["REVDTC"].dt.strftime("%Y-%m-%d")).to_csv(folder / "src_decisions.csv", index=False)
    phase = find_parts(trial).randomised
    final = not (people.loc[people["randomised"], "end_date"] > day).any()
    if final and trial.unblinding and trial.phases[phase].blinded:
        about = trial.unblinding
        told = {"SCOPE": about.opens, "USUBJID": None, "REASON": about.reasons[about.opens][0], "NAME": "Synthetic Statistician"}
        record = {"PHASE": phase, "UNBLDTC": str(day), **told}
        pd.DataFrame([record])[list(trial.unblinding.columns)].to_csv(folder / trial.unblinding.file, index=False)
    description = {
        "cutoff": str(day),
        "synthetic": True,
        "seed": seed,
        "scale": scale,
        "studyid": trial.study.studyid,
        "dictionaries": {"MedDRA": "synthetic term list", "WHODrug": "synthetic term list"},
    }
    (folder / "cut.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    if scale > 1:
        _write_scaled(folder / "trial.yaml", trial, phase, scale)


def _write_scaled(file: Path, trial: Trial, phase: int, scale: int) -> None:
    """The protocol of this run: the randomised arms planned ``scale`` times as large."""
    import yaml

    content = trial.as_written()
    for arm in content["arms"]:
        if arm["phase"] == phase and arm["planned_n"]:
            arm["planned_n"] = [size * scale for size in arm["planned_n"]]
    file.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")

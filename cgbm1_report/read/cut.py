"""Reads a data cut: every dataset of a folder as frames, or every reason why not."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from cgbm1_report.errors import DataError, Problem, ReportError, find_near
from cgbm1_report.protocol.schema import has_schema, schema_types
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.protocol.unblinding import declared
from cgbm1_report.read.csv_files import read_csv
from cgbm1_report.read.dataset_json import read_dataset_json, read_dataset_ndjson
from cgbm1_report.read.find import ABOUT, COMPANIONS, DatasetFile, list_files
from cgbm1_report.read.folder import (
    ABOUT_KEYS,
    ISO_DAY,
    NARRATIVES,
    SRC_DECISIONS,
    companion_paths,
    find_files,
    near_companions,
)
from cgbm1_report.read.intake import Intake, put_first
from cgbm1_report.read.narratives import EVENT, check_narratives
from cgbm1_report.read.parquet import read_parquet
from cgbm1_report.read.raw import RawTable, tidy_table
from cgbm1_report.read.sas import read_sas7bdat, read_xpt
from cgbm1_report.read.split import find_domain, join_parts, note_inside_name
from cgbm1_report.read.supp import find_twice, merge_supp
from cgbm1_report.read.texts import ARROW, choose_storage, hold_texts
from cgbm1_report.read.unblinding import check_unblinding, opened_phases, tidy_unblinding

_READERS: dict[str, Callable[[bytes, Path], RawTable]] = {
    ".xpt": read_xpt,
    ".sas7bdat": read_sas7bdat,
    ".parquet": read_parquet,
    ".csv": read_csv,
    ".json": read_dataset_json,
    ".ndjson": read_dataset_ndjson,
}


#: Treatments that records of a subject carry.
_CARRIED = frozenset({"TRTP", "TRTPN", "TRTA", "TRTAN", "TRT01P", "TRT01PN", "TRT01A", "TRT01AN"})


@dataclass(frozen=True)
class Cut:
    """One data cut as delivered.

    ``sdtm`` and ``adam`` map upper-case dataset names to frames, SUPP-- merged onto their parents,
    labels in ``frame.attrs``. ``cutoff`` is the data cut-off, None where neither the cut nor the
    trial names one. ``about`` is cut.json, ``files`` the SHA-256 of the very bytes that were read, by
    the path of each file in the folder. ``notes`` is what reading met and did not refuse,
    ``unread`` the files in the folder that nobody reads. ``storage`` is how pandas holds its texts (:mod:`.texts`).
    ``uneven`` are the parameters of parts that lack a variable which another part of their dataset has, by dataset and variable.
    """

    folder: Path
    sdtm: dict[str, pd.DataFrame]
    adam: dict[str, pd.DataFrame]
    src_decisions: pd.DataFrame | None
    unblinding: pd.DataFrame | None
    cutoff: date | None
    synthetic: bool
    about: dict[str, Any]
    files: dict[str, str]
    notes: tuple[Problem, ...] = ()
    unread: tuple[str, ...] = ()
    narratives: pd.DataFrame | None = None
    storage: str = ARROW
    uneven: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)


@dataclass
class _Read:
    """What the dataset files gave: frames by standard and file, domains and files of SDTM, what is wrong, what is said."""

    frames: dict[str, dict[str, pd.DataFrame]] = field(default_factory=lambda: {"sdtm": {}, "adam": {}})
    domains: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    #: Of ADaM: the dataset each part belongs to, and its file.
    parts: dict[str, str] = field(default_factory=dict)
    part_files: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)


def _read_datasets(found: list[DatasetFile], intake: Intake) -> _Read:
    read = _Read()
    for file in found:
        path = str(file.path)
        try:
            raw = _READERS[file.extension](intake.take(file.path), file.path)
            name = file.part_of or file.dataset
            if file.standard == "sdtm":
                name = read.domains[file.dataset] = find_domain(file.dataset, raw.frame, path)
                read.files[file.dataset] = path
            elif file.part_of:
                read.parts[file.dataset], read.part_files[file.dataset] = file.part_of, path
            read.frames[file.standard][file.dataset] = tidy_table(raw, name, path)
            read.notes += [*raw.notes, *note_inside_name(raw.name, {file.dataset, file.path.stem.upper(), name}, path)]
        except ReportError as error:
            read.problems += error.problems
    return read


def _join_sdtm(read: _Read) -> tuple[dict[str, pd.DataFrame], list[Problem]]:
    """Qualifiers onto the datasets they are named for, parts to their domains, qualifiers of whole domains onto those."""
    supps = {name.removeprefix("SUPP"): frame for name, frame in read.frames["sdtm"].items() if name.startswith("SUPP")}
    frames = {name: frame for name, frame in read.frames["sdtm"].items() if not name.startswith("SUPP")}
    problems = _merge_supps(frames, supps, read)
    joined, split = join_parts(frames, read.domains, read.files)
    problems += split + _merge_supps(joined, {name: frame for name, frame in supps.items() if name not in frames}, read)
    orphans = [name for name in supps if name not in frames and name not in joined]
    # A parent that is damaged has been named already.
    for name in orphans if not read.problems and not split else ():
        file = read.files[f"SUPP{name}"]
        problems.append(Problem(f"has no parent {name}", file, "supplemental qualifiers", remedy=f"deliver {name}"))
    return joined, problems


def _join_adam(read: _Read, trial: Trial | None) -> tuple[dict[str, pd.DataFrame], list[Problem]]:
    """Parts to their datasets; one of which a part is missing would be analysed without it."""
    adam, problems = join_parts(read.frames["adam"], read.parts, read.part_files)
    for name, stems in (trial.dataset_files if trial else {}).items():
        missing = [stem for stem in stems if stem.upper() not in read.part_files]
        # A part that is damaged has been named already.
        if len(stems) > 1 and 0 < len(missing) < len(stems) and not read.problems:
            there = ", ".join(file for part, file in read.part_files.items() if read.parts[part] == name.upper())
            told = f"{name.upper()} is delivered without its part {', '.join(missing)}"
            problems.append(Problem(told, there, "split datasets", remedy="deliver every part that trial.yaml names (datasets)"))
    if trial:
        read.notes += _note_uneven_parts(read, trial)
        read.notes += [
            note for name, frame in adam.items() if _lacks_relation(frame, trial) for note in _note_relation(name, trial)
        ]
    return {name: _relate(_spell(frame, trial), trial) for name, frame in adam.items()} if trial else adam, problems


def _note_uneven_parts(read: _Read, trial: Trial) -> list[Problem]:
    """What is said of a part that lacks variables which others of its dataset have and outputs know: its records have no value.

    Flags of populations and treatments, which every record has, are lacking too where the whole part has no value of them.
    """
    notes = []
    flags = {population.flag for population in trial.populations}
    for name in sorted(set(read.parts.values())):
        parts = {
            part: read.frames["adam"][part] for part, whole in read.parts.items() if whole == name and part in read.frames["adam"]
        }
        known = [*schema_types(name), *sorted(flags - schema_types(name).keys())] if has_schema(name) else []
        for part, frame in parts.items():
            without = [one for one in known if one not in frame or (one in flags | _CARRIED and frame[one].isna().all())]
            others = {one: other for other in parts for one in parts[other] if other != part and parts[other][one].notna().any()}
            lost = [one for one in without if one in others]
            if lost:
                told = (
                    f"has no {', '.join(lost)}, which {others[lost[0]].lower()} has: records of this part of {name} have no value"
                )
                remedy = "deliver the part with these variables, unless nothing is made of them"
                notes.append(Problem(told, read.part_files[part], "split datasets", remedy=remedy))
    return notes


def _find_uneven(read: _Read) -> dict[tuple[str, str], frozenset[str]]:
    """By dataset and variable the parameters of parts that have no value of it where another part has one."""
    found: dict[tuple[str, str], set[str]] = {}
    for name in sorted(set(read.parts.values())):
        parts = [read.frames["adam"][part] for part, whole in read.parts.items() if whole == name and part in read.frames["adam"]]
        told = [{str(one) for one in frame if frame[one].notna().any()} for frame in parts]
        for frame, own in zip(parts, told, strict=True):
            codes = set(frame["PARAMCD"].dropna()) if "PARAMCD" in frame else set()
            for variable in set().union(*told) - own if codes else ():
                found.setdefault((name, variable), set()).update(codes)
    return {place: frozenset(codes) for place, codes in sorted(found.items())}


def _spell(frame: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """Coded values in the words of schemas/, where the study says how it spells them; any other value stays as it is."""
    told = {name: words for name, words in trial.conventions.codes.items() if name in frame}
    return frame.assign(**{name: frame[name].replace(words) for name, words in told.items()}) if told else frame


def _relate(frame: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """What a missing causality means the trial says, of supplied events too; where none has one it was not recorded."""
    if trial.relatedness is None or not _lacks_relation(frame, trial):
        return frame
    return frame.assign(RELGR1=frame["RELGR1"].fillna(trial.relatedness.missing.replace("_", " ").upper()))


def _lacks_relation(frame: pd.DataFrame, trial: Trial) -> bool:
    """Whether some events have a causality and some none."""
    return bool(
        trial.relatedness is not None and "RELGR1" in frame and frame["RELGR1"].notna().any() and not frame["RELGR1"].notna().all()
    )


def _note_relation(name: str, trial: Trial) -> list[Problem]:
    """What is said of causalities that reading fills: the source line of a table says RELGR1 = RELATED of them too."""
    meant = trial.relatedness.missing.replace("_", " ").upper() if trial.relatedness else ""
    told = f"RELGR1 is empty in some records, which are read as {meant}"
    return [Problem(told, f"{name.lower()}", "relatedness", remedy="fill RELGR1, or confirm relatedness.missing of trial.yaml")]


def _merge_supps(frames: dict[str, pd.DataFrame], supps: dict[str, pd.DataFrame], read: _Read) -> list[Problem]:
    """Give each frame its qualifiers, in place; what is wrong with them."""
    problems: list[Problem] = []
    for name in [name for name in supps if name in frames]:
        try:
            domain = read.domains.get(name, name)
            frames[name] = merge_supp(frames[name], supps[name], domain, read.files[f"SUPP{name}"])
        except ReportError as error:
            problems += [*find_twice(frames[name], domain, read.files.get(name, domain)), *error.problems]
    return problems


def _read_about(path: Path | None, intake: Intake) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        about = json.loads(intake.take(path).decode("utf-8-sig"), object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"cannot be read: {error}", file=path, rule="cut.json", remedy="write one JSON object, or remove the file"
        ) from error
    if not isinstance(about, dict):
        raise DataError("is not a JSON object", file=path, rule="cut.json", remedy='write {"cutoff": "YYYY-MM-DD"}')
    wrong = {name: near[0] for name in about if name not in ABOUT_KEYS and (near := find_near(name, ABOUT_KEYS, 1))}
    problems = [
        Problem(f"key {name!r} is unknown", str(path), "cut.json", name, f"did you mean {near!r}?") for name, near in wrong.items()
    ]
    if not isinstance(about.get("synthetic", False), bool):
        problems.append(Problem("synthetic is neither true nor false", str(path), "cut.json", "synthetic", "write true or false"))
    if problems:
        raise DataError.of(problems)
    return about


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; a key that stands twice would keep its last value without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key {next(key for key in keys if keys.count(key) > 1)!r} stands twice")
    return found


def _iso_day(text: object, file: object, place: str) -> date:
    try:
        if not ISO_DAY.fullmatch(str(text)):
            raise ValueError
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        raise DataError(
            f"cut-off {str(text)[:40]!r} is no date", file=file, place=place, rule="cut-off", remedy="write it as YYYY-MM-DD"
        ) from None


def _cutoff(about: dict[str, Any], sdtm: Mapping[str, pd.DataFrame], trial: Trial | None, folder: Path) -> date | None:
    """cut.json, else TS, else trial.yaml."""
    if about.get("cutoff") is not None:
        return _iso_day(about["cutoff"], folder / ABOUT, "cutoff")
    ts = sdtm.get("TS")
    if ts is not None and {"TSPARMCD", "TSVAL"} <= set(ts.columns):
        values = ts.loc[ts["TSPARMCD"] == "DCUTDTC", "TSVAL"].dropna()
        if len(values):
            return _iso_day(values.iloc[0], folder, "TS DCUTDTC")
    named = trial.study.data_cutoff if trial else None
    return _iso_day(named, "trial.yaml", "study.data_cutoff") if named else None


def _read_table(path: Path | None, name: str, intake: Intake, columns: Collection[str]) -> pd.DataFrame | None:
    """A CSV file beside the datasets, where the cut has it: people write it, with a spreadsheet of their country."""
    return None if path is None else tidy_table(read_csv(intake.take(path), path, columns), name, str(path))


@dataclass
class _Beside:
    """The files beside the datasets: where they are, what they told by the names of `Cut`, what is wrong with them."""

    paths: dict[str, Path] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    #: Phases that an unblinding record opens which was held against the subjects of the cut.
    opened: frozenset[int] = frozenset()


def _read_companions(
    root: Path, trial: Trial | None, intake: Intake, sdtm: Mapping[str, pd.DataFrame], adam: Mapping[str, pd.DataFrame]
) -> _Beside:
    beside = _Beside()
    told = beside.told
    try:
        beside.paths |= companion_paths(root, trial)
        told["about"] = _read_about(beside.paths.get(ABOUT), intake)
        for key, name, columns in (
            ("src_decisions", SRC_DECISIONS, schema_types("SRC_DECISIONS")),
            ("narratives", NARRATIVES, (*EVENT, "TEXT")),
            ("unblinding", declared(trial).file, declared(trial).columns),
        ):
            told[key] = _read_table(beside.paths.get(name), key.upper(), intake, columns)
        if told["narratives"] is not None:
            told["narratives"] = check_narratives(told["narratives"], str(beside.paths[NARRATIVES]))
        told["cutoff"] = _cutoff(told["about"], sdtm, trial, root)
        if told["unblinding"] is not None:
            frames = {name: frames[name] for name, frames in (("DM", sdtm), ("ADSL", adam)) if name in frames}
            file = str(beside.paths[declared(trial).file])
            opening = tidy_unblinding(told["unblinding"], file, trial)
            told["unblinding"], doubts = check_unblinding(opening, file, trial, frames, told["cutoff"])
            beside.problems += doubts
            if trial and frames and not doubts:
                beside.opened = opened_phases(told["unblinding"], trial)
    except ReportError as error:
        beside.problems += error.problems
    return beside


def _is_open(beside: _Beside, trial: Trial | None) -> bool:
    """Whether everybody's treatment may be seen; of a cut that cannot be read, too, as long as its unblinding record can."""
    return trial is None or all(number in beside.opened for number, phase in trial.phases.items() if phase.blinded)


def _withhold(problems: list[Problem], sources: Collection[str]) -> list[Problem]:
    """Problems, of which those of a file with records of subjects tell nothing that one arm alone may have."""
    return list(dict.fromkeys(one.withheld() if one.file in sources else one for one in problems))


def read_cut(folder: Path | str, trial: Trial | None = None) -> Cut:
    """Read everything a cut folder holds.

    Takes ``sdtm/`` and/or ``adam/``, or a folder that holds the files directly (``ad*`` are ADaM).
    Formats: XPT (5 and 8), SAS7BDAT, parquet, CSV, Dataset-JSON and NDJSON. Other files are named in
    ``unread``, but for lists of checksums (SHA256SUMS, manifest.json), which are held against the files.
    Text is ``str`` with NaN for missing, numbers ``float64``, ADaM dates ``datetime64[s]``.

    Parameters
    ----------
    folder
        The cut.
    trial
        Names the study's own file stems (``datasets``), the unblinding record and the cut-off of
        last resort.

    Raises
    ------
    ReportError
        The folder or a file is missing, empty, truncated, unreadable, named twice, named like no
        dataset, or a link out of the folder, or is not the one its checksum was made of; a SUPP-- row
        belongs to no record. All at once. Where a phase of the trial is not opened, what is said of files with
        records tells no value, no number and no place of them (`Problem.withheld`).
    """
    root = Path(folder)
    found, problems = find_files(root, trial)
    intake = Intake(root)
    storage = choose_storage(file.path for file in found)
    with hold_texts(storage):
        read = _read_datasets(found, intake)
        sdtm, wrong = _join_sdtm(read)
        adam, wrong_adam = _join_adam(read, trial)
        beside = _read_companions(root, trial, intake, sdtm, adam)
    problems += [*read.problems, *wrong, *wrong_adam, *beside.problems]
    present = list_files(root)
    problems = put_first(intake.check(present), problems)
    problems += intake.check_same({problem.file for problem in problems})
    if problems:
        sources = {str(file.path) for file in found} | {str(beside.paths.get(SRC_DECISIONS, ""))}
        raise DataError.of(problems if _is_open(beside, trial) else _withhold(problems, sources))
    unread = [name for name in present if name not in intake.hashes and Path(name).name not in COMPANIONS]
    near = near_companions(unread, trial)
    return Cut(
        folder=root,
        sdtm=sdtm,
        adam=adam,
        synthetic=beside.told["about"].get("synthetic") is True,
        files=dict(sorted(intake.hashes.items())),
        notes=(*read.notes, *near),
        unread=tuple(unread),
        storage=storage,
        uneven=_find_uneven(read),
        **beside.told,
    )

"""Takes the treatment out of data of a phase that is still blind, before anything is made from them.

What may be seen is declared, never what may not: of a subject of a blind phase only the variables and
parameters stay that schemas/ names under ``blind``. A subject stays hidden unless everything that
tells a phase, the form and both arms, says that it is an open one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pandas as pd

from cgbm1_report.collected.look_up import look_up
from cgbm1_report.derive.adce import counted_days
from cgbm1_report.protocol.schema import has_schema, parameters_seen_blind, read_schema, schema_labels, schema_title
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.read.labels import Labels

#: What stands for a text that names a treatment.
WITHHELD = "withheld"


@dataclass(frozen=True)
class Withheld:
    """Something of a dataset that blinding took out although nobody declared that it tells treatment."""

    dataset: str
    variable: str
    why: str


Notes = list[Withheld]


def find_open_subjects(
    sdtm: Mapping[str, pd.DataFrame], adam: Mapping[str, pd.DataFrame], trial: Trial, phases: Collection[int]
) -> pd.Index:
    """USUBJID of the subjects whose treatment may be seen: those whose phase is certain, and not blind.

    Parameters
    ----------
    sdtm, adam
        Data that are not blinded. Where there is DM it must say so, where there is ADSL that must;
        without either nobody's treatment may be seen.
    phases
        Phases that are still blind.
    """
    told = [(sdtm.get("DM"), "SCRPHASE"), (adam.get("ADSL"), "PHASE")]
    found = [_certainly_open(frame, variable, trial, phases) for frame, variable in told if frame is not None]
    if not found:
        return pd.Index([], dtype="str")
    subjects: pd.Index = found[0] if len(found) == 1 else found[0].intersection(found[1])
    return subjects


def _arm_phases(trial: Trial) -> pd.Series:
    return pd.Series([float(arm.phase) for arm in trial.arms], index=[arm.armcd for arm in trial.arms], dtype="float64")


def _certainly_open(frame: pd.DataFrame, variable: str, trial: Trial, phases: Collection[int]) -> pd.Index:
    """Subjects of whom the phase and both arms, as far as they are told, all say an open phase."""
    if "USUBJID" not in frame:
        return pd.Index([], dtype="str")
    opened = [float(number) for number in trial.phases if number not in set(phases)]
    arms = _arm_phases(trial)
    certain, told = pd.Series(True, index=frame.index), pd.Series(False, index=frame.index)
    for name in [name for name in (variable, "ARMCD", "ACTARMCD") if name in frame]:
        # A code or number nobody knows has no phase, and so none that is open.
        phase = pd.to_numeric(frame[name], errors="coerce") if name == variable else look_up(frame[name], arms)
        certain &= phase.isin(opened) | frame[name].isna()
        told |= frame[name].notna()
    doubted = frame.loc[~(certain & told), "USUBJID"]
    seen = frame.loc[~frame["USUBJID"].isin(doubted), "USUBJID"]
    names: pd.Index = pd.Index(seen.dropna().unique(), dtype="str")
    return names


def blind_sdtm(
    sdtm: Mapping[str, pd.DataFrame],
    trial: Trial,
    phases: Collection[int],
    subjects: Collection[str] | None = None,
    notes: Notes | None = None,
) -> dict[str, pd.DataFrame]:
    """SDTM of which, for all but the open subjects, nothing is left that could tell treatment.

    SCRPHASE is filled for the others, so that their phase survives the loss of the arm. The frames
    given are left as they are.

    Parameters
    ----------
    sdtm
        SDTM frames by domain.
    phases
        Phases that are still blind; none changes nothing.
    subjects
        The open subjects; those of DM where they are not given (`find_open_subjects`).
    notes
        Where given, what was withheld without being declared is added to it.
    """
    if not phases:
        return dict(sdtm)
    seen = find_open_subjects(sdtm, {}, trial, phases) if subjects is None else subjects
    blinded = _blind_frames(sdtm, trial, phases, seen, notes)
    if "DM" in blinded and "USUBJID" in blinded["DM"]:
        dm = sdtm["DM"]
        screened = pd.to_numeric(dm["SCRPHASE"], errors="coerce") if "SCRPHASE" in dm else pd.Series(float("nan"), dm.index)
        phase = look_up(dm["ARMCD"], _arm_phases(trial)).fillna(screened) if "ARMCD" in dm else screened
        phase = phase.where(~dm["USUBJID"].isin(seen), screened).astype("float64")
        by_subject = phase.set_axis(dm["USUBJID"].to_numpy())
        blinded["DM"] = blinded["DM"].assign(SCRPHASE=look_up(blinded["DM"]["USUBJID"], by_subject[~by_subject.index.duplicated()]))
    return blinded


def blind_adam(
    adam: Mapping[str, pd.DataFrame],
    trial: Trial,
    phases: Collection[int],
    subjects: Collection[str] | None = None,
    notes: Notes | None = None,
) -> dict[str, pd.DataFrame]:
    """ADaM of which, for all but the open subjects, nothing is left that could tell treatment.

    For a cut that brings its own ADaM; what is derived here from blinded SDTM never held it. Without
    an ADSL that tells phases nobody is open. Parameters as of `blind_sdtm`.
    """
    if not phases:
        return dict(adam)
    seen = find_open_subjects({}, adam, trial, phases) if subjects is None else subjects
    return _blind_frames(adam, trial, phases, seen, notes)


def tell_unseen(adam: Mapping[str, pd.DataFrame], trial: Trial, phases: Collection[int]) -> pd.DataFrame:
    """What `blind_adam` leaves empty of subjects of blind phases: it is no missing value, and nothing may be counted of it.

    Returns
    -------
    DataFrame
        A row per phase, DATASET and VARIABLE of the data as they were supplied; a parameter whose records are left out is one by
        its code. It tells what the data have, of no subject; datasets nobody describes are no part of it.
    """
    unseen: list[tuple[str, str]] = []
    for name, frame in sorted((name, frame) for name, frame in adam.items() if has_schema(name)):
        codes = parameters_seen_blind(name)
        unseen += [(name, str(one)) for one in frame.columns if one not in trial.seen_of(name) and one != "DOMAIN"]
        parameters = [code for code, one in trial.parameters.items() if one.dataset == name]
        unseen += [(name, code) for code in parameters if codes is not None and code not in codes]
    counted = {("ADCE", name) for name in counted_days(trial)}
    rows = [(phase, *one) for phase in sorted(phases) for one in unseen if one not in counted]
    return pd.DataFrame(rows, columns=["PHASE", "DATASET", "VARIABLE"]).astype(
        {"PHASE": "int64", "DATASET": "str", "VARIABLE": "str"}
    )


def withhold_text(values: pd.Series, hidden: pd.Series, trial: Trial, phases: Collection[int]) -> pd.Series:
    """Free texts, of which those of ``hidden`` records that name a treatment of a blind phase are withheld."""
    return values.mask(hidden & _quotes(values, _treatment_words(trial, phases)), WITHHELD)


def _blind_frames(
    frames: Mapping[str, pd.DataFrame], trial: Trial, phases: Collection[int], seen: Collection[str], notes: Notes | None
) -> dict[str, pd.DataFrame]:
    words = _treatment_words(trial, phases)
    said: Notes = [] if notes is None else notes
    # Complications counted through the days of the trial are as blind as the day they began on, which is seen.
    kept = {name: trial.seen_of(name) | (frozenset(counted_days(trial)) if name == "ADCE" else frozenset()) for name in frames}
    blinded = {name: _blind_frame(frame, name, pd.Index(seen), words, said, kept[name]) for name, frame in frames.items()}
    # Of a dataset nobody describes only records of open subjects are left; without any it is no dataset.
    return {name: frame for name, frame in blinded.items() if has_schema(name) or len(frame)}


def _treatment_words(trial: Trial, phases: Collection[int]) -> re.Pattern[str]:
    """Names of the blind phases' arms, as they may stand in a free text."""
    arms = [arm for arm in trial.arms if arm.phase in set(phases)]
    names = {text for arm in arms for text in (arm.armcd, arm.arm, arm.arm.rpartition(":")[2], arm.column_label)}
    names |= {trial.phases[phase].reference or "" for phase in phases if phase in trial.phases}
    words = sorted(re.escape(name.strip()) for name in names if name.strip())
    return re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", re.IGNORECASE) if words else re.compile(r"(?!)")


def _blind_frame(
    frame: pd.DataFrame, dataset: str, seen: pd.Index, words: re.Pattern[str], notes: Notes, kept: frozenset[str]
) -> pd.DataFrame:
    """One dataset as the analysis of a blind phase may see it, records in the order of their subjects."""
    plain = frame.reset_index(drop=True)
    plain.attrs = {}
    known = schema_labels(dataset)
    if known and "USUBJID" not in known:
        # The design of the trial: it speaks of no subject.
        result = plain[[name for name in plain.columns if name in kept]]
    elif "USUBJID" not in plain:
        notes.append(Withheld(dataset, "", "without USUBJID nobody can tell whose the records are"))
        result = plain.iloc[:0]
    else:
        hidden = pd.Series(pd.Index(seen).get_indexer(pd.Index(plain["USUBJID"])) < 0, index=plain.index)
        if not known:
            notes.append(Withheld(dataset, "", "no schema describes the dataset"))
            result = plain[~hidden]
        else:
            result = _blind_records(plain, dataset, hidden, words, notes, kept)
        if not result["USUBJID"].is_monotonic_increasing:
            # The order of a file may be that of the arms.
            result = result.sort_values("USUBJID", kind="stable")
    result = result.reset_index(drop=True)
    labels = Labels({name: known.get(name, name) for name in result.columns})
    result.attrs = {"labels": labels, "label": schema_title(dataset) or dataset}
    return result


def _blind_records(
    frame: pd.DataFrame, dataset: str, hidden: pd.Series, words: re.Pattern[str], notes: Notes, kept: frozenset[str]
) -> pd.DataFrame:
    """Records of a dataset with a schema: of hidden subjects only what is ``kept`` is left."""
    codes = parameters_seen_blind(dataset)
    if codes is not None and hidden.any():
        lost = hidden & (~frame["PARAMCD"].isin(codes) if "PARAMCD" in frame else True)
        frame, hidden = frame[~lost].reset_index(drop=True), hidden[~lost].reset_index(drop=True)
    if not hidden.any():
        return frame
    known = schema_labels(dataset)
    changed: dict[str, pd.Series] = {}
    for name in frame.columns:
        values = frame[name]
        if name == "DOMAIN":
            changed[name] = values.mask(hidden, dataset)
        elif name not in kept:
            if name not in known and values[hidden].notna().any():
                notes.append(Withheld(dataset, str(name), "the schema does not know the variable"))
            changed[name] = values.mask(hidden)
        elif values.dtype == "str" and not _is_coded(dataset, str(name)):
            quoting = hidden & _quotes(values, words)
            if quoting.any():
                notes.append(Withheld(dataset, str(name), "a text names a treatment"))
                changed[name] = values.mask(quoting, WITHHELD)
    if "ASEQ" in frame and pd.api.types.is_numeric_dtype(frame["ASEQ"]):
        # Numbered through a whole dataset, they would tell how it was sorted.
        within = frame["ASEQ"].groupby(frame["USUBJID"]).rank("dense")
        changed["ASEQ"] = frame["ASEQ"].mask(hidden, within)
    return frame.assign(**changed)


def _is_coded(dataset: str, variable: str) -> bool:
    """Identifiers and variables with a list of values, which the gate holds them against."""
    column = read_schema(dataset)["columns"].get(variable, {})
    return variable in ("STUDYID", "USUBJID", "SUBJID", "SITEID") or "isin" in column or "in_trial" in column


def _quotes(values: pd.Series, words: re.Pattern[str]) -> pd.Series:
    """Where a text names a treatment; each text is looked at once."""
    codes, texts = pd.factorize(values)
    found = [place for place, text in enumerate(texts.astype("object")) if words.search(text)]
    return pd.Series(codes, index=values.index).isin(found)

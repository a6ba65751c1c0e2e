"""Subjects of two cuts: who has another number now, and who stands elsewhere in the trial."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cgbm1_report.compare.match import SUBJECT, code_values, is_sequence
from cgbm1_report.rows import number_pattern

#: What a subject is numbered by.
NUMBERS = (SUBJECT, "SUBJID")
#: Datasets that hold each subject once, the surest first.
SUBJECT_LEVEL = ("ADSL", "DM")
#: So much of a subject's records must stand under the other number, none of another subject's as much.
_SAME = 0.8


def find_renamed(old: Mapping[str, pd.DataFrame], new: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Subjects whose number alone was changed: new numbers by old ones.

    A number that is gone and one that is new are of one subject where at least four fifths of the old number's records,
    sequence numbers and the numbers themselves aside, stand under the new one, and neither shares as many with a third.
    """
    gone, come = _only(old, new), _only(new, old)
    if not len(gone) or not len(come):
        return {}
    told = [_told(old[name], new[name], gone, come) for name in sorted(old.keys() & new.keys())]
    if not any(len(one[0]) for one in told):
        return {}
    left, right = (pd.concat([one[side].assign(dataset=at) for at, one in enumerate(told)]) for side in (0, 1))
    shared = left.merge(right, on=["dataset", "told", "nth"]).groupby(["subject_x", "subject_y"]).size().rename("n").reset_index()
    shared["share"] = shared["n"] / shared["subject_x"].map(left.groupby("subject").size()).astype("float64")
    best = shared[shared["share"] >= _SAME]
    for side in ("subject_x", "subject_y"):
        most = shared.groupby(side)["n"].transform("max")
        tied = (shared["n"] == most).groupby(shared[side]).transform("sum") > 1
        best = best[(best["n"] == most.reindex(best.index)) & ~tied.reindex(best.index)]
    return dict(zip(best["subject_x"], best["subject_y"], strict=True))


def _only(one: Mapping[str, pd.DataFrame], other: Mapping[str, pd.DataFrame]) -> pd.Index:
    """Subjects of one side that the other side does not know."""
    return _subjects(one).difference(_subjects(other))


def _subjects(frames: Mapping[str, pd.DataFrame]) -> pd.Index:
    level = [frames[name] for name in SUBJECT_LEVEL if name in frames and SUBJECT in frames[name]]
    held = level[:1] or [frame for frame in frames.values() if SUBJECT in frame]
    names: pd.Index = pd.Index(pd.concat([frame[SUBJECT] for frame in held]).dropna().unique()) if held else pd.Index([])
    return names


def _told(old: pd.DataFrame, new: pd.DataFrame, gone: pd.Index, come: pd.Index) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The records of these subjects as one number each, of all but what numbers them."""
    nothing = pd.DataFrame({"told": np.array([], dtype="uint64"), "subject": np.array([], dtype=object), "nth": np.array([], int)})
    if SUBJECT not in old or SUBJECT not in new:
        return nothing, nothing
    left, right = old[old[SUBJECT].isin(gone)], new[new[SUBJECT].isin(come)]
    names = [str(name) for name in old if name in new and name not in NUMBERS and not is_sequence(str(name))]
    if left.empty or right.empty or not names:
        counted = left[[SUBJECT]].rename(columns={SUBJECT: "subject"}).assign(told=np.uint64(0), nth=-1)
        return counted, nothing
    coded = code_values(left, right, names).take(names)
    sides = []
    for frame, told in zip((left, right), coded, strict=True):
        side = pd.DataFrame({"told": told, "subject": frame[SUBJECT].to_numpy(dtype=object)})
        sides.append(side.assign(nth=side.groupby(["subject", "told"]).cumcount()))
    return sides[0], sides[1]


def rename_subjects(
    frames: Mapping[str, pd.DataFrame], renamed: Mapping[str, str], new: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Earlier data under the subjects' present numbers, wherever a text of theirs holds the number."""
    if not renamed:
        return dict(frames)
    short = _short_numbers(new)
    return {name: _rename(frame, renamed, short) if SUBJECT in frame else frame for name, frame in frames.items()}


def _short_numbers(frames: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    held = [frame for name, frame in frames.items() if name in SUBJECT_LEVEL and set(NUMBERS) <= set(frame)]
    return dict(zip(held[0][SUBJECT], held[0]["SUBJID"], strict=True)) if held else {}


def _rename(frame: pd.DataFrame, renamed: Mapping[str, str], short: Mapping[str, str]) -> pd.DataFrame:
    whose = frame[SUBJECT].isin(renamed.keys())
    if not whose.any():
        return frame
    changed = {SUBJECT: frame[SUBJECT].replace(dict(renamed))}
    if "SUBJID" in frame:
        changed["SUBJID"] = frame["SUBJID"].mask(whose, changed[SUBJECT].map(short).fillna(frame["SUBJID"]))
    for name in frame.columns.difference(list(NUMBERS)):
        texts = frame.loc[whose, name] if frame[name].dtype == "str" else pd.Series(dtype="str")
        for old, now in renamed.items():
            if texts.str.contains(old, regex=False).any():
                texts = texts.str.replace(number_pattern(old), now.replace("\\", r"\\"), regex=True)
                changed[name] = changed.get(name, frame[name]).mask(whose, texts.reindex(frame.index))
    return frame.assign(**changed)

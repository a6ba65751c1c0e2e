"""What differs between two datasets: records that are new, gone or changed, each told by what it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cgbm1_report.compare.match import SUBJECT, Coded, Paired, code_values, is_about, is_sequence, pair_records
from cgbm1_report.compare.subjects import SUBJECT_LEVEL
from cgbm1_report.protocol.schema import has_schema, read_schema

#: A line of a dataset's differences: of a changed record one for each variable, of a new or a gone one one.
RECORD_COLUMNS = ("dataset", "status", "subject", "record", "variable", "old", "new", "at")
#: What the records of a subject's datasets repeat of the subject.
_SAME = ("STUDYID", "DOMAIN")
#: Of a number that a derivation made, so many digits are told; a reader needs no more to find it.
_DIGITS = 6


@dataclass(frozen=True, repr=False)
class Difference:
    """How one dataset differs.

    Parameters
    ----------
    records
        A line for each new and gone record, and for each changed variable of a changed one, in `RECORD_COLUMNS`; ``at`` is
        the record's place in the new dataset, of a gone one in the old.
    renumbered
        Records with another sequence number: ``subject, variable, old, new``; that alone is no change.
    carried
        Changed variables of records that only repeat what changed in the subject's own record.
    """

    dataset: str
    counted: tuple[int, int]
    records: pd.DataFrame
    renumbered: pd.DataFrame
    carried: int
    variables_new: tuple[str, ...]
    variables_gone: tuple[str, ...]

    def __repr__(self) -> str:
        told = ", ".join(f"{self.count(status)} {status}" for status in ("new", "gone", "changed"))
        return f"<Difference of {self.dataset}: {told}; .records tells which>"

    def count(self, status: str) -> int:
        """How many records are so."""
        chosen = self.records[self.records["status"] == status]
        return int(chosen["at"].nunique())

    @property
    def renumbered_records(self) -> int:
        """How many records have another sequence number, whatever else of them changed."""
        return int(self.renumbered["at"].nunique())

    @property
    def differs(self) -> bool:
        """Whether anything but sequence numbers does."""
        return bool(len(self.records) or self.variables_new or self.variables_gone)


def keys_of(*sides: Mapping[str, pd.DataFrame]) -> dict[str, Sequence[str]]:
    """What tells the records of each dataset, by its schema; nothing where it has none."""
    names = {name for side in sides for name in side if has_schema(name)}
    return {name: read_schema(name).get("unique") or () for name in names}


def compare_datasets(
    old: Mapping[str, pd.DataFrame],
    new: Mapping[str, pd.DataFrame],
    keys: Mapping[str, Sequence[str]],
    cutoffs: tuple[str, str] = ("", ""),
) -> list[Difference]:
    """The differences of all datasets that either side has, the subjects' own first.

    ``keys`` are by dataset what tells its records by its schema. A dataset that one side lacks is one whose records are all
    new, or gone. ``cutoffs`` are the data cut-offs of both: a record of no subject that is judged at them is the same record.
    """
    names = sorted(old.keys() | new.keys(), key=lambda name: (name not in SUBJECT_LEVEL, name))
    found = []
    subjects: pd.DataFrame | None = None
    for name in names:
        left, right = old.get(name), new.get(name)
        frame = right if left is None else left
        if frame is None:
            continue
        left = frame.iloc[:0] if left is None else left
        right = frame.iloc[:0] if right is None else right
        (before, lent), (now, also) = _lend(left, old), _lend(right, new)
        left, right, lent = (before, now, lent) if lent == also else (left, right, ())
        one = _compare(name, left, right, keys.get(name, ()), subjects if name not in SUBJECT_LEVEL else None, cutoffs)
        # What was lent tells a record; that it changed is told of the record that it belongs to.
        one = replace(one, records=one.records[~one.records["variable"].isin(lent)].reset_index(drop=True)) if lent else one
        if name in SUBJECT_LEVEL:
            own = one.records[one.records["status"] == "changed"]
            subjects = own if subjects is None else pd.concat([subjects, own])
        found.append(one)
    return found


def _lend(frame: pd.DataFrame, side: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Records that say nothing of themselves but the number of another one, with what that is about and when it began."""
    numbers = [str(name) for name in frame if is_sequence(str(name))]
    if SUBJECT not in frame or len(numbers) != 1 or any(is_about(str(name)) for name in frame):
        return frame, ()
    code = numbers[0].removesuffix("SEQ")
    owner = next((side[name] for name in (f"AD{code}", code) if name in side and numbers[0] in side[name]), None)
    if owner is None or frame[numbers[0]].dtype != owner[numbers[0]].dtype:
        return frame, ()
    names = tuple(one for one in (f"{code}TERM", f"{code}TRT", f"{code}STDTC", "ASTDT") if one in owner)[:2]
    key = [SUBJECT, numbers[0]]
    lent = owner[[*key, *names]].dropna(subset=key).drop_duplicates(key)
    return frame.merge(lent, on=key, how="left"), names


def _compare(
    name: str,
    old: pd.DataFrame,
    new: pd.DataFrame,
    key: Sequence[str],
    subjects: pd.DataFrame | None,
    cutoffs: tuple[str, str],
) -> Difference:
    old, new = old.reset_index(drop=True), new.reset_index(drop=True)
    # Labels of variables are copied with every step: they are no part of what records say.
    old.attrs, new.attrs = {}, {}
    names = [str(one) for one in old if one in new and not is_sequence(str(one))]
    coded = code_values(old, new, names)
    key = key or ([] if SUBJECT in names else _find_key(coded, new))
    paired = pair_records(coded, old, new, key)
    changed = _find_changed(coded, paired, old, new)
    if SUBJECT not in names and cutoffs[0] != cutoffs[1]:
        changed = changed[(changed["old"] != cutoffs[0]) | (changed["new"] != cutoffs[1])].reset_index(drop=True)
    carried = pd.Series(False, index=changed.index)
    if subjects is not None and len(subjects) and len(changed):
        told = pd.MultiIndex.from_frame(subjects[["subject", "variable", "old", "new"]])
        carried = pd.Series(
            pd.MultiIndex.from_frame(changed[["subject", "variable", "old", "new"]]).isin(told), index=changed.index
        )
    parts = [
        _tell_whole(new, paired.added, "new", names),
        _tell_whole(old, paired.gone, "gone", names),
        changed[~carried],
    ]
    records = pd.concat(parts, ignore_index=True).assign(dataset=name)[list(RECORD_COLUMNS)]
    records = records.sort_values(["subject", "record", "at"], kind="stable", ignore_index=True)
    return Difference(
        name,
        (len(old), len(new)),
        records,
        _find_renumbered(old, new, paired),
        int(carried.sum()),
        tuple(str(one) for one in new if one not in old),
        tuple(str(one) for one in old if one not in new),
    )


def _find_key(coded: Coded, frame: pd.DataFrame) -> list[str]:
    """The first variables, dates aside, that tell each record of both sides: of records that no schema and no subject tells."""
    named = [name for name in coded.names if not pd.api.types.is_datetime64_any_dtype(frame[name])]
    sides = (coded.take(named[:many]) for many in range(1, len(named) + 1))
    fit = (at for at, told in enumerate(sides, 1) if all(len(np.unique(side)) == len(side) for side in told))
    return named[: next(fit, 0)]


def _find_changed(coded: Coded, paired: Paired, old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """A line for each variable of a paired record that differs."""
    at, where = np.nonzero(coded.old[paired.old] != coded.new[paired.new])
    left, right = paired.old[at], paired.new[at]
    texts = {"old": np.full(len(at), "", dtype=object), "new": np.full(len(at), "", dtype=object)}
    for column in np.unique(where):
        here = where == column
        name = coded.names[column]
        texts["old"][here] = tell_values(old[name].iloc[left[here]])
        texts["new"][here] = tell_values(new[name].iloc[right[here]])
    records = tell_records(new, right, coded.names)
    return records.assign(status="changed", variable=np.array(coded.names, dtype=object)[where], **texts, at=right)


def _tell_whole(frame: pd.DataFrame, places: np.ndarray, status: str, names: Sequence[str]) -> pd.DataFrame:
    return tell_records(frame, places, names).assign(status=status, variable="", old="", new="", at=places)


def tell_records(frame: pd.DataFrame, places: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """Whose records these are, and in words what they are about."""
    chosen = frame.iloc[places]
    told = [name for name in names if is_about(name) and name not in (SUBJECT, *_SAME)]
    if not told:
        told = [] if SUBJECT in names else [name for name in names if name not in _SAME][:3]
    words = pd.Series([""] * len(chosen), dtype=object)
    for name in told:
        texts = pd.Series(tell_values(chosen[name]), dtype=object)
        piece = f"{name} " + texts
        words = words.where(texts == "", words.where(words == "", words + ", ") + piece)
    subject = tell_values(chosen[SUBJECT]) if SUBJECT in frame else [""] * len(chosen)
    return pd.DataFrame({"subject": pd.Series(subject, dtype=object), "record": words})


def tell_values(values: pd.Series) -> np.ndarray:
    """Values as text: numbers as short as they are, dates without a time of midnight, nothing where there is none."""
    if pd.api.types.is_datetime64_any_dtype(values):
        texts = values.dt.strftime("%Y-%m-%dT%H:%M:%S").str.removesuffix("T00:00:00")
    elif values.dtype.kind == "f":
        texts = pd.Series([f"{value:.12g}" for value in values.tolist()], index=values.index, dtype="str").where(values.notna())
    else:
        texts = values.astype("str").where(values.notna())
    return np.asarray(texts.astype(object).where(values.notna(), ""), dtype=object)


def tell_briefly(records: pd.DataFrame, *frames: pd.DataFrame) -> pd.DataFrame:
    """Changes of records for a page: numbers with six digits, and with all where these would say the same of two.

    ``frames`` are the records before and now: what is a number in them.
    """
    told = [{str(name): frame[name].dtype.kind == "f" for name in frame} for frame in frames]
    numbers = [name for name in records["variable"].unique() if name and all(side.get(name, True) for side in told)]
    here = records["variable"].isin(numbers)
    old, new = tell_apart(records.loc[here, "old"], records.loc[here, "new"])
    return records.assign(old=records["old"].mask(here, old), new=records["new"].mask(here, new))


def tell_apart(old: pd.Series, new: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Numbers as text with six digits, and as they are where these would say the same of two."""
    short = old.map(_shorten), new.map(_shorten)
    alike = short[0] == short[1]
    return short[0].mask(alike, old), short[1].mask(alike, new)


def _shorten(text: str) -> str:
    """A number with six digits, but for all before its point and two behind it; one that has no more is as it is."""
    if "." not in text or "e" in text:
        return text
    return f"{float(text):.{max(_DIGITS, len(text.partition('.')[0].lstrip('-')) + 2)}g}"


def _find_renumbered(old: pd.DataFrame, new: pd.DataFrame, paired: Paired) -> pd.DataFrame:
    """Paired records whose sequence numbers differ."""
    parts = [
        pd.DataFrame(
            {name: pd.Series(dtype=object) for name in ("subject", "variable", "old", "new")} | {"at": pd.Series(dtype=int)}
        )
    ]
    whose = tell_values(old[SUBJECT].iloc[paired.old]) if SUBJECT in old else np.full(len(paired.old), "", dtype=object)
    for name in [str(one) for one in old if one in new and is_sequence(str(one))]:
        left, right = (tell_values(frame[name].iloc[places]) for frame, places in ((old, paired.old), (new, paired.new)))
        differ = left != right
        told = {"subject": whose[differ], "variable": name, "old": left[differ], "new": right[differ], "at": paired.new[differ]}
        parts.append(pd.DataFrame(told))
    return pd.concat(parts, ignore_index=True)

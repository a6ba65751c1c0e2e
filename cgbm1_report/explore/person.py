"""A subject of a study in a notebook: what is known of it at a glance, its records by dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

import pandas as pd

from cgbm1_report.errors import ArgumentError, number_of, suggest
from cgbm1_report.explore.frames import NoFrameError

#: So many records of a dataset are shown; all of them are in its frame.
_SHOWN = 12
_MIDNIGHT = " 00:00:00"
#: So many subjects are named where an end of a number is that of several.
_NAMED = 8


class Person(Mapping[str, pd.DataFrame]):
    """The records of one subject by dataset: ``study.profile("01-063")["ADAE"]``. In a notebook it shows them."""

    def __init__(self, usubjid: str, frames: Mapping[str, pd.DataFrame], page: Path | None) -> None:
        self.usubjid, self.page = usubjid, page
        self._frames = frames

    @classmethod
    def find(cls, asked: str, data: Mapping[str, pd.DataFrame], page: Path | None) -> Person:
        """The subject of this number, or of the one number that ends like this.

        Raises
        ------
        ReportError
            There is none, or more than one; which there are is told.
        """
        known = data["ADSL"]["USUBJID"].dropna().tolist()
        found = [one for one in known if one == asked] or [one for one in known if one.endswith(asked)]
        if len(found) != 1:
            more = f" and {len(found) - _NAMED} more, which study.adsl names" if len(found) > _NAMED else ""
            remedy = f"it may be {', '.join(found[:_NAMED])}{more}" if found else suggest(asked, known, "study.adsl names all")
            told = f"{asked} names {len(found)} subjects" if found else f"there is no subject {asked}"
            raise ArgumentError(told, rule="study.profile", remedy=remedy)
        frames = {name: data[name] for name in data}
        own = {name: frame[frame["USUBJID"] == found[0]] for name, frame in frames.items() if "USUBJID" in frame}
        kept = {name: frame.dropna(axis="columns", how="all").reset_index(drop=True) for name, frame in own.items() if len(frame)}
        return cls(found[0], kept, page)

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self:
            told = f"subject {self.usubjid} has no records of {name!r}"
            raise NoFrameError(told, rule="study.profile", remedy=f"there are {', '.join(self._frames)}")
        return self._frames[name.upper()].copy(deep=False)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.upper() in self._frames

    def __iter__(self) -> Iterator[str]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)

    def __repr__(self) -> str:
        told = ", ".join(f"{len(frame)} {name}" for name, frame in self._frames.items())
        return f"<Subject {self.usubjid}: {told}>"

    def __str__(self) -> str:
        """What `print` tells: the subject's record of ADSL with its labels, and how many records the others have."""
        subject = self._frames.get("ADSL", pd.DataFrame()).drop(columns="USUBJID", errors="ignore").head(1)
        labels = subject.attrs.get("labels", {})
        told = [(str(name), labels.get(name, ""), values.iloc[0]) for name, values in subject.items()]
        width = max((len(name) for name, _, _ in told), default=0)
        lines = [f"  {name:{width}}  {_plain(value)}{f'  ({label})' if label else ''}" for name, label, value in told]
        others = [f"{name} {len(frame)}" for name, frame in self._frames.items() if name != "ADSL"]
        page = [f"its course on one axis: {self.page}#{self.usubjid}"] if self.page else []
        return "\n".join([f"Subject {self.usubjid}", *lines, f"records: {', '.join(others)}", *page])

    def _repr_html_(self) -> str:
        parts = [f"<h3>Subject {escape(self.usubjid)}</h3>"]
        if self.page is not None:
            parts.append(f"<p>Its course on one axis: <code>{escape(str(self.page))}#{escape(self.usubjid)}</code></p>")
        for name, frame in self._frames.items():
            shown = frame.drop(columns="USUBJID").head(_SHOWN)
            more = f", the first {_SHOWN}" if len(frame) > _SHOWN else ""
            body = (shown.T if name == "ADSL" else shown).to_html(index=name == "ADSL", header=name != "ADSL", na_rep="", border=0)
            parts.append(f"<details><summary>{escape(name)}: {number_of(len(frame), 'record')}{more}</summary>{body}</details>")
        return "".join(parts)


def _plain(value: object) -> str:
    """A value as it is read: a whole number without a point, a day without its midnight."""
    text = f"{value:.12g}" if isinstance(value, float) else str(value)
    return text.removesuffix(_MIDNIGHT)

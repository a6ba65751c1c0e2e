"""Gives each physician's text its event in this cut: by subject, term and begin, never by its number alone."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

import pandas as pd

from cgbm1_report.derive.blinding import withhold_text
from cgbm1_report.distinct import fold_text
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.read.narratives import OF_DEATH, RECORD

_EVENT = ["USUBJID", "AESEQ"]
#: Why a text is printed nowhere. ``LEFT`` is of an event that is there; a death stands for one.
_GONE, _NO_DEATH = "this cut has no such event", "this cut has no such death"
_SEVERAL, _TWICE = "several events have this term and day: AESEQ does not tell which", "another text is of the same event"
LEFT = "the event is there, but has no narrative of its own any more"
_LOST: Final = {
    _GONE: "whose event is gone",
    _NO_DEATH: "whose event is gone",
    LEFT: "whose event is there without a narrative of its own",
    _SEVERAL: "of which the file does not tell one event",
    _TWICE: "of which the file does not tell one event",
}
_BY = ["USUBJID", "TERM", "DAY"]


class Heard(NamedTuple):
    """Texts with the number that their event has now (none: a death that is no event), and those of no event, with the reason.

    ``AT`` is the place of each in the file. ``lost`` says in ``NOW`` what the cut has that may be meant, and by ``LEFT`` that
    the event is there and has no narrative of its own any more: that is of analysed events, which others tell. ``changed`` are the
    texts whose event is another than it was when they were written: which variables (``NAMES``) and, in ``WHY``, their
    values. Those of a death of which the file says nothing are among them, not ``SAID``, with what it is now. ``moved`` are
    events that have no text while one of their subject and term is lost, with the ``DAY`` that has.
    ``notes`` are what narratives say of those that are lost, each with its subject.
    """

    texts: pd.DataFrame
    lost: pd.DataFrame
    changed: pd.DataFrame
    moved: pd.DataFrame
    notes: pd.DataFrame = pd.DataFrame({"USUBJID": [], "NOTE": []}, dtype="str")


def match_texts(texts: pd.DataFrame, events: pd.DataFrame, subjects: pd.DataFrame, trial: Trial) -> Heard:
    """The event of each text.

    An event is known by its subject, its reported term (letter case and blanks apart) and the day it began, as collected: its
    number may be another one than in the cut the text was written for. The number decides between events that share them.
    A term that names a treatment is taken for withheld, as it is where the file was written of a blind cut.

    Parameters
    ----------
    texts
        Of narratives.csv (`read.narratives.check_narratives`).
    events
        AE or ADAE: USUBJID, AESEQ, AETERM, AESTDTC, and what a text may say of them (`read.narratives.RECORD`).
    subjects
        DM or ADSL: USUBJID, DTHFL, and what a text may say of a death (`read.narratives.OF_DEATH`).
    trial
        Names its treatments.
    """
    own, now = _identify(texts, trial).assign(TEXT=texts["TEXT"], AT=range(len(texts))), _identify(events, trial)
    death = texts["AETERM"].isna() & texts["AESEQ"].isna()
    dead = subjects.loc[subjects["DTHFL"] == "Y", "USUBJID"] if "DTHFL" in subjects else subjects["USUBJID"].iloc[:0]
    both = own[~death].merge(now.rename(columns={"AESEQ": "NOW"}), on=_BY)
    several = both["AT"].duplicated(keep=False)
    both = both[~several | (both["NOW"] == both["AESEQ"])]
    twice = both.duplicated(["USUBJID", "NOW"], keep=False) | both["AT"].duplicated(keep=False)
    found = own[death & own["USUBJID"].isin(dead)].assign(NOW=float("nan"))
    kept = pd.concat([both[~twice], found])
    why = pd.Series(_GONE, index=own["AT"])
    why = why.mask(why.index.isin(own.loc[death, "AT"]), _NO_DEATH)
    why = why.mask(why.index.isin(own.loc[~death].merge(now[_BY], on=_BY)["AT"]), _SEVERAL)
    why = why.mask(why.index.isin(both.loc[twice, "AT"]), _TWICE)
    lost = own[~own["AT"].isin(kept["AT"])]
    told = kept.sort_values(["USUBJID", "NOW"])[["USUBJID", "NOW", "TEXT", "AT"]].rename(columns={"NOW": "AESEQ"})
    told, lost = told.reset_index(drop=True), lost.assign(WHY=lost["AT"].map(why))
    near = _find_near(lost[lost["WHY"] == _GONE], now, told)
    lost = lost.assign(NOW=lost["AT"].map(near.groupby("AT")["SAID"].agg("; ".join)).astype("str").fillna(""))
    moved = near[near["MOVED"]].drop_duplicates("AT", keep=False).drop_duplicates(_EVENT, keep=False)
    changed = _find_changed(told, texts, tell_records(events, subjects))
    lost = lost.assign(LEFT=False)[["USUBJID", "AESEQ", "DAY", "AT", "WHY", "NOW", "LEFT"]]
    return Heard(told, lost, changed, moved[[*_EVENT, "DAY"]])


def count_lost(lost: pd.DataFrame) -> dict[str, int]:
    """How many of the texts that are ``lost`` are of each kind, in words: what became of the event of each (``WHY``)."""
    return {str(what): int(count) for what, count in lost["WHY"].map(_LOST).value_counts(sort=False).items()}


def _find_near(lost: pd.DataFrame, now: pd.DataFrame, told: pd.DataFrame) -> pd.DataFrame:
    """Events without a text that one of these may be meant of: the term began on another day, or the number has another term."""
    taken = pd.MultiIndex.from_frame(now[_EVENT]).isin(pd.MultiIndex.from_frame(told[_EVENT]))
    near = lost[["USUBJID", "AESEQ", "TERM", "DAY", "AT"]].merge(now[~taken], on="USUBJID", suffixes=("", "_NOW"))
    moved = (near["TERM"] == near["TERM_NOW"]) & (near["DAY"] != near["DAY_NOW"])
    renamed = (near["AESEQ"] == near["AESEQ_NOW"]) & (near["DAY"] == near["DAY_NOW"]) & (near["TERM"] != near["TERM_NOW"])
    number = "AESEQ " + near["AESEQ_NOW"].map("{:g}".format).astype("str")
    day = near["DAY_NOW"].where(near["DAY_NOW"] != "", "on a day that is not recorded")
    said = (number + " of this term begins " + day + " now").where(moved, number + ", which began that day, has another term now")
    near = near.assign(SAID=said, MOVED=moved, AESEQ=near["AESEQ_NOW"])[moved | renamed]
    return near.sort_values(["AT", "AESEQ"])[["USUBJID", "AESEQ", "DAY", "AT", "SAID", "MOVED"]]


def tell_records(events: pd.DataFrame, subjects: pd.DataFrame) -> pd.DataFrame:
    """Events, those that led to death with its date and cause, and below them each death by itself, which has no number.

    Parameters
    ----------
    events, subjects
        As `match_texts` takes them.
    """
    known = [name for name in OF_DEATH if name in subjects]
    if "DTHFL" not in subjects or not known:
        return events
    deaths = subjects.loc[subjects["DTHFL"] == "Y", ["USUBJID", *known]].drop_duplicates("USUBJID")
    fatal = pd.Series(False, index=events.index)
    for name, value in (("AEOUT", "FATAL"), ("AESDTH", "Y")):
        fatal |= events[name].eq(value).fillna(False) if name in events else False
    own = events[["USUBJID"]].where(fatal).merge(deaths, on="USUBJID", how="left")[known].set_axis(events.index)
    events = events.drop(columns=known, errors="ignore").join(own.astype("str"))
    return pd.concat([events, deaths.assign(AESEQ=float("nan")).astype(dict.fromkeys(known, "str"))], ignore_index=True)


def _find_changed(told: pd.DataFrame, texts: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Texts whose event is another than the file says it was; one that says nothing of it is none of these.

    An event is known by its term and begin all the same. A death is not: a text that does not say of which date and cause it
    was written may contradict both, and nobody would see it.
    """
    known = [name for name in RECORD if name in events and (name in texts or name in OF_DEATH)]
    rows = told[[*_EVENT, "AT"]].merge(events[[*_EVENT, *known]].drop_duplicates(_EVENT), on=_EVENT)
    was = texts.reindex(columns=known).iloc[rows["AT"].to_numpy(dtype="int64")].reset_index(drop=True)
    was, new = (frame.astype("str").fillna("").apply(lambda values: values.str.strip()) for frame in (was, rows[known]))
    death, said = rows["AESEQ"].isna(), was.ne("").any(axis="columns")
    differs = was.ne(new) & (said | death).to_numpy()[:, None]
    # A file of before these columns says of an event by its end and outcome what it says of the death.
    differs.loc[~death, [name for name in known if name not in texts]] = False
    names, why = (pd.Series("", index=rows.index, dtype="str") for _ in range(2))
    for name in known:
        then = f"{name} " + was[name].where(was[name] != "", "missing") + ", now " + new[name].where(new[name] != "", "missing")
        names += pd.Series(f"; {name}", index=rows.index, dtype="str").where(differs[name], "")
        why += ("; " + then.mask(death & ~said, f"{name} " + new[name])).where(differs[name], "")
    rows = rows.assign(NAMES=names.str.removeprefix("; "), WHY=why.str.removeprefix("; "), SAID=said | ~death)
    return rows.loc[rows["WHY"] != "", [*_EVENT, "AT", "NAMES", "WHY", "SAID"]].reset_index(drop=True)


def withhold_texts(texts: pd.DataFrame, trial: Trial, phases: Collection[int], subjects: Collection[str]) -> pd.DataFrame:
    """Texts as a blind phase may see them: one that names a treatment is withheld; ``subjects`` are those of open phases."""
    hidden = ~texts["USUBJID"].isin(list(subjects))
    return texts.assign(TEXT=withhold_text(texts["TEXT"], hidden, trial, phases)) if phases else texts


def _identify(events: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """What events are known by."""
    day = events["AESTDTC"].astype("str").str[:10] if "AESTDTC" in events else events["ASTDT"].dt.strftime("%Y-%m-%d").astype("str")
    blinded = [number for number, phase in trial.phases.items() if phase.blinded]
    terms = withhold_text(events["AETERM"].astype("str"), pd.Series(True, index=events.index), trial, blinded)
    term = terms.map(fold_text, na_action="ignore").astype("str")
    return events[["USUBJID", "AESEQ"]].assign(TERM=term, DAY=day.fillna(""))

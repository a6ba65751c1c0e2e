"""Gives each physician's text its event in this cut: by subject, term and begin, never by its number alone."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import pandas as pd

from cgbm1_report.derive.blinding import withhold_text
from cgbm1_report.distinct import fold_text
from cgbm1_report.protocol.trial import Trial

_BY = ["USUBJID", "TERM", "DAY"]


class Heard(NamedTuple):
    """Texts with the number that their event has now (none: a death that is no event), and those of no event, with the reason.

    ``AT`` is the place of each in the file.
    """

    texts: pd.DataFrame
    lost: pd.DataFrame


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
        AE or ADAE: USUBJID, AESEQ, AETERM, AESTDTC.
    subjects
        DM or ADSL: USUBJID, DTHFL.
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
    why = pd.Series("this cut has no such event", index=own["AT"])
    why = why.mask(why.index.isin(own.loc[death, "AT"]), "this cut has no such death")
    why = why.mask(
        why.index.isin(own.loc[~death].merge(now[_BY], on=_BY)["AT"]),
        "several events have this term and day: AESEQ does not tell which",
    )
    why = why.mask(why.index.isin(both.loc[twice, "AT"]), "another text is of the same event")
    lost = own[~own["AT"].isin(kept["AT"])]
    told = kept.sort_values(["USUBJID", "NOW"])[["USUBJID", "NOW", "TEXT", "AT"]].rename(columns={"NOW": "AESEQ"})
    return Heard(told.reset_index(drop=True), lost.assign(WHY=lost["AT"].map(why))[["USUBJID", "AESEQ", "DAY", "AT", "WHY"]])


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

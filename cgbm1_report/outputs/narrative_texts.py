"""14.3.3 Physicians' texts of narratives: which event of this cut each belongs to, and which belong to none."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from cgbm1_report.derive.narratives import Heard, match_texts, withhold_texts
from cgbm1_report.protocol.narratives import Narratives
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.read.cut import Cut
from cgbm1_report.tabulate.chosen import choose

_EVENT = ["USUBJID", "AESEQ"]
#: Of whose events there are narratives.
POPULATION = "SAF"


def give_events(
    cut: Cut, adam: Mapping[str, pd.DataFrame], trial: Trial, pooled: Collection[int], subjects: Collection[str]
) -> Heard | None:
    """The texts, as far as they may be seen, with the number of their event, and those that are lost; None where there are none.

    Events are known by their terms as the cut has them: one that names a treatment is withheld of what is analysed.

    Parameters
    ----------
    adam
        What is analysed: it tells which events have a narrative. Nothing where that is not asked.
    pooled, subjects
        Phases that are blind, and the subjects of the others.
    """
    events, people = (cut.sdtm.get(name, cut.adam.get(other)) for name, other in (("AE", "ADAE"), ("DM", "ADSL")))
    if cut.narratives is None or events is None or people is None:
        return None
    if not {*_EVENT, "AETERM"} <= set(events) or not {"AESTDTC", "ASTDT"} & set(events) or "USUBJID" not in people:
        return None
    heard = match_texts(cut.narratives, events, people)
    if trial.narratives and {"ADAE", "ADSL"} <= adam.keys():
        heard = _leave_out(heard, adam, trial, trial.narratives)
    return heard._replace(texts=withhold_texts(heard.texts, trial, pooled, subjects))


def _leave_out(heard: Heard, adam: Mapping[str, pd.DataFrame], trial: Trial, rule: Narratives) -> Heard:
    """Texts of what is still there and has no narrative of its own any more are lost too.

    So are that of an event that is no more serious, of a death that has become an event, of a subject who is not analysed.
    """
    subjects = adam["ADSL"]
    flag = trial.population(POPULATION).flag
    seen = subjects.loc[subjects[flag] == "Y", "USUBJID"] if flag in subjects else subjects["USUBJID"]
    found = {reason.label: choose(adam["ADAE"], reason.events)[_EVENT] for reason in rule.reasons}
    alone = [seen[~seen.isin(found[reason.label]["USUBJID"])] for reason in rule.reasons if reason.subjects]
    narrated, texts, dead = pd.concat(found.values()), heard.texts, pd.concat([*alone, seen.iloc[:0]])
    kept = pd.MultiIndex.from_frame(texts[_EVENT]).isin(pd.MultiIndex.from_frame(narrated))
    kept = (kept & texts["USUBJID"].isin(seen)) | (texts["AESEQ"].isna() & texts["USUBJID"].isin(dead))
    left = texts[~kept][_EVENT].assign(DAY="", WHY="it has no narrative of its own any more")
    return Heard(texts[kept].reset_index(drop=True), pd.concat([heard.lost, left], ignore_index=True))

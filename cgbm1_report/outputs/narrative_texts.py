"""14.3.3 Physicians' texts of narratives: which event of this cut each belongs to, and which belong to none."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from cgbm1_report.derive.disposition import derive_dthcaus
from cgbm1_report.derive.narratives import LEFT, Heard, count_lost, match_texts, tell_records, withhold_texts
from cgbm1_report.protocol.narratives import Narratives, read_narrative_words
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.read.cut import Cut
from cgbm1_report.read.narratives import EVENT, RECORD
from cgbm1_report.tabulate.chosen import choose

_EVENT = ["USUBJID", "AESEQ"]
#: What NOTE says of a text that stood in a file without what its death was.
_UNDATED = "the file did not say of which date and cause of death the text was written, now"
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
    heard = _hear(cut, adam, trial)
    if heard is None:
        return None
    texts, lost, changed = (frame.drop(columns="AT") for frame in (heard.texts, heard.lost, heard.changed))
    # Of a phase that is blind the variables are named, and no value.
    hidden = ~changed["USUBJID"].isin(list(subjects)) & bool(pooled)
    changed = changed.assign(WHY=changed["WHY"].mask(hidden, changed["NAMES"]))
    shown = _mark_texts(withhold_texts(texts, trial, pooled, subjects), changed, heard.moved)
    return Heard(shown, lost, changed, heard.moved, _note_lost(lost, ~lost["USUBJID"].isin(list(subjects)) & bool(pooled)))


def _note_lost(lost: pd.DataFrame, hidden: pd.Series) -> pd.DataFrame:
    """The note on each text that is printed nowhere: of whom, why, what it may be meant of; of those ``hidden`` no value."""
    began = ("began " + lost["DAY"]).where(lost["DAY"] != "", "")
    told = (began + ("; " + lost["NOW"]).where(lost["NOW"] != "", "")).str.removeprefix("; ")
    why = lost["WHY"] + (" (" + told + ")").where((told != "") & ~hidden, "")
    words = read_narrative_words().lost
    notes = [words.replace("{WHY}", one).replace("{SUBJECT}", who) for one, who in zip(why, lost["USUBJID"], strict=True)]
    noted = pd.DataFrame({"USUBJID": lost["USUBJID"].to_numpy(), "NOTE": notes}, dtype="str")
    return noted.sort_values("USUBJID", kind="stable", ignore_index=True)


def print_texts(heard: Heard) -> pd.DataFrame:
    """What narratives print of physicians' texts: each with its event, and of those that have none the notes."""
    return pd.concat([heard.texts, heard.notes], ignore_index=True) if len(heard.notes) else heard.texts


def _mark_texts(texts: pd.DataFrame, changed: pd.DataFrame, moved: pd.DataFrame) -> pd.DataFrame:
    """Texts with a line where their event has changed since, and in the place of one that is of another day a line, INSTEAD."""
    words = read_narrative_words()
    pairs = zip(changed["WHY"], changed["SAID"], strict=True)
    said = [(words.outdated if known else words.undated).replace("{CHANGED}", why) for why, known in pairs]
    noted = changed[_EVENT].assign(LINE=pd.Series(said, index=changed.index, dtype="str"))
    line = ("\n" + texts[_EVENT].merge(noted, on=_EVENT, how="left")["LINE"].astype("str")).fillna("")
    lines = moved["DAY"].astype("str").map(lambda day: words.moved.replace("{DAY}", day or "–"))
    # It is no text of a physician's, who has still to write one.
    return pd.concat([texts.assign(TEXT=texts["TEXT"] + line.to_numpy()), moved[_EVENT].assign(INSTEAD=lines)], ignore_index=True)


def list_events(cut: Cut, adam: Mapping[str, pd.DataFrame], trial: Trial) -> tuple[pd.DataFrame, dict[str, int]]:
    """What physicians are to write of: a row for each event that has a narrative, with its text where there is one.

    A text that no narrative prints keeps its row, as it stands in the file, and a note that says why; no text is withheld:
    it goes back to who wrote it. Beside the rows stands how many texts are printed nowhere, by what became of their events.

    Parameters
    ----------
    cut
        As far as it may be seen: of a blind phase a term that names a treatment is withheld.
    """
    events, people = _collected(cut, trial)
    columns = [*EVENT, "EVENT", "REASON", *RECORD, "TEXT", "NOTE"]
    if trial.narratives is None or events is None or people is None or not {"ADAE", "ADSL"} <= adam.keys():
        return pd.DataFrame(columns=columns), {}
    reasons = find_reasons(adam, trial, trial.narratives)
    told = reasons.groupby(_EVENT, dropna=False, sort=False)["REASON"].agg("; ".join).reset_index()
    events = tell_records(events, people)
    begun = events["AESTDTC"] if "AESTDTC" in events else events["ASTDT"].dt.strftime("%Y-%m-%d")
    record = [name for name in RECORD if name in events]
    own = events[[*_EVENT, "AETERM", *record]].assign(AESTDTC=begun, EVENT=events.get("AEDECOD", events["AETERM"]))
    rows = told.merge(own.drop_duplicates(_EVENT), on=_EVENT, how="left").assign(NOTE="")
    rows["EVENT"] = rows["EVENT"].fillna(rows["AETERM"]).fillna(rows["REASON"])
    heard = _hear(cut, adam, trial)
    if heard is None:
        return rows.assign(TEXT="").sort_values(["USUBJID", "AESTDTC", "AESEQ"]).reindex(columns=columns), {}
    rows = rows.merge(heard.texts[[*_EVENT, "TEXT"]], on=_EVENT, how="left").merge(heard.changed, on=_EVENT, how="left")
    noted = rows["SAID"].eq(False).map({False: "changed since the text was written: ", True: f"{_UNDATED}: "}).astype("str")
    rows["NOTE"] = (noted + rows["WHY"]).fillna("")
    written = cut.narratives if cut.narratives is not None else rows.iloc[:0]
    lost = written.iloc[heard.lost["AT"].to_numpy(dtype="int64")]
    why = heard.lost["WHY"] + (": " + heard.lost["NOW"]).where(heard.lost["NOW"] != "", "")
    lost = lost.assign(EVENT="", REASON="", NOTE=("printed nowhere: " + why).to_numpy())
    rows = rows.sort_values(["AESTDTC", "AESEQ"])
    whole = pd.concat([rows, lost.reindex(columns=columns)]) if len(lost) else rows
    whole = whole.sort_values("USUBJID", kind="stable").reset_index(drop=True).reindex(columns=columns)
    return whole, count_lost(heard.lost)


def find_reasons(adam: Mapping[str, pd.DataFrame], trial: Trial, rule: Narratives) -> pd.DataFrame:
    """Each event of who is analysed that has a narrative, with every reason; a death that is no event has no number."""
    subjects = adam["ADSL"]
    flag = trial.population(POPULATION).flag
    seen = subjects[subjects[flag] == "Y"] if flag in subjects else subjects
    found = [
        pd.DataFrame({"USUBJID": pd.Series(dtype="str"), "AESEQ": pd.Series(dtype="float64"), "REASON": pd.Series(dtype="str")})
    ]
    for reason in rule.reasons:
        own = choose(adam["ADAE"], reason.events)[_EVENT]
        alone = choose(seen, reason.subjects)[["USUBJID"]] if reason.subjects else seen[["USUBJID"]].iloc[:0]
        alone = alone[~alone["USUBJID"].isin(own["USUBJID"])].assign(AESEQ=float("nan"))
        parts = [part for part in (own[own["USUBJID"].isin(seen["USUBJID"])], alone) if len(part)]
        found += [part.assign(REASON=reason.label) for part in parts]
    return pd.concat([one for one in found if len(one)] or found, ignore_index=True)


def find_unwritten(adam: Mapping[str, pd.DataFrame], trial: Trial) -> pd.DataFrame:
    """The events that have a narrative and no physician's text, a row each: their narratives print a place for it."""
    if trial.narratives is None or not {"ADAE", "ADSL"} <= adam.keys():
        return pd.DataFrame(columns=_EVENT)
    events = find_reasons(adam, trial, trial.narratives)[_EVENT].drop_duplicates()
    texts = adam.get("NARRATIVES", pd.DataFrame(columns=[*_EVENT, "TEXT"]))
    written = texts.loc[texts["TEXT"].notna(), _EVENT].astype({"USUBJID": "object", "AESEQ": "float64"}).drop_duplicates()
    told = events.astype({"USUBJID": "object", "AESEQ": "float64"}).merge(written, how="left", on=_EVENT, indicator="WRITTEN")
    return told.loc[told["WRITTEN"] == "left_only", _EVENT].reset_index(drop=True)


def _collected(cut: Cut, trial: Trial) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """Events as the cut has them, and subjects with the date and cause of their death."""
    events, people = (cut.sdtm.get(name, cut.adam.get(other)) for name, other in (("AE", "ADAE"), ("DM", "ADSL")))
    if events is None or people is None or "USUBJID" not in people:
        return None, None
    if "AETOXGR" not in events and "ATOXGR" in events:
        events = events.assign(AETOXGR=events["ATOXGR"])
    if not {*_EVENT, "AETERM"} <= set(events) or not {"AESTDTC", "ASTDT"} & set(events):
        return None, None
    return events, _tell_deaths(cut, people, trial)


def _tell_deaths(cut: Cut, people: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """Subjects with the date of their death as collected, or as analysed where the cut has no other, and its cause."""
    if "DM" in cut.sdtm:
        own = people[["USUBJID"]].dropna().drop_duplicates()
        causes = derive_dthcaus(cut.sdtm, pd.Index(own["USUBJID"]), trial)[["DTHCAUS"]]
        return people.drop(columns="DTHCAUS", errors="ignore").merge(causes, left_on="USUBJID", right_index=True, how="left")
    if "DTHDTC" not in people and "DTHDT" in people:
        return people.assign(DTHDTC=people["DTHDT"].dt.strftime("%Y-%m-%d").astype("str"))
    return people


def _hear(cut: Cut, adam: Mapping[str, pd.DataFrame], trial: Trial) -> Heard | None:
    """The texts with their events, as they are written."""
    events, people = _collected(cut, trial)
    if cut.narratives is None or events is None or people is None:
        return None
    heard = match_texts(cut.narratives, events, people, trial)
    if trial.narratives and {"ADAE", "ADSL"} <= adam.keys():
        heard = _leave_out(heard, find_reasons(adam, trial, trial.narratives))
    return heard


def _leave_out(heard: Heard, reasons: pd.DataFrame) -> Heard:
    """Texts of what is still there and has no narrative of its own any more are lost too.

    So are that of an event that is no more serious, of a death that has become an event, of a subject who is not analysed.
    """
    texts = heard.texts
    kept = pd.MultiIndex.from_frame(texts[_EVENT]).isin(pd.MultiIndex.from_frame(reasons[_EVENT]))
    left = texts[~kept][[*_EVENT, "AT"]].assign(DAY="", WHY=LEFT, LEFT=True)
    left["NOW"] = left["AT"].map(heard.changed[heard.changed["SAID"]].set_index("AT")["WHY"]).astype("str").fillna("")
    changed = heard.changed[~heard.changed["AT"].isin(left["AT"])].reset_index(drop=True)
    return Heard(texts[kept].reset_index(drop=True), pd.concat([heard.lost, left], ignore_index=True), changed, heard.moved)

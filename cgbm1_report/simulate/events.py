"""Adverse events and the complications recorded from them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgbm1_report.protocol.trial import Trial
from cgbm1_report.simulate import design, design_events
from cgbm1_report.simulate.streams import Floats, Ints, draw_within, pick, skewed, stream, text_where
from cgbm1_report.simulate.survival import arm_effect

#: How much of a date was written down: characters of its ISO 8601 text.
YEAR, MONTH, DATE, MINUTE = 4, 7, 10, 16


def body_systems(trial: Trial) -> dict[str, str]:
    """System organ class of each term of the trial's dictionary; empty where the trial has none."""
    dictionary = trial.synthetic_dictionary
    return {term: soc for soc, terms in dictionary.terms.items() for term in terms} if dictionary else {}


def befall(people: pd.DataFrame, infusions: pd.DataFrame, trial: Trial, seed: int) -> pd.DataFrame:
    """Every adverse event: AE variables, plus what the other domains follow from.

    Grain: one row per event. Dates are whole (``start``, ``stop``: datetimes; ``start_form`` and
    ``stop_form`` say how much of them was written down). ``onset`` and ``over`` are elapsed days,
    ``fatal``, ``serious``, ``lab`` and ``shift`` the test the event shows in.
    """
    rng = stream(seed, "AE")
    known = body_systems(trial)
    dosed = people.index[people["dosed"]].to_numpy()
    fatal = _deaths(rng, people)
    kinds = [kind for kind in design_events.KINDS if all(term in known for term, _ in kind.terms)]
    frames = [_kind(rng, kind, people, infusions, _struck(rng, kind, people, dosed, fatal)) for kind in kinds]
    frames += [_before_dosing(rng, people, dosed), fatal, _tumour(rng, people), _dose_limiting(people)]
    frames.append(_stopping(rng, people, infusions))
    events = pd.concat(frames, ignore_index=True)
    events = events[events["AEDECOD"].isin(list(known))].reset_index(drop=True)
    _grade(rng, events, arm_effect(people)[events["pid"]])
    _dates(rng, events, people, infusions)
    _relate(rng, events, people)
    _write_down(rng, events, people, known)
    events = events.sort_values(["pid", "start", "AEDECOD"], ignore_index=True)
    _tell(events, people)
    return events


def _frame(pid: np.ndarray, term: object, onset: Floats, **more: object) -> pd.DataFrame:
    base = {"pid": pid, "AEDECOD": term, "onset": onset, "infusion": np.nan, "hours": np.nan, "lab": None, "shift": np.nan}
    base |= {"fatal": False, "dlt": False, "stops": False, "before": False, "alone": False}
    frame = pd.DataFrame(base | more, index=pd.RangeIndex(len(pid)))
    for text in ("AEDECOD", "lab"):
        frame[text] = frame[text].astype("str")
    return frame


def _struck(
    rng: np.random.Generator, kind: design_events.Kind, people: pd.DataFrame, dosed: np.ndarray, fatal: pd.DataFrame
) -> np.ndarray:
    """Those an event of this kind happens to. Whoever dies of one counts: so many fewer are drawn."""
    rank = arm_effect(people)[dosed]
    terms = [term for term, _ in kind.terms]
    first, room = _span(kind)
    known = pd.DataFrame({"able": people["end_day"].to_numpy()[dosed] - room >= first, "dies": False})
    if not kind.infusion:
        known["dies"] = np.isin(dosed, fatal.loc[fatal["AEDECOD"].isin(terms), "pid"])
    share = known.groupby(rank).transform("mean")
    chance = (np.asarray(kind.incidence)[rank] - share["dies"]) / (1 - share["dies"]) / share["able"]
    return np.asarray(dosed[known["able"] & (rng.random(len(dosed)) < chance)])


def _span(kind: design_events.Kind) -> tuple[float, float]:
    """First elapsed day of a kind, and the days left after its onset.

    A rise over days must be seen before the subject is gone, and fall after the first days.
    """
    if kind.infusion:
        return 0.0, 0.0
    return (3.0, 6.0) if kind.lab else (0.0, 1.0)


def _kind(
    rng: np.random.Generator, kind: design_events.Kind, people: pd.DataFrame, infusions: pd.DataFrame, hit: np.ndarray
) -> pd.DataFrame:
    """Events of a kind: one for each of those it happens to, for some of them two."""
    again = hit[rng.random(len(hit)) < (0.0 if kind.infusion or kind.lab else design_events.SECOND_EPISODE)]
    pid = np.concatenate([hit, again])
    terms, shares = zip(*kind.terms, strict=True)
    term = pick(rng, terms, shares, len(pid))
    first, room = _span(kind)
    last = people["end_day"].reindex(pid).to_numpy() - room
    onset = _onsets(rng, first, np.maximum(last, first))
    onset[len(hit) :] += 20 + onset[: len(again)]
    lab, shift = kind.lab or (None, np.nan)
    frame = _frame(pid, term, onset, lab=lab, shift=shift)
    if kind.infusion:
        given = infusions[infusions["given"]].groupby("pid")["infusion"].agg(["min", "max"]).reindex(pid)
        frame["infusion"] = np.ceil(rng.random(len(pid)) * given["max"].to_numpy())
        frame["hours"] = rng.uniform(0.5, 14, len(pid))
        day = infusions.set_index(["pid", "infusion"])["day"]
        frame["onset"] = day.reindex(pd.MultiIndex.from_arrays([pid, frame["infusion"]])).to_numpy()
        return frame
    return frame[frame["onset"] <= last].reset_index(drop=True)


def _onsets(rng: np.random.Generator, first: float, last: Floats) -> Floats:
    """Elapsed days of onset: log-normal, within the days each subject has left."""
    median, log_sd = design_events.ONSET

    def draw(size: int) -> Floats:
        return np.maximum(np.floor(skewed(rng, median, log_sd, size)), first)

    return draw_within(draw, first, last, len(last))


def _before_dosing(rng: np.random.Generator, people: pd.DataFrame, dosed: np.ndarray) -> pd.DataFrame:
    """Events between consent and the first infusion: never treatment-emergent."""
    pid = dosed[rng.random(len(dosed)) < design_events.PRE_TREATMENT_EVENT]
    gap = (people["anchor"] - people["consent"]).dt.days.reindex(pid).to_numpy().astype(float)
    onset = -np.floor(rng.random(len(pid)) * gap)
    return _frame(pid, pick(rng, ("Nausea", "Fatigue", "Pyrexia"), (1, 1, 1), len(pid)), onset, before=True)


def _deaths(rng: np.random.Generator, people: pd.DataFrame) -> pd.DataFrame:
    """One fatal event per death, begun in the week before."""
    pid = people.index[people["death_day"].notna()].to_numpy()
    last = people.loc[pid, "death_day"].to_numpy()
    first = [terms[0] for terms in (design.CAUSE_TERMS[cause] for cause in people.loc[pid, "cause"])]
    second = [terms[-1] for terms in (design.CAUSE_TERMS[cause] for cause in people.loc[pid, "cause"])]
    term = np.where(rng.random(len(pid)) < 0.6, first, second)
    return _frame(pid, term, np.maximum(last - rng.integers(0, 7, len(pid)), np.minimum(last, 1)), fatal=True)


def _tumour(rng: np.random.Generator, people: pd.DataFrame) -> pd.DataFrame:
    """One tumour, late, in the highest randomised dose."""
    randomised = people[people["randomised"] & people["dosed"] & people["completed"]]
    pid = randomised.index[randomised["rank"] == randomised["rank"].max()].to_numpy()[-1:]
    return _frame(pid, design_events.TUMOUR_TERM, rng.integers(110, 160, len(pid)).astype(float), alone=True)


def _dose_limiting(people: pd.DataFrame) -> pd.DataFrame:
    pid = people.index[people["dlt"]].to_numpy()
    return _frame(pid, design_events.DLT_TERM, np.zeros(len(pid)), infusion=1.0, hours=float(design.DLT_HOURS), dlt=True)


def _stopping(rng: np.random.Generator, people: pd.DataFrame, infusions: pd.DataFrame) -> pd.DataFrame:
    """The event treatment was stopped for: after the last infusion given, before the next was due."""
    pid = people.index[people["stopped"]].to_numpy()
    last = infusions[infusions["given"]].groupby("pid")["day"].max().reindex(pid).to_numpy()
    return _frame(pid, design_events.STOPPING_TERM, last + rng.integers(1, 4, len(pid)), stops=True)


def _grade(rng: np.random.Generator, events: pd.DataFrame, rank: Ints) -> None:
    """Toxicity grade and seriousness."""
    n = len(events)
    grade = rng.choice(4, n, p=design_events.GRADES) + 1
    mild = events["before"] | events["infusion"].notna() | events["stops"]
    grade = np.where(mild, np.minimum(grade, 2), grade)
    grade = np.where(events["dlt"] | events["alone"] | (events["AEDECOD"].isin(["Sepsis", "Brain oedema"])), 3, grade)
    grade = np.where(events["stops"], 2, grade)
    events["grade"] = np.where(events["fatal"], 5, grade)
    chance = (
        np.asarray((*design_events.SERIOUS_BY_GRADE, 1.0))[events["grade"] - 1] * np.asarray(design_events.SERIOUS_BY_RANK)[rank]
    )
    events["serious"] = (rng.random(n) < chance) | events["fatal"] | events["dlt"] | events["alone"]


def _dates(rng: np.random.Generator, events: pd.DataFrame, people: pd.DataFrame, infusions: pd.DataFrame) -> None:
    """Start and end of each event, never beyond the subject's last day."""
    n = len(events)
    own = people.loc[events["pid"]].reset_index(drop=True)
    start_of = infusions.set_index(["pid", "infusion"])["start"]
    events["last_infusion"] = infusions[infusions["given"]].groupby("pid")["day"].max().reindex(events["pid"]).to_numpy()
    infused = start_of.reindex(pd.MultiIndex.from_frame(events[["pid", "infusion"]])).reset_index(drop=True)
    by_infusion = infused + pd.to_timedelta((events["hours"] * 60).round(), unit="m")
    day_start = own["anchor"] + pd.to_timedelta(events["onset"], unit="D")
    minute = rng.integers(7 * 60, 23 * 60, n)
    first_day = (events["onset"] == 0) & events["infusion"].isna()
    # On the day of the first infusion an event is after it, unless it is one from before.
    after = np.minimum(own["dose_minute"] + rng.integers(45, 500, n), 24 * 60 - 1)
    minute = np.where(first_day, np.where(events["before"], own["dose_minute"] - rng.integers(20, 90, n), after), minute)
    plain = day_start + pd.to_timedelta(minute, unit="m")
    events["start"] = by_infusion.where(events["infusion"].notna(), plain).dt.floor("min")
    last = own["end_date"]
    length = np.maximum(1, np.round(design_events.DURATION[0] * np.exp(design_events.DURATION[1] * rng.standard_normal(n))))
    length = np.where(events["infusion"].notna(), rng.integers(0, 3, n), length)
    length = np.where(events["lab"].isin(["SODIUM", "CREAT", "K"]), np.maximum(length, 5), length)
    stop = events["start"].dt.normalize() + pd.to_timedelta(length, unit="D")
    stop = stop.where(~events["fatal"], last)
    lasts = (stop > last) | events["alone"]
    events["unresolved"] = lasts & ~events["fatal"]
    dies = own["death_day"].notna()
    events["stop"] = stop.where(~lasts, last.where(dies)).astype("datetime64[s]")
    events["onset"] = (events["start"].dt.normalize() - own["anchor"]).dt.days.astype(float)
    events["over"] = (stop.where(~lasts, last) - own["anchor"]).dt.days.astype(float)
    timed = events["infusion"].notna() | (events["onset"] == 0)
    untimed = rng.random(n) < design_events.EVENT_TIMELESS
    events["start_form"] = np.where(timed & (~untimed | events["dlt"]), MINUTE, DATE)
    events["stop_form"] = DATE


def _relate(rng: np.random.Generator, events: pd.DataFrame, people: pd.DataFrame) -> None:
    n = len(events)
    rank = arm_effect(people)[events["pid"]]
    chance = np.where(events["infusion"].notna(), design_events.RELATED_INFUSION, np.asarray(design_events.RELATED_OTHER)[rank])
    chance = np.where(events["fatal"] | events["before"] | events["alone"], 0.0, chance)
    related = (rng.random(n) < chance) | events["dlt"] | events["stops"]
    yes = pick(rng, ("POSSIBLY RELATED", "PROBABLY RELATED", "RELATED"), (0.5, 0.3, 0.2), n)
    no = pick(rng, ("NOT RELATED", "UNLIKELY RELATED"), (0.75, 0.25), n)
    text = np.where(events["dlt"], "PROBABLY RELATED", np.where(related, yes, no))
    unknown = (rng.random(n) < design_events.CAUSALITY_MISSING) & ~(events["fatal"] | events["dlt"] | events["stops"])
    events["AEREL"] = text_where(~unknown, text)


def _write_down(rng: np.random.Generator, events: pd.DataFrame, people: pd.DataFrame, known: dict[str, str]) -> None:
    """The words and codes of the case report form."""
    events["AETERM"] = _verbatim(rng, events["AEDECOD"])
    events["AELLT"] = events["AEDECOD"]
    events["AEBODSYS"] = events["AESOC"] = events["AEDECOD"].map(known).astype("str")
    events["AETOXGR"] = events["grade"].astype("str")
    _state_seriousness(events)
    _state_outcome(rng, events, people)
    acute = events["infusion"].notna() & (events["hours"] < 1) & ~events["dlt"]
    later = (events["onset"] > events["last_infusion"]) | events["before"] | events["fatal"]
    action = np.select(
        [events["stops"], acute, later], ["DRUG WITHDRAWN", "DRUG INTERRUPTED", "NOT APPLICABLE"], "DOSE NOT CHANGED"
    )
    events["AEACN"] = pd.Series(action, dtype="str")
    events["AEBEFINF"] = text_where(events["before"], "Y", "N")
    events["AEINFREA"] = text_where(events["AEDECOD"].eq(design_events.DLT_TERM) & events["infusion"].notna(), "Y", "N")
    escalated = ~people["randomised"].reindex(events["pid"]).to_numpy()
    events["AEDLT"] = events["AEDLTSRC"] = text_where(escalated, text_where(events["dlt"], "Y", "N"))
    _blur(rng, events, people)


def _state_seriousness(events: pd.DataFrame) -> None:
    """AESER and the criterion that makes it so."""
    serious, fatal, alone = events["serious"], events["fatal"], events["alone"]
    events["AESER"] = text_where(serious, "Y", "N")
    events["AESDTH"] = text_where(fatal, "Y")
    events["AESLIFE"] = text_where(serious & (events["grade"] == 4), "Y")
    events["AESHOSP"] = text_where(serious & ~fatal & ~alone, "Y")
    events["AESMIE"] = text_where(serious & alone, "Y")


def _state_outcome(rng: np.random.Generator, events: pd.DataFrame, people: pd.DataFrame) -> None:
    n = len(events)
    resolved = pick(rng, ("RECOVERED/RESOLVED", "RECOVERED/RESOLVED WITH SEQUELAE"), (0.97, 0.03), n)
    lasting = pick(rng, ("NOT RECOVERED/NOT RESOLVED", "RECOVERING/RESOLVING"), (0.7, 0.3), n)
    # An event that lasts to the day of death was not recovering.
    stuck = people["death_day"].notna().reindex(events["pid"]).to_numpy() | events["alone"].to_numpy()
    lasting = np.where(stuck, "NOT RECOVERED/NOT RESOLVED", lasting)
    events["AEOUT"] = text_where(events["fatal"], "FATAL", np.where(events["unresolved"], lasting, resolved))
    events["AEENRTPT"] = text_where(events["stop"].isna(), "ONGOING")
    events["AEENTPT"] = text_where(events["stop"].isna(), "LAST VISIT")


def _tell(events: pd.DataFrame, people: pd.DataFrame) -> None:
    """Each serious event has a narrative, numbered within the subject."""
    number = events["serious"].groupby(events["pid"]).cumsum().astype(int).astype("str")
    subject = people["SUBJID"].reindex(events["pid"]).set_axis(events.index)
    events["AERELSAE"] = ("SAE-" + subject + "-" + number).where(events["serious"])


def _verbatim(rng: np.random.Generator, terms: pd.Series) -> pd.Series:
    """What the investigator wrote: the term in his own words."""
    draw = rng.random(len(terms))
    written = terms.copy()
    for term, ways in design_events.VERBATIM.items():
        rows = (terms == term).to_numpy()
        words = np.asarray((*ways, term), dtype=object)
        written[rows] = words[(draw[rows] * len(words)).astype(int)]
    return written


def _blur(rng: np.random.Generator, events: pd.DataFrame, people: pd.DataFrame) -> None:
    """Some dates are known to the month only, one to the year only; one death and its event to the month."""
    n = len(events)
    linked = events["AEDECOD"].isin([term for terms in design_events.COMPLICATION_TERMS.values() for term in terms])
    plain = ~linked & ~events["fatal"] & ~events["dlt"] & ~events["stops"] & events["infusion"].isna() & ~events["alone"]
    partial = plain & (rng.random(n) < design_events.START_PARTIAL / max(plain.mean(), 0.1))
    events["start_form"] = events["start_form"].mask(partial, MONTH)
    whole_year = events.index[plain & ~partial & (events["onset"] > 0) & events["stop"].notna()]
    events.loc[whole_year[:1], "start_form"] = YEAR
    ended = events["stop"].notna() & ~events["fatal"] & (rng.random(n) < design_events.END_PARTIAL)
    events["stop_form"] = events["stop_form"].mask(ended, MONTH)
    events.loc[events["fatal"] & people["partial_death"].reindex(events["pid"]).to_numpy(), "stop_form"] = MONTH


def complicate(events: pd.DataFrame, people: pd.DataFrame, trial: Trial, seed: int) -> pd.DataFrame:
    """Complications: those present at baseline, new ones, worsenings, and the terms that never occurred.

    Grain: one row per episode, or per subject and term without one (CEOCCUR N). Every complication after
    the first infusion has its adverse event on the same day.
    """
    rng = stream(seed, "CE")
    frames = []
    for complication in trial.complications:
        prevalent = people.get(f"prevalent_{complication.code}", pd.Series(False, index=people.index)) & (people["arm"] >= 0)
        terms = design_events.COMPLICATION_TERMS.get(complication.code, ())
        share = design_events.REFRACTORY_SHARE if complication.code == "REFASC" else 1.0
        after = events[events["AEDECOD"].isin(terms) & ~events["before"] & (rng.random(len(events)) < share)]
        new = _episodes(rng, after, prevalent)
        old = _at_baseline(rng, people, prevalent, complication.code)
        none = people.index[(people["arm"] >= 0) & ~prevalent].difference(pd.Index(new["pid"]))
        frames.append(pd.concat([old, new, _never(none)], ignore_index=True).assign(CETERM=complication.term))
    table = pd.concat(frames, ignore_index=True)
    table["CECAT"], table["CEPRESP"] = "ACLF COMPLICATION", "Y"
    lasting = table["CEOCCUR"].eq("Y") & table["stop"].isna()
    table["CEENRTPT"], table["CEENTPT"] = text_where(lasting, "ONGOING"), text_where(lasting, "LAST VISIT")
    partial = table["start"].notna() & (rng.random(len(table)) < design_events.CE_PARTIAL)
    table["start_form"] = np.where(partial, MONTH, DATE)
    table["stop_form"] = DATE
    return table.sort_values(["pid", "start", "CETERM"], ignore_index=True)


def _episodes(rng: np.random.Generator, after: pd.DataFrame, prevalent: pd.Series) -> pd.DataFrame:
    frame = pd.DataFrame({"pid": after["pid"].to_numpy(), "start": after["start"].dt.normalize().to_numpy()})
    frame["stop"] = after["stop"].dt.normalize().to_numpy()
    worse = prevalent.reindex(frame["pid"]).to_numpy() & (rng.random(len(frame)) < design_events.WORSENED_SHARE)
    frame["CEOCCUR"] = "Y"
    frame["CEPREBL"] = frame["CEWORSE"] = text_where(worse, "Y", "N")
    frame["CEBEFINF"] = "N"
    # West-Haven grade or stage of kidney injury; the other complications have none.
    graded = after["AEDECOD"].isin(["Hepatic encephalopathy", "Acute kidney injury"]).to_numpy()
    highest = np.where(after["AEDECOD"] == "Acute kidney injury", 3, 4)
    grade = np.minimum(after["grade"], highest).astype(int).astype("str")
    frame["CEGRADE"] = text_where(graded, grade)
    return frame


def _at_baseline(rng: np.random.Generator, people: pd.DataFrame, prevalent: pd.Series, code: str) -> pd.DataFrame:
    own = people[prevalent]
    n = len(own)
    # What blood shows begins with the sample that shows it; the rest was there on admission.
    back = pd.to_timedelta(rng.integers(1, 15, n), unit="D")
    start = own["consent"] - back
    if code == "HYPONAT":
        start = own["consent"]
    if code == "AKI":
        start = own["anchor"]
    length = pd.to_timedelta(rng.integers(12, 40, n), unit="D")
    stop = (own["anchor"] + length).where(own["anchor"] + length < own["end_date"], own["end_date"].where(own["death_day"].notna()))
    frame = pd.DataFrame({"pid": own.index.to_numpy(), "start": start.to_numpy(), "stop": stop.to_numpy()})
    frame["CEOCCUR"], frame["CEPREBL"], frame["CEWORSE"], frame["CEBEFINF"] = "Y", "Y", "N", "Y"
    he = own["he"].astype(int).astype("str").to_numpy()
    frame["CEGRADE"] = pd.Series({"HE": he, "AKI": np.full(n, "1")}.get(code, [None] * n), dtype="str")
    return frame


def _never(pid: pd.Index) -> pd.DataFrame:
    frame = pd.DataFrame({"pid": pid.to_numpy(), "CEOCCUR": "N", "CEPREBL": "N"})
    frame["start"] = frame["stop"] = pd.Series(np.full(len(pid), np.datetime64("NaT"), dtype="datetime64[s]"))
    frame["CEWORSE"] = frame["CEBEFINF"] = frame["CEGRADE"] = pd.Series([None] * len(pid), dtype="str")
    return frame

"""DM, DS, SV, IE, SS, DD, TS: who they are and what became of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgbm1_report.protocol.trial import Trial
from cgbm1_report.simulate.accrual import find_parts
from cgbm1_report.simulate.events import DATE, MINUTE, MONTH
from cgbm1_report.simulate.streams import stream, text_where
from cgbm1_report.simulate.workdays import draw_offset

_PARTICIPATION, _TREATMENT = "STUDY PARTICIPATION", "STUDY TREATMENT"


def record_subjects(people: pd.DataFrame, exposure: pd.DataFrame, trial: Trial, cutoff: np.datetime64) -> pd.DataFrame:
    """DM as it stands on the cut-off date: who is not yet assigned, treated or finished has no such date.

    Grain: one row per subject who has consented by then.
    """
    table = people.copy()
    known = {name: table[name].where(table[name] <= cutoff) for name in ("enrol", "failed_on", "end_date")}
    infused = exposure.groupby("pid").agg(first=("start", "min"), last=("stop", "max")).reindex(table.index)
    treated = infused["first"].notna()
    assigned = known["enrol"].notna()
    names = pd.DataFrame({"ARMCD": [a.armcd for a in trial.arms], "ARM": [a.arm for a in trial.arms]}, dtype="str")
    for variable in ("ARMCD", "ARM"):
        planned = names[variable].reindex(table["arm"]).set_axis(table.index)
        table[variable] = planned.where(assigned)
        table["ACT" + variable] = table[variable].where(treated & ~table["mixed_up"])
    reason = np.select(
        [known["failed_on"].notna(), ~assigned, ~treated, table["mixed_up"]],
        ["SCREEN FAILURE", "NOT ASSIGNED", "ASSIGNED, NOT TREATED", "UNPLANNED TREATMENT"],
        "",
    )
    table["ARMNRS"] = pd.Series(reason, dtype="str", index=table.index).where(reason != "")
    unplanned = "Dose level of another arm at infusion 1, own dose level at the others"
    table["ACTARMUD"] = text_where(reason == "UNPLANNED TREATMENT", unplanned)
    dead = known["end_date"].notna() & table["death_day"].notna()
    end_form = np.where(table["partial_death"], MONTH, DATE)
    table["RFICDTC"] = iso(table["consent"], DATE)
    table["RFSTDTC"] = table["RFXSTDTC"] = iso(infused["first"], MINUTE)
    table["RFXENDTC"] = iso(infused["last"], MINUTE)
    table["RFPENDTC"] = iso(known["end_date"].fillna(known["failed_on"]), end_form)
    table["RFENDTC"] = iso(known["end_date"].where(treated), end_form)
    table["BRTHDTC"] = iso(table["birth"], DATE)
    table["DTHDTC"] = iso(known["end_date"].where(dead), end_form)
    table["DTHFL"] = text_where(dead, "Y")
    table["AGEU"], table["RACE"], table["ETHNIC"], table["COUNTRY"] = "YEARS", "ASIAN", "NOT HISPANIC OR LATINO", "CHN"
    table["SCRPHASE"] = table["phase"].astype("float64")
    table["RANDNO"] = table["RANDNO"].where(assigned)
    return table[table["consent"] <= cutoff]


def iso(moment: pd.Series, form: int | np.ndarray) -> pd.Series:
    """ISO 8601 text of moments, cut to ``form`` characters (4 year, 7 month, 10 day, 16 minute; 0 nothing)."""
    text = np.datetime_as_string(moment.to_numpy().astype("datetime64[m]"), unit="m")
    wanted = np.broadcast_to(form, len(text))
    result = np.full(len(text), None, dtype=object)
    for length in np.unique(wanted[wanted > 0]):
        rows = wanted == length
        result[rows] = text[rows].astype(f"U{length}")
    return pd.Series(result, index=moment.index, dtype="str").where(moment.notna())


def fail_screening(people: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Add ``failed_on``: the day a screen failure was found to be one."""
    people = people.copy()
    days = draw_offset(stream(seed, "failure"), people["consent"], range(1, 7))
    people["failed_on"] = (people["consent"] + pd.to_timedelta(days, unit="D")).where(people["arm"] < 0)
    return people


def record_criteria(people: pd.DataFrame, trial: Trial, seed: int) -> pd.DataFrame:
    """IE: the criteria a screen failure does not meet. Grain: one row per subject and criterion."""
    rng = stream(seed, "IE")
    failed = people[people["arm"] < 0]
    frames = []
    for phase, criteria in trial.ie_criteria.items():
        here = failed[failed["phase"] == phase]
        names = pd.DataFrame([c.model_dump() for c in criteria])
        asked = {"broken_MELD": "meld", "broken_TBIL": "bilirubin", "broken_FAILURES": "organ_failures", "hiv": "immunodeficiency"}
        for broken, check in asked.items():
            frames.append(_criterion(here[here[broken]], names[names["check"] == check]))
        judged = names[names["check"].isna() & (names["iecat"] == "EXCLUSION")]
        # The image of the liver and the investigator's own reason, the first and the last: nobody here comes from another trial.
        judged = judged.iloc[sorted({0, len(judged) - 1})] if len(judged) else judged
        rest = here[here["other_reason"] & ~here["hiv"]]
        which = rng.integers(0, max(len(judged), 1), len(rest))
        frames += [_criterion(rest[which == place], judged.iloc[[place]]) for place in range(len(judged))]
    table = pd.concat(frames, ignore_index=True)
    table["IEORRES"] = table["IESTRESC"] = text_where(table["IECAT"] == "INCLUSION", "N", "Y")
    return table.sort_values(["pid", "IETESTCD"], ignore_index=True)


def _criterion(subjects: pd.DataFrame, named: pd.DataFrame) -> pd.DataFrame:
    frame = pd.DataFrame({"pid": subjects.index.to_numpy(), "start": subjects["failed_on"].to_numpy(), "start_form": DATE})
    row = named.iloc[0] if len(named) else None
    if row is None:
        return frame.iloc[:0]
    frame["IETESTCD"], frame["IECAT"], frame["IETEST"] = row["ietestcd"], row["iecat"], row["ietest"]
    return frame


def record_disposition(people: pd.DataFrame, infusions: pd.DataFrame) -> pd.DataFrame:
    """DS: consent, enrolment or randomisation, end of treatment, end of participation.

    Grain: one row per milestone or disposition event.
    """
    treated = people[people["arm"] >= 0]
    failed = people[people["arm"] < 0]
    randomised = treated["randomised"]
    frames = [
        _milestone(people, "consent", "INFORMED CONSENT OBTAINED", "Informed consent obtained"),
        _milestone(treated[~randomised], "enrol", "ENROLLED", "Enrolled"),
        _milestone(treated[randomised], "enrol", "RANDOMIZED", "Randomized"),
        _disposition(failed, failed["failed_on"], "SCREEN FAILURE", "Screen failure", _PARTICIPATION),
        _treatment(people, infusions),
    ]
    ended = np.where(
        treated["death_day"].notna(),
        "DEATH",
        np.where(treated["drop_reason"].notna(), treated["drop_reason"].astype(object), "COMPLETED"),
    )
    frames.append(_disposition(treated, treated["end_date"], ended, pd.Series(ended, dtype="str").str.capitalize(), _PARTICIPATION))
    table = pd.concat(frames, ignore_index=True)
    month = people["partial_death"].reindex(table["pid"]).to_numpy() & (table["DSDECOD"] == "DEATH").to_numpy()
    table["start_form"] = np.where(month, MONTH, DATE)
    return table.sort_values(["pid", "start"], kind="stable", ignore_index=True)


def _milestone(subjects: pd.DataFrame, when: str, decod: str, term: str) -> pd.DataFrame:
    frame = pd.DataFrame({"pid": subjects.index.to_numpy(), "start": subjects[when].to_numpy()})
    return frame.assign(DSDECOD=decod, DSTERM=term, DSCAT="PROTOCOL MILESTONE", DSSCAT=None).astype({"DSSCAT": "str"})


def _disposition(subjects: pd.DataFrame, when: pd.Series, decod: object, term: object, part: str) -> pd.DataFrame:
    frame = pd.DataFrame({"pid": subjects.index.to_numpy(), "start": when.to_numpy()})
    frame["DSDECOD"], frame["DSTERM"] = (
        decod if isinstance(decod, str) else np.asarray(decod),
        term if isinstance(term, str) else np.asarray(term),
    )
    return frame.assign(DSCAT="DISPOSITION EVENT", DSSCAT=part).astype({"DSDECOD": "str", "DSTERM": "str"})


def _treatment(people: pd.DataFrame, infusions: pd.DataFrame) -> pd.DataFrame:
    """End of treatment of everybody dosed: the last infusion, or what came before the first one not given."""
    dosed = people[people["dosed"]]
    given = infusions[infusions["given"]].groupby("pid")["date"].max().reindex(dosed.index)
    due = infusions[~infusions["given"]].drop_duplicates("pid").set_index("pid")["date"].reindex(dosed.index)
    graft = dosed["anchor"] + pd.to_timedelta(dosed["transplant_day"], unit="D")
    complete = due.isna()
    transplanted = ~complete & (graft <= due)
    died = ~complete & ~transplanted & dosed["death_day"].notna() & (dosed["end_date"] <= due)
    left = ~complete & dosed["drop_reason"].notna() & (dosed["end_date"] <= due)
    conditions = [complete, transplanted, died, left, dosed["stopped"]]
    decod = np.select(
        conditions, ["COMPLETED", "OTHER", "DEATH", dosed["drop_reason"].astype(object), "ADVERSE EVENT"], "PHYSICIAN DECISION"
    )
    term = pd.Series(decod, dtype="str").str.capitalize().where(~transplanted.to_numpy(), "Liver transplantation")
    when = given.where(complete, graft.where(transplanted, dosed["end_date"].where(died | left, due)))
    return _disposition(dosed, when, decod, term, _TREATMENT)


def record_visits(visits: pd.DataFrame) -> pd.DataFrame:
    """SV: the visits that took place. Grain: one row per subject and visit."""
    table = visits.loc[visits["attended"], ["pid", "VISITNUM", "VISIT", "date"]].reset_index(drop=True)
    table["start"] = table["stop"] = table["date"]
    table["start_form"] = table["stop_form"] = DATE
    return table


def record_status(people: pd.DataFrame, visits: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """SS: alive, and transplanted or not, at every contact the survival endpoint asks for and when somebody leaves.

    Grain: one row per contact and question. Those who miss the visit are reached by telephone.
    """
    days = {day for number in trial.phase_numbers for day in trial.registry_days(number, "LTFS")}
    own = people.loc[visits["pid"]].reset_index(drop=True)
    leaving = own["drop_day"].notna() & (visits["day"] == own["end_day"])
    contact = visits[(visits["planned"] & visits["target"].isin(days)) | leaving]
    contact = contact.drop_duplicates(["pid", "day"])
    own = people.loc[contact["pid"]].set_axis(contact.index)
    last = (contact["target"] >= trial.study.followup_days) & own["completed"]
    contact = contact.assign(
        date=contact["date"].where(~last, own["end_date"]),
        day=contact["day"].where(~last, own["end_day"]),
        grafted=own["transplant_day"] <= contact["day"].where(~last, own["end_day"]),
    )
    frames = []
    for code, test, answer in (
        ("SURVSTAT", "Survival Status", np.full(len(contact), "ALIVE")),
        ("LTSTAT", "Liver Transplantation Status", np.where(contact["grafted"], "Y", "N")),
    ):
        frame = contact[["pid", "VISITNUM", "VISIT", "date"]].assign(SSTESTCD=code, SSTEST=test)
        frame["SSORRES"] = frame["SSSTRESC"] = pd.Series(answer, dtype="str", index=frame.index)
        frames.append(frame)
    table = pd.concat(frames, ignore_index=True)
    table["start"], table["start_form"] = table["date"], DATE
    return table.sort_values(["pid", "start", "VISITNUM", "SSTESTCD"], ignore_index=True)


def record_deaths(people: pd.DataFrame) -> pd.DataFrame:
    """DD: primary cause of each death. Grain: one row per death."""
    dead = people[people["death_day"].notna()]
    table = pd.DataFrame({"pid": dead.index.to_numpy(), "start": dead["end_date"].to_numpy()})
    table["start_form"] = np.where(dead["partial_death"], MONTH, DATE)
    table["DDTESTCD"], table["DDTEST"] = "PRCDTH", "Primary Cause of Death"
    table["DDSTRESC"] = dead["cause"].to_numpy()
    table["DDORRES"] = dead["cause"].str.capitalize().to_numpy()
    return table.astype({"DDSTRESC": "str", "DDORRES": "str"})


def summarise_trial(trial: Trial, cutoff: np.datetime64) -> pd.DataFrame:
    """TS: trial summary parameters and the data cut-off date. Grain: one row per parameter."""
    parts = find_parts(trial)
    planned = sum(arm.planned_n[1] for arm in trial.arms if arm.planned_n)
    rows = [
        ("ADDON", "Added on to Existing Treatments", "Y"),
        ("DCUTDESC", "Data Cutoff Description", "SYNTHETIC DATA CUT"),
        ("DCUTDTC", "Data Cutoff Date", str(cutoff.astype("datetime64[D]"))),
        ("INDIC", "Trial Disease/Condition Indication", trial.study.indication.upper()),
        ("NARMS", "Planned Number of Arms", str(len(trial.arms))),
        ("PLANSUB", "Planned Number of Subjects", str(planned)),
        ("REGID", "Registry Identifier", trial.study.studyid),
        ("SPONSOR", "Clinical Study Sponsor", trial.study.sponsor),
        ("TBLIND", "Trial Blinding Schema", trial.phases[parts.randomised].design.upper()),
        ("TITLE", "Trial Title", trial.study.title),
        ("TPHASE", "Trial Phase Classification", trial.study.phase_label.upper()),
        ("TRT", "Investigational Therapy or Treatment", trial.study.product),
    ]
    table = pd.DataFrame(rows, columns=["TSPARMCD", "TSPARM", "TSVAL"], dtype="str")
    table["TSSEQ"] = 1.0
    return table

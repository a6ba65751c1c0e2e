"""What they take and what is done to them: medication, procedures, history."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgbm1_report.simulate import design, design_events, design_therapy
from cgbm1_report.simulate.events import DATE, MONTH, YEAR
from cgbm1_report.simulate.streams import Floats, stream, text_where


def plan_albumin(people: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Courses of albumin (pid, day), which lift serum albumin for days: one around dosing, one later."""
    rng = stream(seed, "albumin")
    taking = people.index[(people["arm"] >= 0) & (rng.random(len(people)) < design_therapy.ALBUMIN.share)].to_numpy()
    first = rng.integers(-4, 4, len(taking)).astype(float)
    second = rng.integers(8, 60, len(taking)).astype(float)
    courses = pd.DataFrame({"pid": np.tile(taking, 2), "day": np.concatenate([first, second])})
    return courses[courses["day"] < people["end_day"].reindex(courses["pid"]).to_numpy()].reset_index(drop=True)


def medicate(people: pd.DataFrame, events: pd.DataFrame, albumin: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Medication: conventional treatment, antivirals where the liver disease is viral, what events call for.

    Grain: one row per course of a drug. ``start``, ``stop`` (missing while it goes on) and how much of
    each date was written down.
    """
    rng = stream(seed, "CM")
    treated = people[people["arm"] >= 0]
    frames = [_course(rng, treated[rng.random(len(treated)) < drug.share], drug) for drug in design_therapy.DRUGS]
    viral = treated[treated["etiology"] == "HEPATITIS B"]
    which = rng.integers(0, len(design_therapy.ANTIVIRALS), len(viral))
    frames += [_course(rng, viral[which == place], drug) for place, drug in enumerate(design_therapy.ANTIVIRALS)]
    frames.append(_given(albumin["pid"], albumin["day"], design_therapy.ALBUMIN.days[1], design_therapy.ALBUMIN))
    pressed = treated.index[treated["vasopressor"] > 0].to_series()
    frames.append(_given(pressed, np.full(len(pressed), -1.0), 4, design_therapy.VASOPRESSOR))
    shock = events[events["AEDECOD"].eq("Septic shock")]
    frames.append(_given(shock["pid"], shock["onset"], 5, design_therapy.VASOPRESSOR))
    clot = events[events["AEDECOD"].isin(["Deep vein thrombosis", "Portal vein thrombosis"])]
    frames.append(_given(clot["pid"], clot["onset"], design_therapy.ANTICOAGULANT.days[1], design_therapy.ANTICOAGULANT))
    table = pd.concat(frames, ignore_index=True)
    return _finish(rng, table, people)


def _course(rng: np.random.Generator, takers: pd.DataFrame, drug: design_therapy.Drug) -> pd.DataFrame:
    first, length = drug.days
    start = first + rng.integers(-3, 4, len(takers))
    days = np.round(length * rng.uniform(0.6, 1.4, len(takers)))
    return _given(takers.index.to_series(), start.astype(float), days, drug)


def _given(pid: pd.Series, day: Floats | pd.Series, days: object, drug: design_therapy.Drug) -> pd.DataFrame:
    frame = pd.DataFrame({"pid": pid.to_numpy(), "day": np.asarray(day, dtype=float)})
    frame["over"] = frame["day"] + np.asarray(days)
    frame["CMTRT"], frame["CMDECOD"], frame["CMCLAS"], frame["CMCLASCD"] = drug.trt, drug.decod, drug.atc_class, drug.atc
    frame["CMSCAT"] = drug.use
    return frame


def _finish(rng: np.random.Generator, table: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    own = people.loc[table["pid"]].reset_index(drop=True)
    last = own["end_day"]
    table = table[table["day"] <= last].reset_index(drop=True)
    own = people.loc[table["pid"]].reset_index(drop=True)
    table["start"] = own["anchor"] + pd.to_timedelta(table["day"], unit="D")
    stop = own["anchor"] + pd.to_timedelta(table["over"].clip(upper=9999), unit="D")
    goes_on = stop > own["end_date"]
    table["stop"] = stop.where(~goes_on, own["end_date"].where(own["death_day"].notna()))
    table["CMCAT"] = text_where(table["over"] < 0, "PRIOR", "CONCOMITANT")
    ongoing = table["stop"].isna()
    table["CMENRTPT"] = text_where(ongoing, "ONGOING")
    table["CMENTPT"] = text_where(ongoing, "LAST VISIT")
    partial = (rng.random(len(table)) < design_events.CM_PARTIAL) & (table["CMSCAT"] != "VASOPRESSOR")
    table["start_form"] = np.where(partial, MONTH, DATE)
    table["stop_form"] = DATE
    return table.sort_values(["pid", "start", "CMTRT"], ignore_index=True)


def operate(people: pd.DataFrame, events: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Procedures: transplantation, artificial liver support, dialysis, ventilation, paracentesis.

    Grain: one row per procedure. Artificial liver support before dosing keeps the eight days the
    randomised phase asks for; after it there is the one that breaks the protocol.
    """
    rng = stream(seed, "PR")
    treated = people[people["arm"] >= 0]
    before = treated[rng.random(len(treated)) < design_therapy.LIVER_SUPPORT_BEFORE]
    graft = treated[treated["transplant_day"].notna()]
    against = treated[treated["prohibited"]]
    dying = treated[treated["death_day"] > 8]
    kidney = events[
        events["AEDECOD"].isin(["Acute kidney injury", "Hepatorenal syndrome"]) & (events["grade"] >= 3) & ~events["fatal"]
    ]
    kidney = kidney.drop_duplicates("pid")
    breathing = dying[rng.random(len(dying)) < design_therapy.VENTILATION_SHARE]
    fluid = events[events["AEDECOD"].eq("Ascites") & (rng.random(len(events)) < design_therapy.PARACENTESIS_SHARE)]
    frames = [
        _done(graft.index, graft["transplant_day"], 0, "Liver transplantation", "LIVER TRANSPLANTATION", "Liver failure"),
        _done(before.index, -rng.integers(9, 15, len(before)), 0, "Plasma exchange", "ARTIFICIAL LIVER SUPPORT", "Liver failure"),
        _done(
            against.index,
            np.full(len(against), design.PROHIBITED_DAY),
            0,
            "Plasma exchange",
            "ARTIFICIAL LIVER SUPPORT",
            "Jaundice",
        ),
        _done(kidney["pid"], kidney["onset"] + 2, 2, "CVVH", "RENAL REPLACEMENT THERAPY", "Kidney failure"),
        _done(fluid["pid"], fluid["onset"] + 1, 0, "Abdominal paracentesis", "PARACENTESIS", "Ascites"),
        _done(
            breathing.index,
            breathing["death_day"] - 2,
            2,
            "Mechanical ventilation",
            "MECHANICAL VENTILATION",
            "Respiratory failure",
        ),
    ]
    table = pd.concat(frames, ignore_index=True)
    own = people.loc[table["pid"]].reset_index(drop=True)
    kept = table["day"] <= own["end_day"]
    table, own = table[kept].reset_index(drop=True), own[kept].reset_index(drop=True)
    table["start"] = own["anchor"] + pd.to_timedelta(table["day"], unit="D")
    table["stop"] = own["anchor"] + pd.to_timedelta(np.minimum(table["over"], own["end_day"]), unit="D")
    ventilated = table["PRDECOD"].eq("MECHANICAL VENTILATION")
    airway = own["cause"].eq("HEPATIC ENCEPHALOPATHY/CEREBRAL EDEMA")
    table["PRAIRWAY"] = text_where(ventilated, np.where(airway, "Y", "N"))
    table["start_form"] = table["stop_form"] = DATE
    return table.sort_values(["pid", "start", "PRDECOD"], ignore_index=True)


def _done(pid: pd.Index | pd.Series, day: object, days: int, trt: str, decod: str, why: str) -> pd.DataFrame:
    frame = pd.DataFrame({"pid": np.asarray(pid), "day": np.asarray(day, dtype=float)})
    frame["over"] = frame["day"] + days
    frame["PRTRT"], frame["PRDECOD"], frame["PRINDC"] = trt, decod, why
    return frame


def remember(people: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Medical history: the liver disease, what tipped it, cirrhosis, ascites, and the ordinary.

    Grain: one row per condition. Many dates are known to the month or the year only.
    """
    rng = stream(seed, "MH")
    everyone = people.index.to_series()
    liver = [design_therapy.LIVER_DISEASE[key] for key in people["etiology"]]
    tipped = [design_therapy.PRECIPITANT_TERMS[key] for key in people["precipitant"]]
    frames = [
        _conditions(everyone, liver, "CHRONIC LIVER DISEASE", 400, 7000, rng),
        _conditions(everyone, tipped, "ACLF PRECIPITANT", 5, 25, rng),
    ]
    cirrhosis = everyone[people["cirrhosis"]]
    frames.append(_conditions(cirrhosis, [_CIRRHOSIS] * len(cirrhosis), "CHRONIC LIVER DISEASE", 200, 1800, rng))
    ascites = everyone[people["ascites"]]
    frames.append(_conditions(ascites, [_ASCITES] * len(ascites), "GENERAL", 3, 30, rng))
    for term, decod, system, share in design_therapy.HISTORY:
        chosen = everyone[rng.random(len(everyone)) < share]
        frames.append(_conditions(chosen, [(term, decod, system)] * len(chosen), "GENERAL", 200, 5000, rng))
    table = pd.concat(frames, ignore_index=True)
    own = people.loc[table["pid"]].reset_index(drop=True)
    table["start"] = own["consent"] - pd.to_timedelta(table["back"], unit="D")
    past = table["MHDECOD"].isin(["Appendicectomy", "Cholelithiasis"])
    table["stop"] = (table["start"] + pd.to_timedelta(30, unit="D")).where(past)
    table["MHENRTPT"] = text_where(past, "BEFORE", "ONGOING")
    table["MHENTPT"] = "SCREENING"
    draw = rng.random(len(table))
    years, months = design_events.MH_PARTIAL
    # What brought them in is known to the day.
    recent = table["MHCAT"].eq("ACLF PRECIPITANT")
    draw = draw * (~recent).mean()
    table["start_form"] = np.select([recent, draw < years, draw < years + months], [DATE, YEAR, MONTH], DATE)
    table["stop_form"] = np.minimum(table["start_form"], MONTH)
    return table.sort_values(["pid", "MHCAT", "start", "MHTERM"], ignore_index=True)


_CIRRHOSIS = ("Liver cirrhosis", "Hepatic cirrhosis", "Hepatobiliary disorders")
_ASCITES = ("Ascites", "Ascites", "Gastrointestinal disorders")


def _conditions(
    pid: pd.Series, terms: list[tuple[str, str, str]], category: str, low: int, high: int, rng: np.random.Generator
) -> pd.DataFrame:
    frame = pd.DataFrame(terms, columns=["MHTERM", "MHDECOD", "MHBODSYS"], index=pd.RangeIndex(len(terms)), dtype="str")
    frame["pid"], frame["MHCAT"] = pid.to_numpy(), category
    frame["back"] = rng.integers(low, high, len(frame))
    return frame

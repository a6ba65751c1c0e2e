"""The small study and what was planted in it, as two sides that are compared: data, and results of outputs made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import pandas as pd

from cgbm1_report.compare.results import read_results
from cgbm1_report.compare.sides import Side
from cgbm1_report.derive import derive_adam
from cgbm1_report.derive.escalation import derive_escalation, tell_cohort_subjects
from cgbm1_report.outputs.catalogue import catalogue, make
from tests.drawn import our_trial, stamp_of
from tests.small_study import CUTOFF, DEAD, MEDIUM, PLACEBO, SECOND, decisions, draw, small_study

TRIAL = our_trial()
#: The outputs that are made of both: of each kind some that a change must reach and some that it must not.
NUMBERS = (
    *("T14.1.1.1", "T14.1.1.2", "T14.1.2.2", "T14.1.4.1", "T14.1.4.2", "T14.1.7.2", "T14.2.1.2", "F14.2.1.2", "T14.2.2.2", "T14.3.1.1.1"),
    *("T14.3.1.1.2", "T14.3.1.2.1", "T14.3.1.2.2", "T14.3.1.3.2", "T14.3.2.1.2", "T14.3.4.2.2", "L14.3.2.1.2", "L16.2.1.1.2"),
    *("L16.2.4.1.1", "L16.2.4.1.2", "L16.2.5.1.2", "L16.2.7.1.1", "L16.2.7.1.2", "L16.2.8.1.1", "L16.2.8.1.2", "L16.2.8.2.2", "T14.1.10.2", "A16.1.7.2"),
)  # fmt: skip
#: The number that S2 has afterwards.
NEW_NUMBER = "NCT06740149-01-009"
Study = Mapping[str, pd.DataFrame]

#: An event before the sepsis, which is the second now.
EVENT = """
USUBJID | AESEQ | AETERM  | AEDECOD | AESOC                      | AESTDTC    | AEENDTC    | AETOXGR | AESER | AEREL       | AEOUT
D       | 1     | queasy  | Nausea  | Gastrointestinal disorders | 2025-06-14 | 2025-06-15 | 1       | N     | NOT RELATED | RECOVERED/RESOLVED
"""


def add_event(sdtm: Study) -> Study:
    """D had nausea; the sepsis of before is numbered 2."""
    ae = sdtm["AE"].assign(AESEQ=sdtm["AE"]["AESEQ"].mask(sdtm["AE"]["USUBJID"] == DEAD, 2.0))
    return {**sdtm, "AE": pd.concat([draw(EVENT, "AE"), ae], ignore_index=True)}


def correct_sodium(sdtm: Study) -> Study:
    """The sodium of M was 129 mmol/L, not 126."""
    lb = sdtm["LB"]
    at = lb["USUBJID"].eq(MEDIUM) & lb["LBTESTCD"].eq("SODIUM")
    texts = {name: lb[name].mask(at, "129") for name in ("LBORRES", "LBSTRESC")}
    return {**sdtm, "LB": lb.assign(**texts, LBSTRESN=lb["LBSTRESN"].mask(at, 129.0))}


def die_late(sdtm: Study) -> Study:
    """P, who had completed the study, died ten days later."""
    dm = sdtm["DM"]
    at = dm["USUBJID"].eq(PLACEBO)
    return {**sdtm, "DM": dm.assign(DTHDTC=dm["DTHDTC"].mask(at, "2025-12-21"), DTHFL=dm["DTHFL"].mask(at, "Y"))}


def rename_second(sdtm: Study) -> Study:
    """S2 was given another number, in every record."""
    found = {name: frame.assign(USUBJID=frame["USUBJID"].replace(SECOND, NEW_NUMBER)) for name, frame in sdtm.items()}
    return found | {"DM": found["DM"].assign(SUBJID=found["DM"]["SUBJID"].replace("002", "009"))}


def leave_per_protocol(adam: Study) -> Study:
    """M is no more in the per-protocol set: in ADSL, and in every dataset that repeats it."""
    return {
        name: frame.assign(PPROTFL=frame["PPROTFL"].mask(frame["USUBJID"] == MEDIUM, "N")) if "PPROTFL" in frame else frame
        for name, frame in adam.items()
    }


#: What is planted, by name: in the data collected, or in those that are analysed.
PLANTED: dict[str, tuple[Callable[[Study], Study] | None, Callable[[Study], Study] | None]] = {
    "nothing": (None, None),
    "event": (add_event, None),
    "sodium": (correct_sodium, None),
    "flag": (None, leave_per_protocol),
    "death": (die_late, None),
    "number": (rename_second, None),
}


def leave_safety(adam: Study) -> Study:
    """M is no more in the safety set."""
    return {
        name: frame.assign(SAFFL=frame["SAFFL"].mask(frame["USUBJID"] == MEDIUM, "N")) if "SAFFL" in frame else frame
        for name, frame in adam.items()
    }


def change_arm(adam: Study) -> Study:
    """M was given the low dose, and meant to have it."""
    names = ("TRT01P", "TRT01A", "TRTP", "TRTA")

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        at = frame["USUBJID"] == MEDIUM
        return frame.assign(**{name: frame[name].mask(at, "Low") for name in names if name in frame})

    return {name: change(frame) if "USUBJID" in frame else frame for name, frame in adam.items()}


def lose_subject(adam: Study) -> Study:
    """M is no more there."""
    return {
        name: frame[frame["USUBJID"] != MEDIUM].reset_index(drop=True) if "USUBJID" in frame else frame
        for name, frame in adam.items()
    }


#: What changes whom numbers are out of, each planted alone.
MOVED: dict[str, tuple[Callable[[Study], Study] | None, Callable[[Study], Study] | None]] = {
    "population": (None, leave_safety),
    "arm": (None, change_arm),
    "gone": (None, lose_subject),
}


@cache
def collected(*planted: str) -> Study:
    """The collected data with this planted in them."""
    sdtm: Study = small_study()
    for name in planted:
        change = (PLANTED | MOVED)[name][0]
        sdtm = change(sdtm) if change else sdtm
    return sdtm


@cache
def analysed(*planted: str) -> Study:
    """The analysis data of it."""
    sdtm, src = dict(collected(*planted)), decisions()
    adam: Study = derive_adam(sdtm, TRIAL, CUTOFF, src)
    for name in planted:
        change = (PLANTED | MOVED)[name][1]
        adam = change(adam) if change else adam
    states = derive_escalation(adam["ADSL"], adam["ADDLT"], src, TRIAL, CUTOFF)
    told = tell_cohort_subjects(adam["ADSL"], adam["ADDLT"], src, states, TRIAL)
    return {**adam, "SRC_DECISIONS": src, "SRC_STATES": states, "SRC_SUBJECTS": told}


@cache
def results(*planted: str) -> pd.DataFrame:
    """The results of `NUMBERS` made of it."""
    entries, stamp = catalogue(TRIAL), stamp_of(TRIAL)
    made = [make(entries[number], TRIAL, dict(analysed(*planted)), stamp).ard for number in NUMBERS]
    return pd.concat(made, ignore_index=True)


def built(folder: Path, *planted: str) -> Side:
    """A build of it, as it is compared."""
    file = folder / f"{'-'.join(planted)}.parquet"
    results(*planted).to_parquet(file, index=False)
    return Side("-".join(planted), "build", analysed(*planted), stamp_of(TRIAL), frozenset(), read_results(file), NUMBERS)


def cut(*planted: str) -> Side:
    """A cut of it, as it is compared."""
    return Side("-".join(planted), "cut", collected(*planted), stamp_of(TRIAL), frozenset())

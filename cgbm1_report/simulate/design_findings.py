"""The synthetic laboratory and other findings in numbers: where tests start, how they run, what is missing.

Invented and plausible, like all of ``design``; arms by rank only.
"""

from __future__ import annotations

from typing import NamedTuple


class Lab(NamedTuple):
    """A laboratory test: where it starts, where survivors end, how fast, and how it scatters.

    ``start`` is median and log-SD; ``half_life`` None means no drift. ``limits`` are the normal
    range, or (male, female) ranges; ``local`` is the unit a local laboratory reports in and what
    one of it is in the standard unit, with its decimals.
    """

    category: str
    start: tuple[float, float]
    floor: float
    half_life: float | None
    cv: float
    limits: tuple[tuple[float | None, float | None], tuple[float | None, float | None]]
    local: tuple[str, float, int] | None = None
    bounds: tuple[float, float] = (0.0, 1e6)


def _both(low: float | None, high: float | None) -> tuple[tuple[float | None, float | None], tuple[float | None, float | None]]:
    return ((low, high), (low, high))


_C, _H, _G, _Y = "CHEMISTRY", "HEMATOLOGY", "COAGULATION", "CYTOKINE"
#: By PARAMCD of trial.yaml; BILI, INR and CREAT start from the patient's own values.
LABS = {
    "ALT": Lab(_C, (180.0, 0.9), 35.0, 12.0, 0.18, _both(3, 35), None, (5, 5000)),
    "AST": Lab(_C, (118.0, 0.8), 40.0, 14.0, 0.18, _both(15, 40), None, (8, 5000)),
    "ALB": Lab(_C, (32.0, 0.125), 45.0, None, 0.04, _both(40, 55), None, (15, 50)),
    "ALP": Lab(_C, (135.0, 0.28), 110.0, 60.0, 0.10, _both(45, 125), None, (30, 700)),
    "GGT": Lab(_C, (80.0, 0.5), 55.0, 45.0, 0.10, _both(10, 60), None, (8, 900)),
    "BILI": Lab(_C, (310.0, 0.35), 25.0, 21.0, 0.08, _both(4, 23), ("mg/dL", 17.1, 2), (5, 1000)),
    "INR": Lab(_G, (1.95, 0.14), 1.25, 30.0, 0.06, _both(0.8, 1.2), None, (0.9, 9)),
    "CREAT": Lab(_C, (72.0, 0.25), 72.0, None, 0.09, ((57, 104), (41, 81)), ("mg/dL", 88.4, 2), (25, 900)),
    "SODIUM": Lab(_C, (136.0, 0.028), 138.5, 30.0, 0.015, _both(137, 147), None, (115, 152)),
    "PTA": Lab(_G, (38.0, 0.18), 38.0, None, 0.02, _both(70, 130), None, (10, 130)),
    "BILDIR": Lab(_C, (205.0, 0.35), 205.0, None, 0.02, _both(0, 8), None, (2, 800)),
    "PT": Lab(_G, (22.5, 0.12), 22.5, None, 0.01, _both(11, 14.5), None, (10, 90)),
    "K": Lab(_C, (3.9, 0.09), 4.0, 30.0, 0.05, _both(3.5, 5.3), None, (2.2, 6.4)),
    "UREAN": Lab(_C, (5.2, 0.2), 5.2, None, 0.06, _both(2.8, 7.6), None, (1, 45)),
    "GLUC": Lab(_C, (5.3, 0.2), 5.3, None, 0.10, _both(3.9, 6.1), None, (2.4, 18)),
    "CRP": Lab(_C, (14.0, 0.7), 5.0, 20.0, 0.30, _both(0, 8), None, (0.3, 250)),
    "PCT": Lab(_C, (0.6, 0.6), 0.2, 20.0, 0.30, _both(0, 0.5), None, (0.02, 60)),
    "AFP": Lab(_C, (95.0, 0.9), 12.0, 40.0, 0.15, _both(0, 7), None, (1, 3000)),
    "WBC": Lab(_H, (6.7, 0.36), 5.2, 30.0, 0.14, _both(3.5, 9.5), None, (0.8, 35)),
    "NEUT": Lab(_H, (4.6, 0.40), 3.2, 30.0, 0.16, _both(1.8, 6.3), None, (0.3, 30)),
    "LYM": Lab(_H, (1.2, 0.35), 1.3, 40.0, 0.14, _both(1.1, 3.2), None, (0.15, 5)),
    "HGB": Lab(_H, (118.0, 0.15), 118.0, None, 0.04, ((130, 175), (115, 150)), None, (55, 175)),
    "PLAT": Lab(_H, (96.0, 0.42), 110.0, 60.0, 0.10, _both(125, 350), None, (12, 450)),
    "AMMONIA": Lab(_C, (62.0, 0.35), 35.0, 20.0, 0.18, _both(11, 35), None, (8, 300)),
    "LACT": Lab("BLOOD GAS", (1.9, 0.3), 1.5, 30.0, 0.15, _both(0.5, 2.2), None, (0.4, 15)),
    "ICGR15": Lab("LIVER FUNCTION TEST", (43.5, 0.262), 10.0, None, 0.06, _both(0, 10), None, (4, 95)),
    "IL6": Lab(_Y, (24.0, 1.0), 5.0, 10.0, 0.35, _both(None, 7), None, (0, 5000)),
    "TNFA": Lab(_Y, (12.0, 0.6), 7.0, 25.0, 0.35, _both(None, 8.1), None, (0, 900)),
    "HGF": Lab(_Y, (2400.0, 0.5), 900.0, 30.0, 0.35, _both(None, None), None, (150, 20000)),
}
#: What the same sample tells of the same organ: the test another one moves with, and the power of it.
FOLLOWS = {"PTA": ("INR", -1.0), "PT": ("INR", 0.95), "BILDIR": ("BILI", 1.08), "UREAN": ("CREAT", 0.8)}
#: Cells that are counted apart, by what they are parts of, and the share of what is not: monocytes, eosinophils, basophils.
PARTS = {"WBC": ("NEUT", "LYM")}
UNCOUNTED = 0.12
HALF_LIFE_BY_RANK = {"BILI": (24.0, 21.0, 19.0)}
FLAT_DAYS = 3
#: Growth per day in subjects with an event within the days named, until the event.
WORSENING_WITHIN = 90
WORSENING = {"BILI": 1.012, "INR": 1.006}
#: Before a later event, and before a death after transplantation, the course turns and leads to these multiples of the start.
TURNED = {"BILI": 1.3, "INR": 1.15}
#: Fewest and most days from the turn to the event
TURN_DAYS = (28, 49)
#: What else fails in those who die, by cause: multiples of the start that are reached on the last day.
FAILING = {
    "MULTIPLE ORGAN FAILURE": {"CREAT": 2.8, "ALB": 0.74},
    "OTHER": {"CREAT": 2.4, "ALB": 0.74},
    "INFECTION/SEPSIS": {"CREAT": 1.7, "ALB": 0.82, "CRP": 4.0, "PCT": 8.0, "WBC": 1.9, "NEUT": 2.1},
    "HEMORRHAGE": {"CREAT": 1.4, "ALB": 0.82, "HGB": 0.65},
    "HEPATIC ENCEPHALOPATHY/CEREBRAL EDEMA": {"CREAT": 1.2, "ALB": 0.9, "AMMONIA": 2.0},
}
#: Days before the end on which those who fail have blood taken
CALLED_BEFORE_END = (1, 3, 7, 14, 21, 28)
#: After transplantation these fall to their floor with this half-life (days).
GRAFT_HALF_LIFE = 4.0
GRAFT_TESTS = ("BILI", "INR", "ALT", "AST", "AMMONIA")
#: Straight drift per day of survivors
SLOPE = {"ALB": 0.04, "ICGR15": -0.12, "LSM": -0.05}
ALBUMIN_RISE = (3.0, 5)
CELLS_IL6 = 0.8
LLOQ = {"IL6": (1.5, 0.06), "TNFA": (0.5, 0.10)}
MISSING = {"ICGR15": 0.12, "IL6": 0.08, "TNFA": 0.08, "HGF": 0.08, "LSM": 0.10, "HLA": 0.06, "RESPIRATION": 0.04}
LAB_MISSING = 0.03
POST_DOSE_TESTS = ("ALT", "AST", "BILI", "CREAT", "K", "WBC")
UNSCHEDULED_TESTS = ("ALT", "AST", "ALB", "BILI", "INR", "CREAT", "UREAN", "SODIUM", "K", "WBC", "HGB", "PLAT")
LOCAL_TWIN_SHARE = 0.02
TIMELESS_SHARE, TIMELESS_LOCAL_SHARE = 0.05, 0.25
PO2_KPA = 7.50062
MAP = (84.0, 9.0)
#: Lowest and highest ICG retention at the start
ICGR15_START = (10.0, 85.0)
LSM = (24.0, 11.0, 5.0, 75.0)
HBV_LOG10 = (5.2, 1.4, 2.0, 8.5)
HLA_POSITIVE = 0.08
HLA_NEW = (0.03, 0.12, 0.12)
HLA_INDETERMINATE = 0.01

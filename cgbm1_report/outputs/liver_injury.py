"""14.3.4.4: how high liver tests rose, where subjects stand by it, and the screens for drug-induced liver injury."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from cgbm1_report.analyse.counts import count_population
from cgbm1_report.derive.adlbhy import (
    ALP,
    BILIRUBIN,
    BILIRUBIN_ALONE,
    BOTH,
    ENZYME_ALONE,
    ENZYMES,
    NEITHER,
    PEAKS,
    QUADRANTS,
    RISES,
    criterion_of,
)
from cgbm1_report.errors import PlanError
from cgbm1_report.protocol.clinical import LiverInjury
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import Is, Key, Meaning, Part
from cgbm1_report.tabulate.builders import Rows, Selection, count_rows, head_row, join_rows
from cgbm1_report.tabulate.declare import Summary, output
from cgbm1_report.tabulate.derivation import Derived
from cgbm1_report.tabulate.table import count, out_of_percent
from cgbm1_report.tabulate.view import View

#: What the multiples are of, as PEAKS has them for each test; rises are above all but the first.
LEVELS = ("ULN", "level before treatment", "new lower baseline")
#: Of whom rows can tell: the head of rows of each level, of ranges and of screens names them, a note says it in full.
_WHO_HAS = ("", *(", in subjects who had one" for _ in LEVELS[1:]))
_WHO_HAS_BOTH = ", in subjects with both tests"
EITHER = " or ".join(ENZYMES)
_EITHERS = tuple(f"{EITHER}, times {level}" for level in LEVELS)
SCREENS = ("HYSLAW", "HYSBASE", "HYSNADIR")
SIGNS = {">=": "≥", ">": ">"}
#: Where subjects stand by two peaks, in words: of transaminases and of alkaline phosphatase, each with bilirubin.
QUADRANT_WORDS = {
    ENZYMES: {
        BOTH: "Hy's law range", ENZYME_ALONE: "Temple's corollary range", BILIRUBIN_ALONE: "Hyperbilirubinaemia",
        NEITHER: "Neither",
    },
    (ALP,): {BOTH: "Cholestatic range", ENZYME_ALONE: "ALP alone", BILIRUBIN_ALONE: "Hyperbilirubinaemia", NEITHER: "Neither"},
}  # fmt: skip
#: Of whom rows are shares: those with a value of the variable.
SHARES = ("AVAL", "AVALC", "CRIT1FL", *_EITHERS)


class _Rise(NamedTuple):
    """Subjects whose highest value of one of these parameters reached a bound."""

    key: Key
    label: str
    paramcds: tuple[str, ...]
    sign: str
    least: float

    def reach(self, records: pd.DataFrame) -> pd.DataFrame:
        own = records[records["PARAMCD"].isin(list(self.paramcds))]
        return own[own["AVAL"] >= self.least if self.sign == ">=" else own["AVAL"] > self.least]


def _bounds(paramcds: tuple[str, ...], key: Key, variable: str, sign: str, least: Sequence[float]) -> list[_Rise]:
    return [_Rise((*key, (variable, f"{sign}{one:g}")), f"{SIGNS[sign]}{one:g}", paramcds, sign, one) for one in least]


def _multiples(rules: LiverInjury, level: int) -> Iterator[tuple[str, list[_Rise]]]:
    """Each test, and the transaminases together, with the bounds their highest multiple of a level is counted by."""
    for test, codes in PEAKS.items():
        sign, least = criterion_of(rules, test)
        bounds = rules.transaminase_multiples if test in ENZYMES else (least,)
        yield codes[level], _bounds((codes[level],), (("PARAMCD", codes[level]),), "AVAL", sign, bounds)
    both = tuple(PEAKS[test][level] for test in ENZYMES)
    yield "", _bounds(both, (), _EITHERS[level], ">=", rules.transaminase_multiples)


def _rises(rules: LiverInjury, level: int) -> Iterator[tuple[str, list[_Rise]]]:
    """The tests whose highest rise above a level is counted, with the bounds in their unit."""
    for test, bounds in rules.rises.items():
        code = RISES[test][level - 1]
        yield code, _bounds((code,), (("PARAMCD", code),), "AVAL", ">=", bounds)


def _means_either(trial: Trial, _: int) -> Mapping[Part, Meaning]:
    """What the rows of the transaminases together mean: the one or the other."""
    if trial.liver_injury is None:
        return {}
    found: dict[Part, Meaning] = {}
    for level, name in enumerate(_EITHERS):
        codes = [PEAKS[test][level] for test in ENZYMES]
        found[name, None] = tuple({"PARAMCD": Is("=", code), "AVAL": Is("known")} for code in codes)
        for least in trial.liver_injury.transaminase_multiples:
            found[name, f">={least:g}"] = tuple({"PARAMCD": Is("=", code), "AVAL": Is(">=", least)} for code in codes)
    return found


def tell_rise(rules: LiverInjury, test: str, level: str = "") -> str:
    """A rise of a test in words: ``ALP ≥2 × ULN``."""
    sign, least = criterion_of(rules, test)
    return f"{SIGNS[sign]}{least:g}{f' × {level}' if level else ''}"


#: Multiples, rises, ranges and screens are parameters of their own, with the levels that they are of.
_AS_SUPPLIED = "Levels, multiples, rises, ranges and screens: as the supplied data say them (ADLBHY)."


def tell_screens(rules: LiverInjury) -> tuple[str, ...]:
    """What the screens ask, of the values that decide."""
    enzyme, bilirubin, alp = (tell_rise(rules, test, "ULN") for test in (ENZYMES[0], BILIRUBIN, ALP))
    return (
        Derived(
            f"Potential Hy's law: {EITHER} {enzyme} and bilirubin {bilirubin} on the same day or within {rules.within_days} days "
            f"after it, without ALP {alp} from the one day to the other.", _AS_SUPPLIED,
        ),
        Derived(
            f"The adjusted screens ask for the same rises of {EITHER} and bilirubin as multiples of the level before treatment, or "
            "of the new lower baseline (ULN where that is below ULN, the level before treatment where there is none yet); a test "
            "whose level before treatment was not above ULN does not meet them, and ALP plays no part.", _AS_SUPPLIED,
        ),
    )  # fmt: skip


def tell_levels(rules: LiverInjury) -> tuple[str, ...]:
    """What the levels are that values are multiples of."""
    return (
        Derived(
            f"Level before treatment: mean of the values of the {rules.level_days} days before the first infusion, where there are "
            f"at least {rules.level_values}, else the baseline.", _AS_SUPPLIED,
        ),
        Derived(
            "New lower baseline: lowest mean of two consecutive earlier values after the first dose, where it is below the level "
            "before treatment.", _AS_SUPPLIED,
        ),
    )  # fmt: skip


def _tell_criteria(rules: LiverInjury) -> tuple[str, ...]:
    """What the page's words mean, of the values that decide."""
    return (
        Derived(
            "Evaluable, the N of percentages: subjects with a result after the first dose and the level that a row compares it "
            f"with. Of a {LEVELS[2]} these are only those who had improved to it before the result. A range asks for the peaks of "
            f"both of its tests, a screen for {EITHER} and for bilirubin.",
            "Evaluable, the N of percentages: subjects with a value of the row.",
        ),
        *tell_levels(rules),
        *tell_screens(rules),
        Derived(
            f"Ranges are told by the highest multiples of {EITHER} ({tell_rise(rules, ENZYMES[0])}), of ALP "
            f"({tell_rise(rules, ALP)}) and of bilirubin ({tell_rise(rules, BILIRUBIN)}), whenever they were; the row below a "
            "range counts those of it whose bilirubin peaked on the day of the enzyme's peak or within "
            f"{rules.within_days} days after it.",
            _AS_SUPPLIED,
        ),
    )


def declares_injury(trial: Trial) -> bool:
    """Whether a trial tells of liver injury: its rules and every parameter that they derive."""
    made = {*SCREENS, *QUADRANTS, *(code for codes in (*PEAKS.values(), *RISES.values()) for code in codes)}
    return trial.liver_injury is not None and made <= trial.parameters.keys()


def rules_of(view: View) -> LiverInjury:
    """The rules of liver injury, which the output needs."""
    rules = view.trial.liver_injury
    if rules is None:
        raise PlanError("is not declared", file="trial.yaml", rule="liver_injury", remedy="declare what of a liver test is a rise")
    return rules


def _count_of(view: View, key: Key, label: str, known: pd.DataFrame, counted: Sequence[Selection]) -> Rows:
    """How many subjects can be told of, and how many of them each row has."""
    whole = count_rows(view, [Selection(key, f"{label}, evaluable", known)], show=count, indent=1)
    total = count_population(known.drop_duplicates("USUBJID"), view.column_keys)
    return join_rows([whole, count_rows(view, counted, show=out_of_percent, denominators=total, indent=2)])


def _name_of(view: View, paramcd: str) -> str:
    """A peak as its rows name it; the unit of a multiple stands in its name."""
    if not paramcd:
        return EITHER
    parameter = view.parameter(paramcd)
    return parameter.heading if paramcd in {code for codes in RISES.values() for code in codes} else parameter.label


def _count_rises(view: View, records: pd.DataFrame, told: Iterator[tuple[str, list[_Rise]]]) -> list[Rows]:
    parts = []
    for code, rises in told:
        codes = rises[0].paramcds
        known = records[records["PARAMCD"].isin(list(codes)) & records["AVAL"].notna()]
        counted = [Selection(one.key, one.label, one.reach(known)) for one in rises]
        whole: Key = (*rises[0].key[:-1], (rises[0].key[-1][0], None))
        parts.append(_count_of(view, whole, _name_of(view, code), known, counted))
    return parts


def count_quadrants(view: View, records: pd.DataFrame, paramcd: str) -> Rows:
    """Where the subjects stand by two peaks; of those in whom both are rises, in how many bilirubin followed in time."""
    own = records[records["PARAMCD"] == paramcd]
    words, key = QUADRANT_WORDS[QUADRANTS[paramcd][0]], (("PARAMCD", paramcd),)
    standing = {stands: own[own["AVALC"] == stands] for stands in words}
    counted = [Selection((*key, ("AVALC", stands)), words[stands], one) for stands, one in standing.items()]
    both = standing[BOTH]
    total = count_population(both, view.column_keys)
    days = f"Bilirubin peak within {rules_of(view).within_days} days"
    within = Selection((*key, ("AVALC", BOTH), ("CRIT1FL", "Y")), days, both[both["CRIT1FL"] == "Y"])
    rows = _count_of(view, (*key, ("AVALC", None)), view.parameter(paramcd).label, own, counted)
    below = count_rows(view, [within], show=out_of_percent, denominators=total, indent=3)
    return Rows(join_rows([rows, below]).numbers, [*rows.lines[:2], *below.lines, *rows.lines[2:]])


@output(
    "T14.3.4.4", "Potential Hy's Law and Baseline-Adjusted Criteria", population="SAF", source=("ADLBHY",),
    variables={"ADLBHY": ("USUBJID", "PARAMCD", "AVAL", "AVALC", "CRIT1FL")}, meanings=_means_either, shares=SHARES,
    needs={"liver_injury with its parameters": declares_injury}, listings=("L16.2.8.6",),
)  # fmt: skip
def liver_injury(view: View) -> Summary:
    """Subjects by the highest multiples and rises of liver tests, by where these put them, and by the screens for injury.

    These patients start above the limits: multiples of their own level tell an injury that multiples of ULN hide, and
    the level that they improved to tells one before the old level is reached again. Of a high level a multiple is far, and
    a rise in the unit of the test tells more.
    """
    rules = rules_of(view)
    records = view.records("ADLBHY", "PARAMCD", "AVAL", "AVALC", "CRIT1FL", only=True)
    parts = []
    for level, name in enumerate(LEVELS):
        words = name if name == "ULN" else f"the {name}"
        parts += [
            head_row((("multiples of", name),), f"Highest multiple of {words}{_WHO_HAS[level]}"),
            *_count_rises(view, records, _multiples(rules, level)),
        ]
    for level, name in list(enumerate(LEVELS))[1:] if rules.rises else ():
        parts += [
            head_row((("rises above", name),), f"Highest rise above the {name}{_WHO_HAS[level]}"),
            *_count_rises(view, records, _rises(rules, level)),
        ]
    parts.append(head_row((("ranges", None),), f"Ranges of the highest multiples{_WHO_HAS_BOTH}"))
    parts += [count_quadrants(view, records, code) for code in QUADRANTS]
    parts.append(head_row((("screens", None),), f"Screens for liver injury{_WHO_HAS_BOTH}"))
    for code in SCREENS:
        own = view.coded("ADLBHY", code)
        met = Selection((("PARAMCD", code), ("AVALC", "Y")), "Criteria met", own[own["AVALC"] == "Y"])
        parts.append(_count_of(view, (("PARAMCD", code), ("AVALC", None)), view.parameter(code).label, own, [met]))
    stub = "Liver test, n/N (%)\n  Highest multiple or rise"
    return Summary(*join_rows(parts), stub, stub_width=4.6, footnotes=_tell_criteria(rules))

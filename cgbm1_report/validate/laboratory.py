"""Rules about laboratory results: units and their conversion."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cgbm1_report.distinct import map_text
from cgbm1_report.protocol.schema import read_schema
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.validate.rules import rule
from cgbm1_report.validate.source import Source, number_text, record_findings

#: A standard result may differ from the converted original by rounding, not by more.
TOLERANCE = 0.005
#: A standard limit of reference may be rounded more coarsely.
LIMIT_TOLERANCE = 0.1
#: Blood gas is no analysis parameter; its standard unit is that of the P/F ratio.
OTHER_UNITS = {"PO2": "mmHg"}
#: A ratio has no unit; both ways of saying so are in use.
UNITLESS = "ratio"


def standard_units(trial: Trial) -> dict[str, str]:
    """Standard unit of each LBTESTCD."""
    units = {
        parameter.testcd or code: parameter.si_unit
        for code, parameter in trial.parameters.items()
        if parameter.dataset == "ADLB" and parameter.si_unit
    }
    return {**OTHER_UNITS, **units}


def conversion_factors(trial: Trial) -> pd.DataFrame:
    """LBTESTCD, LBORRESU, LBSTRESU and the factor from the original to the standard unit."""
    rows = []
    for conversion in trial.conversions:
        parameter = trial.parameters.get(conversion.param)
        test = (parameter.testcd if parameter else None) or conversion.param
        factor = conversion.multiply if conversion.multiply is not None else 1.0 / (conversion.divide or 1.0)
        rows += [
            (test, conversion.from_unit, conversion.to_unit, factor),
            (test, conversion.to_unit, conversion.from_unit, 1.0 / factor),
        ]
    return pd.DataFrame(rows, columns=["LBTESTCD", "LBORRESU", "LBSTRESU", "FACTOR"]).drop_duplicates(
        ["LBTESTCD", "LBORRESU", "LBSTRESU"]
    )


@rule("V21", "E", "results stand in their standard unit", "convert the result and state the unit of trial.yaml")
def results_have_standard_units(source: Source) -> Iterator[pd.DataFrame]:
    """LBSTRESU against the standard unit of its test."""
    frame = source.sdtm.get("LB")
    if frame is None:
        return
    table = source.table("LB", "LBTESTCD", "LBSTRESN", "LBSTRESU")
    expected = map_text(table["LBTESTCD"], standard_units(source.trial))
    given = table["LBSTRESU"]
    wrong = table["LBSTRESN"].notna() & expected.notna() & ~(given == expected) & ~((expected == UNITLESS) & given.isna())
    if wrong.any():
        message = table["LBTESTCD"] + " in " + given.fillna("no unit") + ", standard unit " + expected
        yield record_findings(frame, "LB", wrong, "LBSTRESU", message)


def plausible_ranges() -> dict[str, tuple[float, float]]:
    """Lowest and highest plausible standard result of each laboratory test that has such a range."""
    checks = [check for check in read_schema("LB")["checks"] if check["options"]["check_name"] == "plausible"]
    return {test: (float(low), float(high)) for check in checks for test, (low, high) in check["ranges"].items()}


@rule("V21", "E", "no result of another unit stands under the standard unit", "convert the result to the unit of trial.yaml")
def units_are_not_slipped(source: Source) -> Iterator[pd.DataFrame]:
    """Implausibly low results that are plausible once they are converted: creatinine 1.2 is mg/dL, whatever its unit says."""
    frame = source.sdtm.get("LB")
    if frame is None:
        return
    table = source.table("LB", "LBTESTCD", "LBORRES", "LBORRESU", "LBSTRESN", "LBSTRESU")
    ranges, units = plausible_ranges(), standard_units(source.trial)
    factors = conversion_factors(source.trial)
    names = (factors[name].tolist() for name in ("LBTESTCD", "LBORRESU", "LBSTRESU", "FACTOR"))
    for test, other, standard, factor in zip(*names, strict=True):
        low, high = ranges.get(test, (0.0, 0.0))
        if factor <= 1 or units.get(test) != standard:
            continue
        value = table["LBSTRESN"]
        here = (table["LBTESTCD"] == test) & (table["LBSTRESU"] == standard) & (value > 0) & (value < low)
        # A wrong conversion is named by its own check.
        here &= (table["LBORRESU"] == standard) | table["LBORRESU"].isna()
        slipped = here & (value * factor).between(low, high)
        message = f"{test} " + number_text(value.where(slipped)) + f" {standard} is plausible in {other} only"
        yield record_findings(frame, "LB", slipped, "LBSTRESU", message)


def _factors(source: Source) -> pd.Series:
    """What turns each original of LB into its standard unit; 1 where both are one, missing where nobody knows."""
    keys = ["LBTESTCD", "LBORRESU", "LBSTRESU"]
    table = source.table("LB", *keys)
    same = (table["LBORRESU"] == table["LBSTRESU"]) | (table["LBORRESU"].isna() & table["LBSTRESU"].isna())
    known = table[keys].merge(conversion_factors(source.trial), on=keys, how="left").set_axis(table.index)["FACTOR"]
    result: pd.Series = known.where(~same, 1.0)
    return result


@rule("V21", "E", "standard results are the converted originals", "convert again with the factor of trial.yaml")
def results_are_converted_right(source: Source) -> Iterator[pd.DataFrame]:
    """LBSTRESN against LBORRES times the factor, within 0.5%."""
    frame = source.sdtm.get("LB")
    if frame is None:
        return
    table = source.table("LB", "LBTESTCD", "LBORRES", "LBORRESU", "LBSTRESN", "LBSTRESU")
    original = pd.to_numeric(table["LBORRES"], errors="coerce").astype("float64")
    factor = _factors(source)
    both = original.notna() & table["LBSTRESN"].notna()
    units = table["LBORRESU"].fillna("no unit") + " to " + table["LBSTRESU"].fillna("no unit")
    unknown = both & factor.isna()
    if unknown.any():
        yield record_findings(frame, "LB", unknown, "LBORRESU", table["LBTESTCD"] + ": no factor is known from " + units)
    converted = original * factor
    wrong = both & ((table["LBSTRESN"] - converted).abs() > TOLERANCE * converted.abs() + 1e-12)
    if wrong.any():
        shown = table["LBTESTCD"] + " " + table["LBORRES"] + " " + units + " is " + number_text(converted.where(wrong))
        yield record_findings(frame, "LB", wrong, "LBSTRESN", shown + ", not " + number_text(table["LBSTRESN"].where(wrong)))


@rule(
    "V21",
    "E",
    "standard limits are the converted originals, in their order",
    "convert the reference limits with the factor of the result",
)
def limits_are_converted_right(source: Source) -> Iterator[pd.DataFrame]:
    """LBSTNRLO and LBSTNRHI against LBORNRLO and LBORNRHI times the factor of their result, within 10%.

    Laboratories round their limits; a limit left in the original unit is further off. A lower limit is
    not above the upper one.
    """
    frame = source.sdtm.get("LB")
    if frame is None:
        return
    factor = None
    for original, standard in (("LBORNRLO", "LBSTNRLO"), ("LBORNRHI", "LBSTNRHI")):
        if original in frame and standard in frame:
            factor = _factors(source) if factor is None else factor
            converted = pd.to_numeric(source.column("LB", original), errors="coerce").astype("float64") * factor
            given = source.column("LB", standard)
            wrong = (given - converted).abs() > LIMIT_TOLERANCE * converted.abs() + 1e-12
            if wrong.any():
                shown = source.column("LB", "LBTESTCD") + " " + source.column("LB", original) + " is "
                message = shown + number_text(converted.where(wrong)) + ", not " + number_text(given.where(wrong))
                yield record_findings(frame, "LB", wrong, standard, message)
    low, high = source.column("LB", "LBSTNRLO"), source.column("LB", "LBSTNRHI")
    turned = low > high
    if turned.any():
        message = (
            source.column("LB", "LBTESTCD") + ": the lower limit " + number_text(low) + " is above the upper " + number_text(high)
        )
        yield record_findings(frame, "LB", turned, "LBSTNRLO", message)

"""How a study's analysis data are made, where studies differ and nothing in the data says which way was taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from cgbm1_report.protocol.clinical import Frozen

if TYPE_CHECKING:
    import pandas as pd


class Conventions(Frozen):
    #: The flag of the one record per subject, parameter and visit; null: AVISITN alone names it.
    visit_flag: str | None = "ANL01FL"
    #: The flag of the one record per subject, parameter and visit that the outcomes are analysed by.
    efficacy_flag: str = "ANL02FL"
    #: The flag of the laboratory results after the first dose, of which a shift to the lowest and highest range is told.
    after_flag: str = "ONTRTFL"
    #: What a percent change (PCHG) is of: BASE, as ADaMIG has it, or its absolute value, as admiral derives it, which keeps the
    #: sign of the change. The two differ where a baseline is below 0.
    percent_change_of: Literal["BASE", "ABS(BASE)"] = "BASE"
    #: How a study spells coded values of its analysis data, by variable: its own text, and the one it stands for.
    codes: dict[str, dict[str, str]] = Field(default_factory=dict)

    def percent_base(self, base: pd.Series) -> pd.Series:
        """What a percent change is told of: the baseline or its absolute value."""
        return base.abs() if self.percent_change_of == "ABS(BASE)" else base

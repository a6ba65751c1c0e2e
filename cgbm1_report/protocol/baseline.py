"""What a protocol declares of subjects at baseline: the lines of their tables, and how a number is grouped."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from cgbm1_report.protocol.clinical import Frozen
from cgbm1_report.protocol.sections import Decimals


class Group(Frozen):
    """Groups of subjects by a number of ADSL: each limit is the first value of the group above it."""

    of: str
    limits: tuple[float, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _rise(self) -> Group:
        if list(self.limits) != sorted(set(self.limits)):
            raise ValueError(f"the limits of {self.of} do not rise: {', '.join(f'{limit:g}' for limit in self.limits)}")
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        """The groups in words, the lowest first: below a limit, between two, from the last one on."""
        between = (f"{low:g}-<{high:g}" for low, high in pairwise(self.limits))
        return f"<{self.limits[0]:g}", *between, f">={self.limits[-1]:g}"


class Subgroup(Frozen):
    """Groups of subjects that treatments are compared in: by the categories of a line of the tables at baseline.

    A number is parted ``at`` the first value of the upper group, or at the median of all subjects, which is of the lower one.
    """

    variable: str
    at: float | Literal["median"] | None = None


class Characteristic(Frozen):
    """A line of a table of subjects at baseline: a measured ADSL variable with its decimals, or a coded one.

    ``categories`` maps each code, in printing order, to its words. What is the value of a parameter says ``of`` which, and has
    its name, unit and decimals. A variable that a study brings in its own ADSL and schemas/ do not describe is its ``own``.
    """

    variable: str
    label: str | None = None
    dp: Decimals | None = None
    categories: dict[str, str] | None = Field(None, min_length=1)
    of: str | None = None
    own: bool = False

    @model_validator(mode="after")
    def _one_kind(self) -> Characteristic:
        if sum(one is not None for one in (self.dp, self.categories, self.of)) != 1:
            raise ValueError(f"{self.variable} needs either dp (measured), categories (coded) or of (the value of a parameter)")
        if (self.label is None) != (self.of is not None):
            raise ValueError(f"{self.variable} needs a label, or the parameter that names it (of)")
        return self

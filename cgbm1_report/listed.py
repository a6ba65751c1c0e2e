"""What a listing says, as data: which records it has, in which order, and what each of its columns prints of them.

Who makes a listing hears it (`tabulate.records`), and so does who asks the data a second time (`recount.listings`).
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from cgbm1_report.rows import Key, Meaning

#: What stands in the place of an end that has not come, in every listing.
ONGOING = "Ongoing"
#: Of several results of one kind that a sample has, which one it is: no variable, but a part of its key.
SAMPLE = "sample"
#: The column and the key of the one row of a listing that is withheld.
WITHHELD = "WITHHELD"
WITHHELD_KEY: Key = (("listing", "withheld"),)


@dataclass(frozen=True)
class Item:
    """A column of a listing.

    ``source`` is the variable it prints, of several the first that the data have; ``label`` its head, which may
    differ by the variable. ``join`` prints all of them, one behind the other, and nothing where none has a value. A variable that
    the records do not have is their subjects'; what is said ``once`` with the subject is always the subject's.

    A text is printed as it is, as a sentence where ``sentence`` says so (abbreviations as they are), or as its ``words`` say; a
    number without idle zeros, or rounded to ``dp`` decimals, which may differ by PARAMCD or, of joined ones, by the variable; a
    date by its day, with ``time`` to the minute. ``marks`` stand behind the value after a blank: what values of other variables
    are marked with. ``missing`` stands where there is no value, of joined ones in the place of each. An ``optional`` column is
    left out where the data have no variable of it, any other stays blank. Where a variable has one of the values that ``void``
    names, a number 0 is none: it says that there was nothing to measure.

    Where records are results and a row is a sample (`Listed.sample`), ``of`` says which result of the sample is printed: variables
    with their values.
    """

    key: str
    label: str | Mapping[str, str]
    source: str | Sequence[str] = ()
    width: float = 1.0
    align: Literal["left", "center", "right"] = "center"
    sentence: bool = False
    dp: int | Mapping[str, int] | None = None
    missing: str = ""
    join: str = ""
    optional: bool = False
    once: bool = False
    words: Mapping[str, str] | None = None
    marks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    of: Mapping[str, str] = field(default_factory=dict)
    time: bool = False
    void: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def named(self) -> tuple[str, ...]:
        """The variables it may print."""
        return (self.source,) if isinstance(self.source, str) and self.source else tuple(self.source) or (self.key,)

    @property
    def read(self) -> tuple[str, ...]:
        """The variables it reads: those that it may print, and what marks, chooses and voids them."""
        by = ("PARAMCD",) if isinstance(self.dp, Mapping) else ()
        return tuple(name for name in dict.fromkeys((*self.named, *by, *self.marks, *self.of, *self.void)) if name)

    def variables(self, present: Container[str]) -> list[str]:
        """Those it may print that are there."""
        return [name for name in self.named if name in present]


@dataclass(frozen=True)
class DateItem(Item):
    """A date as collected, with its study day in brackets.

    ``source`` are the collected text, the analysis date and the study day; the name of one there is not is empty. Without the
    collected text the analysis
    date stands for it. The day of an imputed date carries its imputation flag (D, M, Y), so that nobody takes it
    for a collected day. Of an end (AEENDTC, CMENDTC …) the domain's --ENRTPT says that it has not come: ``Ongoing``.
    """

    align: Literal["left", "center", "right"] = "left"

    @property
    def read(self) -> tuple[str, ...]:
        flag = (self.imputed,) if self.named[1] else ()
        return tuple(name for name in dict.fromkeys((*self.named, *flag, self.relative, *self.of)) if name)

    @property
    def imputed(self) -> str:
        """The variable that says what of the date was imputed."""
        return f"{self.named[1]}F"

    @property
    def relative(self) -> str:
        """The variable that says that an end has not come; nothing where it is no end."""
        collected = self.named[0]
        return collected.removesuffix("ENDTC") + "ENRTPT" if collected.endswith("ENDTC") else ""


@dataclass(frozen=True)
class TimeItem(Item):
    """The time of a date as collected, to the minute: nothing where none was."""


@dataclass(frozen=True)
class RangeItem(Item):
    """From the one of its two variables to the other: ``10 to 35``, and ``>=10`` or ``<=35`` where there is one of them."""


@dataclass(frozen=True)
class FirstItem(Item):
    """The first of its variables that has a value in the record; one of ``same`` only where these two have the same value."""

    same: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def read(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*super().read, *(name for pair in self.same.values() for name in pair))))


@dataclass(frozen=True)
class JoinedItem(Item):
    """What several columns would say, one behind the other with ``join`` between them.

    Blank ones are left out, and one that says what the one before it says, letters and blanks apart. ``missing`` stands behind the
    first where no other says anything.
    """

    join: str = " / "
    parts: tuple[Item, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for part in self.parts for name in part.named))

    @property
    def read(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for part in self.parts for name in part.read))


@dataclass(frozen=True)
class ReasonItem(Item):
    """Why a record is listed: each of its ``reasons`` that holds, with the variables and values that it is told by.

    A reason of a variable that the data do not have holds of no record. ``join`` stands between them.
    """

    join: str = ", "
    reasons: Mapping[str, Mapping[str, str | tuple[str, ...]]] = field(default_factory=dict)

    @property
    def read(self) -> tuple[str, ...]:
        told = (name for chosen in self.reasons.values() for names in chosen for name in names.split("|"))
        return tuple(dict.fromkeys(told))


class Ranked(NamedTuple):
    """An order of values that their letters do not tell: that of the ``levels``; all others come last."""

    variable: str
    levels: tuple[str, ...]


@dataclass(frozen=True)
class Listed:
    """What a listing says.

    Parameters
    ----------
    items
        Its columns behind subject and dose group.
    sort
        What records are ordered by within a subject.
    key
        What tells a record, with the subject.
    dataset
        Whose records they are, if it is not the first of the output's sources. Which ones, the declaration's ``where`` says.
    chosen
        Which ones, where ``where`` cannot say it.
    sample
        What the results in one row have in common, where a row is a sample. Then items say by ``of`` which result they
        print; a result that no item prints a text of is none of the sample's. Of several results of one item each has a row; the
        part ``sample`` of the key counts them.
    also
        Records of other datasets in the same listing: their items have the keys of the columns they print (any other is blank),
        their ``sort`` and ``key`` stand in the place of the listing's; an empty name where they have none.
    repeats
        What orders several results of one item in a sample, of what the data have.
    groups
        Of records that are a dose group's and no subject's, the variable that names the group, in any case of letters.
    withheld
        What a listing that would tell of treatment says in the place of all its records while that is blinded: head and words.
    """

    items: tuple[Item, ...]
    sort: tuple[str | Ranked, ...] = ()
    key: tuple[str, ...] = ()
    dataset: str = ""
    chosen: Meaning | None = None
    sample: tuple[str, ...] = ()
    repeats: tuple[str, ...] = ()
    also: tuple[Listed, ...] = ()
    groups: str = ""
    withheld: tuple[str, str] | None = None

    @property
    def common(self) -> tuple[str, ...]:
        """What the results in one row have in common: the sample, and what voids a number of it."""
        voids = (name for item in self.items if not item.of for name in item.void)
        return tuple(dict.fromkeys((*self.sample, *voids)))

    @property
    def parts(self) -> tuple[Listed, ...]:
        """It, and what it lists of other datasets."""
        return (self, *self.also)

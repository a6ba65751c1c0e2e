"""Narratives: of which events, for which reasons (trial.yaml), and what they say (templates/narratives.yaml)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError, field_validator, model_validator

from cgbm1_report.assets import asset
from cgbm1_report.errors import PlanError, Problem
from cgbm1_report.protocol.agree import Contradiction
from cgbm1_report.protocol.clinical import Frozen, Span, no_twice
from cgbm1_report.protocol.schema import schema_values
from cgbm1_report.protocol.wording import tokens_in
from cgbm1_report.protocol.yamlfile import read_yaml

if TYPE_CHECKING:
    from cgbm1_report.protocol.trial import Trial

_FILE = "narratives.yaml"


class NarrativeReason(Frozen):
    """Why there is a narrative: of which adverse events, and of which subjects without such an event.

    Variables have one value, or one of several; of ``A|B`` one variable is enough, with the value in its place.
    """

    label: str = Field(min_length=1)
    events: dict[str, str | tuple[str, ...]] = Field(min_length=1)
    subjects: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)


class Narratives(Frozen):
    """Which events have a narrative, with every reason that holds; what stands near an event, in days from its onset."""

    reasons: tuple[NarrativeReason, ...] = Field(min_length=1)
    days: Span
    #: Laboratory parameters that a narrative shows near its event, in their order.
    laboratory: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _told_apart(self) -> Narratives:
        no_twice("reason", [one.label for one in self.reasons])
        no_twice("laboratory parameter", self.laboratory)
        return self


class Phrase(Frozen):
    """Words with the values they name, said where a variable is known, is among these values, or is ``above`` a number.

    What is said ``anew`` is said where it differs from what the record before it in the same line has.
    """

    text: str = Field(min_length=1)
    when: str = ""
    among: tuple[str, ...] = ()
    above: float | None = None
    anew: bool = False

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables it names or asks."""
        named = (token.partition(":")[0] for token in tokens_in(self.text))
        return tuple(dict.fromkeys(name for name in (*named, self.when) if name))

    @model_validator(mode="after")
    def _holds_no_number(self) -> Phrase:
        if re.search(r"\d", re.sub(r"\{[^{}]*\}", "", self.text)):
            raise ValueError(f"{self.text!r} holds a number: it must be a value of the data")
        if "" in tokens_in(self.text):
            raise ValueError(f"{self.text!r} has a brace without its other, or without a name")
        return self


class Told(Frozen):
    """Records that an item says: of which dataset, chosen how, named by which variables, in which order."""

    dataset: str
    key: tuple[str, ...] = ()
    where: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    own: bool = False
    near: bool = False
    during: tuple[str, str] | None = None
    date: str = ""
    day: str = ""
    say: tuple[Phrase, ...] = Field(min_length=1)

    @property
    def asked(self) -> tuple[str, ...]:
        """What records are named by, and found near an event by: without it none would be told, as if there were none."""
        return tuple(dict.fromkeys((*self.key, *(self.during or ()), *([self.date] if self.near else []))))

    @property
    def variables(self) -> tuple[str, ...]:
        """All that is asked of a record, or said of it."""
        said = (name for phrase in self.say for name in phrase.variables)
        chosen = (name for names in self.where for name in names.split("|"))
        return tuple(dict.fromkeys(name for name in (*self.asked, *said, *chosen, self.date, self.day) if name))

    @field_validator("say", mode="before")
    @classmethod
    def _words_alone(cls, said: Any) -> Any:
        return [{"text": one} if isinstance(one, str) else one for one in said] if isinstance(said, list) else said


class Item(Frozen):
    """A part of a narrative under its name: records one behind the other, or ``apart``, or a line for each value of ``by``."""

    item: str
    records: tuple[Told, ...] = Field(min_length=1)
    none: str = ""
    apart: bool = False
    by: str = ""


class NarrativeWords(Frozen):
    """What all narratives say: items of a subject, items of each event, the words of coded values."""

    missing: str
    unwritten: str
    #: What stands below a physician's text whose event has changed since, and in the place of one that is of another day.
    outdated: str
    #: What stands below one of a death of which its file does not say what it was.
    undated: str
    moved: str
    #: The note that names a text whose event is gone: a page that was there and is not is seen by nobody.
    lost: str
    words: dict[str, dict[str, str]] = Field(default_factory=dict)
    subject: tuple[Item, ...]
    event: tuple[Item, ...]

    @property
    def datasets(self) -> tuple[str, ...]:
        """Every dataset that is told of, each once."""
        return tuple(dict.fromkeys(one.dataset for item in (*self.subject, *self.event) for one in item.records))


@lru_cache(maxsize=1)
def read_narrative_words() -> NarrativeWords:
    """The sentences of templates/narratives.yaml, checked.

    Raises
    ------
    PlanError
        With every place of the file that is wrong.
    """
    file = asset("templates", _FILE)
    try:
        return NarrativeWords.model_validate(read_yaml(file))
    except ValidationError as error:
        raise PlanError.of(
            Problem(one["msg"], str(file), "sentences of narratives", ".".join(map(str, one["loc"])), "correct the file")
            for one in error.errors()
        ) from error


def _narrated(trial: Trial) -> Iterator[Contradiction]:
    """What events and subjects are chosen by can be had, and parameters of the laboratory are declared."""
    rule = trial.narratives
    for at, reason in enumerate(rule.reasons if rule else ()):
        for of, dataset, chosen in (("events", "ADAE", reason.events), ("subjects", "ADSL", reason.subjects)):
            for names, values in chosen.items():
                several, told = names.split("|"), (values,) if isinstance(values, str) else values
                place = f"narratives.reasons.{at}.{of}.{names}"
                if len(several) > 1 and len(several) != len(told):
                    yield place, f"{names} needs a value for each of its variables", "name as many values as variables"
                    continue
                pairs = [(names, one) for one in told] if len(several) == 1 else list(zip(several, told, strict=True))
                for name, value in pairs:
                    listed, _ = schema_values(dataset, name) or ((), True)
                    if listed and value not in listed:
                        yield place, f"{name} of {dataset} is never {value!r}", f"use one of {', '.join(map(str, listed))}"
    for code in rule.laboratory if rule else ():
        if code not in trial.parameters:
            yield "narratives.laboratory", f"{code} is no parameter", "declare it under parameters, or take it out"


NARRATIVE_CHECKS = (_narrated,)

"""The texts of a trial.yaml are printed as they stand: none is empty, has blanks at its ends, or holds signs nobody sees."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from cgbm1_report.protocol.agree import Contradiction
from cgbm1_report.protocol.wording import tokens_in

if TYPE_CHECKING:
    from cgbm1_report.protocol.trial import Trial

#: Categories of Unicode without a picture: controls (line ends too), formats such as a zero-width space, separators of lines.
_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"})

#: A day in figures. In a text that can name the value by its token it would stay when the value changes; day 0 never does.
_DAY = re.compile(r"\b[1-9]\d*\s+days?\b|\b[Dd]ays?\s+[1-9]\d*\b")
_TOKEN = re.compile(r"\{[^{}]*\}")


def find_texts(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every text below a value with its place, names of free keys too."""
    # Of a model what it holds: to ask for a field is to use it, and this only looks.
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            # A text that is empty where the file says nothing was not written by anybody.
            if value.__dict__[name] != "" or field.default != "":
                yield from find_texts(value.__dict__[name], f"{place}.{name}".lstrip("."))
    elif isinstance(value, dict):
        for key, inner in value.items():
            here = f"{place}.{key}".lstrip(".")
            if isinstance(key, str):
                yield here, key
            yield from find_texts(inner, here)
    elif isinstance(value, tuple):
        for at, inner in enumerate(value):
            yield from find_texts(inner, f"{place}.{at}")
    elif isinstance(value, str):
        yield place, value


def _signs(trial: Trial) -> Iterator[Contradiction]:
    for place, text in find_texts(trial):
        # What can be printed has a picture: most texts are not looked at sign by sign.
        doubted = "" if text.isprintable() else text
        unseen = sorted({f"U+{ord(char):04X}" for char in doubted if unicodedata.category(char) in _UNSEEN})
        if unseen:
            yield place, f"{text[:40]!r} holds {', '.join(unseen)}, which nobody sees", "write it in one line of visible signs"
        elif not text.strip():
            yield place, "is an empty text", "write it, or leave the key out"
        elif text != text.strip():
            yield place, f"{text[:40]!r} begins or ends with a blank", "take the blank out"


def _days(trial: Trial) -> Iterator[Contradiction]:
    """A footnote or a label names a day by its token: as figures it would stay where the value changes."""
    texts = [(f"footnotes.{code}", f"footnote {code}", text) for code, text in trial.footnotes.items()]
    for place, whose, text in texts:
        told = _DAY.search(_TOKEN.sub("", text))
        if told:
            yield place, f"{whose} says {told[0]!r} in figures", "name the value by its token, as {followup_days}"


def _doses(trial: Trial) -> Iterator[Contradiction]:
    """The label of an arm with a dose takes the dose from where it decides."""
    for at, label in enumerate(trial.written_labels):
        arm = trial.arms[at]
        if arm.dose_per_infusion_e6_cells_per_kg and "dose" not in tokens_in(label) and re.search(r"\d", label):
            told = f"the label of arm {arm.armcd} says a number, {label!r}, beside the dose that decides"
            yield f"arms.{at}.column_label", told, "name the dose by its token, {dose}"


TEXT_CHECKS = (_signs, _days, _doses)

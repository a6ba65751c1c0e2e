"""Every question is asked alone: one that itself fails is a finding, and all others are still asked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from traceback import extract_tb

import pandas as pd

logger = logging.getLogger(__name__)

#: What mends a question that could not be asked.
REMEDY = "correct what the other findings name; if nothing else is wrong, report the rule as a defect of the program"


@dataclass(frozen=True)
class Asker:
    """Asks rules and checks, one by one.

    ``quote`` is false while a phase is blind: the words of an error may quote a value of the data.
    ``explained`` is true where a dataset or variable has been found missing, or of another kind: a
    question that fails then was not asked for that reason; the error is that one, and this a note beside it.
    """

    quote: bool = True
    explained: bool = False

    def ask(self, rule: str, title: str, dataset: str, question: Callable[[], Iterable[pd.DataFrame]]) -> list[pd.DataFrame]:
        """What a question finds; where it fails, what it found until then and the finding that says so."""
        parts: list[pd.DataFrame] = []
        try:
            parts.extend(part for part in question() if len(part))
        except Exception as error:
            # Data that are wrong in a way nobody thought of must not keep the other rules from speaking.
            logger.debug("rule %s, %s, failed", rule, title, exc_info=True)
            parts.append(self._unasked(rule, title, dataset, error))
        return parts

    def _unasked(self, rule: str, title: str, dataset: str, error: Exception) -> pd.DataFrame:
        last = extract_tb(error.__traceback__)[-1]
        place = f"{Path(last.filename).name}, line {last.lineno}"
        why = f"{type(error).__name__}: {error}" if self.quote else f"{type(error).__name__} ({place})"
        said = "was not asked, for what V02 finds missing or of another kind" if self.explained else "could not be asked"
        message = f"rule {rule}, {title}, {said}: {why}"
        finding = {"usubjid": None, "key": "", "dataset": dataset, "variable": "", "value": None, "message": message}
        return pd.DataFrame([{**finding, "severity": "I" if self.explained else "E", "rule": rule, "remedy": REMEDY}])

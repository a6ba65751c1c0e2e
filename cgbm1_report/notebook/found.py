"""What was found by words; where nothing was, that is said, and which words come near."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import AbstractContextManager
from html import escape
from typing import ClassVar

import pandas as pd

from cgbm1_report.distinct import fold_text
from cgbm1_report.errors import find_near

#: So many words are named that may have been meant by one.
_NAMED = 3


class Found(pd.DataFrame):
    """A frame that shows its texts whole, and says of itself, where it is empty, why."""

    _metadata: ClassVar = ["told"]
    told: str = ""

    def say_near(self, words: str, texts: Iterable[str]) -> None:
        """Keep for its display what was asked for in vain, and which words of the (folded) ``texts`` come near."""
        known = dict.fromkeys(word for text in texts for word in re.findall(r"[\w.]+", text))
        strange = [word for word in fold_text(words).split() if not any(word in one for one in known)]
        near = dict.fromkeys(one for word in strange for one in find_near(word, known, _NAMED))
        more = f"; near: {', '.join(near)}" if near else ""
        # Of words each of which something holds, no more is to be said than that nothing holds them all.
        self.told = f'nothing holds "{" ".join(strange) or words}"{more}'

    @property
    def _constructor(self) -> type[Found]:
        return Found

    def __repr__(self) -> str:
        if self._is_told:
            return self.told
        with self._whole():
            return super().__repr__()

    def _repr_html_(self) -> str | None:
        if self._is_told:
            return f"<p>{escape(self.told)}</p>"
        with self._whole():
            return super()._repr_html_()  # type: ignore[misc, no-any-return]  # the stubs lack it

    @property
    def _is_told(self) -> bool:
        return self.empty and bool(self.told)

    @staticmethod
    def _whole() -> AbstractContextManager[None]:
        """Every row, every column and every title to its end: titles differ in their last words."""
        return pd.option_context("display.max_rows", None, "display.max_columns", None, "display.max_colwidth", None)

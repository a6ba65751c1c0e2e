"""Which variables questions ask for, by the names that stand in them: by these it is known of what data an answer was made.

A question cannot use a value without naming its variable, but where it names all of a table; of these it hands on what others name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

#: The variables of each dataset; among them `_ITSELF` where the dataset was named too.
Names = dict[str, set[str]]
_ITSELF = ""
_WORD = re.compile(r"\w+")


def of_named(heard: Names) -> Names:
    """The variables that were asked for of the datasets that were named: a variable has its name in others too."""
    return {dataset: variables - {_ITSELF} for dataset, variables in heard.items() if _ITSELF in variables}


class Heard:
    """The variables that are asked for; ``columns`` are those there are, by dataset, which are read as they become known."""

    def __init__(self, columns: Mapping[str, Mapping[str, str]]) -> None:
        self._columns = columns
        self._now: Names = {}
        self._told: dict[str, Names] = {}
        #: Each variable with its dataset, by its name in any case of letters; and the names that are no word.
        self._known: dict[str, list[tuple[str, str]]] = {}
        self._odd: list[str] = []

    def hear(self, question: str) -> None:
        """Note the variables that a question names: those of every dataset that has one of this name."""
        if question not in self._told:
            self._told[question] = self._read(question)
        self.hear_again(self._told[question])

    def hear_again(self, names: Mapping[str, set[str]]) -> None:
        """Note what was heard before."""
        for dataset, variables in names.items():
            self._now.setdefault(dataset, set()).update(variables)

    @contextmanager
    def alone(self) -> Iterator[Names]:
        """What is heard in this block, which is heard outside of it too."""
        before, self._now = self._now, {}
        heard = self._now
        try:
            yield heard
        finally:
            self._now = before
            self.hear_again(heard)

    def _read(self, question: str) -> Names:
        if not self._known:
            self._learn()
        plain = question.casefold()
        words = {*_WORD.findall(plain), *(name for name in self._odd if name in plain)}
        found: Names = {name: {_ITSELF} for name in self._columns if name.casefold() in words}
        for word in words & self._known.keys():
            for dataset, variable in self._known[word]:
                found.setdefault(dataset, set()).add(variable)
        return found

    def _learn(self) -> None:
        for dataset, variables in self._columns.items():
            for variable in variables:
                # As it stands in a question, where a quotation mark in it is doubled.
                self._known.setdefault(variable.replace('"', '""').casefold(), []).append((dataset, variable))
        self._odd = [name for name in self._known if not _WORD.fullmatch(name)]

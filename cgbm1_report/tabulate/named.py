"""What an output is called in words, by its number: Table 14.3.1.2.1, Figure 14.2.1.2, Display SRC-1."""

from __future__ import annotations

from cgbm1_report.tabulate.files import is_of_package

_WORDS = {"T": "Table", "F": "Figure", "L": "Listing", "A": "Appendix", "N": "Narrative"}
#: What an output's name in words begins with.
OUTPUT_WORDS = (*_WORDS.values(), "Display")


def output_word(number: str) -> str:
    """What kind of output a number names: ``Table`` of ``T14.1.1.2``."""
    return "Display" if is_of_package(number) else _WORDS.get(number[:1], "Output")


def output_label(number: str) -> str:
    """``T14.1.1.2`` in words: ``Table 14.1.1.2``; of a package, whatever its kind, ``Display SRC-1``."""
    if is_of_package(number):
        return f"Display {number}"
    word = _WORDS.get(number[:1])
    return f"{word} {number[1:]}" if word and number[1:2].isdigit() else number


class Numbered:
    """What stands under a number in the report."""

    number: str
    title: str

    @property
    def label(self) -> str:
        """The output's name in words: Table 14.3.1.2.1, Figure 14.2.1.2."""
        return output_label(self.number)

    def __repr__(self) -> str:
        # All that it holds would fill pages.
        return f"<{self.label}: {self.title}>"

"""Finds the abbreviations an output prints, whose words stand once, in trial.yaml."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from html import unescape

#: Words of a picture: drawn as text, so that they can be searched.
_DRAWN = re.compile(r"<text\b[^>]*>(.*?)</text>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


def find_abbreviations(texts: Iterable[str], words: Mapping[str, str]) -> dict[str, str]:
    """The abbreviations that stand in the texts as whole words, in the case they are declared in, from A to Z.

    A plural is its singular (``CIs``). Of two that fit in one place the longer one is meant: ``p.value of`` is
    not ``of``.
    """
    if not words:
        return {}
    found = set(_pattern(tuple(words)).findall("\n".join(dict.fromkeys(texts))))
    return {short: words[short] for short in sorted(found, key=lambda short: (short.casefold(), short))}


@lru_cache(maxsize=8)
def _pattern(shorts: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(shorts, key=lambda short: (-len(short), short))
    return re.compile(rf"(?<!\w)({'|'.join(map(re.escape, longest_first))})s?(?!\w)")


def drawn_words(svg: str) -> list[str]:
    """The texts of a picture."""
    return [unescape(_TAG.sub("", text)) for text in _DRAWN.findall(svg)]


def say_coded(text: str, words: Mapping[str, str]) -> str:
    """A coded value as a page says it: ``MTD NOT REACHED`` is MTD not reached, an abbreviation stays what it is."""
    said = " ".join(word if word in words else word.lower() for word in text.split(" "))
    return said[:1].upper() + said[1:]

"""Where a writer's own words still say the data cut-off of the outputs that were replaced: he is told, they are never changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from cgbm1_report.emit.seal import text_of

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
#: Parts that hold a writer's words besides the main one, and what they are called.
_PARTS = re.compile(r"word/(header|footer|footnotes|endnotes)(\d*)\.xml|docProps/(core|custom)\.xml")
_WORDS, _MOST = 60, 20
_ANY_TEXT = re.compile(rb">([^<]+)<")


def find_old_dates(
    parts: Mapping[str, bytes], own: Iterable[bytes], dates: Iterable[str], tables: Iterable[tuple[str, bytes]] = ()
) -> list[str]:
    """Lines that name each place where one of these dates stands, as people write dates.

    A table may have the date for another reason, as a day of a visit: of each it is said once, and that nobody can tell.

    Parameters
    ----------
    own
        The pieces of the main part that are neither outputs nor tables.
    dates
        The data cut-offs that the outputs had, in ISO 8601.
    tables
        The writer's own tables, and where each stands.
    """
    patterns = {text: _written(date.fromisoformat(text)) for text in sorted(set(dates))}
    found = [
        f"{place} still {'say' if place == 'properties' else 'says'} {match[0]}: {_short(words, match.start())}"
        for place, words in (_said(parts, own) if patterns else ())
        for pattern in patterns.values()
        if (match := pattern.search(words))
    ]
    found += [
        f"a table {where} says {match[0]}, which may be a date of its own: {_short(words, match.start())}"
        for where, words in ((where, " | ".join(_paragraphs(table))) for where, table in tables if patterns)
        if (match := next(filter(None, (pattern.search(words) for pattern in patterns.values())), None))
    ]
    told = list(dict.fromkeys(found))
    more = len(told) - _MOST
    return [*told[:_MOST], f"and {more} more places still say it"] if more > 0 else told


def _written(day: date) -> re.Pattern[str]:
    """A date in the ways that people write it."""
    month = _MONTHS[day.month - 1]
    named, number, gap = f"(?:{month}|{month[:3]})", f"0?{day.day}", r"[\s\u2011-]?"
    ways = (
        f"{day:%Y-%m-%d}|{day:%Y}\u2011{day:%m}\u2011{day:%d}",
        rf"{number}(?:st|nd|rd|th)?{gap}{named}\.?,?{gap}{day.year}",
        rf"{named}\.?\s?{number}(?:st|nd|rd|th)?,?\s?{day.year}",
        rf"{day:%d}[./]{day:%m}[./]{day.year}|{day:%m}/{day:%d}/{day.year}",
    )
    return re.compile(rf"(?<![\w-])(?:{'|'.join(ways)})(?![\w-])", re.I)


def _said(parts: Mapping[str, bytes], own: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """Places of a document with the texts that stand there, paragraph by paragraph."""
    for name in sorted(parts):
        told = _PARTS.fullmatch(name)
        if told and told[3]:
            yield "properties", " ".join(text.decode("utf-8", "replace") for text in _ANY_TEXT.findall(parts[name]))
        elif told:
            place = f"{told[1]} {told[2]}".strip().replace("notes", "note")
            yield from ((place, words) for words in _paragraphs(parts[name]))
    for piece in own:
        yield from (("a paragraph", words) for words in _paragraphs(piece))


def _paragraphs(content: bytes) -> Iterator[str]:
    for paragraph in content.split(b"</w:p>"):
        words = " ".join(text_of(re.sub(rb"<w:(?:tab|br)\b[^>]*/>", b"<w:t> </w:t>", paragraph)).split())
        if words:
            yield words


def _short(words: str, at: int) -> str:
    """The words around a place."""
    start = max(0, at - _WORDS // 2)
    piece = words[start : start + _WORDS]
    return repr(f"{'…' if start else ''}{piece}{'…' if start + _WORDS < len(words) else ''}")


def between(content: bytes, regions: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    """The pieces of a main part outside these regions, which stand in order."""
    last = 0
    for start, stop in regions:
        yield content[last:start]
        last = max(last, stop)
    yield content[last:]

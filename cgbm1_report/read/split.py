"""Split domains: LBCH, LBHM and so on are read as the LB they are parts of.

A sponsor may deliver a large domain in several datasets named by the domain and one or two more
characters; DOMAIN says the domain in all of them, and --SEQ counts over all.
Source: SDTMIG 3.4, section 4.1.7, Splitting domains, and 8.4, SUPP-- of split domains.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from cgbm1_report.errors import DataError, Problem
from cgbm1_report.protocol.schema import has_schema, schema_title
from cgbm1_report.read.labels import Labels

_CODE: Final = 2
#: Characters of the name of a part: the domain's two and one or two of its own.
_PART: Final = (3, 4)


def find_domain(dataset: str, frame: pd.DataFrame, file: str) -> str:
    """The domain a dataset of SDTM belongs to: its own name, or that of the domain it is a part of.

    Parameters
    ----------
    dataset
        Upper-case name of the file.
    frame
        Its records as the file has them.
    file
        Named in errors.

    Raises
    ------
    ReportError
        DOMAIN says another domain than the name of the file: one of the two is wrong.
    """
    columns = {str(name).upper(): name for name in frame.columns}
    told: set[str] = set()
    if "DOMAIN" in columns:
        text = frame[columns["DOMAIN"]].astype("str").str.rstrip()
        told = set(text[text != ""].dropna().unique())
    parent, may_split = dataset[:_CODE], len(dataset) in _PART and not has_schema(dataset)
    if told == {dataset} or dataset.startswith("SUPP"):
        return dataset
    if may_split and (told == {parent} or (not told and f"{parent}SEQ" in columns)):
        return parent
    if told:
        others = ", ".join(sorted(told - {dataset})[:5])
        raise DataError(
            f"is named {dataset}, but DOMAIN says {others}",
            closed=f"is named {dataset}, but DOMAIN says another",
            file=file,
            rule="one file, one domain",
            remedy="name the file by its domain, or correct DOMAIN",
        )
    return dataset


def note_inside_name(inside: str, names: set[str], file: str) -> list[Problem]:
    """What is said of a file that calls its dataset by the name of another one: ADVS under the name adlb.xpt.

    Its records decide what it is (DOMAIN, its schema); the name only tells that somebody renamed a file.

    Parameters
    ----------
    inside
        What the file calls its dataset; a name nobody knows, such as DATASET, says nothing.
    names
        What it may be called: by its file, its domain, the study.
    """
    name = inside.strip().upper()
    if name in names or not has_schema(name):
        return []
    message = f"is named {sorted(names)[0]}, but the dataset in it is named {name}"
    return [Problem(message, file=file, rule="one file, one dataset", remedy="see whether the file is the right one")]


def join_parts(
    frames: Mapping[str, pd.DataFrame], domains: Mapping[str, str], files: Mapping[str, str]
) -> tuple[dict[str, pd.DataFrame], list[Problem]]:
    """Frames by domain: parts one below the other, with the variables of all of them.

    Parameters
    ----------
    frames, files
        Frame and file by dataset.
    domains
        The domain of each dataset (`find_domain`).

    Returns
    -------
    The frames, and what is wrong: a domain delivered whole and in parts, or a variable that is text in one
    part and a number in another.
    """
    parts: dict[str, list[str]] = {}
    for dataset in sorted(frames):
        parts.setdefault(domains.get(dataset, dataset), []).append(dataset)
    joined: dict[str, pd.DataFrame] = {}
    problems: list[Problem] = []
    for domain, datasets in parts.items():
        if datasets == [domain]:
            joined[domain] = frames[domain]
            continue
        told = [files.get(dataset, dataset) for dataset in datasets]
        if domain in datasets:
            problems.append(
                _problem(f"{domain} is delivered whole and in parts: {', '.join(told)}", told[0], "keep one of the two")
            )
            continue
        clash = _clash([frames[dataset] for dataset in datasets])
        if clash:
            message = f"{', '.join(clash)} of {domain} is text in one part and a number in another: {', '.join(told)}"
            problems.append(_problem(message, told[0], "deliver it as one kind"))
            continue
        joined[domain] = _join([frames[dataset] for dataset in datasets], domain)
    return joined, problems


def _problem(message: str, file: str, remedy: str) -> Problem:
    return Problem(message, file=file, rule="split domains", remedy=remedy)


def _clash(frames: list[pd.DataFrame]) -> list[str]:
    kinds: dict[str, set[bool]] = {}
    for frame in frames:
        for name in frame:
            if frame[name].notna().any():
                kinds.setdefault(str(name), set()).add(isinstance(frame[name].dtype, pd.StringDtype))
    return sorted(name for name, found in kinds.items() if len(found) > 1)


def _join(frames: list[pd.DataFrame], domain: str) -> pd.DataFrame:
    kinds: dict[str, Any] = {}
    for frame in frames:
        for name in frame:
            if str(name) not in kinds or frame[name].notna().any():
                kinds[str(name)] = frame[name].dtype
    alike = [
        pd.DataFrame(
            {
                name: frame[name].astype(kind) if name in frame else pd.Series(None, index=frame.index, dtype="object").astype(kind)
                for name, kind in kinds.items()
            }
        )
        for frame in frames
    ]
    joined = pd.concat(alike, ignore_index=True)
    labels = Labels({name: label for frame in frames for name, label in frame.attrs["labels"].items()})
    joined.attrs = {"labels": labels, "label": schema_title(domain) or frames[0].attrs["label"]}
    return joined

"""A study told in another order, in other files, about subjects of other names; and its results with the names put back."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from cgbm1_report.read.adamfiles import write_adam

Frames = dict[str, pd.DataFrame]
FORMATS = ("xpt", "csv", "parquet", "json")


def shuffle(frames: Frames, seed: int) -> Frames:
    """Rows and columns of each frame in an order of chance."""
    rng, mixed = np.random.default_rng(seed), {}
    for name, frame in frames.items():
        mixed[name] = frame.iloc[rng.permutation(len(frame))].reset_index(drop=True)[list(rng.permutation(frame.columns))]
        mixed[name].attrs = frame.attrs
    return mixed


def name_anew(people: Iterable[str], order: int) -> dict[str, str]:
    """Other numbers for all subjects, in the same order (1) or in the opposite one (-1)."""
    return {person: f"{person[:-3]}{500 + order * place:03d}" for place, person in enumerate(sorted(people))}


def rename(frames: Frames, names: dict[str, str]) -> Frames:
    """Every subject by another name: USUBJID, and SUBJID, its last part."""
    renamed = {}
    for name, frame in frames.items():
        own = {"USUBJID": frame["USUBJID"].replace(names)} if "USUBJID" in frame else {}
        if "SUBJID" in frame:
            own["SUBJID"] = own["USUBJID"].str.rsplit("-", n=1).str[-1].astype(frame["SUBJID"].dtype)
        renamed[name] = frame.assign(**own)
        renamed[name].attrs = frame.attrs
    return renamed


def write_mixed(frames: Frames, folder: Path, turn: int) -> None:
    """Each dataset in one of the formats; in as many turns as there are formats every dataset is in each of them."""
    folder.mkdir()
    for place, (name, frame) in enumerate(sorted(frames.items())):
        form = FORMATS[(place + turn) % len(FORMATS)]
        if form == "csv":
            frame.to_csv(folder / f"{name.lower()}.csv", index=False)
        else:
            write_adam({name: frame}, folder, form)


def put_back(results: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Results about the subjects' own names, in an order that no name decides; the subjects behind a number as one text."""
    back = {new: old for old, new in names.items()}
    texts = [column for column in results if column not in ("stat", "subjects")]
    results = results.copy()
    for column in texts:
        results[column] = results[column].astype("str")
        for new, old in back.items():
            results[column] = results[column].str.replace(new, old, regex=False)
    behind = [
        sorted(back.get(str(one), str(one)) for one in own) if isinstance(own, tuple | list) else [] for own in results["subjects"]
    ]
    results["subjects"] = [" ".join(own) for own in behind]
    return results.sort_values([*texts, "subjects", "stat"], ignore_index=True)

"""What a blind build was made of, as far as anybody may know it: a SHA-256 of what is seen of each dataset of its cut.

The files of a cut hold treatment while a phase is blind. Whoever holds a guess of who got what, and all that may be seen, could
write such a file anew and prove the guess by its checksum; so no checksum of a file stands in a blind build. What may be seen is
the same whoever got what, and so is its checksum.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cgbm1_report.protocol.unblinding import declared
from cgbm1_report.read.find import ABOUT
from cgbm1_report.read.folder import ABOUT_KEYS, NARRATIVES, SRC_DECISIONS

if TYPE_CHECKING:
    from cgbm1_report.build.gate import Sight

#: Between two texts, and for a missing one: neither is a character of a text.
_BETWEEN, _MISSING = "\x1e", "\x00"


def digest_seen(sight: Sight) -> dict[str, str]:
    """SHA-256 of what may be seen of each dataset and file of a cut, by its name; nothing where all may be seen."""
    if not sight.pooled:
        return {}
    from cgbm1_report.derive import blind_sdtm
    from cgbm1_report.derive.blinding import withhold_text

    cut, trial = sight.cut, sight.trial
    told = {f"{kind}/{name}": frame for kind in ("sdtm", "adam") for name, frame in getattr(sight, kind).items()}
    if cut.src_decisions is not None:
        given = {"SRC_DECISIONS": cut.src_decisions}
        told[SRC_DECISIONS] = blind_sdtm(given, trial, sight.pooled, sight.subjects)["SRC_DECISIONS"]
    if cut.narratives is not None:
        hidden = ~cut.narratives["USUBJID"].isin(list(sight.subjects))
        texts = {
            name: withhold_text(cut.narratives[name], hidden, trial, sight.pooled)
            for name in ("AETERM", "DTHCAUS", "TEXT")
            if name in cut.narratives
        }
        told[NARRATIVES] = cut.narratives.assign(**texts)
    if cut.unblinding is not None:
        told[declared(trial).file] = cut.unblinding
    about = {name: str(cut.about.get(name)) for name in ABOUT_KEYS}
    return {name: digest_frame(frame) for name, frame in sorted(told.items())} | {ABOUT: _digest_texts(about)}


def digest_frame(frame: pd.DataFrame) -> str:
    """SHA-256 of a frame's variables and values in their order; of its labels nothing."""
    found = hashlib.sha256(str(len(frame)).encode())
    for name in frame:
        values = frame[name]
        found.update(f"{_BETWEEN}{name}{_BETWEEN}".encode())
        if pd.api.types.is_datetime64_any_dtype(values):
            found.update(values.astype("datetime64[s]").to_numpy().astype("<i8").tobytes())
        elif pd.api.types.is_numeric_dtype(values):
            numbers = values.to_numpy(dtype="<f8", na_value=np.nan)
            # One missing number and one zero, however a file wrote them.
            found.update((np.where(np.isnan(numbers), np.nan, numbers) + 0.0).astype("<f8").tobytes())
        else:
            found.update(_BETWEEN.join(values.astype("object").where(values.notna(), _MISSING).tolist()).encode())
    return found.hexdigest()


def _digest_texts(told: Mapping[str, str]) -> str:
    return hashlib.sha256(_BETWEEN.join(f"{name}={text}" for name, text in told.items()).encode()).hexdigest()

"""What is in each variable of a dataset, as a SHA-256: by it an output knows whether what it read is as it was."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd

from cgbm1_report.system.reads import SHAPE


def digest_columns(frame: pd.DataFrame) -> dict[str, str]:
    """SHA-256 of each variable: its kind and every value in the order of the records; and of the dataset's shape (`SHAPE`)."""
    kinds = [[str(name), str(kind)] for name, kind in frame.dtypes.items()]
    told = json.dumps([len(frame), kinds, repr(sorted(frame.attrs.items(), key=str))])
    found = {str(name): _digest(frame[name]) for name in frame}
    return {SHAPE: hashlib.sha256(told.encode()).hexdigest(), **found}


def _digest(values: pd.Series) -> str:
    import pyarrow as pa

    found = hashlib.sha256(f"{values.dtype} {len(values)} ".encode())
    held = pa.array(values.array, from_pandas=True)
    whole = held.combine_chunks() if isinstance(held, pa.ChunkedArray) else held
    found.update(np.asarray(whole.is_null()).tobytes())
    if pa.types.is_string(whole.type) or pa.types.is_large_string(whole.type):
        # The bytes of all texts one behind the other, and where each ends.
        text = whole.fill_null("").cast(pa.large_string())
        _, ends, content = text.buffers()
        places = np.frombuffer(ends, "int64")[text.offset : text.offset + len(text) + 1]
        found.update((places - places[0]).tobytes() if len(places) else b"")
        found.update(memoryview(content)[places[0] : places[-1]] if content is not None and len(places) else b"")
    elif pa.types.is_primitive(whole.type):
        found.update(np.ascontiguousarray(whole.fill_null(0).to_numpy(zero_copy_only=False)).tobytes())
    else:
        found.update(json.dumps([None if one is None else str(one) for one in whole.to_pylist()]).encode())
    return found.hexdigest()

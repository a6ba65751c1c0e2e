"""The results of all outputs of a build in one file, `ard.parquet`: how they come into it, and what is read of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cgbm1_report.notebook.receipts import Witness
from cgbm1_report.outputs.catalogue import catalogue
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.system.manifest import RESULTS, TAKEN
from cgbm1_report.system.memory import give_back

if TYPE_CHECKING:
    import pandas as pd

ARD = "ard.parquet"
#: The columns that take most room, and are read where subjects or labels are asked for alone.
_LONG = ("subjects", "stat_label")


def find_results(work: Path, trial: Trial) -> list[str]:
    """The outputs whose results notebooks left, in CSR order, each before those of dose groups."""
    stems = sorted(file.stem for file in (work / RESULTS).glob("*.parquet"))
    return [stem for number in catalogue(trial, scope="every") for stem in stems if stem == number or stem.startswith(f"{number}-")]


def tell_taken(work: Path) -> dict[str, str]:
    """The outputs that notebooks took from the user's store, each with the name of the build it was made for."""
    files = sorted((work / RESULTS).glob(f"*{TAKEN}"))
    return {file.name.removesuffix(TAKEN): file.read_text(encoding="utf-8") for file in files}


def weigh_results(work: Path, outputs: Sequence[str]) -> int:
    """The bytes of their results."""
    return sum((work / RESULTS / f"{number}.parquet").stat().st_size for number in outputs)


def join_results(work: Path, outputs: Sequence[str], witness: Witness) -> None:
    """Write the results of these outputs, one after the other."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile, write_table

    from cgbm1_report.tabulate.results import empty_ard

    # As tables of Arrow: to make frames of hundreds of small files takes twice as long as all else here.
    shape = pa.Schema.from_pandas(empty_ard(), preserve_index=False)
    # Subjects are lists of texts, also where an output has none.
    shape = shape.set(shape.get_field_index("subjects"), pa.field("subjects", pa.list_(pa.string())))
    read = (ParquetFile(pa.BufferReader(witness.read(f"{RESULTS}/{number}.parquet"))).read(shape.names) for number in outputs)
    ard = pa.concat_tables([shape.empty_table(), *(table.cast(shape) for table in read)]).combine_chunks()
    write_table(ard, work / ARD)
    del ard
    # The process prints next, and needs the room.
    give_back()


def read_results(build: Path, outputs: Sequence[str] | None = None) -> pd.DataFrame:
    """The results of some outputs, or of all, without what takes most room: subjects and labels."""
    import pandas as pd
    from pyarrow.parquet import read_schema

    file = build / ARD
    wanted = [name for name in read_schema(file).names if name not in _LONG]
    return pd.read_parquet(file, columns=wanted, filters=None if outputs is None else [("output", "in", list(outputs))])

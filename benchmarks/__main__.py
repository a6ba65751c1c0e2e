"""Measures whole processes and pieces of work against their bars and against peers in the same run.

    python -m benchmarks [NAME ...] [--quick] [--strict] [--write]

benchmarks/README.md says what is measured and how to read it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from benchmarks.groups import GROUPS, Setting
from benchmarks.lines import Line, about_machine, say, write_results
from benchmarks.measure import NotDoneError, run

README = Path(__file__).with_name("README.md")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed and memory, against bars and peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"groups of work: {', '.join(GROUPS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="the smallest size of each, once")
    parser.add_argument("--strict", action="store_true", help="exit 1 where a bar is not met")
    parser.add_argument("--write", action="store_true", help="write the table into benchmarks/README.md")
    asked = parser.parse_args(arguments)
    unknown = sorted(set(asked.names) - set(GROUPS))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)} (known: {', '.join(GROUPS)})")
    if asked.write and (asked.quick or asked.names):
        parser.error("--write takes the whole run: no names, no --quick")
    return asked


def measure_all(names: list[str], quick: bool) -> list[Line]:
    lines = []
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as scratch:
        # The first start after a while reads the libraries from disk; that is not what is measured.
        run("-c", "import pandas, pyarrow.parquet, typst, matplotlib.figure, great_tables")
        for name in names or GROUPS:
            for line in GROUPS[name](Setting(Path(scratch), quick)):
                lines.append(line)
                print(say(line), flush=True)
    return lines


def main() -> None:
    asked = parse()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    print(about_machine(), flush=True)
    try:
        lines = measure_all(asked.names, asked.quick)
    except NotDoneError as error:
        raise SystemExit(str(error)) from error
    missed = [line.work for line in lines if not line.is_met]
    print(f"{len(missed)} bars not met" + "".join(f"\n  {work}" for work in missed))
    if asked.write:
        write_results(README, lines)
    if asked.strict and missed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()

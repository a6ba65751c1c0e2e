"""Measures whole processes and pieces of work, and prints each as a ratio to a yardstick of the same run.

A machine's seconds say little about another machine; a ratio to work measured beside it says more.
The yardsticks: starting Python with pandas, and the stock Jupyter engine. First comes the work that has
a bar in seconds and memory (`benchmarks.bars`).

    python -m benchmarks [--bars] [--strict]
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.bars import bench_bars

ROOT = Path(__file__).resolve().parent.parent
PILOT = ROOT / "tests" / "pilot" / "trial.yaml"


def measure(work: Callable[[], object], runs: int = 3) -> tuple[float, float]:
    """Median CPU seconds (children included) and median wall seconds."""
    cpu, wall = [], []
    for _ in range(runs):
        before, start = _cpu(), time.perf_counter()
        work()
        wall.append(time.perf_counter() - start)
        cpu.append(_cpu() - before)
    return statistics.median(cpu), statistics.median(wall)


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def command(*arguments: object) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)


def say(name: str, cpu: float, wall: float, yardstick: float, unit: str) -> None:
    print(f"{name:58} cpu {cpu:7.2f} s  wall {wall:7.2f} s  {cpu / yardstick:7.1f} x {unit}", flush=True)


def bench_show(folder: Path, start: float) -> None:
    from tests.pilot.cut import write_pilot_cut

    cut = write_pilot_cut(folder / "pilot")
    show = command("-m", "cgbm1_report.cli", "show", "T14.3.1.2.1", cut, "--trial", PILOT)
    say("show AE by SOC and PT, CDISC pilot, whole process", *measure(show), start, "start of pandas")


def bench_steps(folder: Path, start: float) -> Path:
    from cgbm1_report.cut import read_cut
    from cgbm1_report.derive import derive_adam
    from cgbm1_report.gate import validate_everything
    from cgbm1_report.simulate import simulate_cut
    from cgbm1_report.trial import read_trial

    trial, place = read_trial(), folder / "cut"
    say("simulate the demo cut", *measure(lambda: simulate_cut(place, trial=trial), 1), start, "start of pandas")
    cut = read_cut(place, trial)
    say("read the demo cut", *measure(lambda: read_cut(place, trial)), start, "start of pandas")
    say("validate the demo cut", *measure(lambda: validate_everything(cut, trial)), start, "start of pandas")
    derive = measure(lambda: derive_adam(cut.sdtm, trial, cut.cutoff, cut.src_decisions))
    say("derive the demo ADaM", *derive, start, "start of pandas")
    return place


def bench_listing(folder: Path, start: float) -> None:
    from cgbm1_report import emit
    from cgbm1_report.catalogue import find, make
    from cgbm1_report.cut import read_cut
    from cgbm1_report.report import make_stamp
    from cgbm1_report.trial import read_trial

    trial = read_trial(PILOT)
    cut = read_cut(folder / "pilot", trial)
    listing = make(find("L16.2.7.1.1", trial), trial, cut.adam, make_stamp(trial, cut))
    for name in ("docx", "rtf", "html_page"):
        work = getattr(emit, f"emit_{name}")
        say(f"AE listing, {len(listing.rows)} rows, to {name}", *measure(lambda work=work: work(listing)), start, "start of pandas")


def bench_builds(folder: Path, cut: Path) -> None:
    """Notebooks of the whole demo build: our engine against stock Jupyter kernels."""

    def build(engine: str) -> Callable[[], object]:
        return command("-m", "cgbm1_report.cli", "build", cut, "--out", folder / engine, "--notebook-engine", engine, "--quiet")

    stock = measure(build("stock"), 1)
    ours = measure(build("preloaded"), 1)
    say("demo build, all outputs, HTML + DOCX + PDF, stock kernels", *stock, stock[0], "stock kernels")
    say("demo build, all outputs, HTML + DOCX + PDF, preloaded", *ours, stock[0], "stock kernels")


def bench_ratios(folder: Path) -> None:
    start, wall = measure(command("-c", "import pandas"), 5)
    say("start Python and import pandas (the yardstick)", start, wall, start, "start of pandas")
    bench_show(folder, start)
    cut = bench_steps(folder, start)
    bench_listing(folder, start)
    bench_builds(folder, cut)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed and memory of the way.")
    parser.add_argument("--bars", action="store_true", help="only the work that has a bar")
    parser.add_argument("--strict", action="store_true", help="exit 1 where a bar is not met")
    asked = parser.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        met = bench_bars(folder)
        if not asked.bars:
            bench_ratios(folder)
    if asked.strict and not met:
        raise SystemExit(1)


if __name__ == "__main__":
    main()

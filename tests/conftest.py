"""Data that many tests share, made once per process."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from cgbm1_report.trial import read_trial

os.environ.pop("SOURCE_DATE_EPOCH", None)


@pytest.fixture(scope="session")
def final_cut(tmp_path_factory) -> Path:
    """The default synthetic cut: everybody followed, phase 2 unblinded."""
    from cgbm1_report.simulate import simulate_cut

    return simulate_cut(tmp_path_factory.mktemp("cuts") / "final", trial=read_trial())


@pytest.fixture(scope="session")
def interim_cut(tmp_path_factory) -> Path:
    """A cut in the middle of phase 2: still blinded."""
    from cgbm1_report.simulate import simulate_cut

    return simulate_cut(tmp_path_factory.mktemp("cuts") / "interim", trial=read_trial(), cutoff=date(2026, 9, 1))


@pytest.fixture(scope="session")
def pilot_cut(tmp_path_factory) -> Path:
    """The public CDISC pilot study's ADaM as XPT."""
    from tests.pilot.cut import write_pilot_cut

    return write_pilot_cut(tmp_path_factory.mktemp("pilot"))

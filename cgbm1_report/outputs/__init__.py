"""The declared outputs, one file per subject of the report."""

from __future__ import annotations

from cgbm1_report.outputs import (
    adverse_events,
    complications,
    disposition,
    dlt,
    exposure,
    laboratory,
    listings,
    methods,
    profiles,
    survival,
)
from cgbm1_report.tabulate.declare import declarations

__all__ = [
    "adverse_events",
    "complications",
    "declarations",
    "disposition",
    "dlt",
    "exposure",
    "laboratory",
    "listings",
    "methods",
    "profiles",
    "survival",
]

"""Outputs of the report that committees see in their packages, each under a number of the package."""

from __future__ import annotations

from cgbm1_report.tabulate.declare import show_again

show_again("DSMB-4", "Overall Summary of TEAEs", of="T14.3.1.1", scope="dsmb")

"""Outputs of the report that committees see in their packages, each under a number of the package."""

from __future__ import annotations

from cgbm1_report.tabulate.declare import show_again

show_again("SRC-6", "Overall Summary of TEAEs by Dose Level", of="T14.3.1.1", scope="src")
show_again("SRC-9", "Survival Status: Deaths and Liver Transplantations", of="L16.2.6.1", scope="src")
show_again("SRC-11", "Complications", of="L16.2.6.9", scope="src")

show_again("DSMB-3", "Exposure and Compliance", of="T14.1.9", scope="dsmb")
show_again("DSMB-4", "Overall Summary of TEAEs", of="T14.3.1.1", scope="dsmb")
show_again("DSMB-6", "TEAEs of Special Interest by Category", of="T14.3.1.8", scope="dsmb")

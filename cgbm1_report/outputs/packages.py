"""Outputs of the report that committees see in their packages, each under a number of the package."""

from __future__ import annotations

from cgbm1_report.tabulate.declare import show_again

show_again("SRC-6", "Overall Summary of TEAEs by Dose Level", of="T14.3.1.1", scope="src")
show_again("SRC-9", "Survival Status: Deaths and Liver Transplantations", of="L16.2.6.1", scope="src")
show_again("SRC-11", "Complications", of="L16.2.6.9", scope="src")

show_again("DSMB-1c", "Subject Disposition", of="T14.1.1", scope="dsmb")
show_again("DSMB-2a", "Demographic and Baseline Characteristics", of="T14.1.4", scope="dsmb")
show_again("DSMB-2b", "Baseline Disease Characteristics", of="T14.1.5", scope="dsmb")
show_again("DSMB-3", "Exposure and Compliance", of="T14.1.9", scope="dsmb")
show_again("DSMB-4", "Overall Summary of TEAEs", of="T14.3.1.1", scope="dsmb")
show_again("DSMB-5a", "Serious TEAEs by System Organ Class and Preferred Term", of="T14.3.2.1", scope="dsmb")
show_again("DSMB-5b", "Deaths and Causes of Death", of="T14.3.2.3", scope="dsmb")
show_again("DSMB-6", "TEAEs of Special Interest by Category", of="T14.3.1.8", scope="dsmb")
show_again("DSMB-7a", "Laboratory Results of CTCAE Grade 3 or Higher by Worst Grade", of="T14.3.4.5", scope="dsmb")
show_again("DSMB-7b", "eDISH: ALT or AST and ALP vs Bilirubin", of="F14.3.4.1", scope="dsmb")
show_again("DSMB-10a", "Important Protocol Deviations", of="T14.1.3", scope="dsmb")

"""Qualification of an installation: what was expected, what was observed, and a record of both that people sign.

Installation (IQ): what is installed is what was locked, and nothing of it was changed. Operation (OQ): the tests of the
program pass on this machine. Performance (PQ): of a cut the same report is made twice, its numbers those of a second count.
"""

from __future__ import annotations

from cgbm1_report.qualify.installation import qualify_installation
from cgbm1_report.qualify.operation import qualify_operation
from cgbm1_report.qualify.performance import qualify_performance
from cgbm1_report.qualify.record import Check, Record, write_record

__all__ = ["Check", "Record", "qualify_installation", "qualify_operation", "qualify_performance", "write_record"]

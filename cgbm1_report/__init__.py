"""Turns a clinical-trial data cut into the appendix of a clinical study report."""

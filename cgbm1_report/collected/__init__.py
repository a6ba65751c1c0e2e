"""What validate and derive both ask of collected data: one answer each, from trial.yaml's rules.

It knows neither of the two. A second computation that is meant as a check of the first stands with the
check and says so.
"""

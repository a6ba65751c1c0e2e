"""The protocol as data: trial.yaml and the schemas, read, checked and frozen."""

"""Numbers only: every function takes analysis records and gives one long frame of results.

The records carry ``COLUMN``, the table column a subject belongs to. The results are
``row, column, stat, value, subjects``; nothing is rounded and nothing is laid out here.
"""

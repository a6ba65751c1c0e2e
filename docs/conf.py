"""How the documentation is made into pages: `make docs`."""

from cgbm1_report.assets import __version__

project = "cgbm1-report"
copyright = "the cgbm1-report authors, Apache License 2.0"  # noqa: A001  # the name that Sphinx reads
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
html_theme = "furo"
html_title = "cgbm1-report"
html_show_sphinx = False
exclude_patterns = ["operations", "examples"]
myst_heading_anchors = 3
numpydoc_show_class_members = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"

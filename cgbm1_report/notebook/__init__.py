"""Running notebooks, and what a notebook sees of a build."""

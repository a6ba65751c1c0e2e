"""Mock shells: every output as it will look, before there are data."""

"""The whole run, from a cut to a build that is whole or absent."""

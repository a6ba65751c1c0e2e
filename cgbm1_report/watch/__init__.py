"""Watches a folder of data cuts: each is built once, when it is complete, in order, whatever happens meanwhile."""

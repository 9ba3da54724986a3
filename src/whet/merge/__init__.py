"""Merging: one identity for a function across profilers, and cost to functions and lines."""

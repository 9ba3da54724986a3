"""Joins findings to hot lines, estimates, ranks."""

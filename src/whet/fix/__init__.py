"""Edits on source: applied to text, and written to files so that nothing is lost."""

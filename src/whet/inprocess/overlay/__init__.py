"""Rewritten sources for a proof, while the files on disk stay as they are."""

"""Profiles of other tools: found by content, matched to the sources at hand, written for other viewers."""

"""Tries rewrites on the user's own program: interleaved runs, an interval, the same output."""

"""``whet bench``: a program timed many times, by several interpreters or in two versions."""

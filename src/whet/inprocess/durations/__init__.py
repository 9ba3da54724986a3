"""A plug-in of pytest that records how long each test takes, for ``whet bench``."""

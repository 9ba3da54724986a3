"""One view model of a run, and one file a rendering of it."""

"""One file a profiler: starts it and names the format that it leaves."""

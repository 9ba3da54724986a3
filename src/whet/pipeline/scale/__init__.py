"""``whet scale``: a program run at several sizes of its input, and how its cost grows."""

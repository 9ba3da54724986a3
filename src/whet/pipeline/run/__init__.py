"""``whet run`` and ``whet attach``: from a program to the saved run."""

"""``whet check``: from files to findings, without running anything."""

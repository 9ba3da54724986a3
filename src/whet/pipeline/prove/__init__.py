"""``whet prove`` and ``whet apply``: verdicts on rewrites, and writing those that were proven."""

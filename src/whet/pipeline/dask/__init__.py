"""A Dask job in one report: workers sampled from outside each, captures merged as they arrive."""
